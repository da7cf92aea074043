import { describe, expect, test } from 'vitest';
import {
  type Condition,
  findCondition,
  isTrue,
  removeCondition,
  setCondition,
  setConditions,
  setStanding,
} from '../../../src/api/conditions.ts';

const T1 = '2026-03-04T10:00:00Z';
const T2 = '2026-03-04T11:00:00Z';
const T3 = '2026-03-04T12:00:00Z';

const ready = { type: 'Ready', status: 'False', reason: 'InRelease', message: 'stage 1/3', observedGeneration: 1 } as const;

describe('setCondition', () => {
  test('a new condition gets the present time', () => {
    expect(setCondition([], ready, T1)).toEqual([{ ...ready, lastTransitionTime: T1 }]);
  });

  test('the time moves with the status only, never with reason, message or generation', () => {
    const first = setCondition([], ready, T1);
    const second = setCondition(first, { ...ready, reason: 'Paused', message: 'by ada', observedGeneration: 2 }, T2);
    expect(second).toEqual([{ ...ready, reason: 'Paused', message: 'by ada', observedGeneration: 2, lastTransitionTime: T1 }]);
    const third = setCondition(second, { ...ready, status: 'True', reason: 'Promoted', message: '' }, T3);
    expect(findCondition(third, 'Ready')?.lastTransitionTime).toBe(T3);
  });

  test('a list that says it all already is the same list, so that nothing is written', () => {
    const list = setCondition([], ready, T1);
    expect(setCondition(list, ready, T2)).toBe(list);
  });

  test('other conditions and the order stay', () => {
    const list: readonly Condition[] = [
      { type: 'Stalled', status: 'True', reason: 'Blocked', message: '', lastTransitionTime: T1 },
      { ...ready, lastTransitionTime: T1 },
    ];
    const next = setCondition(list, { ...ready, status: 'True' }, T2);
    expect(next.map((condition) => condition.type)).toEqual(['Stalled', 'Ready']);
    expect(next[0]).toBe(list[0]);
  });

  test('the list that was given is not changed', () => {
    const list = Object.freeze(setCondition([], ready, T1));
    setCondition(list, { ...ready, status: 'True' }, T2);
    expect(list).toEqual([{ ...ready, lastTransitionTime: T1 }]);
  });

  test('a message that is too long for the API is cut', () => {
    const [condition] = setCondition([], { ...ready, message: 'x'.repeat(40_000) }, T1);
    expect(condition?.message.length).toBe(32_768);
  });
});

describe('setConditions', () => {
  const said = { status: 'True', reason: 'Done', message: 'all is well' } as const;
  const other: Condition = { type: 'Foreign', status: 'False', reason: 'Theirs', message: '', lastTransitionTime: T1 };

  test('all conditions are set as one by one: present ones keep their place, new ones follow, and others stay', () => {
    const list = setCondition([other], ready, T1);
    const words = { Stalled: undefined, Reconciling: said, Ready: { ...said, reason: 'Promoted' } };
    const next = setConditions(list, words, 2, T2);
    const oneByOne = setCondition(
      setCondition(list, { type: 'Reconciling', ...said, observedGeneration: 2 }, T2),
      { type: 'Ready', ...said, reason: 'Promoted', observedGeneration: 2 },
      T2,
    );
    expect(next).toEqual(oneByOne);
    expect(next[0]).toBe(other);
  });

  test('a condition that nothing is said of any more goes, and one that says the same stays the same object', () => {
    const list = setConditions([], { Ready: said, Stalled: said }, 1, T1);
    const next = setConditions(list, { Ready: said, Stalled: undefined }, 1, T2);
    expect(next).toEqual([list[0]]);
    expect(next[0]).toBe(list[0]);
  });
});

describe('isTrue and removeCondition', () => {
  const list = setCondition([], { ...ready, status: 'True', observedGeneration: 3 }, T1);

  test('a condition of an older generation is not true for the present one', () => {
    expect(isTrue(list, 'Ready')).toBe(true);
    expect(isTrue(list, 'Ready', 3)).toBe(true);
    expect(isTrue(list, 'Ready', 4)).toBe(false);
    expect(isTrue(list, 'Stalled')).toBe(false);
  });

  test('removing what is not there gives the same list', () => {
    expect(removeCondition(list, 'Stalled')).toBe(list);
    expect(removeCondition(list, 'Ready')).toEqual([]);
  });
});

describe('setStanding follows kstatus', () => {
  const words = { reason: 'InRelease', message: 'm', observedGeneration: 1 } as const;
  const saying = (list: readonly Condition[]) => Object.fromEntries(list.map((condition) => [condition.type, condition.status]));

  test('a status that is Ready has neither Reconciling nor Stalled', () => {
    expect(saying(setStanding([], 'Ready', { ...words, reason: 'Promoted' }, T1))).toEqual({ Ready: 'True' });
  });

  test('Progressing: not ready, reconciling, not stalled, so that no tool turns red while a person is awaited', () => {
    const stalled = setStanding([], 'Stalled', { ...words, reason: 'Blocked' }, T1);
    expect(saying(setStanding(stalled, 'Progressing', words, T2))).toEqual({ Ready: 'False', Reconciling: 'True' });
  });

  test('Stalled: not ready, stalled, not reconciling', () => {
    const progressing = setStanding([], 'Progressing', words, T1);
    const stalled = setStanding(progressing, 'Stalled', { ...words, reason: 'RolledBack' }, T2);
    expect(saying(stalled)).toEqual({ Ready: 'False', Stalled: 'True' });
    expect(findCondition(stalled, 'Ready')?.lastTransitionTime).toBe(T1);
    expect(findCondition(stalled, 'Stalled')?.lastTransitionTime).toBe(T2);
  });

  test('foreign conditions stay', () => {
    const accepted: Condition = { type: 'RoutesAccepted', status: 'True', reason: 'Accepted', message: '', lastTransitionTime: T1 };
    expect(setStanding([accepted], 'Ready', { ...words, reason: 'Idle' }, T2)[0]).toBe(accepted);
  });
});
