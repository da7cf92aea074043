// The check of test names: what is a fragment, in plain tests and in tables.

import { expect, test } from 'vitest';
import { findFragments } from '../../../tools/words/test-names.ts';

const found = (content: string) => findFragments('a.test.ts', content).map(({ line, name }) => `${line} ${name}`);

test('a name that continues the title of its describe is found at its line, whatever its case', () => {
  const content = "describe('a route', () => {\n  it('is claimed', run);\n  test('Of another namespace is left alone', run);\n});\n";
  expect(found(content)).toEqual(['2 is claimed', '3 Of another namespace is left alone']);
});

test('a name with a subject is accepted, also where it begins like a fragment', () => {
  expect(found("test('a route is claimed', run);\ntest('isolated pods are left alone', run);\ntest('thatched', run);\n")).toEqual([]);
});

test('the title of a describe may be a fragment', () => {
  expect(found("describe('is claimed', () => {});\n")).toEqual([]);
});

test('a name in a template and a test with a modifier are checked, too', () => {
  expect(found('test.skip(`has \x24{n} routes`, run);\n')).toEqual(['1 has ']);
});

test('the name of a table is checked, and its cells where they are the whole name', () => {
  expect(found("test.each([['is claimed', 1]])('is %s', run);\n")).toEqual(['1 is %s']);
  expect(found("test.each([['is claimed', 1]])('a route %s', run);\n")).toEqual([]);
  expect(found("test.each([\n  ['a route is claimed', 1],\n  ['is left alone', 2],\n] as const)('%s', run);\n")).toEqual([
    '3 is left alone',
  ]);
  expect(found("test.each(['is claimed'])('%s', run);\n")).toEqual(['1 is claimed']);
  expect(found("test.each([{ n: 1, name: 'that is gone' }])('$name', run);\n")).toEqual(['1 that is gone']);
});

test('a table that is made elsewhere has no cells to check', () => {
  expect(found("test.each(CASES)('%s', run);\n")).toEqual([]);
});

test('a file that cannot be parsed is an error, not a file without findings', () => {
  expect(() => found('const = ;')).toThrow(/a\.test\.ts cannot be parsed/);
});
