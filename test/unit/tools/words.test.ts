// The check of words: what counts as prose, and that a finding leads to its place.

import { expect, test } from 'vitest';
import { lineAt, readProse } from '../../../tools/words/prose.ts';
import { findWords } from '../../../tools/words/rules.ts';

function check(path: string, content: string): readonly string[] {
  return readProse(path, content).flatMap((prose) =>
    findWords(prose.reader, prose.text).map(({ index, found }) => `${lineAt(content, prose, index)} ${found}`),
  );
}

test('A banned word is found in a comment, a string and a template, each at its line', () => {
  expect(check('a.ts', "// nobody knows\nconst a = 'it is told';\nconst b = `\x24{a} shall \x24{a}`;\n")).toEqual([
    '1 nobody',
    '2 told',
    '3 shall',
  ]);
});

test('A phrase that a comment or a page wraps is found', () => {
  expect(check('a.ts', 'const a = 1;\n/**\n * It runs by\n * itself.\n */\nconst b = 2;\n// it goes\n// on\n')).toEqual([
    '3 by itself',
    '7 goes on',
  ]);
  expect(check('a.md', 'It goes\non.\n')).toEqual(['1 goes on']);
});

test('names are not prose: identifiers, imported files, strings of one word, inline code and the code in a template', () => {
  expect(check('a.ts', "import { told } from './told.ts';\nconst look = told('shall'); // `told`\nconst a = `\x24{look.told}`;\n")).toEqual(
    [],
  );
  expect(check('a.md', 'See `status.proven` and `…/home`.\n')).toEqual([]);
});

test('A string inside the code of a template is prose of its own', () => {
  expect(check('a.ts', "const a = `\x24{b ? 'it is told' : ''}`;\n")).toEqual(['1 told']);
});

test('The words of the design are allowed in comments and not in messages', () => {
  expect(check('a.ts', "// all routes are home after one look\nconst a = 'all routes are home after one look';\n")).toEqual([
    '2 home',
    '2 look',
  ]);
});

test('A manifest is checked as a whole', () => {
  expect(check('a.yaml', '# nobody reads this\nmessage: "it is told"\n')).toEqual(['1 nobody', '2 told']);
});

test('A file that cannot be parsed is an error, not a file without findings', () => {
  expect(() => check('a.ts', 'const = ;')).toThrow(/a\.ts cannot be parsed/);
});
