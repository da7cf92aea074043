// Which rule of a route is which recorded one: by its name, else by what it does. Positions decide only between rules that are equal
// in all else, because whoever inserts or removes a rule moves the others.

import type { RecordedRule } from '../../api/release.ts';
import { hashMatches } from './matches.ts';
import { type RefPosition, sumWeights } from './refs.ts';
import { type BackendPair, type ManagedRule, manageRule, type SeenRule } from './rules.ts';
import { MAX_BACKEND_WEIGHT, type OriginalWeights, pickFactor, wholeOf } from './weights.ts';

/** The least that serving and canary have together where the least weight of one of them is too little to be a share. */
const LEAST_FOR_A_RESIDUAL = 100_000;

/** A rule as it is recorded before the first write: what is there is what "restored" will mean (rule 3). @param limit largest weight that its gateways take @param residual they forget backends of weight 0 */
export function recordRule(rule: ManagedRule, limit: number, residual = false): RecordedRule {
  const { serving, canary, others } = rule;
  const finest = residual ? pickFactor(originalOf(rule), limit, MAX_BACKEND_WEIGHT) : undefined;
  // Where it would be a share that can be seen, 0 is the lesser evil.
  const isFine = finest !== undefined && originalOf(rule).serving * finest >= LEAST_FOR_A_RESIDUAL;
  return {
    ...identityOf(rule),
    serving: serving.weight,
    ...(canary.missing === undefined ? { canary: canary.weight } : {}),
    ...(isFine ? { factor: finest, residual: true } : { factor: pickFactor(originalOf(rule), limit) ?? 1 }),
    ...(others.length === 0 ? {} : { others: others.map((ref) => ({ name: ref.name, weight: ref.weight })) }),
  };
}

/** The weights of a rule before the first write, with all of what both Services have on the serving one. */
export function originalOf({ serving, canary, others }: ManagedRule): OriginalWeights {
  return { serving: serving.weight + canary.weight, canary: 0, others: others.map(({ weight }) => weight) };
}

/** What distinguishes a rule from the others of its route. */
export function identityOf({ key, index, matches, serving, canary }: ManagedRule) {
  return {
    key,
    index,
    matches: hashMatches(matches),
    ...(serving.port === undefined ? {} : { servingPort: serving.port }),
    ...(canary.port === undefined ? {} : { canaryPort: canary.port }),
  };
}

/** The record of a rule that was found again: what it is known by next time is what it is now. */
export function followRule(recorded: RecordedRule, now: ManagedRule): RecordedRule {
  const identity = identityOf(now);
  const isSame = Object.entries(identity).every(([field, value]) => recorded[field as keyof RecordedRule] === value);
  return isSame ? recorded : { ...recorded, ...identity };
}

/**
 * What speaks for a rule being the recorded one. A name that both have is worth more than all that follows, and so are the requests
 * that it takes; then weights as only this release writes them, all of them or ours alone; our own ref to the canary, with weights as
 * the claim left them or with others; the place, where it takes the same requests; weights from before the release; the same backends,
 * which alone may be alike in any two rules.
 */
const EVIDENCE = {
  name: 128,
  matches: 32,
  scaled: 12,
  oursScaled: 10,
  addedRef: 8,
  claimed: 5,
  place: 4,
  original: 3,
  backends: 2,
} as const;
const ENOUGH = EVIDENCE.original;

interface Claim {
  readonly recorded: RecordedRule;
  readonly seen: SeenRule;
  /** Without the place. */
  readonly evidence: number;
  /** Does the rule name the backends that were recorded, ours aside? */
  readonly hasBackends: boolean;
}

/**
 * Pairs recorded rules with those that the route has now. Each is paired once, the best claim first; among equal ones the rule that
 * still stands where the recorded one stood, then the first. A recorded rule without a partner is not in the route any more, a rule
 * without one appeared meanwhile.
 * @param seen without the rules that are known to be somebody else's
 */
export function pairRules(
  recorded: readonly RecordedRule[],
  seen: readonly SeenRule[],
  pair: BackendPair,
): ReadonlyMap<RecordedRule, SeenRule> {
  const lone = findLonePair(recorded, seen);
  if (lone !== undefined && seen.length === 1) return lone;
  const claims = recorded.flatMap((rule) => seen.map((one) => claimOf(rule, one, pair)));
  const paired = new Map<RecordedRule, SeenRule>();
  const taken = new Set<SeenRule>();
  // A stable sort keeps the order of the rules among equal claims.
  for (const claim of claims.filter(({ evidence }) => evidence >= ENOUGH).sort(compareClaims)) {
    if (paired.has(claim.recorded) || taken.has(claim.seen)) continue;
    paired.set(claim.recorded, claim.seen);
    taken.add(claim.seen);
  }
  return paired.size === 0 && lone !== undefined ? lone : exchange(paired, claims);
}

function compareClaims(a: Claim, b: Claim): number {
  return b.evidence + placeOf(b) - a.evidence - placeOf(a) || Number(isInPlace(b)) - Number(isInPlace(a));
}

/** Alone a place says nothing: another rule may have been put there, a copy of a rule with other backends as well. */
function placeOf(claim: Claim): number {
  return isInPlace(claim) && claim.hasBackends && claim.evidence >= EVIDENCE.matches ? EVIDENCE.place : 0;
}

function isInPlace({ recorded, seen }: Claim): boolean {
  return recorded.index === seen.index;
}

/**
 * Two rules change partners where more speaks for that than for what each found first alone, and where nothing but their places
 * distinguishes them: an inserted rule moves all of those behind it, so that they keep their order.
 */
function exchange(paired: Map<RecordedRule, SeenRule>, claims: readonly Claim[]): ReadonlyMap<RecordedRule, SeenRule> {
  const find = (recorded: RecordedRule, seen: SeenRule | undefined) =>
    claims.find((claim) => claim.recorded === recorded && claim.seen === seen && claim.evidence >= ENOUGH);
  const rules = [...paired.keys()].sort((a, b) => a.index - b.index);
  for (const [place, first] of rules.entries())
    for (const later of rules.slice(place + 1)) {
      const [a, b] = [paired.get(first), paired.get(later)];
      const [before, after] = [
        [find(first, a), find(later, b)],
        [find(first, b), find(later, a)],
      ].map((both) => both.filter((claim) => claim !== undefined));
      if (a === undefined || b === undefined || before?.length !== 2 || after?.length !== 2 || !isBetter(after, before)) continue;
      paired.set(first, b);
      paired.set(later, a);
    }
  return paired;
}

function isBetter(after: readonly Claim[], before: readonly Claim[]): boolean {
  const sum = (claims: readonly Claim[], of: (claim: Claim) => number) => claims.reduce((total, claim) => total + of(claim), 0);
  const evidence = (claim: Claim) => claim.evidence;
  const [first, later] = after.map(({ seen }) => seen.index);
  if (sum(after, evidence) === sum(before, evidence)) return (first ?? 0) < (later ?? 0);
  return sum(after, (claim) => claim.evidence + placeOf(claim)) > sum(before, (claim) => claim.evidence + placeOf(claim));
}

/** The only recorded rule and the only one that names the serving Service: there is nothing that they could be mistaken for. */
function findLonePair(recorded: readonly RecordedRule[], seen: readonly SeenRule[]): ReadonlyMap<RecordedRule, SeenRule> | undefined {
  const [first, ...more] = recorded;
  const [only, ...others] = seen.filter(({ servings }) => servings.length > 0);
  return first === undefined || only === undefined || more.length + others.length > 0 ? undefined : new Map([[first, only]]);
}

/** Keys are names, but for those of rules without one. */
function isPosition(key: string): boolean {
  return /^rules\[\d+\]$/.test(key);
}

/** The ports by which the release knows its refs in this rule. */
export function pairOfRule({ servingPort, canaryPort }: RecordedRule, pair: BackendPair): BackendPair {
  return { ...pair, ...(servingPort === undefined ? {} : { servingPort }), ...(canaryPort === undefined ? {} : { canaryPort }) };
}

function claimOf(recorded: RecordedRule, seen: SeenRule, pair: BackendPair): Claim {
  const rule = manageRule(seen, pairOfRule(recorded, pair));
  const hasBackends = rule !== undefined && namesOf(rule.others) === namesOf(recorded.others ?? []);
  return { recorded, seen, hasBackends, evidence: weigh(recorded, seen, rule, hasBackends) };
}

function weigh(recorded: RecordedRule, seen: SeenRule, rule: ManagedRule | undefined, hasBackends: boolean): number {
  const named = !isPosition(recorded.key) && recorded.key === seen.name ? EVIDENCE.name : 0;
  // An operator before this one recorded no matches: they speak neither for nor against.
  const matches = recorded.matches === undefined || recorded.matches === hashMatches(seen.matches) ? EVIDENCE.matches : 0;
  // A rule that lost its serving ref comes after all that have one.
  if (rule === undefined) return named + Math.min(matches, ENOUGH);
  const found = named + matches + weighRefs(recorded, rule, hasBackends);
  // Any rule may name the canary: our ref says which of those is ours that might be.
  return found >= ENOUGH && isOurRef(recorded, rule.canary) ? found + EVIDENCE.addedRef : found;
}

function weighRefs(recorded: RecordedRule, { serving, canary, extras, others }: ManagedRule, hasBackends: boolean): number {
  const ours = sumWeights([serving, canary, ...extras]);
  const areOthers = (factor: number) =>
    (recorded.others ?? []).every(({ name, weight }) => others.some((ref) => ref.name === name && ref.weight === weight * factor));
  // Without a backend that was recorded, a number that is right may be so by chance.
  const isOurs =
    ours === wholeOf(recorded) * recorded.factor && (recorded.others ?? []).every(({ name }) => others.some((ref) => ref.name === name));
  const scaled = isOurs ? (areOthers(recorded.factor) ? EVIDENCE.scaled : EVIDENCE.oursScaled) : 0;
  const before = isOurRef(recorded, canary) ? EVIDENCE.claimed : EVIDENCE.original;
  const original = ours === wholeOf(recorded) && areOthers(1) ? before : 0;
  const atPort = recorded.servingPort === undefined || recorded.servingPort === serving.port;
  return scaled + original + (atPort && hasBackends ? EVIDENCE.backends : 0);
}

function namesOf(refs: readonly { readonly name: string }[]): string {
  return refs
    .map(({ name }) => name)
    .sort()
    .join(' ');
}

/** The ref that we added when we came: a copy of the rule from a manifest is without it. */
function isOurRef(recorded: RecordedRule, canary: RefPosition): boolean {
  return recorded.canary === undefined && canary.missing === undefined && canary.port === recorded.canaryPort;
}
