// What comes next in a stage or in the bake, and when at the earliest. A time that has passed is never shown: then it is said what is
// waited for.

import type { CanaryReleaseSpec, CanaryReleaseStatus } from '../../../api/release.ts';
import { clockOf, fromTime, toSeconds } from '../../../api/times.ts';
import type { Facts } from '../assess.ts';
import { describeNotReady } from '../checks/canary-pods.ts';
import { forecastRequests } from '../evidence/shortfall.ts';
import { countPods, endOfStep } from '../facts/withdrawal.ts';
import type { StateName } from '../state.ts';
import { describeGateWait } from './gate-words.ts';

/** The time that the message shows as one that is still to come, Unix milliseconds; undefined where it shows none. */
export function findShownTime(status: CanaryReleaseStatus, state: StateName, facts: Facts): number | undefined {
  const due = findDueTime(status, state, facts);
  return due !== undefined && due > facts.now ? due : undefined;
}

function findDueTime(status: CanaryReleaseStatus, state: StateName, facts: Facts): number | undefined {
  if (state === 'stage.analyzing') return findEnd(status, facts);
  if (state === 'promoting.baking') return facts.servedAt;
  if (state === 'preparing') return facts.podsAwaitedUntil;
  const { release, weight = 0 } = status;
  const gives = state === 'promoting.restoring' && release !== undefined && weight > 0 && countPods(release, facts.workload) !== undefined;
  return gives ? endOfStep(release) : undefined;
}

/** When the stage's duration is served, or later when the requests for a decision are expected. */
function findEnd(status: CanaryReleaseStatus, { servedAt, spec }: Facts): number | undefined {
  const enough = forecastRequests(status, spec);
  return servedAt === undefined || enough === undefined ? servedAt : Math.max(servedAt, enough);
}

/** `50% at 14:09:12Z at the earliest`, or what 50% waits for. */
export function describeNext(status: CanaryReleaseStatus, facts: Facts): string {
  const next = facts.spec.stages[(status.release?.stageIndex ?? 0) + 1];
  const what = next === undefined ? 'promotion' : `${next.weight}%`;
  if (facts.servingEmpty !== undefined) return `${what} waits for a ready endpoint of Service ${facts.sides?.serving ?? ''}`;
  return `${what} ${describeGateWait(facts.spec, status, facts.state) ?? describeWay(status, facts)}`;
}

/** What a raise waits for, in words that follow it. */
function describeWay(status: CanaryReleaseStatus, facts: Facts): string {
  if (status.verdict === 'Fail')
    return `waits for a Pass: no limit may be broken for ${facts.stage?.duration ?? ''}${describeTimeout(status, facts)}`;
  const at = findShownTime(status, 'stage.analyzing', facts);
  if (at !== undefined) return `at ${clockOf(at)} at the earliest`;
  const hindrance = describeHindrance(status, facts);
  if (hindrance !== undefined) return `waits: ${hindrance}`;
  return status.verdict === 'Pass' ? 'next' : `next, with a Pass${describeTimeout(status, facts)}`;
}

const AT_TIMEOUT: Readonly<Record<CanaryReleaseSpec['analysis']['onInconclusive'], string>> = {
  Pause: 'the release pauses',
  Approve: 'a person is asked',
  Promote: 'it advances if an evaluation of the stage has passed, else it pauses',
  Rollback: 'it rolls back',
};

/** What happens without a Pass, and when; nothing where that is over. */
function describeTimeout({ release }: CanaryReleaseStatus, { spec, now }: Facts): string {
  const at = fromTime(release?.stageTimesOutAt);
  if (at === undefined || at <= now) return '';
  return `; without one at ${clockOf(at)} ${AT_TIMEOUT[spec.analysis.onInconclusive]} (spec.analysis.onInconclusive)`;
}

/** `watched at 100% until 14:09:12Z`, or what the end of the bake waits for. */
export function describeBake(status: CanaryReleaseStatus, facts: Facts): string {
  const at = findShownTime(status, 'promoting.baking', facts);
  if (at !== undefined) return `watched at 100% until ${clockOf(at)}`;
  const hindrance = describeHindrance(status, facts);
  return hindrance === undefined ? 'watched at 100%' : `watched at 100%, the end waits: ${hindrance}`;
}

/** What a raise waits for although its time has come; undefined where it is the judge's word. */
function describeHindrance({ release }: CanaryReleaseStatus, facts: Facts): string | undefined {
  if (release?.unavailableSince !== undefined) return `Prometheus has not answered since ${toSeconds(release.unavailableSince)}`;
  const gateway = facts.rejection?.message ?? describeGatewayWait(release, facts);
  if (gateway !== undefined) return gateway;
  if (!facts.canaryReady && release !== undefined) return describeNotReady(facts, release);
  return facts.lowered ? 'somebody lowered the share, and no evaluation has passed since' : undefined;
}

/** The gateway that has not answered, and since when. */
export function describeGatewayWait(release: CanaryReleaseStatus['release'], { acceptanceWait }: Facts): string | undefined {
  if (acceptanceWait === undefined) return undefined;
  const since = release?.gatewayWaitSince;
  return since === undefined ? acceptanceWait : `${acceptanceWait}, since ${toSeconds(since)}`;
}
