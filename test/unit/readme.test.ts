import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { README_FILE, renderReadme } from '../../tools/generate/readme.ts';

test('the README shows the machine and the settings as they are; npm run generate mends it', () => {
  const readme = readFileSync(README_FILE, 'utf8');
  expect(readme).toBe(renderReadme(readme));
});
