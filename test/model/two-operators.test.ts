// Operators that do not share a lease.

import { expect, test } from 'vitest';
import { startStory, untilState } from '../fixtures/story.ts';

test('two operators at once notice each other, and one whose predecessor was killed notices no one', async () => {
  const world = await startStory({ stages: [{ weight: 10, duration: '10m' }] });
  expect(world.journal.foreignStatuses).toEqual([]);
  world.startOperator();
  await world.run(300_000);
  expect(world.journal.foreignStatuses.length).toBeGreaterThan(2);
  const alone = await startStory({ stages: [{ weight: 10, duration: '10m' }] });
  alone.operators[0]?.kill();
  alone.startOperator();
  await untilState(alone, 'promoted');
  expect(alone.journal.foreignStatuses).toEqual([]);
});
