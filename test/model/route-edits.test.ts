// Whatever others write to the rules of a route while a release runs, it keeps its rules apart from theirs, ends as its version deserves or
// names what it waits for, and leaves nothing of its own behind.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { anyRouteEditCase } from '../fixtures/route-edits.ts';
import { playRouteEdits } from '../fixtures/route-edit-story.ts';

/** Always the same stories; `MODEL_SEED` and `MODEL_RUNS` try others, and `npm run bench -- route-edits` many. */
const RUNS = { numRuns: Number(process.env['MODEL_RUNS'] ?? 200), seed: Number(process.env['MODEL_SEED'] ?? 20_301_130) };

test('a release ends as its version deserves, whatever others write to its routes', { timeout: 400_000 }, async () => {
  const endings = new Map<string, number>();
  await fc.assert(
    fc.asyncProperty(anyRouteEditCase(5), async (story) => {
      const ending = await playRouteEdits(story);
      endings.set(ending, (endings.get(ending) ?? 0) + 1);
    }),
    RUNS,
  );
  expect([...endings.keys()]).toEqual(expect.arrayContaining(['promoted', 'rolledBack']));
});
