// The schema of `status`: what people read, and what the core remembers. Enumerations that a later version may extend are open in
// the CRD, so that no status write is refused because of them.
import * as z from 'zod';
import { conditionSchema } from './conditions.ts';
import { type Exact, countField, openEnum, textField, timeField } from './fields.ts';
import {
  COMMAND_VERBS,
  MAX_ANNOUNCEMENTS,
  MAX_APPROVERS,
  MAX_GATES_REMEMBERED,
  MAX_HISTORY,
  MAX_PROVEN,
  MAX_REJECTED,
  PHASES,
  STATE_VERSION,
  TEMPLATE_FORM,
  VERDICTS,
} from './names.ts';
import { ATOMIC, releaseStatusSchema, templateHashesField } from './release-status.ts';

const tally = () => countField(0, Number.MAX_SAFE_INTEGER);

const revisionKey = {
  service: textField(63).optional().describe('Service of the revision (Services mode).'),
  specRevision: textField(128).optional().describe('spec.revision of the revision.'),
  templateHashes: templateHashesField().optional(),
};

const provenSchema = z.object({ revision: textField(128), at: timeField(), ...revisionKey });

const rejectedSchema = z.object({
  revision: textField(128),
  id: textField(16).optional(),
  reason: textField(128),
  at: timeField(),
  ...revisionKey,
});

const checkStatusSchema = z.object({
  name: textField(63),
  verdict: openEnum(VERDICTS),
  value: textField(64).optional().describe('Rounded, with its unit.'),
  serving: textField(64).optional().describe('The value of the serving version in the same time, where it was read.'),
  limit: textField(64).optional(),
  requests: tally().optional(),
  needed: tally().optional().describe('Estimated number of canary requests required to pass.'),
  message: textField(512, 0).optional().describe('Why the verdict is Inconclusive or Unavailable; for the comparison how sure it is.'),
  figures: textField(160, 0).optional().describe('For the comparison: the numbers behind the message.'),
  at: timeField().optional(),
});

const measuredSourceSchema = z.object({
  source: textField(63),
  canaryRequests: tally(),
  canaryErrors: tally(),
  servingRequests: tally(),
  servingErrors: tally(),
});

const measuredSchema = z
  .object({
    share: textField(8).describe("The canary's share of all requests of canary and serving, such as 24.6%."),
    canaryRequests: tally(),
    servingRequests: tally(),
    sources: z
      .array(measuredSourceSchema)
      .max(16)
      .optional()
      .meta(ATOMIC)
      .describe('The same by metrics source, with answers of 500 and above; absent if only one counts.'),
    at: timeField(),
  })
  .describe('What the gateways counted in the window of the last evaluation; absent if only one side was read.');

const commandSchema = z.object({
  verb: openEnum([...COMMAND_VERBS, 'abort', 'unreadable']),
  release: textField(128),
  stage: countField(0, 1_000).optional(),
  at: timeField(),
  by: textField(256).optional(),
  result: openEnum(['Done', 'Refused', 'Ignored']),
  message: textField(512, 0).optional(),
  outdated: textField(128).optional().describe('A command that was refused since, because it is not later than this one.'),
});

const historySchema = z.object({
  id: textField(16),
  revision: textField(128),
  outcome: openEnum(['Promoted', 'RolledBack', 'Completed']),
  reason: textField(128).optional(),
  startedAt: timeField(),
  finishedAt: timeField(),
  maxWeight: countField(0, 100).optional(),
  failedRequests: tally().optional().describe('Server errors of the canary that were counted; absent if they were not counted.'),
  approvedBy: z
    .array(textField(256))
    .max(MAX_APPROVERS)
    .optional()
    .meta(ATOMIC)
    .describe('Who gave the commands approve, advance or promote.'),
});

const servingSchema = z.object({
  service: textField(63),
  revision: textField(128).optional(),
  port: countField(1, 65_535).optional(),
  template: textField(63).optional().describe('Hash of the pod template that serves (Deployment mode).'),
  replicaSet: textField(253).optional().describe('The ReplicaSet that serves (Deployment mode).'),
  uid: textField(63, 0).optional().describe('Uid of the Deployment that serves.'),
});

const settledSchema = z.object({ ...revisionKey, service: textField(63), templateHashes: templateHashesField() });

const toldKey = () => textField(256).optional();

/** The operator's own memory; that of a release is added where it is stored (`stored-status.ts`). */
export const internalSchema = z.object({
  told: z
    .object({
      block: toldKey(),
      gitops: toldKey(),
      parity: toldKey(),
      hold: toldKey(),
      left: toldKey(),
      gateway: toldKey(),
      rules: toldKey(),
      pods: toldKey(),
      serving: toldKey(),
    })
    .optional(),
  weightLimits: z
    .array(z.object({ controller: textField(253), weight: countField(1, 1_000_000) }))
    .max(8)
    .optional()
    .meta(ATOMIC)
    .describe('Largest weights that gateways were seen to take, by their controllers.'),
  serving: z
    .object({
      emptySince: timeField().optional().describe('Since when the serving Service has had no ready endpoint.'),
      ready: textField(63).optional().describe('Hash of the template that serves, once a pod of it was ready (Deployment mode).'),
      rolls: textField(63).optional().describe('Hash of a template that rolls out without a canary, because nothing served.'),
    })
    .optional(),
  writer: textField(253).optional().describe('The operator that wrote this status: its pod, or a name of its own.'),
  missingSince: timeField().optional().describe('Since when a release that has not begun waits for something that is not there.'),
  shownTime: timeField().optional().describe('The time in `message` that is still to come.'),
  leavingJobs: z
    .array(textField(63))
    .max(MAX_GATES_REMEMBERED)
    .optional()
    .meta(ATOMIC)
    .describe('Jobs of gates that are still to be deleted.'),
  abort: textField(128).optional().describe('The abort annotation that was obeyed or refused last.'),
  announcements: z
    .array(
      z.object({
        id: textField(64),
        at: timeField(),
        reason: textField(128),
        message: textField(1_024, 0),
        warning: z.boolean().optional(),
        by: textField(256).optional(),
      }),
    )
    .max(MAX_ANNOUNCEMENTS)
    .optional()
    .meta(ATOMIC)
    .describe('Events and notifications that were not delivered yet, oldest first.'),
});

/** The schema of `status`. */
export const statusSchema = z.object({
  observedGeneration: z
    .int()
    .min(-1)
    .default(-1)
    .describe('Generation of the spec that this status is about; -1 before the first reconcile.'),
  stateVersion: countField(0, 1_000).optional().describe(`Version of the operator's memory in this status, now ${STATE_VERSION}.`),
  templateForm: countField(0, 1_000)
    .optional()
    .describe(`How the hashes of templates in this status were computed, now ${TEMPLATE_FORM} (Deployment mode).`),
  state: textField(64).optional().describe('State of the machine, dotted, such as stage.analyzing.'),
  phase: openEnum(PHASES).optional().describe('State of the release for people.'),
  progress: textField(16).optional().describe('Current stage and number of stages, such as 2/3.'),
  weight: countField(0, 100).optional().describe('The wanted weight of the canary in percent.'),
  observedWeight: countField(0, 100).optional().describe('The weight of the canary in the routes, in percent.'),
  measured: measuredSchema.optional(),
  verdict: openEnum(VERDICTS).optional().describe('Verdict of the current stage.'),
  message: textField(1_024, 0).optional().describe('What is happening, and what comes next.'),
  serving: servingSchema.optional().describe('The serving version: the one in production, or, while a release is running, when it began.'),
  release: releaseStatusSchema.optional().describe('The running or last release.'),
  settled: settledSchema.optional().describe('The version behind the canary that is not a new candidate.'),
  proven: z.array(provenSchema).max(MAX_PROVEN).optional().meta(ATOMIC).describe('The last promoted revisions, newest first.'),
  rejected: z
    .array(rejectedSchema)
    .max(MAX_REJECTED)
    .optional()
    .meta(ATOMIC)
    .describe('Revisions that are not retried automatically, newest first.'),
  checks: z.array(checkStatusSchema).max(32).optional().meta(ATOMIC),
  lastHandledCommand: commandSchema.optional(),
  conditions: z
    .array(conditionSchema)
    .max(24)
    .optional()
    .meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['type'] }),
  internal: internalSchema.optional().describe('Memory of the operator. Its fields are not part of the API.'),
  history: z.array(historySchema).max(MAX_HISTORY).optional().meta(ATOMIC).describe('The last releases, newest first.'),
});

type StatusOutput = Exact<z.output<typeof statusSchema>>;

/** The status of a CanaryRelease. */
export type CanaryReleaseStatus = StatusOutput;
/** One finished release. */
export type HistoryEntry = NonNullable<StatusOutput['history']>[number];
/** The last result of one check. */
export type CheckStatus = NonNullable<StatusOutput['checks']>[number];
/** A revision that was rolled back. */
export type Rejected = NonNullable<StatusOutput['rejected']>[number];
/** A revision that was promoted. */
export type ProvenRevision = NonNullable<StatusOutput['proven']>[number];
/** The last command that was done or refused. */
export type HandledCommand = NonNullable<StatusOutput['lastHandledCommand']>;
