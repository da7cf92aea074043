// How a field of a pod template counts when two templates are compared, and the tree that finds its rule by the full path.

import { type Json, isJson } from '../objects.ts';

/** What the API server does with one field. Without a rule a value counts as it stands, and an empty list or object as none. */
export interface Rule {
  /** True where the value means the same as absence. */
  readonly isUnset?: (value: unknown, parent: Json) => boolean;
  /** What absence means, where it is written out; undefined where it means nothing else. */
  readonly fill?: (parent: Json) => unknown;
  /** One text for all texts of the same value. */
  readonly rewrite?: (value: unknown) => unknown;
  /** True where an empty object says something else than none. */
  readonly keepsEmpty?: true;
}

/** Rules by path, such as `containers[].ports[].protocol`; `*` stands for every key of a map whose keys are the author's. */
export type Rules = Readonly<Record<string, Rule>>;

/** Absence, and these values, are the same: all are left out. */
export function unset(...values: readonly (string | number | boolean)[]): Rule {
  return { isUnset: (value) => values.some((one) => one === value) };
}

/** Absence, and these other values, are the same as this value: all are written as it. */
export function filled(written: string | number | boolean, ...others: readonly (string | number | boolean)[]): Rule {
  return { ...unset(...others), fill: () => written };
}

const ZERO = unset('', 0, false);

/** Plain fields, separated by blanks: the API server does not store `""`, `0` or `false` there. */
export function zero(names: string): Rules {
  return Object.fromEntries(names.split(' ').map((name) => [name, ZERO]));
}

/** The rules below a path. */
export function at(path: string, rules: Rules): Rules {
  return Object.fromEntries(Object.entries(rules).map(([below, rule]) => [`${path}.${below}`, rule]));
}

/** The rules of an object which the API server keeps when it is empty. */
export function object(path: string, rules: Rules = {}): Rules {
  return { [path]: { keepsEmpty: true }, ...at(path, rules) };
}

/** Several such objects with the same fields; names are separated by blanks. */
export function objects(names: string, rules: Rules = {}): Rules {
  return Object.fromEntries(names.split(' ').flatMap((name) => Object.entries(object(name, rules))));
}

/** A map whose keys are the author's: nothing in it is a field. */
export function authorsMap(path: string, values: Rule = {}): Rules {
  return { [`${path}.*`]: values };
}

/** A place in the template. */
export interface Place {
  readonly rule: Rule;
  readonly fields: ReadonlyMap<string, Place>;
  /** What may have to be written where it is absent. */
  readonly fills: readonly (readonly [string, (parent: Json) => unknown])[];
}

/** A place that no rule speaks of. */
const WITHOUT_RULES: Place = { rule: {}, fields: new Map(), fills: [] };

const ITEM = '[]';
const ANY_KEY = '*';

/** The places of these rules. */
export function buildPlaces(rules: Rules): Place {
  return buildPlace(Object.entries(rules).map(([path, rule]) => ({ path: path.replaceAll(ITEM, `.${ITEM}`).split('.'), rule })));
}

interface Entry {
  readonly path: readonly string[];
  readonly rule: Rule;
}

function buildPlace(entries: readonly Entry[]): Place {
  const below = Map.groupBy(
    entries.filter(({ path }) => path.length > 0),
    ({ path }) => path[0] ?? '',
  );
  const fields = new Map([...below].map(([key, some]) => [key, buildPlace(some.map(({ path, rule }) => ({ path: path.slice(1), rule })))]));
  const fills = [...fields].flatMap(([key, { rule }]) => (rule.fill === undefined ? [] : [[key, rule.fill] as const]));
  return { rule: entries.find(({ path }) => path.length === 0)?.rule ?? {}, fields, fills };
}

/** The value with sorted keys, without what means nothing, and with one text for each meaning. */
export function canonicalValue(value: unknown, place: Place = WITHOUT_RULES): unknown {
  if (Array.isArray(value)) return value.map((item) => canonicalValue(item, place.fields.get(ITEM)));
  if (!isJson(value)) return place.rule.rewrite === undefined ? value : place.rule.rewrite(value);
  const anyKey = place.fields.get(ANY_KEY);
  const entries = anyKey === undefined ? canonicalFields(value, place) : canonicalMap(value, anyKey);
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}

type Entries = [string, unknown][];

function canonicalMap(map: Json, values: Place): Entries {
  const entries = Object.entries(map).filter(([, value]) => value !== undefined);
  return entries.map(([key, value]) => [key, canonicalValue(value, values)]);
}

function canonicalFields(parent: Json, { fields, fills }: Place): Entries {
  const entries: Entries = [];
  for (const [key, value] of Object.entries(parent)) {
    const canonical = canonicalField(value, parent, fields.get(key));
    if (canonical !== undefined) entries.push([key, canonical]);
  }
  for (const [key, fill] of fills) {
    const written = entries.some(([there]) => there === key) ? undefined : fill(parent);
    if (written !== undefined) entries.push([key, written]);
  }
  return entries;
}

/** @returns undefined for a field that means nothing */
function canonicalField(value: unknown, parent: Json, place: Place = WITHOUT_RULES): unknown {
  if (value === undefined || value === null || place.rule.isUnset?.(value, parent) === true) return undefined;
  const canonical = canonicalValue(value, place);
  return place.rule.keepsEmpty === true || !isEmpty(canonical) ? canonical : undefined;
}

function isEmpty(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0;
}
