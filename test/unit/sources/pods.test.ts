import { describe, expect, test } from 'vitest';
import { podRegex } from '../../../src/sources/pods.ts';

function fits(name: string, hashes: readonly string[], pod: string): boolean {
  const regex = podRegex({ namespace: 'n', service: 's', port: 80, workload: { name, templateHashes: hashes } });
  return new RegExp(`^(?:${regex})$`).test(pod);
}

describe('pods of a workload', () => {
  test('pods of a workload are those of its template hashes only', () => {
    expect(fits('web', ['5f6d', '77bb'], 'web-5f6d-x2x4z')).toBe(true);
    expect(fits('web', ['5f6d', '77bb'], 'web-77bb-abcde')).toBe(true);
    expect(fits('web', ['5f6d'], 'web-77bb-abcde')).toBe(false);
    expect(fits('web', ['5f6d'], 'web-admin-5f6d-x2x4z')).toBe(false);
    expect(fits('web', ['5f6d'], 'web-5f6d-x2x4z-0')).toBe(false);
  });

  test('pods of a workload have names that Kubernetes cut at 58 characters before the random end', () => {
    const name = 'a'.repeat(55);
    expect(fits(name, ['5f6d8b7c9'], `${name}-5fx2x4z`)).toBe(true);
  });

  test('pods of a workload cannot be named without a hash', () => {
    expect(podRegex({ namespace: 'n', service: 's', port: 80 })).toBeUndefined();
    const workload = { name: 'web', templateHashes: [] };
    expect(podRegex({ namespace: 'n', service: 's', port: 80, workload })).toBeUndefined();
  });
});
