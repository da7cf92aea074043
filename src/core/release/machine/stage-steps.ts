// How the wanted weight of a stage changes, and when its clock begins.

import { parseDuration } from '../../../api/duration.ts';
import type { CanaryReleaseStatus, Cohort } from '../../../api/release.ts';
import { toExactTime, toTime } from '../../../api/times.ts';
import type { Facts } from '../assess.ts';
import { accountFor } from '../drift/accounting.ts';
import { countPutBack } from '../drift/drift.ts';
import { waitForSamples } from '../evidence/lateness.ts';
import { isSameCohort } from '../../routing/cohort.ts';
import { describeRevision } from '../facts/revision.ts';
import { timeoutOf } from '../facts/stage-clock.ts';
import { cohortAt } from '../traffic.ts';
import { BLOCK_FIELDS, edit, endCohort } from './change.ts';

type Status = CanaryReleaseStatus;

/** Gives the first weight, or keeps the one that was taken over, to the pods that stand behind the canary at this moment: they are what is being released. */
export function enterFirstStage(status: Status, facts: Facts): Status {
  return enterStage(takePods(status, facts), facts, status.release?.stageIndex ?? 0);
}

/** The pods that stand behind the canary at this moment are the revision that is released. */
export function takePods(status: Status, { canaryKey }: Facts): Status {
  if (canaryKey === undefined) return status;
  return edit(status, { templateHashes: [...canaryKey.templateHashes], revision: describeRevision(canaryKey) });
}

/** Wants the weight of a stage. The stage's clock begins when the weight is effective. */
export function enterStage(status: Status, facts: Facts, index: number): Status {
  const stage = facts.spec.stages[index];
  if (stage === undefined) return status;
  const named = edit(status, { stageIndex: index, stage: stage.name ?? String(index + 1) });
  return raiseTo(named, facts, Math.max(stage.weight, adoptedAt(named, facts)), cohortAt(facts.spec, index));
}

/** The weight that was there before the release stays until a Pass, also where no stage has it. */
function adoptedAt({ weight = 0, release }: Status, { state }: Facts): number {
  return state === 'preparing' && release?.adoptedWeight !== undefined ? weight : 0;
}

/** Wants a weight, and a cohort beside it. A raise over an edit that lowered ours is a put-back. */
export function raiseTo(status: Status, facts: Facts, weight: number, cohort: Cohort | undefined): Status {
  const before = status.weight ?? 0;
  const raises = weight > before || isOtherCohort(status, cohort);
  // A raise over an edit that lowered our weight puts it back.
  const counted = raises && status.release?.driftSince !== undefined ? countPutBack(status.release, facts.now) : status.release;
  const raised = edit(
    counted === undefined ? status : { ...status, release: counted },
    {
      weightBefore: before,
      shiftedAt: toTime(facts.now),
      maxWeight: Math.max(status.release?.maxWeight ?? 0, weight),
      ...(before === 0 && raises ? settleIn(facts, COMES_MS) : {}),
    },
    [
      ...([
        'stageStartedAt',
        'stageEndsAt',
        'stageTimesOutAt',
        'cleanSince',
        'returnTo',
        'puttingBack',
        'passInStage',
        'seenSplit',
      ] as const),
      ...(raises ? (['driftSince', 'driftBy'] as const) : []),
    ],
  );
  return { ...accountFor(wantCohort(raised, cohort, facts.now), facts.standings, raises), weight };
}

function isOtherCohort({ release }: Status, cohort: Cohort | undefined): boolean {
  return cohort !== undefined && !isSameCohort(cohort, release?.cohort);
}

/** The cohort that is sent from now on, beside the one before, in case the raise is taken back. */
function wantCohort(status: Status, cohort: Cohort | undefined, now: number): Status {
  const before = status.release?.cohort;
  const kept = before === undefined ? edit(status, {}, ['cohortBefore']) : edit(status, { cohortBefore: before });
  if (cohort !== undefined) return edit(kept, { cohort, cohortGiven: true });
  return before === undefined ? kept : endCohort(kept, now);
}

/** A new backend is given so long before it is sent requests: 1.2 s were too short in one of eight tries (docs/decisions/0028). */
const COMES_MS = 2_500;
/** One that gets no more requests stays so long before its weight becomes 0. */
const GOES_MS = 3_000;

function settleIn({ standings, now }: Facts, ms: number): { readonly settlesAt?: string } {
  const isNeeded = standings.some(({ rules }) => rules.some(({ recorded }) => recorded.residual === true));
  return isNeeded ? { settlesAt: toExactTime(now + ms) } : {};
}

/** A backend got its last share, for gateways that forget it with its weight. */
export function settleLast(facts: Facts): { readonly settlesAt?: string } {
  return settleIn(facts, GOES_MS);
}

/** The weight is effective: the stage's own evidence begins here. Looks before it are none of this stage's. */
export function beginStageClock(status: Status, facts: Facts): Status {
  const { stage, now } = facts;
  if (stage === undefined) return status;
  const begun = edit(
    status,
    {
      stageStartedAt: toTime(now),
      cleanSince: toTime(now),
      stageEndsAt: toTime(now + parseDuration(stage.duration) + waitForSamples(facts.spec, status.release)),
      stageTimesOutAt: toTime(now + timeoutOf(stage)),
      stageRequests: 0,
    },
    ['verdict', 'passInStage', 'passAt', 'puttingBack', 'driftSince', 'driftBy', 'weightBefore', 'cohortBefore', ...BLOCK_FIELDS],
  );
  const { verdict: _verdict, ...rest } = begun;
  return { ...rest, checks: [] };
}
