// How the wanted weight of a stage changes, and when its clock begins.

import { parseDuration } from '../../../api/duration.ts';
import type { CanaryReleaseStatus } from '../../../api/release.ts';
import { toTime } from '../../../api/times.ts';
import type { Facts } from '../assess.ts';
import { accountFor } from '../drift/accounting.ts';
import { countPutBack } from '../drift/drift.ts';
import { describeRevision } from '../facts/revision.ts';
import { timeoutOf } from '../facts/stage-clock.ts';
import { BLOCK_FIELDS, edit } from './change.ts';

type Status = CanaryReleaseStatus;

/** Gives the first weight, to the pods that stand behind the canary at this moment: they are what is being released. */
export function enterFirstStage(status: Status, facts: Facts): Status {
  return enterStage(takePods(status, facts), facts, 0);
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
  return raiseTo(edit(status, { stageIndex: index, stage: stage.name ?? String(index + 1) }), facts, stage.weight);
}

/** Wants a weight. A raise over an edit that lowered ours is a put-back. */
export function raiseTo(status: Status, facts: Facts, weight: number): Status {
  const before = status.weight ?? 0;
  const raises = weight > before;
  // A raise over an edit that lowered our weight puts it back.
  const counted = raises && status.release?.driftSince !== undefined ? countPutBack(status.release, facts.now) : status.release;
  const raised = edit(
    counted === undefined ? status : { ...status, release: counted },
    { weightBefore: before, shiftedAt: toTime(facts.now), maxWeight: Math.max(status.release?.maxWeight ?? 0, weight) },
    [
      ...(['stageStartedAt', 'stageEndsAt', 'stageTimesOutAt', 'cleanSince', 'returnTo', 'puttingBack', 'passInStage'] as const),
      ...(raises ? (['driftSince', 'driftBy'] as const) : []),
    ],
  );
  return { ...accountFor(raised, facts.standings, raises), weight };
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
      stageEndsAt: toTime(now + parseDuration(stage.duration)),
      stageTimesOutAt: toTime(now + timeoutOf(stage)),
      stageRequests: 0,
    },
    ['verdict', 'passInStage', 'passAt', 'puttingBack', 'driftSince', 'driftBy', 'weightBefore', ...BLOCK_FIELDS],
  );
  const { verdict: _verdict, ...rest } = begun;
  return { ...rest, checks: [] };
}
