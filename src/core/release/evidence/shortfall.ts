// The honest answer to low traffic: how many requests there were, how many a decision needs, and what a person can do about it.

import { asksForTraffic } from '../traffic.ts';
import type { CanaryReleaseSpec, CanaryReleaseStatus, ReleaseStatus } from '../../../api/release.ts';
import { roundCount } from '../../analysis/comparison/words.ts';
import { COMPARISON, isComparisonEnforced } from './comparison-look.ts';
import { fromTime } from '../../../api/times.ts';

/** Requests that were counted, that a Pass needs, and the time in which they were counted. */
export interface Shortfall {
  readonly have: number;
  readonly needed: number;
  /** From the first moment of the weight to the newest sample that was counted, never to the clock's present time. */
  readonly elapsedMs: number;
  /** Canary requests a second over that time; undefined where too few were counted. */
  readonly rate: number | undefined;
}

/** A rate from fewer requests may be wrong by half, and a time that is derived from it by far more. */
const LEAST_FOR_A_RATE = 30;

/** What is missing for a Pass by numbers alone; undefined where numbers are not what is missing. */
export function findShortfall(status: CanaryReleaseStatus, spec: CanaryReleaseSpec): Shortfall | undefined {
  const { release } = status;
  if (release === undefined || !asksForTraffic(status)) return undefined;
  const missing = [missingEvidence(status, spec), missingRequests(release, spec)].find((sum) => sum !== undefined && sum.have < sum.needed);
  if (missing === undefined) return undefined;
  const { have, needed, since, until } = missing;
  const elapsedMs = lengthOf(since, until);
  return { have, needed, elapsedMs, rate: rateOf(have, elapsedMs) };
}

/**
 * When the requests for a Pass will be there, by those of the present stage: earlier stages had another weight. Undefined where none are
 * missing, or where too few came.
 */
export function forecastRequests(status: CanaryReleaseStatus, spec: CanaryReleaseSpec): number | undefined {
  const { release } = status;
  const short = findShortfall(status, spec);
  if (release === undefined || short === undefined) return undefined;
  const { have, since, until } = missingRequests(release, spec);
  const rate = rateOf(have, lengthOf(since, until));
  if (rate === undefined || until === undefined) return undefined;
  return until + Math.ceil(((short.needed - short.have) / rate) * 1_000);
}

function rateOf(requests: number, elapsedMs: number): number | undefined {
  return requests < LEAST_FOR_A_RATE || elapsedMs === 0 ? undefined : (requests / elapsedMs) * 1_000;
}

function lengthOf(since: number | undefined, until: number | undefined): number {
  return since === undefined || until === undefined ? 0 : Math.max(0, until - since);
}

interface Sum {
  readonly have: number;
  readonly needed: number;
  readonly since: number | undefined;
  /** Until when they were counted. */
  readonly until: number | undefined;
}

/** By the comparison, which counts the whole release; undefined where it has no say. */
function missingEvidence({ checks, release }: CanaryReleaseStatus, spec: CanaryReleaseSpec): Sum | undefined {
  const compared = (checks ?? []).find(({ name }) => name === COMPARISON);
  if (compared?.needed === undefined || spec.analysis.comparison.mode !== 'Enforce') return undefined;
  const until = earlier(fromTime(compared.at), fromTime(release?.sampleAt));
  return { have: compared.requests ?? 0, needed: compared.needed, since: fromTime(release?.served?.[0]?.from), until };
}

/**
 * Canary requests that the stage needs; undefined where that gives way. What was written for one stage never does.
 * @param few the comparison goes by a number of requests, because few come
 */
export function leastRequests(spec: CanaryReleaseSpec, { stageIndex }: ReleaseStatus, few: boolean): number | undefined {
  return spec.stages[stageIndex ?? 0]?.minRequests ?? (few ? undefined : spec.analysis.minRequests);
}

/** The same as the last look had it. */
export function leastRequestsNow(spec: CanaryReleaseSpec, release: ReleaseStatus): number | undefined {
  return leastRequests(spec, release, release.fewRequests === true && isComparisonEnforced(spec));
}

/** By `minRequests`, which counts the stage. */
function missingRequests(release: ReleaseStatus, spec: CanaryReleaseSpec): Sum {
  const needed = leastRequestsNow(spec, release) ?? 0;
  const until = earlier(fromTime(release.lookGridAt), fromTime(release.sampleAt));
  return { have: release.stageRequests ?? 0, needed, since: fromTime(release.stageStartedAt), until };
}

/** A look counts up to the newest sample that it saw. */
function earlier(lookMs: number | undefined, sampleMs: number | undefined): number | undefined {
  return lookMs === undefined || sampleMs === undefined ? (lookMs ?? sampleMs) : Math.min(lookMs, sampleMs);
}

/** `72 of 210 canary requests after 30m at 0.04/s: raise this stage's weight to 15, or set spec.analysis.onInconclusive`. */
export function describeShortfall(status: CanaryReleaseStatus, spec: CanaryReleaseSpec): string | undefined {
  const short = findShortfall(status, spec);
  if (short === undefined) return undefined;
  const weight = betterWeight(status.weight ?? 0, short);
  const raise = weight === undefined ? 'give the stage a longer timeout' : `raise this stage's weight to ${weight}`;
  const time = short.elapsedMs === 0 ? '' : ` after ${describeMs(short.elapsedMs)}`;
  const rate = short.rate === undefined ? '' : ` at ${describeRate(short.rate)}`;
  // Elsewhere nothing waits for an approval.
  const approve = spec.analysis.onInconclusive === 'Approve' ? ', approve' : '';
  return `${roundCount(short.have)} of ${roundCount(short.needed)} canary requests${time}${rate}: ${raise}${approve}, or set spec.analysis.onInconclusive`;
}

/** The weight at which as much time would have been enough, in steps of 5; undefined where even half of the traffic would not do. */
function betterWeight(weight: number, { have, needed }: Shortfall): number | undefined {
  if (have === 0) return undefined;
  const wanted = Math.ceil((weight * needed) / have / 5) * 5;
  return wanted > 50 || wanted <= weight ? undefined : wanted;
}

function describeRate(rate: number): string {
  return `${Number(rate.toPrecision(2))}/s`;
}

/** `45s`, `30m`, `1h20m`. */
function describeMs(ms: number): string {
  if (ms < 59_500) return `${Math.round(ms / 1_000)}s`;
  const minutes = Math.round(ms / 60_000);
  return minutes < 60 ? `${minutes}m` : `${Math.floor(minutes / 60)}h${minutes % 60 === 0 ? '' : `${minutes % 60}m`}`;
}
