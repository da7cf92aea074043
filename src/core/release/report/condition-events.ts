// What people should hear of once although no state of the machine changed: a check that begins to fail, Prometheus that went
// away, a canary without traffic, a release that cannot begin. Edges between two statuses, nothing else.

import { parseDuration } from '../../../api/duration.ts';
import type { CanaryReleaseSpec, CanaryReleaseStatus } from '../../../api/release.ts';
import { COMPARISON } from '../evidence/comparison-look.ts';
import type { ReleaseEvent } from './event.ts';
import { isRunning, type StateName } from '../state.ts';
import { fromTime } from '../../../api/times.ts';
import { findParityNews } from './policy-parity.ts';

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
  ];
}

/** What changed between the status before a decision and the one after it, as people read them. */
export function findStatusEvents(before: CanaryReleaseStatus, after: CanaryReleaseStatus, state: StateName): readonly ReleaseEvent[] {
  return [
    ...findBlockNews(before, after, state),
    ...findGitOpsNews(before, after),
    ...findHoldNews(before, after, state),
    ...findParityNews(before, after),
  ];
}

/** A release that is blocked before its first write stays where it is: it is told when the reason is a new one. */
function findBlockNews(before: CanaryReleaseStatus, after: CanaryReleaseStatus, state: StateName): readonly ReleaseEvent[] {
  if (isRunning(state) || after.phase !== 'Blocked' || after.message === before.message) return [];
  return [{ reason: 'Blocked', message: (after.message ?? '').replace(/^blocked: /, ''), warning: true }];
}

/** What holds the Deployment went in mid-release. That stops nothing that runs, but a next change would roll without a canary. */
function findHoldNews(before: CanaryReleaseStatus, after: CanaryReleaseStatus, state: StateName): readonly ReleaseEvent[] {
  const isGone = ({ conditions = [] }: CanaryReleaseStatus) =>
    conditions.find(({ type, reason }) => type === 'TemplateHeld' && reason === 'HoldUnavailable');
  const found = isGone(after);
  if (!isRunning(state) || found === undefined || isGone(before) !== undefined) return [];
  return [{ reason: 'HoldUnavailable', message: `the release goes on, but ${found.message}`, warning: true }];
}

/** A route that a GitOps tool applies is told before the first weight is written: the tool may have to be told something first. */
function findGitOpsNews(before: CanaryReleaseStatus, after: CanaryReleaseStatus): readonly ReleaseEvent[] {
  const told = (before.conditions ?? []).find(({ type }) => type === 'GitOpsManaged');
  const found = (after.conditions ?? []).find(({ type }) => type === 'GitOpsManaged');
  return found === undefined || found.message === told?.message ? [] : [{ reason: 'GitOpsManaged', message: found.message }];
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

/** No traffic is told when it has lasted a whole window: the first looks of a stage often see none. */
function findSilence(spec: CanaryReleaseSpec, before: CanaryReleaseStatus, after: CanaryReleaseStatus): readonly ReleaseEvent[] {
  const since = fromTime(after.release?.inconclusiveSince);
  if (since === undefined) return [];
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
