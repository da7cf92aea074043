// The folder is the architecture: what each part of src may import, and what no file may do.

import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';

const ROOT = resolve(import.meta.dirname, '../..');

interface SourceFile {
  /** From the root, such as `src/core/release/decide.ts`. */
  readonly path: string;
  readonly text: string;
  /** The text without comments and with every string literal emptied. */
  readonly code: string;
  readonly imports: readonly string[];
}

/** Comments, strings and templates without `${}`, so that words in them are not taken for code. */
const NO_CODE = /\/\*[\s\S]*?\*\/|\/\/[^\n]*|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"/g;
/** Not the word 'from' in a string of its own. */
const IMPORT = /(?<!')(?:\bfrom|\bimport)\s*\(?\s*'([^']+)'/g;

function readFiles(folder: string): readonly SourceFile[] {
  return readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => readSource(relative(ROOT, join(entry.parentPath, entry.name))));
}

function readSource(path: string): SourceFile {
  const text = readFileSync(join(ROOT, path), 'utf8');
  const uncommented = text.replaceAll(NO_CODE, (part) => (part.startsWith('/') ? ' ' : part));
  return { path, text, code: text.replaceAll(NO_CODE, " '' "), imports: [...uncommented.matchAll(IMPORT)].map((match) => match[1] ?? '') };
}

/** The part of src that a path belongs to: its first folder, or `main`. */
function partOf(path: string): string {
  return path.split('/')[1]?.replace(/\.ts$/, '') ?? '';
}

/** Imports of our own files as paths from the root. */
function ownImports(file: SourceFile): readonly string[] {
  return file.imports.filter((name) => name.startsWith('.')).map((name) => relative(ROOT, resolve(ROOT, dirname(file.path), name)));
}

const SOURCES = readFiles('src');
const TESTS = [...readFiles('test'), ...readFiles('tools')];
const CORE = SOURCES.filter(({ path }) => path.startsWith('src/core/'));

const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  api: ['api'],
  core: ['api', 'core'],
  sources: ['api', 'sources'],
  ports: ['api', 'core', 'ports'],
  adapters: ['api', 'core', 'ports', 'adapters'],
  app: ['api', 'core', 'ports', 'sources', 'app'],
  server: ['api', 'core', 'ports', 'server'],
  cli: ['api', 'core', 'sources', 'adapters', 'cli'],
};

/** Each as `file -> import`. */
function findImports(files: readonly SourceFile[], isWrong: (file: SourceFile, path: string) => boolean): readonly string[] {
  return files.flatMap((file) =>
    ownImports(file)
      .filter((path) => isWrong(file, path))
      .map((path) => `${file.path} -> ${path}`),
  );
}

function pathsWith(files: readonly SourceFile[], holds: (file: SourceFile) => boolean): readonly string[] {
  return files.filter(holds).map(({ path }) => path);
}

test('the files are found, and what they import', () => {
  expect(SOURCES.length).toBeGreaterThan(50);
  expect(SOURCES.find(({ path }) => path === 'src/main.ts')?.imports.length).toBeGreaterThan(5);
  expect(SOURCES.find(({ path }) => path === 'src/api/times.ts')?.code).toContain('new Date(ms)');
});

describe('the dependency rule', () => {
  test('every part of src imports only what it may', () => {
    const wrong = findImports(
      SOURCES.filter(({ path }) => partOf(path) !== 'main'),
      (file, path) => !(MAY_IMPORT[partOf(file.path)] ?? []).includes(partOf(path)) || !path.startsWith('src/'),
    );
    // The version stands in package.json and nowhere else.
    expect(wrong).toEqual(['src/api/version.ts -> package.json']);
  });

  test('every part of src is one that the rule knows', () => {
    const parts = new Set(SOURCES.map(({ path }) => partOf(path)));
    expect([...parts].filter((part) => part !== 'main' && MAY_IMPORT[part] === undefined)).toEqual([]);
  });

  test('adapters never import the folder of another adapter, and only main imports the real clock', () => {
    const adapterOf = (path: string) => path.split('/').slice(0, 3).join('/');
    const adapters = SOURCES.filter(({ path }) => path.startsWith('src/adapters/'));
    expect(findImports(adapters, (file, path) => path.startsWith('src/adapters/') && adapterOf(path) !== adapterOf(file.path))).toEqual([]);
    expect(findImports(SOURCES, (file, path) => path === 'src/adapters/clock.ts' && file.path !== 'src/main.ts')).toEqual([]);
  });

  test('nothing in src imports main, and nothing imports tests', () => {
    expect(findImports(SOURCES, (_file, path) => path === 'src/main.ts' || path.startsWith('test/') || path.startsWith('tools/'))).toEqual(
      [],
    );
  });

  test('the pure parts import no package but those that are pure: zod, xstate in one file, and hashes', () => {
    const pure = SOURCES.filter(({ path }) => ['api', 'core', 'sources', 'ports'].includes(partOf(path)));
    const packages = pure.flatMap(({ path, imports }) =>
      imports.filter((name) => !name.startsWith('.')).map((name) => `${partOf(path)}: ${name}`),
    );
    expect([...new Set(packages)].sort()).toEqual(['api: zod', 'core: node:crypto', 'core: xstate']);
  });

  test('xstate is imported in exactly one file', () => {
    expect(pathsWith(SOURCES, ({ imports }) => imports.some((name) => name === 'xstate' || name.startsWith('xstate/')))).toEqual([
      'src/core/release/machine/machine.ts',
    ]);
  });
});

/** Files that import each other in a circle, types included: each circle once, its files in order. */
function findCircles(files: readonly SourceFile[]): readonly (readonly string[])[] {
  const imports = new Map(files.map((file) => [file.path, ownImports(file)]));
  const reach = (from: string, seen = new Set<string>()): ReadonlySet<string> => {
    for (const path of imports.get(from) ?? []) if (!seen.has(path) && imports.has(path)) reach(path, seen.add(path));
    return seen;
  };
  const reached = new Map(files.map(({ path }) => [path, reach(path)]));
  const circles = files
    .filter(({ path }) => reached.get(path)?.has(path) === true)
    .map(({ path }) =>
      [path, ...[...(reached.get(path) ?? [])].filter((other) => other !== path && reached.get(other)?.has(path))].toSorted(),
    );
  return [...new Map(circles.map((circle) => [circle.join(), circle])).values()];
}

/**
 * The rooms of a folder in the order in which they may build on each other: a file imports its own room and those before it.
 * A room is a folder, or a file that stands for itself.
 */
const ROOMS: Readonly<Record<string, readonly string[]>> = {
  'src/core': ['analysis', 'routing', 'workload', 'hold', 'release'],
  'src/core/release': [
    'state.ts',
    'traffic.ts',
    'drain.ts',
    'last-answers.ts',
    'gates',
    'observation.ts',
    'evidence',
    'commands',
    'facts',
    'checks',
    'assess.ts',
    'drift',
    'report',
    'machine',
    'desired',
    'wake.ts',
    'policy-question.ts',
    'passes.ts',
    'decide.ts',
  ],
  'src/adapters/kubernetes': [
    'client',
    'informer',
    'pulse.ts',
    'leader',
    'events',
    'routes',
    'workloads',
    'backends',
    'policies.ts',
    'jobs.ts',
    'releases.ts',
    'secrets.ts',
    'gateway-pods.ts',
    'schema-level.ts',
    'hold-webhook.ts',
    'connect.ts',
  ],
};

describe('the rooms', () => {
  test('no file of src is in a circle of imports, types included', () => {
    const circle = ['a', 'b', 'c'].map((name, index, all) => ({
      path: `src/${name}.ts`,
      text: '',
      code: '',
      imports: [`./${all[(index + 1) % all.length]}.ts`],
    }));
    expect(findCircles(circle)).toEqual([['src/a.ts', 'src/b.ts', 'src/c.ts']]);
    expect(findCircles(SOURCES)).toEqual([]);
  });

  test.each(Object.entries(ROOMS))('the rooms of %s build only on those before them', (folder, rooms) => {
    const inside = SOURCES.filter(({ path }) => path.startsWith(`${folder}/`));
    const roomOf = (path: string) => path.slice(folder.length + 1).split('/')[0] ?? '';
    expect([...new Set(inside.map(({ path }) => roomOf(path)))].toSorted()).toEqual([...rooms].toSorted());
    const upwards = findImports(
      inside,
      (file, path) => path.startsWith(`${folder}/`) && rooms.indexOf(roomOf(path)) > rooms.indexOf(roomOf(file.path)),
    );
    expect(upwards).toEqual([]);
  });
});

describe('the core', () => {
  const forbidden: readonly (readonly [what: string, pattern: RegExp, examples: readonly string[]])[] = [
    [
      'asks no clock',
      /\bDate\.now\b|\bnew Date\(\s*\)|\bnew Date\b(?!\()|(?<!new )\bDate\(|\bperformance\b/,
      ['Date.now()', 'new Date()', 'new Date;', 'Date()', 'performance.now()'],
    ],
    ['rolls no dice', /\bMath\.random\b|\brandom(UUID|Bytes|Int)\b/, ['Math.random()', 'randomUUID()']],
    ['sets no timer', /\bset(Timeout|Interval|Immediate)\b|\bqueueMicrotask\b/, ['setTimeout(run, 1)']],
    ['knows no process and no globals of it', /\bprocess\b|\bglobalThis\b|\bconsole\b|\bfetch\(/, ['process.env', 'fetch(url)']],
    ['waits for nothing', /\basync\b|\bawait\b|\bPromise\b/, ['await it']],
    ['has no classes', /\bclass\s+\w/, ['class Judge {}']],
  ];

  test.each(forbidden)('the core %s', (_what, pattern, examples) => {
    expect(examples.filter((example) => !pattern.test(example))).toEqual([]);
    expect(pathsWith(CORE, ({ code }) => pattern.test(code))).toEqual([]);
  });
});

describe('every file', () => {
  test('every file in src, test and tools has at most 400 lines', () => {
    expect(pathsWith([...SOURCES, ...TESTS], ({ text }) => text.trimEnd().split('\n').length > 400)).toEqual([]);
  });

  test('every file is free of `any`, of ignored errors of the compiler, and of default exports', () => {
    const anyType = /(?::|\bas|<|,|\||=>)\s*any\b(?!\s*\()/;
    const ignored = /@ts-(ignore|nocheck|expect-error)/;
    expect(
      ['let a: any', 'b as any', 'c: Map<string, any>', 'd: any[]', 'e: string | any', '() => any'].every((example) =>
        anyType.test(example),
      ),
    ).toBe(true);
    expect(pathsWith([...SOURCES, ...TESTS], ({ code }) => anyType.test(code))).toEqual([]);
    expect(pathsWith(SOURCES, ({ text }) => ignored.test(text))).toEqual([]);
    expect(pathsWith(SOURCES, ({ code }) => /\bexport default\b/.test(code))).toEqual([]);
  });

  test('every file in src says in its first line what it is about', () => {
    expect(pathsWith(SOURCES, ({ text }) => !/^(#!.*\n)?(\/\/|\/\*)/.test(text))).toEqual([]);
  });
});
