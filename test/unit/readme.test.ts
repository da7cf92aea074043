import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { README_FILE, renderReadme } from '../../tools/generate/readme.ts';
import { REASONS_FILE, renderReasons } from '../../tools/generate/reasons.ts';

test('the README shows the machine and the settings as they are; npm run generate mends it', () => {
  const readme = readFileSync(README_FILE, 'utf8');
  expect(readme).toBe(renderReadme(readme));
});

test('docs/reasons.md has every reason of the code; npm run generate mends it', () => {
  expect(readFileSync(REASONS_FILE, 'utf8')).toBe(renderReasons());
});
