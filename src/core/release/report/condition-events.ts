// What people should hear of once although no state of the machine changed: a check that begins to fail, Prometheus that went
// away, a canary without traffic, a release that cannot begin. Edges between two statuses, nothing else.

import { parseDuration } from '../../../api/duration.ts';
import { rateBefore } from '../../../api/planned.ts';
import type { CanaryReleaseSpec, CanaryReleaseStatus } from '../../../api/release.ts';
import type { ConditionType, EventReason } from '../../../api/names.ts';
import { COMPARISON } from '../evidence/comparison-look.ts';
import { describeForesight, findShortStages } from '../evidence/foresight.ts';
import type { ReleaseEvent } from './events.ts';
import { describeGatewayErrors } from './gateway-errors.ts';
import type { Facts } from '../assess.ts';
import { isRunning } from '../state.ts';
import { fromTime } from '../../../api/times.ts';
import type { Told } from './told.ts';

/** The news between two statuses of the same release. */
export function findVerdictEvents(
  spec: CanaryReleaseSpec,
  before: CanaryReleaseStatus,
  after: CanaryReleaseStatus,
): readonly ReleaseEvent[] {
  return [
    ...findFails(before, after),
    ...findOutage(before, after),
    ...findSilence(spec, before, after),
    ...findMismatchNews(before, after),
    ...findGatewayErrors(before, after),
  ];
}

/** What a status reports that the one before it did not: by the keys of `told.ts`, never by a sentence. */
export function findStatusEvents(before: CanaryReleaseStatus, after: CanaryReleaseStatus, facts: Facts): readonly ReleaseEvent[] {
  const isNew = (subject: keyof Told) => {
    const key = after.internal?.told?.[subject];
    return key !== undefined && key !== before.internal?.told?.[subject];
  };
  return SUBJECTS.filter(isNew).flatMap((subject) => EVENTS_OF[subject](after, facts));
}

type Write = (after: CanaryReleaseStatus, facts: Facts) => readonly ReleaseEvent[];

const messageOf = ({ conditions = [] }: CanaryReleaseStatus, type: ConditionType) =>
  (conditions.find((condition) => condition.type === type)?.message ?? '').slice(0, 1_000);

/** An event in the words of a condition. */
const inWordsOf =
  (type: ConditionType, reason: EventReason, warning = true): Write =>
  (after) => [{ reason, message: messageOf(after, type), ...(warning ? { warning } : {}) }];

const EVENTS_OF: Readonly<Record<keyof Told, Write>> = {
  // In mid-release the machine announces a block itself.
  block: (_after, { blocker, state }) =>
    isRunning(state) ? [] : [{ reason: 'Blocked', message: `${blocker?.reason}: ${blocker?.message}`, warning: true }],
  gitops: inWordsOf('GitOpsManaged', 'GitOpsManaged', false),
  gateway: inWordsOf('RoutesAccepted', 'RouteNotAccepted'),
  pods: inWordsOf('CanaryReady', 'CanaryNotReady'),
  serving: inWordsOf('ServingReady', 'ServingEmpty'),
  // What holds the Deployment went in mid-release. That stops nothing that runs, but a next change would roll without a canary.
  hold: (after) => [
    { reason: 'HoldUnavailable', message: `the release continues, but ${messageOf(after, 'TemplateHeld')}`, warning: true },
  ],
  rules: inWordsOf('OtherCanaryRules', 'OtherCanaryRules'),
  parity: (after, { blocker }) => (after.phase === 'Blocked' && blocker?.reason === 'PolicyParity' ? [] : tellParity(after)),
  // The event of the end says it.
  left: () => [],
};
/** In the order in which they are announced. */
const SUBJECTS = Object.keys(EVENTS_OF) as readonly (keyof Told)[];

/** Reported once when a release is about to begin; what blocks it is reported as that. */
function tellParity({ conditions = [] }: CanaryReleaseStatus): readonly ReleaseEvent[] {
  const found = conditions.find(({ type }) => type === 'PolicyParity');
  if (found === undefined || found.status === 'True') return [];
  return [{ reason: 'PolicyParity', message: found.message.slice(0, 1_000), warning: found.status === 'False' }];
}

/** What the traffic before the release says of its stages, as soon as it is known: before the first of them. */
export function findRateEvents(spec: CanaryReleaseSpec, before: CanaryReleaseStatus, after: CanaryReleaseStatus): readonly ReleaseEvent[] {
  if (before.release?.requestRate !== undefined) return [];
  const perSecond = rateBefore(after.release);
  const ahead = describeForesight(spec, after);
  if (perSecond === undefined || ahead === undefined) return [];
  const isShort = findShortStages(spec, perSecond).length > 0;
  return [{ reason: 'LittleTraffic', message: ahead.slice(0, 1_000), ...(isShort ? { warning: true } : {}) }];
}

function findFails(before: CanaryReleaseStatus, after: CanaryReleaseStatus): readonly ReleaseEvent[] {
  const known = new Set((before.release?.failing ?? []).map((entry) => entry.check));
  return (after.release?.failing ?? [])
    .filter((entry) => !known.has(entry.check))
    .map((entry): ReleaseEvent => {
      const check = (after.checks ?? []).find((one) => one.name === entry.check);
      const over = check?.requests === undefined ? '' : ` over ${check.requests} canary requests`;
      return {
        reason: 'VerdictFailed',
        message: `check ${entry.check} fails: ${check?.value ?? ''} (limit ${check?.limit ?? ''})${over}`,
        warning: true,
      };
    });
}

function findOutage(before: CanaryReleaseStatus, after: CanaryReleaseStatus): readonly ReleaseEvent[] {
  if (after.release?.unavailableSince === undefined || before.release?.unavailableSince !== undefined) return [];
  return [
    { reason: 'MetricsUnavailable', message: `Prometheus cannot be asked; the weight is held at ${after.weight ?? 0}%`, warning: true },
  ];
}

function findMismatchNews(before: CanaryReleaseStatus, after: CanaryReleaseStatus): readonly ReleaseEvent[] {
  if (after.release?.splitMismatch !== true || before.release?.splitMismatch === true) return [];
  const told = (after.checks ?? []).find(({ name }) => name === COMPARISON)?.message ?? 'the gateway does not split the traffic as asked';
  return [{ reason: 'TrafficSplitMismatch', message: `the weight is held at ${after.weight ?? 0}%: ${told}`, warning: true }];
}

function findGatewayErrors(before: CanaryReleaseStatus, after: CanaryReleaseStatus): readonly ReleaseEvent[] {
  const errors = describeGatewayErrors(after.release);
  if (errors === undefined || (before.release?.gatewayErrors ?? 0) > 0) return [];
  return [{ reason: 'GatewayErrors', message: `the weight is ${after.weight ?? 0}%: ${errors}`, warning: true }];
}

/** Missing traffic is reported when it has lasted a whole window: the first looks of a stage often see none. */
function findSilence(spec: CanaryReleaseSpec, before: CanaryReleaseStatus, after: CanaryReleaseStatus): readonly ReleaseEvent[] {
  const since = fromTime(after.release?.inconclusiveSince);
  // Whoever took the traffic was announced as that.
  if (since === undefined || after.release?.driftSince !== undefined) return [];
  const patience = parseDuration(spec.analysis.window);
  const was = fromTime(before.release?.lookGridAt) ?? since;
  const is = fromTime(after.release?.lookGridAt) ?? since;
  if (is - since < patience || was - since >= patience) return [];
  return [
    {
      reason: 'NoTraffic',
      message: `the canary has ${after.weight ?? 0}% and saw no request for ${spec.analysis.window}: that proves nothing, so the weight is held`,
      warning: true,
    },
  ];
}
