import { describe, expect, test } from 'vitest';
import { DISCOVERY_TIMES } from '../../../../../src/adapters/kubernetes/routes/route-kinds.ts';

describe('route kinds that are missing', () => {
  test('route kinds that are missing are looked for within a minute where a release asks for them, and seldom where none does', () => {
    // Rests are drawn out by up to a quarter.
    expect(DISCOVERY_TIMES.someMs).toBeGreaterThanOrEqual(600_000);
    expect(1.25 * DISCOVERY_TIMES.noneMs).toBeLessThanOrEqual(60_000);
  });
});
