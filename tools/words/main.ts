// `npm run words`, part of `npm run check`: fails when a message, a comment, a page or a manifest uses a word of the table in
// rules.ts, and names the place and what to write; and when the name of a test is no whole sentence.

import { globSync, readFileSync } from 'node:fs';
import { lineAt, readProse } from './prose.ts';
import { findWords } from './rules.ts';
import { findFragments } from './test-names.ts';

/** What people read of this repository. Tests are read by those who write them; generated files are checked at their source. */
const FILES = ['src/**/*.ts', 'tools/**/*.ts', 'docs/**/*.md', 'config/**/*.{yaml,lua}', 'README.md', 'CHANGELOG.md'];

const EXCEPT = ['tools/words/rules.ts'];

function checkFile(path: string): readonly string[] {
  const content = readFileSync(path, 'utf8');
  return readProse(path, content).flatMap((prose) =>
    findWords(prose.reader, prose.text).map(
      ({ index, found, write }) => `${path}:${lineAt(content, prose, index)}: "${found}"; write: ${write}`,
    ),
  );
}

function checkTestNames(path: string): readonly string[] {
  return findFragments(path, readFileSync(path, 'utf8')).map(
    ({ line, name }) => `${path}:${line}: the test "${name}" begins in the middle of a sentence; write: a subject in front`,
  );
}

const findings = [
  ...globSync(FILES, { exclude: EXCEPT }).toSorted().flatMap(checkFile),
  ...globSync('test/**/*.test.ts').toSorted().flatMap(checkTestNames),
];
for (const finding of findings) process.stderr.write(`${finding}\n`);
process.exitCode = findings.length === 0 ? 0 : 1;
