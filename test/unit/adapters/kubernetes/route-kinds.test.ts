import { describe, expect, test } from 'vitest';
import { DISCOVERY_TIMES } from '../../../../src/adapters/kubernetes/route-kinds.ts';

describe('route kinds that are missing', () => {
  test('are looked for again within a minute, also while others are served', () => {
    // Rests are drawn out by up to a quarter.
    expect(1.25 * DISCOVERY_TIMES.someMs).toBeLessThanOrEqual(60_000);
    expect(1.25 * DISCOVERY_TIMES.noneMs).toBeLessThanOrEqual(60_000);
  });
});
