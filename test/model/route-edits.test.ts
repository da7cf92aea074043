// Whatever others write to the rules of a route while a release runs, it keeps its rules apart from theirs, ends as its version deserves or
// names what it waits for, and leaves nothing of its own behind.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { anyRouteEditCase, type RouteEditCase } from '../fixtures/route-edits.ts';
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

/** The smallest stories of faults that random ones have found. */
const ONCE_WRONG: readonly (readonly [what: string, story: RouteEditCase])[] = [
  [
    'a rule of the release is removed while a copy of another one comes: what still sends requests to what served before is named',
    {
      mode: 'Services',
      badFromMs: undefined,
      lagMs: 0,
      routes: [
        [
          { serving: 3, others: [], path: '/a', named: false },
          { serving: 1, others: [], path: undefined, named: false },
        ],
      ],
      testers: false,
      faults: undefined,
      edits: [
        { when: { kind: 'afterWrite', nth: 1, ms: 0 }, route: 0, edit: { kind: 'remove', at: 0 } },
        {
          when: { kind: 'afterWrite', nth: 1, ms: 0 },
          route: 0,
          edit: { kind: 'insert', at: 0, rule: { like: 'live', of: 0, serving: 1, canary: 0, alone: false, path: undefined } },
        },
        { when: { kind: 'at', ms: 0 }, route: 0, edit: { kind: 'weight', at: 0, ref: 0, weight: 0 } },
      ],
    },
  ],
  [
    'a foreign weight is changed in the moment of the first raise: it keeps the share that was asked for',
    {
      mode: 'Deployment',
      badFromMs: 0,
      lagMs: 900,
      routes: [[{ serving: 1, others: [0], path: undefined, named: false }]],
      testers: false,
      faults: undefined,
      edits: [{ when: { kind: 'at', ms: 2941 }, route: 0, edit: { kind: 'weight', at: 0, ref: 1, weight: 100 } }],
    },
  ],
];

test.each(ONCE_WRONG)('a release ends as its version deserves where %s', async (_what, story) => {
  await playRouteEdits(story);
});
