import { describe, expect, test } from 'vitest';
import { readStatus } from '../../../src/api/release.ts';
import { storedStatusSchema, toStoredStatus } from '../../../src/api/stored-status.ts';
import { FULL_STATUS } from '../../fixtures/full-status.ts';

const copy = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

describe('a stored status', () => {
  const stored = toStoredStatus(FULL_STATUS);

  test('a stored status has the memory of the machine under status.internal, and nothing of it elsewhere', () => {
    const { release, internal } = copy(stored) as { release: Record<string, unknown>; internal: { release: Record<string, unknown> } };
    for (const field of ['returnTo', 'lookGridAt', 'served', 'puttingBack', 'driftSince']) {
      expect(release).not.toHaveProperty(field);
      expect(internal.release).toHaveProperty(field);
    }
    const [route] = release['routes'] as readonly Record<string, unknown>[];
    expect(route).not.toHaveProperty('raising');
    expect(internal.release['routes']).toEqual([expect.objectContaining({ kind: route?.['kind'], name: route?.['name'], raising: true })]);
  });

  test('a stored status is what the CRD knows, field by field', () => {
    const parsed = storedStatusSchema.safeParse(copy(stored));
    expect(parsed.success && parsed.data).toEqual(copy(stored));
  });

  test('a stored status comes back as it was', () => {
    expect(readStatus(copy(stored))).toEqual({ status: FULL_STATUS });
    expect(readStatus(copy(toStoredStatus({ observedGeneration: 1 })))).toEqual({ status: { observedGeneration: 1 } });
  });

  test('a stored status of another version is read as far as it goes', () => {
    const odd = { ...(copy(stored) as object), internal: { release: 'none', told: { block: 'X' } } };
    const { status } = readStatus(odd);
    expect(status.release?.id).toBe(FULL_STATUS.release?.id);
    expect(status.release?.lookGridAt).toBeUndefined();
    expect(readStatus({ release: { routes: 'none' }, internal: { release: { routes: [7] } } }).unknownState).toBeDefined();
  });
});
