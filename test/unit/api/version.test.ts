// The version is that of the package, and one place has it.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { VERSION } from '../../../src/api/version.ts';

const ROOT = join(import.meta.dirname, '../../..');

test('the version is that of package.json, and no source file repeats it', () => {
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { readonly version: string };
  expect(VERSION).toBe(version);
  const sources = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.ts'));
  expect(sources.length).toBeGreaterThan(100);
  expect(sources.filter((path) => readFileSync(join(ROOT, 'src', path), 'utf8').includes(`'${version}'`))).toEqual([]);
});
