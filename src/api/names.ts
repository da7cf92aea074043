// Every name that other people's clusters can see: group, kind, annotations, labels, field managers, phases, condition
// types and reasons, event reasons. Changing one is a change of the API.

export const GROUP = 'glidepath.dev';
export const VERSION = 'v1alpha1';
export const API_VERSION = `${GROUP}/${VERSION}`;
export const KIND = 'CanaryRelease';
export const PLURAL = 'canaryreleases';
export const SINGULAR = 'canaryrelease';
export const SHORT_NAME = 'crel';
export const CATEGORY = 'glidepath';
export const CRD_NAME = `${PLURAL}.${GROUP}`;

/** Number of the stored schema: an operator that needs a higher one than the CRD has only rolls releases back. */
export const SCHEMA_NUMBER = 4;
/** The newest version of the state in `status` that this code reads. */
export const STATE_VERSION = 2;
/** The version of a state that says nothing which an operator of before mirrors would read as something else. */
export const FORMER_STATE_VERSION = 1;
/** How the hashes of templates in `status` are made: 1, where it says nothing, left defaults out by their field's name alone. */
export const TEMPLATE_FORM = 2;

/** Annotation of the CRD that holds `SCHEMA_NUMBER`. */
export const SCHEMA_ANNOTATION = `${GROUP}/schema`;
/** Annotation of a route: `<release name>/<release id>`, and `…/home` once the release is over. */
export const RELEASE_ANNOTATION = `${GROUP}/release`;
/** Annotation of a route while a release disables Flux for it: the former value of the annotation that does so. */
export const FLUX_HELD_ANNOTATION = `${GROUP}/flux-held`;
/** Part of the release annotation of a route whose traffic went back; behind it the reason, where that does not reject the revision. */
export const HOME_MARK = 'home';
/** Annotation of a CanaryRelease: `<verb>:<id>[/<stage>]:<UTC timestamp>`. */
export const COMMAND_ANNOTATION = `${GROUP}/command`;
/** Annotation of a CanaryRelease: who wrote the command; stamped by the admission policy. */
export const COMMAND_BY_ANNOTATION = `${GROUP}/command-by`;
/** Annotation of a CanaryRelease: the id of the release to abort; wins over every command. */
export const ABORT_ANNOTATION = `${GROUP}/abort`;
/** Annotation of a CanaryRelease: who wrote the abort; stamped by the admission policy. */
export const ABORT_BY_ANNOTATION = `${GROUP}/abort-by`;
/** Annotation of the pod template, or of the Deployment: why this revision should not be undone; `kubectl canary undo` asks for confirmation. */
export const IRREVERSIBLE_ANNOTATION = `${GROUP}/irreversible`;

/** Annotation of a Deployment whose template is held: the name of its release. */
export const HELD_ANNOTATION = `${GROUP}/held`;
/** On an event: the id of its announcement, which a notification of the same happening has, too. */
export const ANNOUNCEMENT_ANNOTATION = `${GROUP}/announcement`;
/** Annotation of a canary Deployment: the hash of the template that it runs, as the Deployment that is held has it. */
export const TEMPLATE_ANNOTATION = `${GROUP}/template`;
/** Annotation of a CanaryRelease: policies that need not treat canary and serving pods alike, `<kind>/<name>` or `<kind>/*`, with commas. */
export const IGNORE_PARITY_ANNOTATION = `${GROUP}/ignore-policy-parity`;

/** Label of the Job of a gate, and of its pods: the name of the gate. */
export const GATE_LABEL = `${GROUP}/gate`;

/** Label of what the operator makes beside a Deployment, its pods included. */
export const CANARY_ROLE = { label: `${GROUP}/role`, value: 'canary' } as const;

/** What rules of our own in a route are for. Each has the name `glidepath-<purpose>-<number>`, where the API server keeps names of rules. */
export const OUR_PURPOSES = ['cohort', 'mirror'] as const;
export type OurPurpose = (typeof OUR_PURPOSES)[number];

export const FINALIZER = `${GROUP}/home-first`;

/** Field manager of the operator. */
export const FIELD_MANAGER = 'glidepath';
/** Field manager of commands; must not begin with kubectl, because Flux takes those over. */
export const CLI_FIELD_MANAGER = 'glidepath-cli';
/** Name that events are reported by. */
export const REPORTING_CONTROLLER = `${GROUP}/operator`;

export const SYSTEM_NAMESPACE = 'glidepath-system';
export const SERVICE_ACCOUNT = 'glidepath';

/** Hard limits that the CRD and the core share. */
export const MAX_ROUTES = 16;
export const MAX_RECORDED_RULES = 64;
export const MAX_STAGES = 30;
export const MAX_SERVED = 64;
export const MAX_CHECKS = 16;
/** Gates of one stage, of a whole release, and those that a status remembers. */
export const MAX_GATES = 8;
export const MAX_GATES_IN_ALL = 24;
export const MAX_GATES_REMEMBERED = 32;
export const MAX_HISTORY = 10;
/** Announcements that the status keeps until they are delivered. */
export const MAX_ANNOUNCEMENTS = 20;
export const MAX_APPROVALS = 32;
/** Names in an entry of the history. */
export const MAX_APPROVERS = 8;
export const MAX_PROVEN = 5;
export const MAX_REJECTED = 10;
/** Attempts at a revision that was not to blame, before a person is needed. */
export const MOST_ATTEMPTS = 3;

export const PHASES = [
  'Idle',
  'Preparing',
  'Shifting',
  'Analyzing',
  'AwaitingApproval',
  'Paused',
  'Promoting',
  'Promoted',
  'RollingBack',
  'RolledBack',
  'Completed',
  'Blocked',
] as const;
/** The values of `status.phase`, derived from the state of the machine. */
export type Phase = (typeof PHASES)[number];

export const VERDICTS = ['Pass', 'Fail', 'Inconclusive', 'Unavailable'] as const;
/** The verdicts of the analysis. Each of the four means something else. */
export type Verdict = (typeof VERDICTS)[number];

export const ROUTE_KINDS = ['HTTPRoute', 'GRPCRoute', 'TCPRoute', 'TLSRoute', 'UDPRoute'] as const;
/** The kinds of route whose weights the operator edits. */
export type RouteKind = (typeof ROUTE_KINDS)[number];

/** Routes of this kind carry connections or datagrams, and no requests that anything on the way could count or match. */
export function carriesConnections(kind: RouteKind): boolean {
  return kind !== 'HTTPRoute' && kind !== 'GRPCRoute';
}

export const CHECK_METRICS = ['ErrorRatio', 'ClientErrorRatio', 'Latency', 'RequestRate'] as const;
/** The metrics that every metrics source can name. */
export type CheckMetric = (typeof CHECK_METRICS)[number];

export const CONDITION_TYPES = [
  'Ready',
  'Reconciling',
  'Stalled',
  'RoutesAccepted',
  'MetricsAvailable',
  'AnalysisEnforced',
  'CanaryReady',
  'ServingReady',
  'RouteContested',
  'TrafficSplitMismatch',
  'TemplateHeld',
  'GitOpsManaged',
  'PolicyParity',
  'OtherCanaryRules',
  'MetricsHazards',
  'RevisionVisible',
  'SessionsPersist',
  'GatesPassed',
] as const;
/** Types of conditions; the first three follow kstatus. */
export type ConditionType = (typeof CONDITION_TYPES)[number];

export const CONDITION_REASONS = [
  'Measured',
  'Idle',
  'Promoted',
  'PendingRelease',
  'InRelease',
  'Paused',
  'AwaitingApproval',
  'RollingBack',
  'RolledBack',
  'Completed',
  'Blocked',
  'RouteContested',
  'Deleting',
  'Accepted',
  'NotAccepted',
  'RouteNotFound',
  'Available',
  'Unavailable',
  'NoTraffic',
  'Enforced',
  'Observing',
  'AnalysisOff',
  'EndpointsReady',
  'NoEndpoints',
  'NotAllReady',
  'NotSeen',
  'InvalidSpec',
  'NotSupported',
  'QueryNotAllowed',
  'PrometheusNotAllowed',
  'CanaryAlreadyHasTraffic',
  'TooManyRules',
  'AnotherRelease',
  'UnknownState',
  'OldSchema',
  'Proven',
  'HoldUnavailable',
  'HoldUnknown',
  'ArgoCD',
  'Flux',
  'FluxHelm',
  'Alike',
  'Different',
  'Ignored',
  'NotChecked',
  'OwnRules',
  'ForeignRules',
  'FormerServing',
  'KnownGaps',
  'FailuresUnseen',
  'NoTemplateHash',
  'RulesPersist',
  'GatesPassed',
  'GateRunning',
  'GateFailed',
  'GateInterrupted',
] as const;
/** Condition types that a decision writes. */
export type WrittenCondition = Exclude<ConditionType, 'RouteContested'>;

/** Reasons of conditions that the operator writes. */
export type ConditionReason = (typeof CONDITION_REASONS)[number];

export const EVENT_REASONS = [
  'ReleaseStarted',
  'StageStarted',
  'WeightShifted',
  'VerdictFailed',
  'ApprovalNeeded',
  'Approved',
  'Paused',
  'Resumed',
  'Promoted',
  'RollbackStarted',
  'RolledBack',
  'Completed',
  'RouteDrift',
  'RouteContested',
  'RouteNotAccepted',
  'MetricsUnavailable',
  'NoTraffic',
  'TrafficSplitMismatch',
  'GatewayErrors',
  'CanaryEmpty',
  'CanaryNotReady',
  'ServingEmpty',
  'CommandRefused',
  'Blocked',
  'HoldBypassed',
  'HoldUnavailable',
  'WrongVersionServing',
  'GitOpsManaged',
  'PolicyParity',
  'OtherCanaryRules',
  'LittleTraffic',
  'GateStarted',
  'GatePassed',
  'GateFailed',
  'GateInterrupted',
  'GateSkipped',
] as const;
/** Reasons of events, one per happening. */
export type EventReason = (typeof EVENT_REASONS)[number];

export const COMMAND_VERBS = ['approve', 'advance', 'promote', 'pause', 'resume', 'retry', 'undo'] as const;
/** Verbs of the command annotation. Abort is an annotation of its own. */
export type CommandVerb = (typeof COMMAND_VERBS)[number];
