import fc from 'fast-check';
import { expect, test } from 'vitest';
import { gather } from '../../../../src/core/release/facts/gather.ts';
import { assessOnce, type Course, DECIDING, NOTING, runPasses } from '../../../../src/core/release/passes.ts';
import type { StateName } from '../../../../src/core/release/state.ts';
import {
  aRecordedRoute,
  aRelease,
  aReleaseStatus,
  aRoute,
  aSpec,
  aStatus,
  after,
  anObservation,
  aRule,
  timeAfter,
} from '../../../fixtures/builders.ts';

const spec = aSpec();
const observation = anObservation({ release: aRelease({ spec }), routes: [aRoute({ rules: [aRule({ v1: 90, v2: 10 })] })] });

function courseIn(state: StateName, weight: number): Course {
  const release = aReleaseStatus({ stageStartedAt: timeAfter(0), routes: [aRecordedRoute()], maxWeight: weight });
  return { state, status: aStatus({ state, weight, release }), transitions: [], events: [], drifts: [] };
}

const STATES: readonly StateName[] = ['stage.analyzing', 'promoting.restoring', 'rollingBack.draining', 'paused', 'preparing'];

test('what is noted of a state that was reached is the same in any order', () => {
  const orders = fc.shuffledSubarray([...NOTING], { minLength: NOTING.length });
  fc.assert(
    fc.property(orders, fc.constantFrom(...STATES), fc.constantFrom(0, 5, 25), (order, state, weight) => {
      const start = courseIn(state, weight);
      const gathered = gather(spec, observation, after(100));
      const decided = () => ({ gathered, before: start.status, assess: assessOnce(gathered) });
      expect(runPasses(order, start, decided()).status).toEqual(runPasses(NOTING, start, decided()).status);
    }),
  );
});

test('a status is judged once, however many passes ask about it', () => {
  const { status, state } = courseIn('stage.analyzing', 25);
  const assess = assessOnce(gather(spec, observation, after(100)));
  expect(assess(status, state)).toBe(assess(status, state));
  expect(assess({ ...status }, state)).not.toBe(assess(status, state));
});

test('events, transitions and drifts of a pass come after those before it', () => {
  const start = courseIn('stage.analyzing', 25);
  const gathered = gather(spec, observation, after(100));
  const say = (message: string) => () => ({ events: [{ reason: 'Paused' as const, message }] });
  const { events } = runPasses([say('first'), say('second')], start, { gathered, before: start.status, assess: assessOnce(gathered) });
  expect(events.map(({ message }) => message)).toEqual(['first', 'second']);
  expect(DECIDING.length).toBeGreaterThan(3);
});
