// The comparison in words, rounded as a person would: what was seen, how sure that is, and what is still needed.

import type { Judgement } from './judgement.ts';
import type { WideBucket } from './wide-bucket.ts';

/** Thousands set apart by commas, as `Intl` does it for English at ten times the cost. */
function group(count: number): string {
  return String(Math.round(count)).replace(/\B(?=(\d{3})+$)/g, ',');
}

/** A count with thousands set apart; from five digits on only three of them say anything. */
export function roundCount(count: number): string {
  return group(count < 10_000 ? count : Number(count.toPrecision(3)));
}

/** A ratio as a percentage with two digits that matter. */
export function roundPercent(ratio: number): string {
  if (!Number.isFinite(ratio)) return '?%';
  const percent = ratio * 100;
  return `${percent === 0 ? 0 : Number(percent.toPrecision(Math.abs(percent) >= 10 ? 3 : 2))}%`;
}

function roundPoints(ratio: number): string {
  return String(Number((ratio * 100).toFixed(Math.abs(ratio) < 0.01 ? 2 : 1)));
}

function roundSeconds(seconds: number): string {
  return seconds < 1 ? `${Math.round(seconds * 1_000)}ms` : `${Number(seconds.toPrecision(2))}s`;
}

/** Evidence as people can compare it with what is needed. */
function roundEvidence(evidence: number, needed: number): string {
  if (evidence >= 1_000 * needed) return `over ${group(1_000 * needed)}`;
  // Never up: 99.7 of 100 is not enough.
  return evidence >= 10 ? group(Math.floor(evidence)) : String(Math.floor(evidence * 10) / 10);
}

const RATIO_WORDS = { errors: 'errors', clientErrors: 'client errors' } as const;

/** `canary 1.9% errors, serving 0.3%, over 4,120 and 37,000 requests; likely worse than serving`. */
export function describeComparison(judgement: Judgement): string {
  const { canary, serving, gap, wide } = judgement;
  const over = `over ${roundCount(canary.requests)} and ${roundCount(serving.requests)} requests`;
  const said = `${describeDifference(judgement)}, ${over}; ${describeCertainty(judgement)}`;
  const missing = gap ?? (wide === undefined ? undefined : describeWideBucket(wide));
  return missing === undefined ? said : `${said}; ${missing}`;
}

/** How sure that is. */
function describeCertainty(judgement: Judgement): string {
  const { finding, evidence, needed } = judgement;
  switch (finding) {
    case 'worse':
      return 'certain';
    case 'earned':
      return 'certain enough for the next weight';
    case 'mismatch':
    case 'unproven':
      // Half of what a rollback takes, as evidence multiplies.
      return evidence >= Math.sqrt(needed) ? 'likely worse than serving' : describeMissing(judgement);
  }
}

function describeMissing(judgement: Judgement): string {
  const [have, needed] = [judgement.canary.requests, requestsNeeded(judgement)];
  if (have >= needed) return 'not certain yet';
  const { perSecond } = judgement;
  const time = perSecond === undefined ? '' : `, about ${roundTime((needed - have) / perSecond)}`;
  return `not enough requests yet (${roundCount(have)} of ${roundCount(needed)}${time})`;
}

/** `40 s`, `12 min`, `3 h`. */
function roundTime(seconds: number): string {
  if (seconds < 90) return `${Math.max(1, Math.round(seconds))} s`;
  return seconds < 5_400 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3_600)} h`;
}

/** The numbers behind these words, `excess of errors between 0.9 and 2.4 points; evidence against the canary 31 of 100 needed`. */
export function describeFigures(judgement: Judgement): string {
  const { lower, upper, evidence, needed } = judgement;
  const between = isInformative(judgement) ? `excess of errors between ${roundPoints(lower)} and ${roundPoints(upper)} points; ` : '';
  return `${between}evidence against the canary ${roundEvidence(evidence, needed)} of ${group(needed)} needed`;
}

/** What the buckets hide, for people. */
export function describeWideBucket({ lower, upper }: WideBucket): string {
  if (upper === Number.POSITIVE_INFINITY)
    return `p50 to p99 of serving are above the largest bucket, ${roundSeconds(lower)}: whether a canary is slower cannot be seen`;
  const bucket = lower === 0 ? `up to ${roundSeconds(upper)}` : `from ${roundSeconds(lower)} to ${roundSeconds(upper)}`;
  return `p50 to p99 of serving are in the bucket ${bucket}: only a canary slower than ${roundSeconds(upper)} can be seen`;
}

/** Bounds that say nothing yet are not worth reading. */
function isInformative({ lower, upper }: Judgement): boolean {
  return upper < 0.9 && lower > -0.9;
}

function describeDifference({ strongest, canary, serving, latency }: Judgement): string {
  if (latency !== undefined) return `canary ${latency.quantile} ${sayQuantile(latency)}, serving ${roundSeconds(latency.serving)}`;
  const kind = strongest === 'clientErrors' ? 'clientErrors' : 'errors';
  const badOf = (arm: Judgement['canary']) => (kind === 'clientErrors' ? arm.clientErrors : arm.serverErrors);
  const ratio = (arm: Judgement['canary']) => (arm.requests === 0 ? 'no requests' : roundPercent(badOf(arm) / arm.requests));
  const what = canary.requests === 0 ? '' : ` ${RATIO_WORDS[kind]}`;
  return `canary ${ratio(canary)}${what}, serving ${ratio(serving)}`;
}

/** The canary's quantile; of one above the largest bucket only that is known. */
function sayQuantile({ canary, beyond }: NonNullable<Judgement['latency']>): string {
  return `${beyond ? 'over ' : ''}${roundSeconds(canary)}`;
}

/** What the verdict is about: the worst excess that is still possible, `at most 0.31 points`, or the quantile that convicted. */
export function describeValue(judgement: Judgement): string {
  const { upper, latency } = judgement;
  if (judgement.finding === 'worse' && latency !== undefined)
    return `${latency.quantile} ${sayQuantile(latency)} against ${roundSeconds(latency.serving)} of serving`;
  return upper >= 0.9 ? 'unknown yet' : `at most ${roundPoints(upper)} points`;
}

/** What it is held against: what earns the next weight, or from where on a slower canary matters. */
export function describeAllowed({ finding, allowed, latency }: Judgement): string {
  if (finding === 'worse' && latency !== undefined) return `<= ${roundSeconds(latency.worth)}`;
  return `<= ${roundPoints(Math.min(1, allowed))} points more errors than serving`;
}

/** What a gateway that ignores the weight looks like. */
export function describeMismatch({ split, canary, serving }: Judgement): string {
  const measured = roundPercent(canary.requests / Math.max(1, canary.requests + serving.requests));
  const hint = split.tooMuch
    ? 'does the gateway honour weights of this route, or does traffic reach the canary on another way?'
    : 'does the canary answer at all (requests that hang are not counted), and does the gateway honour weights?';
  return `the canary gets ${split.tooMuch ? 'more' : 'less'} than its share, ${measured} since the release began: ${hint}`;
}

/** Even a canary without any error needs so many requests, times the share of it that is at stake: the rule of three, for any number of looks. */
const REQUESTS_AT_NO_ERROR = 4.2;
const MOST_NEEDED = 1_000_000_000;

/** Canary requests without any error that keep the excess below `allowed`. */
export function requestsAtBest(allowed: number): number {
  return Math.ceil(REQUESTS_AT_NO_ERROR / Math.max(allowed, 1e-6));
}

/** Canary requests that a Pass needs altogether at the present rates: the bound falls about as one over the requests. */
export function requestsNeeded({ upper, allowed, canary, finding }: Judgement): number {
  if (finding === 'earned') return canary.requests;
  const atBest = requestsAtBest(allowed);
  const asItGoes = upper >= 0.9 ? 0 : canary.requests * (upper / Math.max(allowed, 1e-6));
  return Math.min(MOST_NEEDED, Math.ceil(Math.max(atBest, asItGoes)));
}
