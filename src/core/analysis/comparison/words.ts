// The comparison in words, rounded as a person would: what was seen, how sure that is, and what is still needed.

import type { Judgement } from './judgement.ts';

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

/** `canary 1.9% errors, serving 0.3%, over 4,120 and 37,000 requests; excess between 0.9 and 2.4 points; evidence 31 of 100 needed`. */
export function describeComparison(judgement: Judgement): string {
  const { canary, serving, lower, upper, evidence, needed, gap } = judgement;
  const over = `over ${roundCount(canary.requests)} and ${roundCount(serving.requests)} requests`;
  const between = isInformative(judgement) ? `; excess of errors between ${roundPoints(lower)} and ${roundPoints(upper)} points` : '';
  const said = `${describeDifference(judgement)}, ${over}${between}; evidence against the canary ${roundEvidence(evidence, needed)} of ${group(needed)} needed`;
  return gap === undefined ? said : `${said}; ${gap}`;
}

/** Bounds that say nothing yet are not worth reading. */
function isInformative({ lower, upper }: Judgement): boolean {
  return upper < 0.9 && lower > -0.9;
}

function describeDifference({ strongest, canary, serving, latency }: Judgement): string {
  if (latency !== undefined) return `canary ${latency.quantile} ${roundSeconds(latency.canary)}, serving ${roundSeconds(latency.serving)}`;
  const kind = strongest === 'clientErrors' ? 'clientErrors' : 'errors';
  const badOf = (arm: Judgement['canary']) => (kind === 'clientErrors' ? arm.clientErrors : arm.serverErrors);
  const ratio = (arm: Judgement['canary']) => (arm.requests === 0 ? 'no requests' : roundPercent(badOf(arm) / arm.requests));
  const what = canary.requests === 0 ? '' : ` ${RATIO_WORDS[kind]}`;
  return `canary ${ratio(canary)}${what}, serving ${ratio(serving)}`;
}

/** The worst excess that is still possible, `at most 0.31 points`. */
export function describeUpper({ upper }: Judgement): string {
  return upper >= 0.9 ? 'unknown yet' : `at most ${roundPoints(upper)} points`;
}

/** What earns the next weight. */
export function describeAllowed({ allowed }: Judgement): string {
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

/** Canary requests that a Pass needs altogether at the present rates: the bound falls about as one over the requests. */
export function requestsNeeded({ upper, allowed, canary, finding }: Judgement): number {
  if (finding === 'earned') return canary.requests;
  const atBest = REQUESTS_AT_NO_ERROR / Math.max(allowed, 1e-6);
  const asItGoes = upper >= 0.9 ? 0 : canary.requests * (upper / Math.max(allowed, 1e-6));
  return Math.min(MOST_NEEDED, Math.ceil(Math.max(atBest, asItGoes)));
}
