// Which rules of routes a release may drive, and what share each foreign backend in them is to keep: as its owner wrote it last.
//
// Nobody can tell rules apart that are equal in all but their place, and one that takes the requests of a driven rule which was removed may
// be meant to be that rule. Whichever of them a release drives then is right, so that all of them count as claimed.

import type { CanaryRelease } from '../../../src/api/release.ts';
import type { Route, RouteRule } from '../../../src/api/routes.ts';
import { isSame } from './json-patch.ts';
import { RuleTracks } from './rule-tracks.ts';
import { type Weights, weightsOf } from './shares.ts';

/** The two Services of a release. */
export interface Pair {
  readonly serving: string;
  readonly canary: string;
}

/** Of our two refs. */
interface OurWeights {
  readonly serving: number;
  readonly canary: number;
}

/** The weights of a rule that stand for its shares, by backend. */
interface Originals extends Map<string, number> {
  /** Foreign backends that somebody edited while a release ran: their share need not be a whole number of ours. */
  edited?: Set<string>;
  /** Those of them that the release did not write since, so that it may not have seen each edit alone. */
  unwritten?: Set<string>;
  /** Those that were not there when the release recorded the rule. */
  added?: Set<string>;
  /** What the release wrote to our two refs, the last one last. */
  written?: readonly OurWeights[];
  /** What each had before an edit, and the number that was written: by chance that may be what it had on one of our scales. */
  formerly?: Map<string, { readonly original: number; readonly written: number }>;
  /** Those that were edited beside refs of ours that had nothing: then no share was asked for. */
  besideNothing?: Set<string>;
  /** Another share of theirs that is as right: which one the release sees depends on which edits it sees together. */
  also?: Map<string, number>;
}

/** Largest weight that the Gateway API takes: what would be more is written as this. */
const MAX_WEIGHT = 1_000_000;

export class RuleClaims {
  readonly #tracks = new RuleTracks();
  readonly #originals = new Map<string, Originals>();
  readonly #claimed = new Set<string>();
  /** How many rules a release recorded, by route. */
  readonly #recorded = new Map<string, number>();
  /** Matches that driven rules had before somebody changed them, by route: who takes those requests now may be meant to be that rule. */
  readonly #formerMatches = new Map<string, RouteRule['matches'][]>();
  /** Driven rules that were removed, by route, as they were. */
  readonly #removed = new Map<string, RouteRule[]>();

  /** Takes note of a change. @param isForeign not a write of ours */
  follow(old: Route | undefined, now: Route | undefined, isForeign: boolean): void {
    const driven = old === undefined || !isForeign ? [] : this.#drivenOf(old);
    this.#tracks.follow(old, now, isForeign);
    if (old === undefined || now === undefined) return;
    const ids = (now.spec.rules ?? []).map((_rule, index) => this.keyOf(now, index));
    const gone = driven.filter(({ id }) => !ids.includes(id)).map(({ rule }) => rule);
    const changed = driven.filter(({ id, rule }) => ids.includes(id) && !isSame(rule.matches, now.spec.rules?.[ids.indexOf(id)]?.matches));
    const former = [...(this.#formerMatches.get(nameOf(now)) ?? []), ...changed.map(({ rule }) => rule.matches)];
    if (changed.length > 0) this.#formerMatches.set(nameOf(now), former);
    if (gone.length > 0) this.#removed.set(nameOf(now), [...(this.#removed.get(nameOf(now)) ?? []), ...gone]);
  }

  /** What a rule is known by, wherever it stands. */
  keyOf(route: Route, index: number): string {
    return this.#tracks.idOf(route, index);
  }

  /** A driven rule of the route takes the same requests. */
  isCopy(route: Route, index: number): boolean {
    return this.#drivenOf(route).some(({ rule }) => isSame(rule.matches, route.spec.rules?.[index]?.matches));
  }

  isClaimed(key: string): boolean {
    return this.#claimed.has(key);
  }

  /** What the release recorded before its first write is what its shares are measured by. */
  learnClaim(route: Route, { status }: CanaryRelease): void {
    const recorded = status?.release?.routes?.find(({ kind, name }) => kind === route.kind && name === route.metadata.name);
    const [serving, canary] = [status?.release?.serving.service ?? '', status?.release?.canary.service ?? ''];
    this.#recorded.set(nameOf(route), recorded?.rules.length ?? 0);
    (route.spec.rules ?? []).forEach((rule, index) => {
      const key = this.keyOf(route, index);
      const entry = recorded?.rules.find((one) => one.index === index);
      if (entry === undefined || this.#originals.has(key)) return;
      const originals: Originals = new Map(weightsOf(rule, serving));
      for (const { name, weight } of entry.others ?? []) originals.set(name === serving ? `${name} again` : name, weight);
      // What was added before the claim and is not recorded has its share beside our refs as they were then.
      const written = weightsOf(rule, serving);
      const known = [serving, canary, ...(entry.others ?? []).map(({ name }) => (name === serving ? `${name} again` : name))];
      originals.added = new Set([...written.keys()].filter((name) => !known.includes(name)));
      originals.edited = new Set(originals.added);
      originals.unwritten = new Set(originals.added);
      this.#originals.set(key, originals.set(serving, entry.serving).set(canary, entry.canary ?? 0));
      for (const name of originals.added) allow(originals, name, written, { serving, canary });
      this.#claimed.add(key);
    });
    this.#learnEquals(route, { serving, canary });
  }

  /**
   * A claim whose answer was lost is made again, and until then the route is what its owners make of it: a rule that came meanwhile is
   * recorded as well.
   */
  learnClaimAgain(route: Route, release: CanaryRelease): void {
    const recorded = release.status?.release?.routes?.find(({ kind, name }) => kind === route.kind && name === route.metadata.name);
    if (recorded !== undefined && recorded.rules.length > (this.#recorded.get(nameOf(route)) ?? recorded.rules.length))
      this.learnClaim(route, release);
  }

  /**
   * A write of ours crossed an edit that no watch had shown. A recorded backend is put right by the next one; of one that was added a
   * moment before the scale is not known, so that it has the share that it has beside our weights.
   */
  noteCrossed(key: string, pair: Pair, before: Weights, after: Weights): void {
    const originals = this.#originals.get(key);
    for (const name of originals?.added ?? [])
      if (originals !== undefined && after.has(name) && after.get(name) === before.get(name)) allow(originals, name, after, pair);
  }

  /** Edits before this write were seen by the release, or are put right by the next one. */
  noteWrite(key: string, pair: Pair, after: Weights): void {
    const originals = this.#originals.get(key);
    if (originals === undefined) return;
    originals.unwritten?.clear();
    originals.written = [...(originals.written ?? []), oursIn(after, pair)];
  }

  /** The release wrote its last to the route. */
  forget(route: Route): void {
    for (const index of (route.spec.rules ?? []).keys()) this.#originals.delete(this.keyOf(route, index));
  }

  /** A foreign edit of a foreign weight asks for the share that it then has, unless it writes the original again. */
  learnEdit(old: Route, now: Route, pair: Pair | undefined): void {
    (now.spec.rules ?? []).forEach((rule, index) => {
      const originals = this.#originals.get(this.keyOf(now, index));
      if (originals === undefined || pair === undefined) return;
      const before = weightsOf(old.spec.rules?.[index], pair.serving);
      const after = weightsOf(rule, pair.serving);
      // Our refs were edited after a foreign one: the release may see both at once, and then that one beside ours as they are now.
      for (const name of originals.unwritten ?? []) if (after.get(name) === before.get(name)) allow(originals, name, after, pair);
      for (const [name, weight] of after) {
        if (name === pair.serving || name === pair.canary || weight === before.get(name) || weight === originals.get(name)) continue;
        if (!originals.has(name)) originals.added = (originals.added ?? new Set()).add(name);
        originals.unwritten = (originals.unwritten ?? new Set()).add(name);
        originals.also?.delete(name);
        originals.formerly = (originals.formerly ?? new Map()).set(name, { original: originals.get(name) ?? 0, written: weight });
        originals.set(name, (weight * sumOf(originals, pair)) / sumOf(after, pair));
        if (sumOf(after, pair) === 0) originals.besideNothing = (originals.besideNothing ?? new Set()).add(name);
        else originals.besideNothing?.delete(name);
        // Our refs were edited before a foreign one: the release may see both at once, and then that one beside ours as it wrote them.
        const wrote = scalesOf(originals).at(-1);
        if (wrote !== undefined && wrote !== sumOf(after, pair))
          originals.also = (originals.also ?? new Map<string, number>()).set(name, (weight * sumOf(originals, pair)) / wrote);
        originals.edited = (originals.edited ?? new Set()).add(name);
      }
    });
    if (pair !== undefined) this.#learnEquals(now, pair);
  }

  /** Which share of a foreign backend is another one than its owner wanted. @param before counts where nothing is known of the owner's wish */
  findMovedShare(key: string, pair: Pair, before: Weights, after: Weights): string | undefined {
    const originals: Originals = this.#originals.get(key) ?? new Map(before);
    const [whole, was] = [sumOf(after, pair), sumOf(originals, pair)];
    const moved = [...after].find(([name, weight]) => {
      const original = originals.get(name) ?? -1;
      if (name === pair.serving || name === pair.canary || originals.besideNothing?.has(name) === true) return false;
      // What was written as the largest weight once has that share from then on.
      if ([whole, ...scalesOf(originals)].some((scale) => (original * scale) / was > MAX_WEIGHT)) return false;
      const rights = [original, originals.also?.get(name) ?? original, ...formerOf(originals, name, was)];
      if (originals.edited?.has(name) === true) return rights.every((right) => Math.abs(weight - (right * whole) / was) > 1);
      return BigInt(weight) * BigInt(was) !== BigInt(original) * BigInt(whole);
    });
    return moved === undefined ? undefined : `share of ${moved[0]} moved: ${describe(originals)} became ${describe(after)}`;
  }

  /**
   * All is as the release wrote it, but that somebody lowered the canary's ref: that stays until the next Pass (rule 7), and no write of
   * the release has moved a foreign share.
   */
  isLoweredOnly(key: string, pair: Pair, weights: Weights): boolean {
    const originals = this.#originals.get(key);
    if (originals === undefined) return false;
    const was = sumOf(originals, pair);
    const ours = oursIn(weights, pair);
    const foreign = [...weights].filter(([name]) => name !== pair.serving && name !== pair.canary);
    return (originals.written ?? []).some(
      (one) =>
        ours.serving === one.serving &&
        ours.canary < one.canary &&
        foreign.every(([name, weight]) => weight * was === (originals.get(name) ?? -1) * (one.serving + one.canary)),
    );
  }

  #drivenOf(route: Route): readonly { readonly id: string; readonly rule: RouteRule }[] {
    const all = (route.spec.rules ?? []).map((rule, index) => ({ id: this.keyOf(route, index), rule }));
    return all.filter(({ id }) => this.#claimed.has(id));
  }

  #learnEquals(route: Route, pair: Pair): void {
    const driven = this.#drivenOf(route);
    const removed = this.#removed.get(nameOf(route)) ?? [];
    const former = this.#formerMatches.get(nameOf(route)) ?? [];
    const rules = (route.spec.rules ?? []).map((rule, index) => ({ rule, key: this.keyOf(route, index) }));
    const serving = rules.filter(({ rule }) => weightsOf(rule).has(pair.serving));
    for (const { rule, key } of serving) {
      if (this.#claimed.has(key)) continue;
      const twin = driven.find((one) => isSame(untagged(one.rule), untagged(rule)));
      // One that came beside the removal may be the removed rule with other matches, in another place.
      const isHeir = removed.length > 0 || former.some((matches) => isSame(matches, rule.matches));
      if (twin === undefined && !isHeir) continue;
      this.#claimed.add(key);
      const known = twin === undefined ? undefined : this.#originals.get(twin.id);
      const own: Originals = new Map(weightsOf(rule, pair.serving));
      own.edited = new Set(own.keys());
      this.#originals.set(key, known ?? own);
    }
  }
}

/** The share that a foreign backend has in these weights is right as well. */
function allow(originals: Originals, name: string, weights: Weights, pair: Pair): void {
  if (sumOf(weights, pair) === 0) originals.besideNothing = (originals.besideNothing ?? new Set()).add(name);
  const share = ((weights.get(name) ?? 0) * sumOf(originals, pair)) / sumOf(weights, pair);
  originals.also = (originals.also ?? new Map<string, number>()).set(name, share);
}

/** What a backend had before an edit whose number is what the release would write for that. */
function formerOf(originals: Originals, name: string, was: number): readonly number[] {
  const former = originals.formerly?.get(name);
  if (former === undefined) return [];
  return scalesOf(originals).some((scale) => former.written * was === former.original * scale) ? [former.original] : [];
}

function oursIn(weights: Weights, { serving, canary }: Pair): OurWeights {
  return { serving: weights.get(serving) ?? 0, canary: weights.get(canary) ?? 0 };
}

/** What our refs had together at each write. */
function scalesOf({ written = [] }: Originals): readonly number[] {
  return written.map(({ serving, canary }) => serving + canary);
}

function sumOf(weights: Weights, { serving, canary }: Pair): number {
  return (weights.get(serving) ?? 0) + (weights.get(canary) ?? 0);
}

function untagged({ filters: _filters, ...rule }: RouteRule): unknown {
  return rule;
}

function nameOf({ kind, metadata }: Route): string {
  return `${kind} ${metadata.namespace}/${metadata.name}`;
}

/** Weights by backend, for people. */
export function describe(weights: Weights): string {
  return [...weights].map(([name, weight]) => `${name}=${weight}`).join(' ');
}
