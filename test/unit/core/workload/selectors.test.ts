import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  canonical,
  findMoves,
  type LabelSelector,
  moveSelectors,
  readSelector,
  type Requirement,
  requirementsOf,
  selects,
  widen,
} from '../../../../src/core/workload/selectors.ts';
import { anyLabels, anySelector } from '../../../fixtures/policies.ts';

describe('a selector selects', () => {
  const ours = { app: 'store', tier: 'web' };
  test.each<[string, LabelSelector, boolean]>([
    ['everything when it is empty', {}, true],
    ['by labels', { matchLabels: { app: 'store' } }, true],
    ['by all labels at once', { matchLabels: { app: 'store', tier: 'db' } }, false],
    ['by labels that are there', { matchLabels: { team: 'shop' } }, false],
    ['In', { matchExpressions: [{ key: 'app', operator: 'In', values: ['x', 'store'] }] }, true],
    ['In, of a label that is not there', { matchExpressions: [{ key: 'team', operator: 'In', values: ['x'] }] }, false],
    ['NotIn', { matchExpressions: [{ key: 'app', operator: 'NotIn', values: ['store'] }] }, false],
    ['NotIn, of a label that is not there', { matchExpressions: [{ key: 'team', operator: 'NotIn', values: ['x'] }] }, true],
    ['Exists', { matchExpressions: [{ key: 'app', operator: 'Exists' }] }, true],
    ['Exists, of a label that is not there', { matchExpressions: [{ key: 'team', operator: 'Exists' }] }, false],
    ['DoesNotExist', { matchExpressions: [{ key: 'app', operator: 'DoesNotExist' }] }, false],
    ['DoesNotExist, of a label that is not there', { matchExpressions: [{ key: 'team', operator: 'DoesNotExist' }] }, true],
    ['nothing by an operator that nobody knows', { matchExpressions: [{ key: 'app', operator: 'Gt', values: ['1'] }] }, false],
    [
      'by labels and expressions at once',
      { matchLabels: { app: 'store' }, matchExpressions: [{ key: 'tier', operator: 'In', values: ['db'] }] },
      false,
    ],
  ])('a selector selects %s', (_what, selector, expected) => {
    expect(selects(selector, ours)).toBe(expected);
  });

  /** One requirement, as the documentation has it in words. */
  function isMetInWords({ key, operator, values = [] }: Requirement, labels: Readonly<Record<string, string>>): boolean {
    const there = Object.hasOwn(labels, key);
    const among = there && values.some((value) => value === labels[key]);
    return { In: among, NotIn: !among, Exists: there, DoesNotExist: !there }[operator] === true;
  }

  test('a selector selects what each of its requirements selects, and nothing else', () => {
    fc.assert(
      fc.property(anySelector(), anyLabels(), (selector, labels) => {
        expect(selects(selector, labels)).toBe(requirementsOf(selector).every((one) => isMetInWords(one, labels)));
      }),
    );
  });
});

test('a selector that is widened selects what it did, and the other one, too', () => {
  fc.assert(
    fc.property(anySelector(), anyLabels(), anyLabels(), (selector, labels, other) => {
      fc.pre(selects(selector, labels));
      const wide = widen(selector, other);
      expect([selects(wide, labels), selects(wide, other)]).toEqual([true, true]);
    }),
  );
});

test('a selector is widened by no more than is needed', () => {
  const selector = {
    matchLabels: { app: 'store', tier: 'web' },
    matchExpressions: [{ key: 'zone', operator: 'NotIn', values: ['a', 'b'] }],
  };
  expect(widen(selector, { app: 'store-canary', tier: 'web', zone: 'a' })).toEqual({
    matchLabels: { tier: 'web' },
    matchExpressions: [
      { key: 'app', operator: 'In', values: ['store', 'store-canary'] },
      { key: 'zone', operator: 'NotIn', values: ['b'] },
    ],
  });
});

test('moving selectors changes the values of the labels that differ, wherever a selector is, and nothing else', () => {
  const moves = findMoves({ app: 'store', tier: 'web', hash: 'x' }, { app: 'store-canary', tier: 'web', role: 'canary' });
  expect(moves).toEqual({ app: ['store', 'store-canary'] });
  const rule = {
    app: 'store',
    from: [
      { podSelector: { matchLabels: { app: 'store', tier: 'store' } } },
      {
        podSelector: {
          matchExpressions: [
            { key: 'app', operator: 'In', values: ['store', 'x'] },
            { key: 'app', operator: 'Exists' },
          ],
        },
      },
    ],
  };
  expect(moveSelectors(rule, moves)).toEqual({
    app: 'store',
    from: [
      { podSelector: { matchLabels: { app: 'store-canary', tier: 'store' } } },
      {
        podSelector: {
          matchExpressions: [
            { key: 'app', operator: 'In', values: ['store-canary', 'x'] },
            { key: 'app', operator: 'Exists' },
          ],
        },
      },
    ],
  });
});

test('texts are the same for what means the same', () => {
  expect(canonical({ b: [2, 1], a: { c: 'x', d: undefined } })).toBe(canonical({ a: { c: 'x' }, b: [1, 2] }));
  expect(canonical({ a: '1' })).not.toBe(canonical({ a: 1 }));
  expect(canonical([[], {}])).not.toBe(canonical([{}]));
});

test('what is no selector is none', () => {
  expect([readSelector(undefined), readSelector(null), readSelector('app=store')]).toEqual([undefined, undefined, undefined]);
  expect(readSelector({ other: 1 })).toEqual({});
});
