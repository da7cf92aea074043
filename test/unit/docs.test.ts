// The pages that people read: a fence that does not stand alone turns everything behind it inside out, and a link leads nowhere
// once a heading has got another name.
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { describe, expect, test } from 'vitest';

const ROOT = new URL('../../', import.meta.url);

const PAGES = [
  'README.md',
  'CHANGELOG.md',
  ...readdirSync(new URL('docs/', ROOT), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.md'))
    .map((file) => `docs/${file}`)
    .toSorted(),
];

const FENCE = /^(`{3,})([a-z]*)$/;

const linesOf = (page: URL): readonly string[] => readFileSync(page, 'utf8').split('\n');

/** What stands outside of fences, and where a fence is wrong. */
function readPage(lines: readonly string[]): { readonly prose: readonly string[]; readonly wrong: readonly string[] } {
  const prose: string[] = [];
  const wrong: string[] = [];
  let opened = 0;
  lines.forEach((line, index) => {
    const fence = FENCE.exec(line.trim());
    if (fence === null && line.includes('```')) wrong.push(`line ${index + 1} has a fence beside other text: ${line}`);
    if (fence !== null && opened > 0 && fence[2] !== '') wrong.push(`line ${index + 1} opens a fence inside that of line ${opened}`);
    if (fence !== null) opened = opened === 0 ? index + 1 : 0;
    else if (opened === 0) prose.push(line);
  });
  return { prose, wrong: opened === 0 ? wrong : [...wrong, `the fence of line ${opened} is never closed`] };
}

/** The anchors that GitHub gives to the headings of a page. */
function anchorsOf(page: URL): readonly string[] {
  return readPage(linesOf(page)).prose.flatMap((line) => {
    const heading = /^#+ (.+)$/.exec(line)?.[1];
    return heading === undefined
      ? []
      : [
          heading
            .toLowerCase()
            .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
            .replaceAll(' ', '-'),
        ];
  });
}

/** Targets of links to files of this repository. */
function linksOf(page: URL): readonly string[] {
  const prose = readPage(linesOf(page))
    .prose.join('\n')
    .replaceAll(/`[^`]*`/g, '');
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)].flatMap(([, target = '']) => (/^[a-z]+:/.test(target) ? [] : [target]));
}

describe.each(PAGES)('%s', (file) => {
  const page = new URL(file, ROOT);

  test('the page has every fence on a line of its own, and closes it', () => {
    expect(readPage(linesOf(page)).wrong).toEqual([]);
  });

  test('links to files and headings that are there', () => {
    const broken = linksOf(page).filter((target) => {
      const [path = '', anchor] = target.split('#');
      const linked = path === '' ? page : new URL(path, page);
      return !existsSync(linked) || (anchor !== undefined && !anchorsOf(linked).includes(anchor));
    });
    expect(broken).toEqual([]);
  });
});

test('a fence beside other text, one without an end and one inside another are seen', () => {
  expect(readPage(['```', 'Synced```', '', 'text']).wrong).toEqual([
    'line 2 has a fence beside other text: Synced```',
    'the fence of line 1 is never closed',
  ]);
  expect(readPage(['```sh', 'ls', '```yaml', '```']).wrong).toContain('line 3 opens a fence inside that of line 1');
});
