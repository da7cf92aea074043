// Facts are gathered once a decision, counted over whole releases.

import { expect, test, vi } from 'vitest';
import { decide } from '../../src/core/release/decide.ts';
import { gather } from '../../src/core/release/facts/gather.ts';
import { startIn } from '../fixtures/deployment-story.ts';
import { startStory, untilState } from '../fixtures/story.ts';

vi.mock('../../src/core/release/facts/gather.ts', { spy: true });
vi.mock('../../src/core/release/decide.ts', { spy: true });

/** Calls of `gather` and of `decide` so far. */
function countCalls(): readonly [gatherings: number, decisions: number] {
  return [vi.mocked(gather).mock.calls.length, vi.mocked(decide).mock.calls.length];
}

test('each decision gathers its facts once, in Services mode and of a Deployment', async () => {
  await untilState(await startStory(), 'promoted');
  await untilState((await startIn('stage.analyzing')).world, 'promoted');
  const [gatherings, decisions] = countCalls();
  expect(decisions).toBeGreaterThan(100);
  expect(gatherings).toBe(decisions);
});
