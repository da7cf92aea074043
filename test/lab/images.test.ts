import { expect, test } from 'vitest';
import { fullImageName } from './images.ts';

test.each([
  ['app', 'docker.io/library/app:latest'],
  ['app:1', 'docker.io/library/app:1'],
  ['team/app:1', 'docker.io/team/app:1'],
  ['localhost/app:1', 'localhost/app:1'],
  ['example.test:5000/app', 'example.test:5000/app:latest'],
])('the image %s is found by Kubernetes as %s', (short, full) => {
  expect(fullImageName(short)).toBe(full);
});
