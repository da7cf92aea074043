// Label selectors as Kubernetes evaluates them, and what is asked about them here: do they select these labels, how would one
// read that selects the canary's pods too, and how one that means the canary instead.

import { isJson } from './objects.ts';

export type Labels = Readonly<Record<string, string>>;

export interface Requirement {
  readonly key: string;
  readonly operator: string;
  readonly values?: readonly string[];
}

export interface LabelSelector {
  readonly matchLabels?: Labels;
  readonly matchExpressions?: readonly Requirement[];
}

/** Reads a selector of any object; undefined when there is none. What is no selector field is left out. */
export function readSelector(value: unknown): LabelSelector | undefined {
  if (!isJson(value)) return undefined;
  const { matchLabels, matchExpressions } = value;
  return {
    ...(isJson(matchLabels) ? { matchLabels: matchLabels as Labels } : {}),
    ...(Array.isArray(matchExpressions) ? { matchExpressions: matchExpressions.filter(isJson) as unknown as readonly Requirement[] } : {}),
  };
}

/** An empty selector selects everything. */
export function selects({ matchLabels = {}, matchExpressions = [] }: LabelSelector, labels: Labels): boolean {
  return Object.entries(matchLabels).every(([key, value]) => labels[key] === value) && matchExpressions.every((one) => isMet(one, labels));
}

/** An operator that is not known is never met. */
export function isMet({ key, operator, values = [] }: Requirement, labels: Labels): boolean {
  const value = labels[key];
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
    default:
      return false;
  }
}

/** Everything that a selector asks, as expressions. */
export function requirementsOf({ matchLabels = {}, matchExpressions = [] }: LabelSelector): readonly Requirement[] {
  return [...Object.entries(matchLabels).map(([key, value]) => ({ key, operator: 'In', values: [value] })), ...matchExpressions];
}

/** The selector, changed as little as needed to select `other` beside what it selects already. */
export function widen({ matchLabels = {}, matchExpressions = [] }: LabelSelector, other: Labels): LabelSelector {
  const kept = Object.entries(matchLabels).filter(([key, value]) => other[key] === value);
  const moved = Object.entries(matchLabels)
    .filter(([key, value]) => other[key] !== value)
    .map(([key, value]) => ({ key, operator: 'In', values: [value] }));
  const expressions = [...moved, ...matchExpressions].flatMap((one) => widenRequirement(one, other));
  return {
    ...(kept.length === 0 ? {} : { matchLabels: Object.fromEntries(kept) }),
    ...(expressions.length === 0 ? {} : { matchExpressions: expressions }),
  };
}

function widenRequirement(one: Requirement, other: Labels): readonly Requirement[] {
  if (isMet(one, other)) return [one];
  const value = other[one.key];
  if (one.operator === 'In' && value !== undefined) return [{ ...one, values: [...(one.values ?? []), value] }];
  const rest = (one.values ?? []).filter((each) => each !== value);
  return one.operator === 'NotIn' && rest.length > 0 ? [{ ...one, values: rest }] : [];
}

/** Pairs of a label's value before and after, by key. */
export type Moves = Readonly<Record<string, readonly [from: string, to: string]>>;

/** Labels that both have with different values. */
export function findMoves(from: Labels, to: Labels): Moves {
  return Object.fromEntries(
    Object.entries(from).flatMap(([key, value]) => {
      const moved = to[key];
      return moved === undefined || moved === value ? [] : [[key, [value, moved] as const]];
    }),
  );
}

/** Any part of an object with all selectors in it moved: those that meant the one side mean the other. */
export function moveSelectors(value: unknown, moves: Moves): unknown {
  if (Array.isArray(value)) return value.map((item) => moveSelectors(item, moves));
  if (!isJson(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([field, part]) => {
      if (field === 'matchLabels' && isJson(part)) return [field, moveLabels(part, moves)];
      if (field === 'matchExpressions' && Array.isArray(part)) return [field, part.map((one) => moveRequirement(one, moves))];
      return [field, moveSelectors(part, moves)];
    }),
  );
}

function moveLabels(labels: Readonly<Record<string, unknown>>, moves: Moves): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(labels).map(([key, value]) => [key, moveValue(key, value, moves)]));
}

function moveRequirement(one: unknown, moves: Moves): unknown {
  if (!isJson(one) || typeof one['key'] !== 'string' || !Array.isArray(one['values'])) return one;
  const { key, values } = one as { readonly key: string; readonly values: readonly unknown[] };
  return { ...one, values: values.map((value) => moveValue(key, value, moves)) };
}

function moveValue(key: string, value: unknown, moves: Moves): unknown {
  const move = moves[key];
  return move !== undefined && value === move[0] ? move[1] : value;
}

/** The same text for what means the same: keys and list items sorted, empty lists and objects kept. */
export function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).toSorted().join(',')}]`;
  if (!isJson(value)) return JSON.stringify(value) ?? 'null';
  const fields = Object.entries(value).filter(([, part]) => part !== undefined);
  return `{${fields
    .map(([key, part]) => `${JSON.stringify(key)}:${canonical(part)}`)
    .toSorted()
    .join(',')}}`;
}
