// What was called while stories ran: each decision with what it was asked, and how often it gathered and judged.

import type { CanaryReleaseSpec, CanaryReleaseStatus } from '../../../src/api/release.ts';
import type { Observation } from '../../../src/core/release/observation.ts';

/** What a decision is made of: the arguments of `decide`. */
export type Question = readonly [spec: CanaryReleaseSpec, status: CanaryReleaseStatus, observation: Observation, now: number];

/** One decision of a story. */
export interface TalliedDecision {
  readonly question: Question;
  /** Calls of `gather` in it. */
  gatherings: number;
  /** Calls of `assess` in it. */
  assessments: number;
}

let decisions: TalliedDecision[] = [];

/** A decision begins: all calls until the next one belong to it. */
export function noteDecide(...question: Question): void {
  decisions.push({ question, gatherings: 0, assessments: 0 });
}

export function noteGather(): void {
  const current = decisions.at(-1);
  if (current !== undefined) current.gatherings += 1;
}

export function noteAssess(): void {
  const current = decisions.at(-1);
  if (current !== undefined) current.assessments += 1;
}

/** Takes what was noted so far. */
export function takeDecisions(): readonly TalliedDecision[] {
  const taken = decisions;
  decisions = [];
  return taken;
}
