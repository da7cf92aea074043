// The API server refuses writes for long while a release runs: the canary is judged all the same (rule 13), and nothing waits for minutes
// afterwards.

import { expect, test } from 'vitest';
import { GlidepathError } from '../../src/api/errors.ts';
import type { Fault } from '../fakes/memory/calls.ts';
import { shareOf, startStory, untilState } from '../fixtures/story.ts';

const refused: Fault = {
  when: 'instead',
  error: new GlidepathError('GLIDEPATH_E_SERVER', 'the server is down in this test', { retryable: true }),
};
const TEN_MINUTES_MS = 600_000;

test('a canary that turns bad is rolled back within seconds though the status could not be written for ten minutes', async () => {
  const world = await startStory({ stages: [{ weight: 50, duration: '1h' }] });
  world.faults = ({ verb }) => (verb === 'status' ? refused : undefined);
  await world.run(TEN_MINUTES_MS);
  world.setVersion('v2', { errorRatio: 0.5 });
  expect(await world.until('the canary to have no weight', () => shareOf(world) === 0, TEN_MINUTES_MS)).toBeLessThan(30_000);
});

test('a canary that turned bad while no write succeeded is rolled back within seconds of the first one that does', async () => {
  const world = await startStory({ stages: [{ weight: 50, duration: '1h' }] });
  world.faults = () => refused;
  await world.run(TEN_MINUTES_MS / 2);
  world.setVersion('v2', { errorRatio: 0.5 });
  await world.run(TEN_MINUTES_MS / 2);
  expect(shareOf(world)).toBe(50);
  world.faults = () => undefined;
  expect(await world.until('the canary to have no weight', () => shareOf(world) === 0, TEN_MINUTES_MS)).toBeLessThan(15_000);
});

test('a healthy release continues within seconds after ten minutes in which no write succeeded', async () => {
  const world = await startStory({ stages: [{ weight: 50, duration: '1m' }] });
  world.faults = () => refused;
  await world.run(TEN_MINUTES_MS);
  expect(shareOf(world)).toBe(50);
  world.faults = () => undefined;
  expect(await untilState(world, 'promoted', TEN_MINUTES_MS)).toBeLessThan(30_000);
});
