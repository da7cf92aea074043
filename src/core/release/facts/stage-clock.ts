// What the clock and the judge's last word say of the present stage, of the release and of what it waits for.

import { parseDuration } from '../../../api/duration.ts';
import type { CanaryReleaseSpec, CanaryReleaseStatus, Stage } from '../../../api/release.ts';
import { fromTime } from '../../../api/times.ts';
import { waitForSamples } from '../evidence/lateness.ts';
import { gridOf } from '../evidence/look-grid.ts';
import { isRunning, type StateName } from '../state.ts';
import { asksForTraffic } from '../traffic.ts';
import type { Gathered } from './gather.ts';

export interface StageClock {
  readonly stage: Stage | undefined;
  /** The duration of the stage, or of the bake, passed without Fail and Unavailable. */
  readonly stageServed: boolean;
  /** When it will have passed; undefined before the clock began, and while it stands. */
  readonly servedAt: number | undefined;
  readonly stageProven: boolean;
  /** The looks are read up to now, so that the last verdict is about now. */
  readonly evidenceFresh: boolean;
  /** `stages[].timeout` passed. */
  readonly timedOut: boolean;
  /** The stage timed out without proof while Prometheus answered. */
  readonly inconclusiveTooLong: boolean;
  /** `onUnavailable.after` passed since Prometheus answered last. */
  readonly unavailableTooLong: boolean;
  /** `onBlocked.after` passed since the trouble began. */
  readonly blockedTooLong: boolean;
  /** `onBlocked.after` passed since a gateway took the last change of a route. */
  readonly gatewaySilentTooLong: boolean;
  /** `onBlocked.after` passed since an endpoint of the canary was not ready. */
  readonly podsMissingTooLong: boolean;
  /** `deadline.after` passed since the release began. */
  readonly deadlinePassed: boolean;
}

export function readStageClock({ spec, now, enforced }: Gathered, status: CanaryReleaseStatus, state: StateName): StageClock {
  const { release } = status;
  if (release === undefined) return { ...NO_RELEASE, stage: spec.stages[0] };
  const stage = spec.stages[release.stageIndex ?? 0];
  const evidenceFresh = isEvidenceFresh(spec, status, now);
  const servedAt = findServedAt(stage, spec, status, state);
  const stageServed = servedAt !== undefined && now >= servedAt;
  const stageProven = stageServed && isProven(spec, status, { fresh: evidenceFresh, servedAt });
  const timedOut = isRunning(state) && hasPassed(release.stageTimesOutAt, now);
  return {
    stage,
    evidenceFresh,
    stageServed,
    servedAt,
    stageProven,
    timedOut,
    inconclusiveTooLong: timedOut && enforced && evidenceFresh && release.verdict !== 'Unavailable' && !stageProven,
    unavailableTooLong: enforced && hasLasted(release.unavailableSince, spec.analysis.onUnavailable.after, now),
    blockedTooLong: state === 'blocked' && hasLasted(release.blockedSince, spec.onBlocked.after, now),
    gatewaySilentTooLong: hasLasted(release.gatewayWaitSince, spec.onBlocked.after, now),
    podsMissingTooLong: hasLasted(release.podsWaitSince, spec.onBlocked.after, now),
    deadlinePassed: hasPassed(release.deadlineAt, now),
  };
}

const NO_RELEASE: Omit<StageClock, 'stage'> = {
  evidenceFresh: false,
  stageServed: false,
  servedAt: undefined,
  stageProven: false,
  timedOut: false,
  inconclusiveTooLong: false,
  unavailableTooLong: false,
  blockedTooLong: false,
  gatewaySilentTooLong: false,
  podsMissingTooLong: false,
  deadlinePassed: false,
};

/** Nothing falls due at a time that is not set. */
function hasPassed(time: string | undefined, now: number): boolean {
  const at = fromTime(time);
  return at !== undefined && now >= at;
}

function hasLasted(since: string | undefined, duration: string, now: number): boolean {
  const from = fromTime(since);
  return from !== undefined && now >= from + parseDuration(duration);
}

function findServedAt(
  stage: Stage | undefined,
  spec: CanaryReleaseSpec,
  status: CanaryReleaseStatus,
  state: StateName,
): number | undefined {
  // Where the judge does not act, what it says does not stop the clock either.
  const cleanSince = fromTime(spec.analysis.mode === 'Enforce' ? status.release?.cleanSince : status.release?.stageStartedAt);
  if (cleanSince === undefined || stage === undefined) return undefined;
  // The clock stands while Prometheus is away (rule 6).
  if (spec.analysis.mode === 'Enforce' && status.release?.unavailableSince !== undefined) return undefined;
  const servedAt = cleanSince + parseDuration(state === 'promoting.baking' ? spec.promotion.bake : stage.duration);
  // A Pass waits for the samples of all of it.
  return servedAt + waitForSamples(spec, status.release);
}

/** The judge's last word is Pass; where the judge does not act, time alone counts. Inconclusive and Unavailable prove nothing. */
function isProven(
  spec: CanaryReleaseSpec,
  status: CanaryReleaseStatus,
  { fresh, servedAt }: { readonly fresh: boolean; readonly servedAt: number },
): boolean {
  if (spec.analysis.mode !== 'Enforce') return true;
  if (!asksForTraffic(status)) return true;
  const passes = fresh && status.release?.verdict === 'Pass' && status.release.passInStage === true;
  return passes && hasSamplesUpTo(spec, status, servedAt);
}

/** Samples of the stage's end were seen, as far as looks between scrapes can: a gateway that is not scraped any more proves nothing. */
function hasSamplesUpTo(spec: CanaryReleaseSpec, { release }: CanaryReleaseStatus, servedAt: number): boolean {
  const newest = fromTime(release?.sampleAt);
  // Where nothing is counted there are no samples to wait for.
  if (newest === undefined) return true;
  const between = parseDuration(spec.analysis.interval) + 2 * (release?.scrapeIntervalMs ?? 0);
  return newest + between >= servedAt - waitForSamples(spec, release);
}

/** An operator that was away, or whose Prometheus hangs, must first read what it missed (rule 5): old evidence raises nothing. */
function isEvidenceFresh(spec: CanaryReleaseSpec, status: CanaryReleaseStatus, now: number): boolean {
  const { release } = status;
  const last = fromTime(release?.lookGridAt);
  if (release === undefined || last === undefined) return false;
  return last >= now - 2 * gridOf(spec, release).intervalMs - parseDuration(spec.analysis.metrics.prometheus.timeout);
}

/** The longest that a stage may wait for proof. */
export function timeoutOf(stage: Stage): number {
  const fallback = Math.max(30 * 60_000, 10 * parseDuration(stage.duration));
  return stage.timeout === undefined ? fallback : parseDuration(stage.timeout);
}
