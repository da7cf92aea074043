import { expect, test } from 'vitest';
import { oncePer } from '../../../src/api/once.ts';

test('what follows from an object is computed once for it, also where it is nothing', () => {
  const asked: object[] = [];
  const sizeOf = oncePer((list: readonly number[]) => {
    asked.push(list);
    return list.length === 0 ? undefined : list.length;
  });
  const [some, none] = [[1, 2], []];
  expect([sizeOf(some), sizeOf(some), sizeOf([1, 2]), sizeOf(none), sizeOf(none)]).toEqual([2, 2, 2, undefined, undefined]);
  expect(asked).toEqual([some, [1, 2], none]);
});
