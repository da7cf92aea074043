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

/** The weights of a rule that stand for its shares, by backend. */
interface Originals extends Map<string, number> {
  /** Foreign backends that somebody edited while a release ran: their share need not be a whole number of ours. */
  edited?: Set<string>;
  /** Those of them that the release did not write since, so that it may not have seen each edit alone. */
  unwritten?: Set<string>;
  /** Those that were not there when the release recorded the rule. */
  added?: Set<string>;
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
  /** Driven rules that were removed, by route, as they were. */
  readonly #removed = new Map<string, RouteRule[]>();

  /** Takes note of a change. @param isForeign not a write of ours */
  follow(old: Route | undefined, now: Route | undefined, isForeign: boolean): void {
    const driven = old === undefined || !isForeign ? [] : this.#drivenOf(old);
    this.#tracks.follow(old, now, isForeign);
    if (old === undefined || now === undefined) return;
    const ids = (now.spec.rules ?? []).map((_rule, index) => this.keyOf(now, index));
    const gone = driven.filter(({ id }) => !ids.includes(id)).map(({ rule }) => rule);
    if (gone.length > 0) this.#removed.set(nameOf(now), [...(this.#removed.get(nameOf(now)) ?? []), ...gone]);
  }

  /** What a rule is known by, wherever it stands. */
  keyOf(route: Route, index: number): string {
    return this.#tracks.idOf(route, index);
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
  noteWrite(key: string): void {
    this.#originals.get(key)?.unwritten?.clear();
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
        originals.set(name, (weight * sumOf(originals, pair)) / sumOf(after, pair));
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
      if (name === pair.serving || name === pair.canary || (original * whole) / was > MAX_WEIGHT) return false;
      const rights = [original, originals.also?.get(name) ?? original];
      if (originals.edited?.has(name) === true) return rights.every((right) => Math.abs(weight - (right * whole) / was) > 1);
      return BigInt(weight) * BigInt(was) !== BigInt(original) * BigInt(whole);
    });
    return moved === undefined ? undefined : `share of ${moved[0]} moved: ${describe(originals)} became ${describe(after)}`;
  }

  #drivenOf(route: Route): readonly { readonly id: string; readonly rule: RouteRule }[] {
    const all = (route.spec.rules ?? []).map((rule, index) => ({ id: this.keyOf(route, index), rule }));
    return all.filter(({ id }) => this.#claimed.has(id));
  }

  #learnEquals(route: Route, pair: Pair): void {
    const driven = this.#drivenOf(route);
    const removed = this.#removed.get(nameOf(route)) ?? [];
    const rules = (route.spec.rules ?? []).map((rule, index) => ({ rule, key: this.keyOf(route, index) }));
    const serving = rules.filter(({ rule }) => weightsOf(rule).has(pair.serving));
    for (const { rule, key } of serving) {
      if (this.#claimed.has(key)) continue;
      const twin = driven.find((one) => isSame(untagged(one.rule), untagged(rule)));
      const isHeir = removed.some((one) => isSame(one.matches, rule.matches)) || (removed.length > 0 && serving.length === 1);
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
  const share = ((weights.get(name) ?? 0) * sumOf(originals, pair)) / sumOf(weights, pair);
  originals.also = (originals.also ?? new Map<string, number>()).set(name, share);
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
