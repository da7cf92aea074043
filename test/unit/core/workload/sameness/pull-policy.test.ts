import { describe, expect, test } from 'vitest';
import { pullPolicyOf } from '../../../../../src/core/workload/sameness/pull-policy.ts';

const SHA256 = `sha256:${'ab'.repeat(32)}`;

describe('an image is pulled always', () => {
  test.each([
    'store',
    'store:latest',
    'shop/store',
    'registry.example/shop/store',
    'registry.example:5000/shop/store',
    'registry.example:5000/store:latest',
    '[::1]:5000/store',
    'Registry/store',
    'a.b__c-d/e--f',
    `store:latest@${SHA256}`,
  ])('an image is pulled always where it has the tag latest, or neither tag nor digest: %s', (image) => {
    expect(pullPolicyOf(image)).toBe('Always');
  });
});

describe('an image is pulled where it is not present', () => {
  test.each(['store:1', 'registry.example:5000/store:1', 'store:Latest', `store@${SHA256}`, `store:1@${SHA256}`, 'localhost:5000'])(
    'an image with another tag or a digest is pulled where it is not present: %s',
    (image) => {
      expect(pullPolicyOf(image)).toBe('IfNotPresent');
    },
  );

  test.each([
    '',
    'Store',
    'shop/Store',
    'store:',
    'store@sha256:abcd',
    'store@md5:0123',
    '-store',
    'ab'.repeat(32),
    'a b',
    undefined,
    null,
    7,
  ])('an image whose name is none is pulled where it is not present: %s', (image) => {
    expect(pullPolicyOf(image)).toBe('IfNotPresent');
  });
});
