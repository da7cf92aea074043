// One random story by its seed, as the model test plays it.

import fc from 'fast-check';
import { anyRouteEditCase } from '../../fixtures/route-edits.ts';
import { playRouteEdits } from '../../fixtures/route-edit-story.ts';

/** What became of a story. */
export type Played =
  | { readonly seed: number; readonly ending: string }
  /** `story` is the input that fails, as JSON. */
  | { readonly seed: number; readonly story: string; readonly wrong: string };

const SHRINK_MS = 60_000;

/** @param shrinks looks a minute long for the smallest story that still fails */
export async function playSeed(seed: number, shrinks: boolean): Promise<Played> {
  let ending = '';
  const property = fc.asyncProperty(anyRouteEditCase(5), async (story) => {
    ending = await playRouteEdits(story);
  });
  const { failed, counterexample, errorInstance } = await fc.check(property, {
    seed,
    numRuns: 1,
    endOnFailure: !shrinks,
    ...(shrinks ? { interruptAfterTimeLimit: SHRINK_MS } : {}),
  });
  if (!failed) return { seed, ending };
  return {
    seed,
    story: JSON.stringify(counterexample?.[0]),
    wrong: errorInstance instanceof Error ? errorInstance.message : String(errorInstance),
  };
}
