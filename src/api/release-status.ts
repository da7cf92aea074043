// The schema of `status.release`: everything the pure machine is restored from, with the times when something is due,
// so that a restart neither loses nor repeats anything.
import * as z from 'zod';
import { recordedCohortSchema } from './cohort.ts';
import { type Exact, countField, openEnum, textField, timeField } from './fields.ts';
import { gateStatusSchema } from './gate-status.ts';
import {
  COMMAND_VERBS,
  MAX_APPROVALS,
  MAX_GATES_REMEMBERED,
  MAX_RECORDED_RULES,
  MAX_ROUTES,
  MAX_SERVED,
  MAX_STAGES,
  OUR_PURPOSES,
  ROUTE_KINDS,
  VERDICTS,
} from './names.ts';

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
  index: countField(0, 1_023).describe('Position of the rule in the list.'),
  matches: textField(16).optional().describe('Hash of the matches of the rule, which identifies it.'),
  servingPort: countField(1, 65_535).optional().describe('Port of the ref to the serving Service.'),
  canaryPort: countField(1, 65_535).optional().describe('Port of the ref to the canary.'),
  serving: countField(0, 1_000_000).describe('Backend weight of the serving Service before the first write.'),
  canary: countField(0, 1_000_000)
    .optional()
    .describe('Backend weight of the canary before the first write; absent when the rule had no ref to it.'),
  factor: countField(1, 1_000_000).describe('Factor that foreign weights are multiplied by while the release is running.'),
  residual: z
    .boolean()
    .optional()
    .describe('True where the gateway forgets a backend of weight 0: a running release leaves a backend in use 1 of its rule instead.'),
  formerFactor: countField(1, 1_000_000)
    .optional()
    .describe('The factor before a gateway rejected its weights, while smaller ones are tried.'),
  others: z
    .array(
      z.object({
        name: textField(512).describe('The foreign backend: name, or group/kind/name if it is not a Service.'),
        weight: countField(0, 1_000_000),
        edited: z
          .object({ weight: countField(0, 1_000_000), of: countField(1, 16_000_000) })
          .optional()
          .describe('Its weight as somebody edited it during the release, and what serving and canary had together then.'),
      }),
    )
    .max(16)
    .optional()
    .meta(ATOMIC)
    .describe('Weights of foreign backends of the rule before the first write.'),
  ours: z
    .array(z.object({ purpose: openEnum(OUR_PURPOSES), matches: textField(16) }))
    .max(2)
    .optional()
    .meta(ATOMIC)
    .describe('Rules that the release adds to the route beside this one, the newest first: what for, and the hash of the matches.'),
});

export const recordedRouteSchema = z.object({
  kind: openEnum(ROUTE_KINDS),
  name: textField(253),
  uid: textField(63, 0),
  rules: z.array(recordedRuleSchema).max(MAX_RECORDED_RULES).meta(ATOMIC),
  weightLimit: countField(1, 1_000_000)
    .optional()
    .describe('Largest weight that its gateways take, where they take less than the Gateway API allows.'),
  fitting: textField(253).optional().describe('The controller that rejected larger weights, while smaller ones are tried.'),
  raising: z.boolean().optional().describe('True while a raise of this route is still to be written.'),
  generation: tally().optional().describe('Generation of the route up to which its weights are accounted for.'),
  edited: tally().optional().describe('Generation of the last foreign edit of our weights that was reported in an event.'),
  emptiedAt: timeField()
    .optional()
    .describe('Since when a route that was removed from the release gives the canary no weight (Deployment mode).'),
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
    .describe('The same hash as computed by an earlier version of the operator, if that version created the canary.'),
  servingTemplate: textField(63).describe('Hash of the template that served when the release began.'),
  servingReplicaSet: textField(253).optional().describe('The ReplicaSet that served when the release began.'),
  replicas: tally().optional().describe('Pods that served when the release began: a bake has no fewer canary pods.'),
  bakes: z.boolean().optional().describe('True from the end of the stages to the end of the bake; the Deployment rolls out after it.'),
  rolls: z.boolean().optional().describe('True once the hold of the Deployment was released, until the release ends.'),
  interrupted: textField(63)
    .optional()
    .describe(
      'Hash of a template whose rollout was interrupted before this release: its pods are removed as the previous ones become ready.',
    ),
  irreversible: textField(256).optional().describe('Why this revision should not be undone (annotation glidepath.dev/irreversible).'),
});

const identity = {
  id: textField(16).describe('Name of this attempt: 10 hex digits, -2 for the second attempt.'),
  revision: textField(128).describe('The revision that is being released, for people.'),
  specRevision: textField(128).optional().describe('spec.revision when the release began.'),
  templateHashes: templateHashesField().optional().describe('Hashes of the pods behind the canary when the release began.'),
  attempt: countField(1, 9_999).optional().describe('Number of the attempt at this revision.'),
  retries: countField(1, 99).optional().describe('How many attempts at this revision Glidepath began again before and with this one.'),
  plan: textField(64).optional().describe('Hash of the current stages, checks and promotion.'),
  traceparent: textField(64).optional().describe('W3C trace context of the release.'),
  serving: backendSchema.describe('The serving version when the release began.'),
  canary: backendSchema.describe('The candidate.'),
  workload: workloadSchema.optional().describe('Deployment mode: the released template, and the one that served when the release began.'),
  routes: z
    .array(recordedRouteSchema)
    .max(MAX_ROUTES)
    .optional()
    .meta(ATOMIC)
    .describe('State of the routes before our first write; at most 64 rules in all.'),
  ownRules: z
    .array(ownRuleSchema)
    .max(MAX_RECORDED_RULES)
    .optional()
    .meta(ATOMIC)
    .describe('Rules that sent requests to the canary before the release began; the release does not change them.'),
};

const place = {
  returnTo: textField(64).optional().describe('State to which a paused or blocked release returns.'),
  stage: textField(63).optional().describe('Name or number of the stage.'),
  stageIndex: countField(0, 1_000).optional().describe('Position of the stage, from 0.'),
  adoptedWeight: countField(0, 100).optional().describe('Weight that the canary had before the release, which took it over (spec.adopt).'),
  maxWeight: countField(0, 100).optional().describe('Highest weight so far.'),
  weightBefore: countField(0, 100).optional().describe('Weight that an increase under way is reverted to if it fails.'),
  cohort: recordedCohortSchema.optional().describe('Requests that go to the canary whatever its weight is.'),
  cohortBefore: recordedCohortSchema.optional().describe('The same before an increase under way, if it fails.'),
  cohortGiven: z.boolean().optional().describe('True once the release has sent a cohort to the canary.'),
  cohortEndedAt: timeField().optional().describe('When an edit, or trouble with the raise, last took the cohort from the canary.'),
  startedAt: timeField().describe('When the release began.'),
  finishedAt: timeField().optional().describe('When it was promoted or rolled back.'),
  shiftedAt: timeField().optional().describe('When the current weight was set.'),
  settlesAt: timeField()
    .optional()
    .describe('When a gateway that adds and removes backends by their weight is expected to have taken the last one that came or goes.'),
  stageStartedAt: timeField().optional().describe("When the stage's weight became effective."),
  stageEndsAt: timeField().optional().describe('When the duration of the stage is over, at the earliest.'),
  stageTimesOutAt: timeField().optional().describe('When the stage times out and onInconclusive decides.'),
  deadlineAt: timeField().optional().describe('When the release times out and spec.deadline decides.'),
  promotedAt: timeField().optional().describe('When all traffic was on the canary.'),
  withdrawnAt: timeField()
    .optional()
    .describe('When the canary weight was last lowered because the Deployment serves the promoted version.'),
  drainEndsAt: timeField().optional().describe('When the canary has had time to answer its requests (Deployment mode).'),
  podsWaitSince: timeField().optional().describe('Since when not all endpoints of the canary are ready.'),
  podsFailingSince: timeField().optional().describe('Since when an image or a configuration has kept all canary pods from starting.'),
  bothEmptyAt: timeField().optional().describe('When neither the canary nor serving had a ready endpoint.'),
  bakeEndsAt: timeField().optional().describe('When the bake ends.'),
};

const seenArmSchema = z.object({ requests: tally(), serverErrors: tally(), clientErrors: tally() });

const sentinelSchema = z.object({
  check: textField(63).describe('The check that failed, or the comparison.'),
  from: timeField(),
  to: timeField(),
  targets: z.array(textField(512)).max(16).meta(ATOMIC).describe('Pods of the gateway that were read; at most 16 are named.'),
  canary: seenArmSchema,
  serving: seenArmSchema,
});

const evidence = {
  verdict: openEnum(VERDICTS).optional().describe('Verdict of the stage so far.'),
  judgeAnswered: z.boolean().optional().describe('True once Prometheus answered an evaluation of this release.'),
  lookGridAt: timeField().optional().describe('Grid time of the last evaluation.'),
  lookPhaseMs: countField(0, 3_600_000).optional().describe('Offset of the grid from the start, right after the scrape.'),
  scrapeIntervalMs: countField(0, 86_400_000).optional().describe('Distance of the samples.'),
  sampleAt: timeField().optional().describe('Time of the newest sample that was evaluated.'),
  sampleDelayMs: countField(0, 86_400_000).optional().describe('How late samples reach Prometheus; absent where they arrive at once.'),
  heardSources: z
    .array(textField(63))
    .max(16)
    .optional()
    .meta({ 'x-kubernetes-list-type': 'atomic' })
    .describe('Metrics sources of which samples have come in this release, where several count.'),
  mixedSeries: textField(512).optional().describe('What was found where the series of the Services come from several clusters.'),
  requestRate: textField(20)
    .optional()
    .describe('Requests of the serving version a second in the half hour before the release, such as 0.83/s; absent if unknown.'),
  stageRequests: tally().optional().describe('Canary requests counted in this stage.'),
  failedRequests: tally().optional().describe('Server errors of the canary counted in this release.'),
  gatewayErrors: tally()
    .optional()
    .describe(
      'Requests that gateways of the release answered with an error of their own soon after a weight was set, because a backend was not there yet; of all their routes.',
    ),
  cleanSince: timeField().optional().describe('Since when neither Fail nor Unavailable: the duration counts from here.'),
  passInStage: z.boolean().optional().describe('True after a Pass in this stage.'),
  passAt: timeField().optional().describe('Time of the last Pass.'),
  failing: z
    .array(z.object({ check: textField(63), count: countField(0, 1_000) }))
    .max(32)
    .optional()
    .meta(ATOMIC)
    .describe('Failed evaluations in a row, by check.'),
  failedCheck: z
    .object({ name: textField(63), reason: textField(128), message: textField(1_024, 0) })
    .optional()
    .describe('The check that failed the release, kept until the release ends.'),
  sentinel: sentinelSchema.optional().describe('What the gateways themselves had counted when the sentinel failed the release.'),
  unavailableSince: timeField().optional(),
  inconclusiveSince: timeField().optional(),
  served: z
    .array(z.object({ weight: countField(0, 100), from: timeField(), to: timeField().optional() }))
    .max(MAX_SERVED)
    .optional()
    .meta(ATOMIC)
    .describe('When all gateways had which weight; the comparison reads Prometheus by it.'),
  fewRequests: z
    .boolean()
    .optional()
    .describe('True while the requests of the risk budget, not its ratio, say what earns the next weight: analysis.minRequests gives way.'),
  seenSplit: openEnum(['Former', 'Present'])
    .optional()
    .describe('How requests split after the last raise: Former as before it, Present as asked; absent while too few were counted to say.'),
  splitMismatch: z.boolean().optional().describe('True while the gateway does not split traffic as the weights say.'),
};

const people = {
  approvedStages: z
    .array(countField(0, 1_000))
    .max(MAX_STAGES + 2)
    .optional()
    .meta(ATOMIC)
    .describe('Stages that a person approved, as numbers from 1.'),
  approvals: z
    .array(
      z.object({
        verb: openEnum(COMMAND_VERBS),
        stage: countField(0, 1_000).describe('The approved stage, from 1; the number of stages plus one for the promotion.'),
        by: textField(256).optional().describe('Who gave the command; absent if no name was given.'),
        at: timeField(),
      }),
    )
    .max(MAX_APPROVALS)
    .optional()
    .meta(ATOMIC)
    .describe('Commands of people with which the release continued: approve, advance, promote.'),
  pausedBy: textField(256).optional().describe('Who or what paused the release.'),
  gatewayWaitSince: timeField().optional().describe('Since when a gateway has not taken the last change of a route.'),
  blockedSince: timeField().optional(),
  blockedReason: textField(128).optional(),
  blockedMessage: textField(1_024, 0).optional().describe('What blocked the release, in a sentence; kept while it is paused for that.'),
};

const gates = {
  gates: z
    .array(gateStatusSchema)
    .max(MAX_GATES_REMEMBERED)
    .optional()
    .meta(ATOMIC)
    .describe('Gates that have run, are running or come next.'),
};

const drift = {
  contested: z.boolean().optional().describe('True when another field manager keeps reverting the weights: they are not raised.'),
  contestedBy: textField(256).optional().describe('The field manager that keeps reverting the weights.'),
  putBacks: z
    .array(z.object({ manager: textField(256), count: tally() }))
    .max(16)
    .optional()
    .meta(ATOMIC)
    .describe('How often a raised weight was reverted, by field manager.'),
  putBackTimes: z.array(timeField()).max(5).optional().meta(ATOMIC).describe('Times of the last reverts.'),
  puttingBack: z.boolean().optional().describe('True while the canary weight is being raised again after a foreign edit.'),
  driftSince: timeField().optional().describe('Since when a foreign edit lowers the canary weight.'),
  driftBy: textField(256).optional().describe('Field manager of that edit.'),
};

const ending = {
  outcome: openEnum(['Promoted', 'RolledBack']).optional().describe('Outcome of the release.'),
  reason: textField(128).optional().describe('Reason of the rollback, one word.'),
  reasonMessage: textField(1_024, 0).optional().describe('Reason of the rollback, in a sentence.'),
  rejects: z.boolean().optional().describe('True when this revision is rejected: it is not retried automatically.'),
  retryAt: timeField().optional().describe('When the next attempt at this revision begins at the earliest; absent when none will.'),
  undone: z.boolean().optional().describe('True when the promotion is being or was undone by the command undo.'),
  retained: z.boolean().optional().describe('True when deletionPolicy: Retain kept the weights.'),
};

/** The schema of `status.release`. */
export const releaseStatusSchema = z.object({ ...identity, ...place, ...evidence, ...people, ...gates, ...drift, ...ending });

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
