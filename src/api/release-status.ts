// The schema of `status.release`: everything the pure machine is restored from, with the times when something falls due,
// so that a restart neither forgets nor repeats anything.
import * as z from 'zod';
import { type Exact, countField, openEnum, textField, timeField } from './fields.ts';
import { COMMAND_VERBS, MAX_APPROVALS, MAX_RECORDED_RULES, MAX_ROUTES, MAX_SERVED, MAX_STAGES, ROUTE_KINDS, VERDICTS } from './names.ts';

/** List metadata of lists that are replaced as a whole. */
export const ATOMIC = { 'x-kubernetes-list-type': 'atomic' };

const tally = () => countField(0, Number.MAX_SAFE_INTEGER);

/** Sorted template hashes of the pods behind a Service (Services mode). */
export const templateHashesField = () => z.array(textField(63)).max(16).meta(ATOMIC);

const backendSchema = z.object({
  service: textField(63).describe('Name of the Service.'),
  port: countField(1, 65_535).optional().describe('Its port, where the Service has several.'),
});

const recordedRuleSchema = z.object({
  key: textField(253).describe("The rule's name, or rules[i] for one without a name."),
  index: countField(0, 1_023).describe('Where the rule stood in the list.'),
  matches: textField(16).optional().describe('Hash of the matches of the rule, which tells it from other rules.'),
  servingPort: countField(1, 65_535).optional().describe('Port of the ref to the serving Service.'),
  canaryPort: countField(1, 65_535).optional().describe('Port of the ref to the canary.'),
  serving: countField(0, 1_000_000).describe('Backend weight of the serving Service before the first write.'),
  canary: countField(0, 1_000_000)
    .optional()
    .describe('Backend weight of the canary before the first write; absent when its ref was not there.'),
  factor: countField(1, 1_000_000).describe('What foreign weights are multiplied with while the release runs.'),
  others: z
    .array(
      z.object({
        name: textField(512).describe('The foreign backend: name, or group/kind/name where it is no Service.'),
        weight: countField(0, 1_000_000),
      }),
    )
    .max(16)
    .optional()
    .meta(ATOMIC)
    .describe('Weights of foreign backends of the rule before the first write.'),
});

export const recordedRouteSchema = z.object({
  kind: openEnum(ROUTE_KINDS),
  name: textField(253),
  uid: textField(63, 0),
  rules: z.array(recordedRuleSchema).max(MAX_RECORDED_RULES).meta(ATOMIC),
  raising: z.boolean().optional().describe('True while a raise of this route is still to be written.'),
  generation: tally().optional().describe('Generation of the route up to which its weights are accounted for.'),
  edited: tally().optional().describe('Generation of the last foreign edit of our weights that was told in an event.'),
  emptiedAt: timeField()
    .optional()
    .describe('Since when a route that was removed from the release gives the canary nothing (Deployment mode).'),
});

const ownRuleSchema = z.object({
  kind: openEnum(ROUTE_KINDS).describe('Kind of its route.'),
  name: textField(253).describe('Name of its route.'),
  rule: textField(253).describe("The rule's name, or rules[i] for one without a name."),
  matches: textField(16).describe('Hash of the matches of the rule.'),
});

const workloadSchema = z.object({
  name: textField(253).describe('The Deployment.'),
  uid: textField(63, 0).describe('Its uid when the release began.'),
  canary: textField(63).describe('The canary Deployment.'),
  template: textField(63).describe('Hash of the template that is released.'),
  formerTemplate: textField(63)
    .optional()
    .describe('The same as an earlier version of the operator made it, where the canary was created by that one.'),
  servingTemplate: textField(63).describe('Hash of the template that served when the release began.'),
  servingReplicaSet: textField(253).optional().describe('The ReplicaSet that served when the release began.'),
  replicas: tally().optional().describe('Pods that served when the release began: a bake has no fewer canary pods.'),
  bakes: z.boolean().optional().describe('True from the end of the stages to the end of the bake; the Deployment rolls after it.'),
  rolls: z.boolean().optional().describe('True once the Deployment was let go, as long as the release lasts.'),
  interrupted: textField(63)
    .optional()
    .describe('Hash of a template whose rollout was interrupted before this release: its pods go as the former ones get ready.'),
  irreversible: textField(256).optional().describe('Why this revision cannot be taken back (annotation glidepath.dev/irreversible).'),
});

const identity = {
  id: textField(16).describe('Name of this attempt: 10 hex digits, -2 for the second attempt.'),
  revision: textField(128).describe('The revision that is being released, for people.'),
  specRevision: textField(128).optional().describe('spec.revision when the release began.'),
  templateHashes: templateHashesField().optional().describe('Hashes of the pods behind the canary when the release began.'),
  attempt: countField(1, 9_999).optional().describe('Which attempt at this revision.'),
  retries: countField(1, 99).optional().describe('How many attempts at this revision Glidepath began again before and with this one.'),
  plan: textField(64).optional().describe('Hash of the stages, checks and promotion that run now.'),
  traceparent: textField(64).optional().describe('W3C trace context of the release.'),
  serving: backendSchema.describe('What held production when the release began.'),
  canary: backendSchema.describe('The candidate.'),
  workload: workloadSchema.optional().describe('Deployment mode: what is released, and what served when it began.'),
  routes: z
    .array(recordedRouteSchema)
    .max(MAX_ROUTES)
    .optional()
    .meta(ATOMIC)
    .describe('What was there before our first write; at most 64 rules in all.'),
  ownRules: z
    .array(ownRuleSchema)
    .max(MAX_RECORDED_RULES)
    .optional()
    .meta(ATOMIC)
    .describe('Rules that sent requests to the canary before the release began and that it does not change.'),
};

const place = {
  returnTo: textField(64).optional().describe('State that paused or blocked returns to.'),
  stage: textField(63).optional().describe('Name or number of the stage.'),
  stageIndex: countField(0, 1_000).optional().describe('Position of the stage, from 0.'),
  maxWeight: countField(0, 100).optional().describe('Highest weight so far.'),
  weightBefore: countField(0, 100).optional().describe('Weight that a raise under way is taken back to.'),
  startedAt: timeField().describe('When the release began.'),
  finishedAt: timeField().optional().describe('When it was promoted or rolled back.'),
  shiftedAt: timeField().optional().describe('When the present weight was wanted first.'),
  stageStartedAt: timeField().optional().describe("When the stage's weight was effective."),
  stageEndsAt: timeField().optional().describe('When its duration is served, at the earliest.'),
  stageTimesOutAt: timeField().optional().describe('When onInconclusive decides.'),
  deadlineAt: timeField().optional().describe('When spec.deadline decides.'),
  promotedAt: timeField().optional().describe('When all traffic was on the canary.'),
  withdrawnAt: timeField().optional().describe('When the share was last lowered for a Deployment that serves what was promoted.'),
  drainEndsAt: timeField().optional().describe('When the canary has had time to answer what it was sent (Deployment mode).'),
  podsFailingSince: timeField().optional().describe('Since when an image or configuration keeps all pods of the canary from starting.'),
  bakeEndsAt: timeField().optional().describe('When the bake is over.'),
};

const evidence = {
  verdict: openEnum(VERDICTS).optional().describe('Verdict of the stage so far.'),
  judgeAnswered: z.boolean().optional().describe('True once Prometheus answered a look of this release.'),
  lookGridAt: timeField().optional().describe('Grid time of the last look that was folded in.'),
  lookPhaseMs: countField(0, 3_600_000).optional().describe('Offset of the grid from the start, right behind the scrape.'),
  scrapeIntervalMs: countField(0, 86_400_000).optional().describe('Distance of the samples.'),
  sampleAt: timeField().optional().describe('Time of the newest sample that was folded in.'),
  stageRequests: tally().optional().describe('Canary requests counted in this stage.'),
  failedRequests: tally().optional().describe('Server errors of the canary counted in this release.'),
  cleanSince: timeField().optional().describe('Since when neither Fail nor Unavailable: the duration is served from here.'),
  passInStage: z.boolean().optional().describe('True after a Pass in this stage.'),
  passAt: timeField().optional().describe('Time of the last Pass.'),
  failing: z
    .array(z.object({ check: textField(63), count: countField(0, 1_000) }))
    .max(32)
    .optional()
    .meta(ATOMIC)
    .describe('Failed looks in a row, by check.'),
  failedCheck: z
    .object({ name: textField(63), reason: textField(128), message: textField(1_024, 0) })
    .optional()
    .describe('The check that failed the release, kept until the release is over.'),
  unavailableSince: timeField().optional(),
  inconclusiveSince: timeField().optional(),
  served: z
    .array(z.object({ weight: countField(0, 100), from: timeField(), to: timeField().optional() }))
    .max(MAX_SERVED)
    .optional()
    .meta(ATOMIC)
    .describe('When every gateway had which weight: what the comparison reads Prometheus by.'),
  splitMismatch: z.boolean().optional().describe('True while the gateway does not split the traffic as asked.'),
};

const people = {
  approvedStages: z
    .array(countField(0, 1_000))
    .max(MAX_STAGES + 2)
    .optional()
    .meta(ATOMIC)
    .describe('Stages that a person let go, as numbers from 1.'),
  approvals: z
    .array(
      z.object({
        verb: openEnum(COMMAND_VERBS),
        stage: countField(0, 1_000).describe('The stage that was let go, from 1; one more than the stages for the promotion itself.'),
        by: textField(256).optional().describe('Who gave the command; absent where no name was given.'),
        at: timeField(),
      }),
    )
    .max(MAX_APPROVALS)
    .optional()
    .meta(ATOMIC)
    .describe('Commands of people that let the release go on: approve, advance, promote.'),
  pausedBy: textField(256).optional().describe('Who or what paused the release.'),
  blockedSince: timeField().optional(),
  blockedReason: textField(128).optional(),
};

const drift = {
  contested: z.boolean().optional().describe('True when the weights are fought over: no more raises.'),
  contestedBy: textField(256).optional().describe('Field manager that fights.'),
  putBacks: z
    .array(z.object({ manager: textField(256), count: tally() }))
    .max(16)
    .optional()
    .meta(ATOMIC)
    .describe('How often a raise was put back, by field manager.'),
  putBackTimes: z.array(timeField()).max(5).optional().meta(ATOMIC).describe('Times of the last put-backs.'),
  puttingBack: z.boolean().optional().describe('True while a put-back upwards is under way.'),
  driftSince: timeField().optional().describe('Since when a foreign edit lowers the share.'),
  driftBy: textField(256).optional().describe('Field manager of that edit.'),
};

const ending = {
  outcome: openEnum(['Promoted', 'RolledBack']).optional().describe('How it ends or ended.'),
  reason: textField(128).optional().describe('Why it was rolled back, one word.'),
  reasonMessage: textField(1_024, 0).optional().describe('Why, in a sentence.'),
  rejects: z.boolean().optional().describe('True when this revision shall not be tried again by itself.'),
  retryAt: timeField().optional().describe('When the next attempt at this revision begins at the earliest; absent when none will.'),
  undone: z.boolean().optional().describe('True when a promotion is, or was, taken back by the command undo.'),
  retained: z.boolean().optional().describe('True when deletionPolicy Retain left the weights.'),
};

/** The schema of `status.release`. */
export const releaseStatusSchema = z.object({ ...identity, ...place, ...evidence, ...people, ...drift, ...ending });

/** The running or last release. */
export type ReleaseStatus = Exact<z.output<typeof releaseStatusSchema>>;
/** A route as it was before our first write. */
export type RecordedRoute = Exact<z.output<typeof recordedRouteSchema>>;
/** A rule as it was before our first write. */
export type RecordedRule = Exact<z.output<typeof recordedRuleSchema>>;
/** A rule of the user's own that sends requests to the canary. */
export type OwnRule = Exact<z.output<typeof ownRuleSchema>>;
/** A Service with its port. */
export type Backend = Exact<z.output<typeof backendSchema>>;
