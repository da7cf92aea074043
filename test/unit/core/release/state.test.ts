import { describe, expect, test } from 'vitest';
import { PHASES } from '../../../../src/api/names.ts';
import {
  fromMachineValue,
  isGoingHome,
  isJudged,
  isPromoting,
  isResumable,
  isRunning,
  parseState,
  phaseOf,
  type StateName,
  STATES,
  toMachineValue,
} from '../../../../src/core/release/state.ts';
import { clockOf, fromTime, toTime } from '../../../../src/api/times.ts';

const statesThat = (holds: (state: StateName) => boolean) => STATES.filter(holds);
const GOING_HOME: readonly StateName[] = ['rollingBack.goingHome', 'rollingBack.draining', 'rollingBack.cleaning'];
const AT_REST: readonly StateName[] = ['idle', 'promoted', 'rolledBack'];

describe('a state', () => {
  test('a state is read back from what the status stores, and an unknown one is never guessed', () => {
    for (const state of STATES) expect(parseState(state)).toBe(state);
    expect(parseState(undefined)).toBe('idle');
    expect(parseState('stage.mirroring')).toBeUndefined();
    expect(parseState('')).toBeUndefined();
  });

  test('a state survives the way into the machine and back', () => {
    for (const state of STATES) expect(fromMachineValue(toMachineValue(state))).toBe(state);
    expect(toMachineValue('stage.analyzing')).toEqual({ stage: 'analyzing' });
    expect(toMachineValue('paused')).toBe('paused');
  });

  test.each([['nowhere'], [{ stage: 'mirroring' }], [null], [{ stage: 'analyzing', paused: 'x' }]])(
    'a state of the machine that is none of ours is an error, %o',
    (value) => {
      expect(() => fromMachineValue(value)).toThrow(RangeError);
    },
  );

  test('a state has a phase that people read', () => {
    for (const state of STATES) expect(PHASES).toContain(phaseOf(state));
    const phases = STATES.map((state) => phaseOf(state));
    expect(GOING_HOME.map((state) => phaseOf(state))).toEqual(['RollingBack', 'RollingBack', 'RollingBack']);
    // An experiment goes the way of a rollback and ends as what it was.
    expect(phaseOf('rolledBack', { reason: 'Completed' })).toBe('Completed');
    expect(new Set([...phases, 'Completed'])).toEqual(new Set(PHASES));
  });

  test('a state runs unless it is at rest', () => {
    expect(statesThat((state) => !isRunning(state))).toEqual(AT_REST);
  });

  test('a state is judged while the canary may have weight: rule 13 has no exception for pauses and blocks', () => {
    expect(statesThat((state) => !isJudged(state))).toEqual([...AT_REST.slice(0, 2), ...GOING_HOME, 'rolledBack']);
  });

  test('a state shows by its first word whether the release goes home or promotes', () => {
    expect(statesThat(isGoingHome)).toEqual(GOING_HOME);
    expect(statesThat(isPromoting)).toEqual(['promoting.rollingOut', 'promoting.baking', 'promoting.restoring']);
  });

  test('a state can be returned to where a release goes forward', () => {
    expect(statesThat(isResumable)).toEqual(STATES.filter((state) => state === 'preparing' || /^(stage|promoting)\./.test(state)));
  });
});

describe('times', () => {
  const noon = Date.UTC(2030, 0, 1, 12, 0, 5);

  test('times are written without milliseconds where there are none', () => {
    expect(toTime(noon)).toBe('2030-01-01T12:00:05Z');
    expect(toTime(noon + 7)).toBe('2030-01-01T12:00:05.007Z');
  });

  test('times are read back exactly', () => {
    for (const ms of [0, noon, noon + 7]) expect(fromTime(toTime(ms))).toBe(ms);
  });

  test('times that are absent or unreadable are undefined, never 1970', () => {
    expect(fromTime(undefined)).toBeUndefined();
    expect(fromTime('soon')).toBeUndefined();
  });

  test('times are short in messages', () => {
    expect(clockOf(noon + 7)).toBe('12:00:05Z');
  });
});
