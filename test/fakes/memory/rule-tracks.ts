// Follows the rules of routes through edits: which rule of the route now is which one of before. It sees every single edit, so that it
// needs no guess of what an edit of several things at once may have meant, and nothing of what a release records.

import type { Route, RouteRule } from '../../../src/api/routes.ts';
import { isSame } from './json-patch.ts';

type Rules = readonly RouteRule[];

const withoutName = ({ name: _name, ...rule }: RouteRule) => rule;
const withoutWeights = ({ backendRefs = [], ...rule }: RouteRule) => ({
  ...rule,
  backendRefs: backendRefs.map(({ weight: _weight, ...ref }) => ref),
});

/** The same rule, by what an edit has left as it was; the first of these that fits counts. */
const SAME: readonly ((a: RouteRule, b: RouteRule) => boolean)[] = [
  // Tests that edit much at once mark their rules by a filter, of which the operator knows nothing.
  (a, b) => (a.filters ?? []).length > 0 && isSame(a.filters, b.filters),
  (a, b) => isSame(a, b),
  (a, b) => isSame(withoutName(a), withoutName(b)),
  (a, b) => isSame(withoutWeights(a), withoutWeights(b)),
  (a, b) => isSame(withoutWeights(withoutName(a)), withoutWeights(withoutName(b))),
];

/** For each rule of now the place that it had, or undefined for a new one. */
export function followRules(before: Rules, now: Rules): readonly (number | undefined)[] {
  const found = new Map<number, number>();
  const taken = new Set<number>();
  const pair = (index: number, place: number) => {
    found.set(index, place);
    taken.add(place);
  };
  const isTagged = ({ filters = [] }: RouteRule) => filters.length > 0;
  for (const isOne of SAME)
    for (const [index, rule] of now.entries()) {
      if (found.has(index)) continue;
      const place = before.findIndex((one, at) => !taken.has(at) && isOne(one, rule) && isTagged(one) === isTagged(rule));
      if (place >= 0 && (!isTagged(rule) || isSame(before[place]?.filters, rule.filters))) pair(index, place);
    }
  for (const [index, rule] of now.entries()) {
    const former = before[index];
    if (!found.has(index) && former !== undefined && !taken.has(index) && !isTagged(rule) && !isTagged(former)) pair(index, index);
  }
  return now.map((_rule, index) => found.get(index));
}

export class RuleTracks {
  readonly #ids = new Map<string, readonly string[]>();
  readonly #tagged = new Map<string, string>();
  #next = 0;

  /** Takes note of a change. @param moves false for a write that leaves the rules in their places */
  follow(before: Route | undefined, now: Route | undefined, moves: boolean): void {
    const key = nameOf(now ?? before);
    if (now === undefined) return void this.#ids.delete(key);
    const known = this.#ids.get(key) ?? [];
    const rules = now.spec.rules ?? [];
    const places = moves ? followRules(before?.spec.rules ?? [], rules) : rules.map((_rule, index) => index);
    this.#ids.set(
      key,
      places.map((place, index) => (place === undefined ? undefined : known[place]) ?? this.#find(key, rules[index])),
    );
  }

  /** What the rule at this place is known by, wherever it stood before. */
  idOf(route: Route, index: number): string {
    return this.#ids.get(nameOf(route))?.[index] ?? `${nameOf(route)} ?`;
  }

  /** A rule with a tag is the same when it comes back. */
  #find(key: string, rule: RouteRule | undefined): string {
    const tag = rule?.filters === undefined ? undefined : `${key} ${JSON.stringify(rule.filters)}`;
    this.#next += 1;
    const id = (tag === undefined ? undefined : this.#tagged.get(tag)) ?? `${key} #${this.#next}`;
    if (tag !== undefined) this.#tagged.set(tag, id);
    return id;
  }
}

function nameOf(route: Route | undefined): string {
  return route === undefined ? '' : `${route.kind} ${route.metadata.namespace}/${route.metadata.name}`;
}
