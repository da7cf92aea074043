// The honest answer to low traffic: how many requests there were, how many a decision needs, and what a person can do about it.

import type { CanaryReleaseSpec, CanaryReleaseStatus } from '../../../api/release.ts';
import { roundCount } from '../../analysis/comparison/words.ts';
import { COMPARISON } from './comparison-look.ts';
import { fromTime } from '../../../api/times.ts';

/** Requests that there were, that a Pass needs, and how fast they come. */
export interface Shortfall {
  readonly have: number;
  readonly needed: number;
  /** Canary requests a second. */
  readonly rate: number;
  readonly elapsedMs: number;
}

/** What is missing for a Pass by numbers alone; undefined where numbers are not what is missing. */
export function findShortfall(status: CanaryReleaseStatus, spec: CanaryReleaseSpec, now: number): Shortfall | undefined {
  const { release } = status;
  if (release === undefined || (status.weight ?? 0) === 0) return undefined;
  const missing = [missingEvidence(status, spec), missingRequests(release, spec)].find((sum) => sum !== undefined && sum.have < sum.needed);
  if (missing === undefined) return undefined;
  const { have, needed, since } = missing;
  const elapsedMs = Math.max(0, now - (since ?? now));
  return { have, needed, elapsedMs, rate: elapsedMs === 0 ? 0 : (have / elapsedMs) * 1_000 };
}

interface Sum {
  readonly have: number;
  readonly needed: number;
  readonly since: number | undefined;
}

/** By the comparison, which counts the whole release; undefined where it has no say. */
function missingEvidence({ checks, release }: CanaryReleaseStatus, spec: CanaryReleaseSpec): Sum | undefined {
  const compared = (checks ?? []).find(({ name }) => name === COMPARISON);
  if (compared?.needed === undefined || spec.analysis.comparison.mode !== 'Enforce') return undefined;
  return { have: compared.requests ?? 0, needed: compared.needed, since: fromTime(release?.served?.[0]?.from) };
}

/** By `minRequests`, which counts the stage. */
function missingRequests(release: NonNullable<CanaryReleaseStatus['release']>, spec: CanaryReleaseSpec): Sum {
  const stage = spec.stages[release.stageIndex ?? 0];
  const needed = stage?.minRequests ?? spec.analysis.minRequests;
  return { have: release.stageRequests ?? 0, needed, since: fromTime(release.stageStartedAt) };
}

/** `38 of 210 canary requests after 30m at 0.4/s: raise this stage's weight to 20, approve, or set spec.analysis.onInconclusive`. */
export function describeShortfall(status: CanaryReleaseStatus, spec: CanaryReleaseSpec, now: number): string | undefined {
  const short = findShortfall(status, spec, now);
  if (short === undefined) return undefined;
  const weight = betterWeight(status.weight ?? 0, short);
  const raise = weight === undefined ? 'give the stage a longer timeout' : `raise this stage's weight to ${weight}`;
  return `${roundCount(short.have)} of ${roundCount(short.needed)} canary requests after ${describeMs(short.elapsedMs)} at ${describeRate(short.rate)}: ${raise}, approve, or set spec.analysis.onInconclusive`;
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
