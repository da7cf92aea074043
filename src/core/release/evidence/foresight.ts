// What the traffic before a release says of its stages, before they begin: which default stages are used, and which stages will not get
// the requests that a Pass needs.

import { formatDuration, parseDuration } from '../../../api/duration.ts';
import { rateBefore } from '../../../api/planned.ts';
import type { CanaryReleaseSpec, CanaryReleaseStatus, Stage } from '../../../api/release.ts';
import { LITTLE_TRAFFIC_PER_SECOND } from '../../../api/spec.ts';
import { allowedByRequests } from '../../analysis/comparison/judgement.ts';
import { riskBudgetOf } from '../../analysis/comparison/settings.ts';
import { requestsAtBest, roundCount } from '../../analysis/comparison/words.ts';
import type { LookReading } from '../../analysis/reading.ts';
import { isPreparing, type StateName } from '../state.ts';
import { hasGivenTraffic } from '../traffic.ts';
import { isComparisonEnforced, raiseAfter } from './comparison-look.ts';

/** Notes once what serving got in the half hour before: the stages of a release that has begun stay as they are. */
export function noteRateBefore(status: CanaryReleaseStatus, state: StateName, looks: readonly LookReading[]): CanaryReleaseStatus {
  const { release } = status;
  if (release === undefined || release.requestRate !== undefined) return status;
  if (!isPreparing(state, release) || hasGivenTraffic(release)) return status;
  const rate = looks.find((look) => look.rateBefore !== undefined)?.rateBefore;
  return rate === undefined ? status : { ...status, release: { ...release, requestRate: `${Number(rate.toFixed(3))}/s` } };
}

/** A stage that does not get enough requests, even if no answer is bad. */
export interface ShortStage {
  readonly index: number;
  /** Canary requests that are expected by its timeout, and those that a Pass needs, of the release or of the stage. */
  readonly expected: number;
  readonly needed: number;
  /** A weight in percent at which they would come in the same time; undefined where none below the next stage's would do. */
  readonly weight: number | undefined;
  /** The timeout in which they would come, milliseconds; undefined where none that can be written would do. */
  readonly timeoutMs: number | undefined;
}

/** The longest timeout that is worth proposing. */
const MOST_TIMEOUT_MS = 168 * 3_600_000;

/** Stages that cannot prove anything at this rate of both versions together. */
export function findShortStages(spec: CanaryReleaseSpec, perSecond: number): readonly ShortStage[] {
  if (spec.analysis.mode === 'Off') return [];
  return spec.stages.flatMap((stage, index) => {
    const short = stage.weight === 0 ? undefined : shortOf(spec, stage, index, perSecond);
    return short === undefined ? [] : [short];
  });
}

function shortOf(spec: CanaryReleaseSpec, stage: Stage, index: number, perSecond: number): ShortStage | undefined {
  const next = raiseAfter(spec, index, stage.weight);
  const { evidence, minimum } = needsOf(spec, stage, perSecond, next);
  const before = spec.stages.slice(0, index).reduce((sum, one) => sum + expectedIn(perSecond, one.weight, parseDuration(one.duration)), 0);
  const timeoutMs = parseDuration(stage.timeout);
  const inStage = expectedIn(perSecond, stage.weight, timeoutMs);
  const byEvidence = evidence - before > minimum;
  const [expected, needed] = byEvidence ? [before + inStage, evidence] : [inStage, minimum];
  if (expected >= needed) return undefined;
  // The factor by which weight or time would have to be larger.
  const factor = Math.max(evidence - before, minimum) / inStage;
  const weight = Math.ceil((stage.weight * factor) / 5) * 5;
  const neededMs = Math.ceil((timeoutMs * factor) / 60_000) * 60_000;
  return {
    index,
    expected,
    needed,
    weight: weight <= Math.min(50, next.share * 100) ? weight : undefined,
    timeoutMs: neededMs <= MOST_TIMEOUT_MS ? neededMs : undefined,
  };
}

function expectedIn(perSecond: number, weight: number, ms: number): number {
  return (perSecond * weight * ms) / 100_000;
}

/** Canary requests that a Pass needs at best: by the comparison since the release began, and in the stage. */
function needsOf(spec: CanaryReleaseSpec, stage: Stage, perSecond: number, next: ReturnType<typeof raiseAfter>) {
  const { ratio, requests } = riskBudgetOf(spec);
  const [byRatio, byRequests] = [ratio / next.share, allowedByRequests(requests, perSecond, next)];
  const enforced = isComparisonEnforced(spec);
  const givesWay = enforced && byRequests > byRatio;
  return {
    evidence: enforced ? requestsAtBest(Math.max(byRatio, byRequests)) : 0,
    minimum: stage.minRequests ?? (givesWay ? 0 : spec.analysis.minRequests),
  };
}

/** Does this release use the default stages for little traffic? */
export function usesStagesOfLittleTraffic(spec: CanaryReleaseSpec, { release }: Pick<CanaryReleaseStatus, 'release'>): boolean {
  const perSecond = rateBefore(release);
  return spec.hasDefaultStages === true && perSecond !== undefined && perSecond < LITTLE_TRAFFIC_PER_SECOND;
}

/** What a person should know of the stages before they begin; undefined where nothing is unusual. */
export function describeForesight(spec: CanaryReleaseSpec, status: Pick<CanaryReleaseStatus, 'release'>): string | undefined {
  const perSecond = rateBefore(status.release);
  if (perSecond === undefined) return undefined;
  const isLittle = usesStagesOfLittleTraffic(spec, status);
  const parts = [
    ...(isLittle ? [`little traffic: the default stages are ${spec.stages.map(nameStage).join(', ')}`] : []),
    ...findShortStages(spec, perSecond).map((short) => describeShortStage(spec, short)),
  ];
  return parts.length === 0
    ? undefined
    : `serving had ${Number(perSecond.toPrecision(2))} requests/s in the half hour before; ${parts.join('; ')}`;
}

function nameStage({ weight, duration }: Stage): string {
  return `${weight}% for ${duration}`;
}

/** `stage 1 (5%) expects 27 canary requests in its 30m, a Pass needs 84: give it weight 20 or a timeout of 1h34m`. */
export function describeShortStage(spec: CanaryReleaseSpec, { index, expected, needed, weight, timeoutMs }: ShortStage): string {
  const stage = spec.stages[index];
  const remedies = [
    ...(weight === undefined ? [] : [`weight ${weight}`]),
    ...(timeoutMs === undefined ? [] : [`a timeout of ${formatDuration(timeoutMs)}`]),
  ];
  const advice = remedies.length === 0 ? 'approve it yourself, or release when there is more traffic' : `give it ${remedies.join(' or ')}`;
  const whole = index === 0 || needed === stage?.minRequests ? '' : ' since the release began';
  return `stage ${index + 1} (${stage?.weight ?? 0}%) expects ${roundCount(Math.floor(expected))} canary requests${whole} by its timeout of ${stage?.timeout ?? ''}, a Pass needs ${roundCount(needed)}: ${advice}`;
}
