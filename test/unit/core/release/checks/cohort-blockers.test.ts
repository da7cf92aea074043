// What a manifest alone says against its cohorts.

import { describe, expect, test } from 'vitest';
import { refuseCohortKind, refuseUnjudged } from '../../../../../src/core/release/checks/cohort-blockers.ts';
import { aSpec } from '../../../../fixtures/builders.ts';

const cohort = { headers: [{ name: 'X-Canary-User', value: 'true', type: 'Exact' as const }] };
const observed = { name: 'errors', metric: 'ErrorRatio', max: '1%', onBreach: 'Observe' } as const;

describe('a cohort by its manifest', () => {
  test('a cohort is refused in a route that carries connections, and a spec without one is not', () => {
    const routeRefs = [{ kind: 'TCPRoute' as const, name: 'store' }];
    expect(refuseCohortKind(aSpec({ stages: [{ weight: 0, cohort }, { weight: 10 }], routeRefs }))).toContain('TCPRoute store');
    expect(refuseCohortKind(aSpec({ stages: [{ weight: 10 }], routeRefs }))).toBeUndefined();
    expect(refuseCohortKind(aSpec({ stages: [{ weight: 0, cohort }], routeRefs: [{ name: 'store' }] }))).toBeUndefined();
  });

  test('a cohort whose requests are not compared needs a check that may act', () => {
    const of = (weight: number, checks: readonly (typeof observed)[] = [observed], mode: 'Enforce' | 'Observe' = 'Enforce') =>
      aSpec({ stages: [{ weight: 10 }, { weight, cohort }, { weight: 50 }], analysis: { mode, checks: [...checks] } });
    expect(refuseUnjudged(of(20), true)).toContain('no check may act');
    expect(refuseUnjudged(of(20), false)).toBeUndefined();
    expect(refuseUnjudged(aSpec({ stages: [{ weight: 0, cohort }], analysis: { checks: [observed] } }), false)).toContain(
      'no check may act',
    );
    expect(refuseUnjudged(of(20, [observed], 'Observe'), true)).toBeUndefined();
    expect(refuseUnjudged(aSpec({ stages: [{ weight: 10 }], analysis: { checks: [observed] } }), true)).toBeUndefined();
  });
});
