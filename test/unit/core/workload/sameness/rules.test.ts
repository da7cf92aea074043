import { describe, expect, test } from 'vitest';
import {
  at,
  authorsMap,
  buildPlaces,
  canonicalValue,
  filled,
  object,
  type Rules,
  unset,
  zero,
} from '../../../../../src/core/workload/sameness/rules.ts';

const RULES: Rules = {
  ...zero('shared'),
  ...at('items[]', { protocol: unset('TCP', ''), path: filled('/', '') }),
  ...at('plain', zero('size')),
  ...object('kept', { mode: unset(420) }),
  ...authorsMap('labels'),
};

const canonical = (value: unknown) => canonicalValue(value, buildPlaces(RULES));

describe('a rule counts at its own path', () => {
  test('a default is left out at the path of its rule, and is a value of its own elsewhere', () => {
    expect(canonical({ items: [{ protocol: 'TCP', path: '/a' }], protocol: 'TCP' })).toEqual({ items: [{ path: '/a' }], protocol: 'TCP' });
    expect(canonical({ plain: { size: 0, mode: 420 } })).toEqual({ plain: { mode: 420 } });
  });

  test('a default is filled in for every item of a list, where it is absent, null, or another word for it', () => {
    expect(canonical({ items: [{}, { path: '' }, { path: null }, { path: '/a' }] })).toEqual({
      items: [{ path: '/' }, { path: '/' }, { path: '/' }, { path: '/a' }],
    });
  });
});

describe('what is empty', () => {
  test('an empty value is none, whatever it was before its defaults were left out, unless the API server keeps it', () => {
    expect(canonical({ plain: { size: 0 }, unknown: {}, list: [], nothing: null })).toEqual({});
    expect(canonical({ kept: { mode: 420 } })).toEqual({ kept: {} });
    expect(canonical({})).toEqual({});
  });

  test('an empty value stays in a list, whose order counts, and in a map of the author', () => {
    expect(canonical({ list: [{}, { a: 1 }], labels: { shared: '', a: 'b' } })).toEqual({
      list: [{}, { a: 1 }],
      labels: { a: 'b', shared: '' },
    });
  });
});

test('keys are sorted at every level, and names of every object mean nothing', () => {
  expect(JSON.stringify(canonical({ b: { d: 1, c: 2 }, a: 3 }))).toBe('{"a":3,"b":{"c":2,"d":1}}');
  expect(canonical(JSON.parse('{"constructor": "x", "toString": {"a": 1}, "labels": {"constructor": ""}}'))).toEqual(
    JSON.parse('{"constructor": "x", "toString": {"a": 1}, "labels": {"constructor": ""}}'),
  );
});
