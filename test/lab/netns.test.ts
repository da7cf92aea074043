import { readlinkSync } from 'node:fs';
import { expect, test } from 'vitest';
import { outsideEnvironment } from './netns.ts';

test('a program that is started in the namespace of the lab is told the namespace of the machine', () => {
  const [path] = Object.values(outsideEnvironment());
  expect(readlinkSync(path ?? '')).toBe(readlinkSync('/proc/self/ns/net'));
});
