// The sentinel in the status: when a canary is young enough to be watched by the gateway's own counters, and what a conviction does.

import type { CanaryReleaseSpec, CanaryReleaseStatus } from '../../../api/release.ts';
import { toExactTime } from '../../../api/times.ts';
import type { SentinelReading, SentinelSeen } from '../../analysis/sentinel.ts';
import { isJudged, type StateName } from '../state.ts';
import { COMPARISON } from './comparison-look.ts';

/**
 * Part of `maxFalseRollbacks` that the sentinel may spend; the comparison has the rest of it while there is a sentinel. What the sentinel
 * is for shows in a few seconds at any level, and the comparison loses a tenth of a nat.
 */
export const SENTINEL_SHARE = 0.1;

/** `status.release.failedCheck.message` and the pods of the record take so much. */
const MOST_MESSAGE = 512;
const MOST_TARGETS = 16;

/** Does this spec want to be watched, where the operator has a sentinel? Nothing acts on what is only observed. */
export function wantsSentinel({ analysis }: CanaryReleaseSpec): boolean {
  return analysis.mode === 'Enforce' && analysis.sentinel === 'Auto';
}

/** A canary is young at every weight of its own, until the first Pass there. */
export function isYoung(spec: CanaryReleaseSpec, status: CanaryReleaseStatus, state: StateName): boolean {
  const { weight = 0, release } = status;
  if (!wantsSentinel(spec) || !isJudged(state) || release === undefined) return false;
  return weight > 0 && weight < 100 && release.passInStage !== true && release.failedCheck === undefined;
}

/** A conviction fails the release as a check does, and leaves what was seen. Without one nothing changes: silence proves nothing. */
export function foldSentinel(status: CanaryReleaseStatus, state: StateName, reading: SentinelReading | undefined): CanaryReleaseStatus {
  const { release } = status;
  const conviction = reading?.conviction;
  if (conviction === undefined || release === undefined || release.failedCheck !== undefined || !isJudged(state)) return status;
  if (conviction.check === COMPARISON && status.internal?.serving?.emptySince !== undefined) return status;
  const { check, reason, message, seen } = conviction;
  return {
    ...status,
    verdict: 'Fail',
    release: {
      ...release,
      verdict: 'Fail',
      failedCheck: { name: check, reason, message: message.slice(0, MOST_MESSAGE) },
      sentinel: recordOf(check, seen),
    },
  };
}

function recordOf(check: string, { fromMs, toMs, targets, canary, serving }: SentinelSeen) {
  return {
    check,
    from: toExactTime(fromMs),
    to: toExactTime(toMs),
    targets: targets.slice(0, MOST_TARGETS),
    canary: armOf(canary),
    serving: armOf(serving),
  };
}

function armOf({ requests, serverErrors, clientErrors }: SentinelSeen['canary']) {
  return { requests: Math.round(requests), serverErrors: Math.round(serverErrors), clientErrors: Math.round(clientErrors) };
}
