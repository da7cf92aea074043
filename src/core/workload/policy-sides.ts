// The two sides that policies are compared between, what a comparison finds, and words that both kinds of comparison use.

import { toFlow } from './flow.ts';
import type { Remedy } from './policy-kinds.ts';
import {
  findMoves,
  type Labels,
  type LabelSelector,
  type Moves,
  moveSelectors,
  readSelector,
  requirementsOf,
  selects,
  widen,
} from './selectors.ts';

/** One side: its pods, and the Service in front of them. */
export interface PolicySubject {
  readonly podLabels: Labels;
  readonly service: string;
  readonly serviceLabels: Labels;
}

export interface PolicySides {
  readonly namespace: string;
  readonly serving: PolicySubject;
  readonly canary: PolicySubject;
  /** Labels that both selectors of the serving side have, and that the canary does not change: it could change one of them instead. */
  readonly alternatives: readonly string[];
}

/** One policy that treats the canary differently. */
export interface Finding {
  readonly kind: string;
  readonly name: string;
  readonly security: boolean;
  /** Such as `does not select the canary's pods (app: store-canary)`. */
  readonly missing: string;
  /** What to add, to be pasted. */
  readonly add: string;
}

/** Which of the labels make the canary another one. */
export function movesOf({ serving, canary }: PolicySides): Moves {
  return findMoves(serving.podLabels, canary.podLabels);
}

/** Such as `(app: store-canary)`: the labels by which the canary's pods are distinguished. */
export function nameCanaryPods(sides: PolicySides): string {
  const labels = Object.entries(movesOf(sides)).map(([key, [, to]]) => `${key}: ${to}`);
  return labels.length === 0 ? "the canary's pods" : `the canary's pods (${labels.join(', ')})`;
}

/** A selector that means the canary as this one means what serves. */
export function selectCanary(selector: LabelSelector, sides: PolicySides): LabelSelector {
  const moved = readSelector(moveSelectors(selector, movesOf(sides))) ?? {};
  return selects(moved, sides.canary.podLabels) ? moved : widen(moved, sides.canary.podLabels);
}

/** Advice that brings the canary under a policy which selects pods; a selector that would then select everything is never advised. */
export function adviseSelector(kind: string, field: string, selector: LabelSelector, remedy: Remedy, sides: PolicySides): string {
  const labels = adviseLabels(sides, (chosen) => selects(selector, chosen));
  const wide = widen(selector, sides.canary.podLabels);
  if (remedy === 'widen' && requirementsOf(wide).length > 0) return `set its spec.${field} to ${toFlow(wide)}${labels}`;
  const own = selectCanary(selector, sides);
  const moved = { matchLabels: Object.fromEntries(Object.entries(movesOf(sides)).map(([key, [, to]]) => [key, to])) };
  return `add another ${kind} like it with spec.${field} ${toFlow(requirementsOf(own).length > 0 ? own : moved)}${labels}`;
}

/** Advice for what holds for the canary alone: it proves nothing of what is to serve. */
export const COVER_BOTH = 'let it cover both, or neither';

/** The value that the canary would get of a label that is chosen for it. */
const CHOSEN = 'canary';

/** Advice to distinguish the canary by another label, where that would keep it in; else nothing. @param covers does the policy cover these? */
export function adviseLabels(sides: PolicySides, covers: (labels: Labels) => boolean): string {
  const { serving } = sides;
  const key = sides.alternatives.find((one) => covers({ ...serving.podLabels, [one]: CHOSEN }));
  return key === undefined ? '' : `, or let the canary differ by another label: spec.canary.labels ${toFlow({ [key]: CHOSEN })}`;
}
