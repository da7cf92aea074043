// The reasons for which a release waits, pauses or rolls back, each with what it means and what to do. `docs/reasons.md` is generated
// from these tables, and the code that decides is typed by their keys.

/** What a reason means, and what a person can do about it. */
export interface ReasonDoc {
  readonly means: string;
  readonly todo: string;
}

/** Why a release cannot begin, or why its weight cannot be raised. In mid-release a rollback stays possible. */
export const BLOCK_REASONS = {
  OldSchema: {
    means: 'The CRD in the cluster is older than this operator needs. The operator only takes traffic back.',
    todo: 'Apply the CRD of the same version: `kubectl apply --server-side -k config/crd`.',
  },
  UnknownState: {
    means: 'The stored state was written by a newer operator.',
    todo: 'Upgrade this operator, or abort the release to bring traffic back to the serving version.',
  },
  NotSupported: {
    means: 'The spec, the Deployment or the gateway asks for something that this version cannot do.',
    todo: 'Change the field that the message names.',
  },
  InvalidSpec: { means: 'The spec contradicts itself or the route.', todo: 'Change the field that the message names.' },
  Forbidden: {
    means: "The operator's ServiceAccount may not read or write an object that the release needs.",
    todo: 'Grant the verb that the message names.',
  },
  AnotherRelease: {
    means: 'Another CanaryRelease drives the same Deployment, Service, route, or an object that this one would create for its canary.',
    todo: 'Delete one of them, or give each its own objects.',
  },
  GatewayApiMissing: {
    means: 'The API server does not serve the route kind.',
    todo: 'Install the Gateway API CRDs, or correct `spec.routeRefs[].kind`.',
  },
  ServiceNotFound: { means: 'A Service of the spec does not exist.', todo: 'Create it, or correct `spec.service` or `spec.services`.' },
  RouteNotFound: {
    means: 'A route of `spec.routeRefs`, or one that the release drives, does not exist.',
    todo: 'Create it, correct `spec.routeRefs`, or abort the release.',
  },
  RuleNotFound: {
    means: 'A rule that `spec.routeRefs[].rules` names does not exist in the route.',
    todo: 'Correct the name in the route or in the spec.',
  },
  BackendNotRouted: {
    means: 'No rule splits traffic between the two Services, or a rule that did no longer does.',
    todo: 'Add the backendRef that the message names, or abort the release.',
  },
  SessionsPersist: {
    means:
      'A rule, or a policy for one of the Services, keeps users on the version that answered them first, so a rollback in Services mode would not bring them back.',
    todo: 'Remove what the message names, or release with `spec.targetRef`: there a rollback ends the pods of the canary.',
  },
  TooManyRules: { means: 'More rules name the Services than a release can drive.', todo: 'Choose rules with `spec.routeRefs`.' },
  CanaryAlreadyHasTraffic: {
    means: 'The candidate has weight in a route before its release began, or neither Service serves more than the other.',
    todo: 'Set its weight to 0, or set `spec.adopt: true` to continue from that weight.',
  },
  WeightsTooLarge: {
    means: 'The weights of a rule cannot be split in whole numbers up to 1,000,000.',
    todo: 'Use smaller weights in the route.',
  },
  CohortNotPossible: {
    means: 'A rule for the cohort would win nothing, take requests from other rules, escape a policy, or has no room in the route.',
    todo: 'Change the cohort, the route or the policy as the message says.',
  },
  MirrorNotPossible: {
    means:
      'A gateway cannot copy the requests as the mirror asks, or a rule for it would take requests from other rules, escape a policy, or has no room in the route.',
    todo: 'Change the mirror, the route or the policy as the message says.',
  },
  PoliciesUnknown: {
    means:
      'Policies that may hold for one rule of a route, which a rule for the cohort or the mirror would escape, or that may keep sessions, cannot be read.',
    todo: 'Grant what the message names.',
  },
  RouteNotAccepted: {
    means: 'A gateway rejected the route, or has not answered its last change for `spec.onBlocked.after`.',
    todo: 'See the conditions in `status.parents` of the route.',
  },
  RouteRefused: {
    means: 'The API server rejected a write of the route.',
    todo: 'See the message: usually an admission policy or webhook.',
  },
  RouteWriteFailed: {
    means: 'The API server did not answer writes of the route for 10 seconds.',
    todo: 'Check the API server. The write is retried.',
  },
  RouteContested: {
    means: 'Another field manager keeps reverting the weights.',
    todo: 'Exclude backendRef weights from it as the message says, then give the command `resume`.',
  },
  QueryNotAllowed: {
    means: 'The operator does not allow own queries in `spec.analysis.checks`.',
    todo: 'Remove the query, ask a Prometheus of your own by `url` and `secretRef`, or start the operator with `--allow-queries`.',
  },
  PrometheusNotAllowed: {
    means: 'The Prometheus address of the spec is not on the allow-list of the operator.',
    todo: 'Use the Prometheus of the operator, or add the address with `--prometheus-allow`.',
  },
  SeriesMixed: {
    means: 'One Prometheus has series of several clusters for the Services of the release, and nothing separates them.',
    todo: 'Set `spec.analysis.metrics.matchers`, or start the operator with `--prometheus-matchers`, as the message says.',
  },
  BackendsCountedTogether: {
    means:
      'The gateway has one cluster for all backends of a rule. It cannot be judged, and a canary that loses its last pod would take the serving version with it.',
    todo: 'Apply the policy of `config/gateways/envoy-gateway` to the Gateway once, before any release.',
  },
  BackendsNotSeen: {
    means: 'Prometheus has no series by which the operator could see whether the gateway counts the backends of a rule apart.',
    todo: "Let Prometheus scrape the gateway's proxies, as the message says. The check is repeated.",
  },
  WorkloadNotFound: { means: 'The Deployment of `spec.targetRef` does not exist.', todo: 'Create it, or correct `spec.targetRef`.' },
  HoldUnavailable: {
    means: 'No admission policy or webhook holds template changes of the Deployment, so they would roll out without a canary.',
    todo: 'Install the policy: `kubectl apply --server-side -k config/deployment-mode`.',
  },
  HoldUnknown: {
    means: 'The operator could not find out whether template changes of the Deployment are held.',
    todo: 'See the message. The check is repeated.',
  },
  NameTaken: {
    means: 'An object that is not ours has the name that the canary needs.',
    todo: 'Rename or delete the object that the message names.',
  },
  PolicyParity: {
    means: 'A security policy treats the pods of the canary differently from the serving pods.',
    todo: 'Change the policy, or annotate the CanaryRelease as the message says.',
  },
  PodsRefused: {
    means: 'The API server rejects pods of the canary, usually because of a quota.',
    todo: 'Raise the quota or lower `spec.canary.minReplicas`.',
  },
  PodsUnschedulable: {
    means: 'No node has room for the pods of the canary.',
    todo: 'Add nodes, or lower the resource requests or `spec.canary.minReplicas`.',
  },
  PodsNotReady: {
    means: 'A raise has waited for ready pods of the canary for `spec.onBlocked.after`. The revision is not rejected for it.',
    todo: 'See the pods that the message names. The raise continues when all endpoints of the canary are ready.',
  },
  GateNotPermitted: {
    means: 'A gate of the release is a Job, and the operator may not create Jobs in the namespace.',
    todo: 'Bind the role of `config/gates` in the namespace, as the message says, or remove the gate. The check is repeated.',
  },
  GateNotAllowed: {
    means: 'The address of a gate is not on the allow-list of the operator.',
    todo: 'Start the operator with `--gate-allow`, or change the address.',
  },
  GateRefused: {
    means: 'The API server rejects the Job of a gate: the template is wrong, or a quota or an admission policy stands against it.',
    todo: 'Change what the message names. The check is repeated.',
  },
  PromotionStuck: {
    means: 'The rollout of the Deployment makes no progress during the promotion.',
    todo: 'Fix what the message names, or abort the release.',
  },
} as const satisfies Record<string, ReasonDoc>;
export type BlockReason = keyof typeof BLOCK_REASONS;

/** Why the weight of a running release does not rise until a person resumes it. The canary keeps its weight, and analysis continues. */
export const PAUSE_REASONS = {
  Spec: { means: '`spec.paused` is true.', todo: 'Set it to false.' },
  Command: { means: 'A person gave the command `pause`.', todo: 'Give the command `resume`.' },
  DeadlineExceeded: {
    means: 'The release took longer than `spec.deadline.after`, and `then` is Pause.',
    todo: 'Resume for another deadline, or abort.',
  },
  MetricsUnavailable: {
    means: 'Prometheus did not answer for `spec.analysis.onUnavailable.after`.',
    todo: 'Fix Prometheus, then resume.',
  },
  Inconclusive: {
    means: 'A stage timed out without enough evidence, and `spec.analysis.onInconclusive` is Pause.',
    todo: 'Send the canary more traffic or lower `minRequests`, then resume; or promote or abort.',
  },
  BlockedTooLong: {
    means: 'The release was blocked for `spec.onBlocked.after`.',
    todo: 'Fix what blocked it (the message keeps the reason), then resume.',
  },
  GateHeld: {
    means: 'A gate failed and its `onFailure` is Hold, or an operator ended while it was running, so its result is not known.',
    todo: 'Give the command `resume` to run the gate again, `advance` to continue without it, or abort.',
  },
} as const satisfies Record<string, ReasonDoc>;
export type PauseReason = keyof typeof PAUSE_REASONS;

/** What a rollback means for the revision. */
export type RevisionFate =
  /** It is not tried again before a person gives the command `retry`. */
  | 'rejected'
  /** It was not to blame: it begins again once the cause is gone, at most `MOST_ATTEMPTS` times, and is 'unjudged' after that. */
  | 'retried'
  /** The release ended without a verdict: the command `retry` or a new revision begins again. */
  | 'unjudged'
  /** It was an experiment and is over: it is not tried again before a person asks for it. */
  | 'completed'
  /** Nothing is said of it: what it was about is gone, or may come again as a new release. */
  | 'open';

export interface RollbackDoc extends ReasonDoc {
  readonly fate: RevisionFate;
}

/** Why all traffic goes back to the serving version, and whether the revision is rejected. */
export const ROLLBACK_REASONS = {
  Deleted: { means: 'The CanaryRelease is being deleted.', todo: 'Nothing.', fate: 'open' },
  Aborted: { means: 'A person aborted the release.', todo: 'Commit a new revision, or give the command `retry`.', fate: 'rejected' },
  Undone: { means: 'A person gave the command `undo`.', todo: 'Revert the change in Git.', fate: 'rejected' },
  ErrorRatio: {
    means: 'The canary had more server errors than the limit or the comparison allows.',
    todo: 'Fix the version and commit it, or give the command `retry`.',
    fate: 'rejected',
  },
  ClientErrorRatio: {
    means: 'The canary had more client errors (4xx) than the limit or the comparison allows.',
    todo: 'Fix the version and commit it, or give the command `retry`.',
    fate: 'rejected',
  },
  Latency: {
    means: 'The canary was slower than the limit or the comparison allows.',
    todo: 'Fix the version and commit it, or give the command `retry`.',
    fate: 'rejected',
  },
  RequestRate: {
    means: 'The canary had fewer or more requests than the limit allows.',
    todo: 'Fix the version or the limit, or give the command `retry`.',
    fate: 'rejected',
  },
  Query: {
    means: 'A query of `spec.analysis.checks` broke its limit.',
    todo: 'Fix the version or the limit, or give the command `retry`.',
    fate: 'rejected',
  },
  GateFailed: {
    means: 'A gate failed: its Job failed, or its endpoint answered with 400 to 499.',
    todo: 'See the message and `status.release.gates`. Fix the version and commit it, or give the command `retry`.',
    fate: 'rejected',
  },
  GateTimedOut: {
    means: 'A gate did not pass within its timeout. That is no verdict on the revision.',
    todo: 'See the message and `status.release.gates`, then give the command `retry`.',
    fate: 'unjudged',
  },
  CanaryCrashLooping: {
    means: 'A container of the canary exits again and again.',
    todo: 'Fix the version and commit it, or give the command `retry`.',
    fate: 'rejected',
  },
  ImageNotPulled: {
    means: 'The image of the canary cannot be pulled.',
    todo: 'Push the image or correct its name, or give the command `retry`.',
    fate: 'rejected',
  },
  CanaryNotConfigured: {
    means: 'The pods of the canary refer to a ConfigMap or Secret that does not exist.',
    todo: 'Create it, then give the command `retry`.',
    fate: 'rejected',
  },
  CanaryCrashed: {
    means:
      'The canary had traffic and no ready endpoint, because the containers of all its pods exited with an error or ran out of memory.',
    todo: 'Fix the version and commit it, or give the command `retry`.',
    fate: 'rejected',
  },
  CanaryEmpty: {
    means: 'The canary had traffic and no ready endpoint: a node failed or was drained, pods were evicted or did not answer their probes.',
    todo: 'Nothing: the release begins again when pods are ready, at most three times. After that see the pods of the canary and give the command `retry`.',
    fate: 'retried',
  },
  NothingServes: {
    means: 'Before the first weight of the release the Deployment lost all its ready pods, or was scaled to 0.',
    todo: 'Nothing: the revision rolls out without a canary, because nothing serves that could be protected.',
    fate: 'retried',
  },
  CanaryNotReady: {
    means: 'The pods of the canary did not become ready within their progress deadline.',
    todo: 'Fix the version and commit it, or give the command `retry`.',
    fate: 'rejected',
  },
  HoldBypassed: {
    means: 'Someone unpaused the held Deployment, so it is rolling out without a canary.',
    todo: 'Nothing, or revert the change in Git.',
    fate: 'open',
  },
  WorkloadDeleted: { means: 'The Deployment that is being released was deleted.', todo: 'Create it again.', fate: 'open' },
  Superseded: {
    means: 'Another revision appeared while this one was being released.',
    todo: 'Nothing: the new revision starts from the first stage.',
    fate: 'open',
  },
  DeadlineExceeded: {
    means: 'The release timed out: it took longer than `spec.deadline.after`, and `then` is Rollback. That is no verdict on the revision.',
    todo: 'Give the command `retry`, commit a new revision, or raise the deadline.',
    fate: 'unjudged',
  },
  BlockedTooLong: {
    means: 'The release was blocked for `spec.onBlocked.after`, and `then` is Rollback.',
    todo: 'Fix what blocked it: the release begins again then, at most three times. After that give the command `retry`.',
    fate: 'retried',
  },
  MetricsUnavailable: {
    means: 'Prometheus did not answer for `spec.analysis.onUnavailable.after`, and `then` is Rollback.',
    todo: 'Fix Prometheus: the release begins again when it answers, at most three times. After that give the command `retry`.',
    fate: 'retried',
  },
  Inconclusive: {
    means: 'A stage timed out without enough evidence, and `spec.analysis.onInconclusive` is Rollback.',
    todo: 'Send the canary more traffic or lower `minRequests`, then give the command `retry`.',
    fate: 'unjudged',
  },
  Completed: {
    means:
      'All stages of a release with `spec.promotion.mode: None` have passed: the experiment is over, and all traffic is with the serving version again.',
    todo: 'Compare the versions in `status.checks`. To promote the canary, set `spec.promotion.mode` to Promote and give the command `retry`.',
    fate: 'completed',
  },
  Recovered: {
    means: 'A route says that this release was rolled back before the operator restarted; the reason was not stored.',
    todo: 'See the events of the release; give the command `retry`.',
    fate: 'rejected',
  },
} as const satisfies Record<string, RollbackDoc>;
export type RollbackReasonName = keyof typeof ROLLBACK_REASONS;

/** Whether this version knows the reason. A stored status may have been written by another version. */
export function isRollbackReason(text: string | undefined): text is RollbackReasonName {
  return text !== undefined && Object.hasOwn(ROLLBACK_REASONS, text);
}

/** What a rollback for this reason means for the revision. A status of another version may have a reason that this one does not know. */
export function fateOf(reason: string | undefined): RevisionFate {
  return isRollbackReason(reason) ? ROLLBACK_REASONS[reason].fate : 'open';
}
