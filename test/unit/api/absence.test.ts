import { expect, expectTypeOf, test } from 'vitest';
import { withoutUndefined } from '../../../src/api/absence.ts';

test('a field without a value is left out, and every other value stays, 0, false, null and the empty text too', () => {
  const fields = { first: 0, second: undefined, third: false, fourth: null, fifth: '' };
  expect(Object.keys(withoutUndefined(fields))).toEqual(['first', 'third', 'fourth', 'fifth']);
});

test('a field that may be undefined becomes an optional one', () => {
  const limit: string | undefined = ['1%'].find((one) => one === '2%');
  const kept = withoutUndefined({ name: 'errors', limit });
  expectTypeOf(kept.name).toEqualTypeOf<string>();
  expectTypeOf(kept).toExtend<{ readonly name: string; readonly limit?: string }>();
  expect(kept).toStrictEqual({ name: 'errors' });
});
