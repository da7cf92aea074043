import { describe, expect, test } from 'vitest';
import { asksForTraffic, canaryGetsTraffic, cohortAt } from '../../../../src/core/release/traffic.ts';
import { aReleaseStatus, aSpec, aStatus, timeAfter } from '../../../fixtures/builders.ts';

const cohort = { headers: [{ name: 'X-Canary', value: 'true', type: 'Exact' as const }] };
const testers = { weight: 0, cohort };
const workload = { name: 'store', uid: 'uid-1', canary: 'store-canary', template: 'new', servingTemplate: 'old' };
const approval = { weight: 0, approval: 'Required' as const };

describe('the canary gets traffic', () => {
  const at = (weight: number, started: boolean) =>
    aStatus({ weight, release: aReleaseStatus({ stageIndex: 0, ...(started ? { stageStartedAt: timeAfter(0) } : {}) }) });

  test('the canary gets traffic while it has weight, whatever the stage says', () => {
    expect(asksForTraffic(at(1, false))).toBe(true);
    expect(canaryGetsTraffic(at(25, true))).toBe(true);
  });

  test('the canary gets traffic of a mirror in its own stage alone', () => {
    const spec = aSpec({ stages: [{ weight: 0, mirror: { percent: 10 } }, approval, { weight: 5, cohort }] });
    const inEffect = [0, 1, 2].map((index) => cohortAt(spec, index));
    expect(inEffect).toEqual([{ methods: ['GET', 'HEAD'], mirrorPercent: 10 }, undefined, cohort]);
    expect(asksForTraffic(aStatus({ weight: 0, release: { ...aReleaseStatus(), cohort: { methods: ['GET'], mirrorPercent: 10 } } }))).toBe(
      true,
    );
  });

  test('the canary gets traffic at weight 0 from the moment that a cohort is to be sent to it, and in every later stage', () => {
    expect(asksForTraffic(at(0, true))).toBe(false);
    const { stageStartedAt: _none, ...release } = aReleaseStatus({ stageIndex: 1, cohort });
    expect(asksForTraffic(aStatus({ weight: 0, release }))).toBe(true);
    expect(canaryGetsTraffic(aStatus({ weight: 0, release }))).toBe(true);
  });

  test('the canary gets traffic of the cohort of the last stage that names one', () => {
    const later = { headers: [{ name: 'X-Canary', value: 'all' }] };
    const spec = aSpec({ stages: [{ weight: 0, approval: 'Required' }, testers, { weight: 5 }, { weight: 10, cohort: later }] });
    const cohorts = [0, 1, 2, 3].map((index) => cohortAt(spec, index)?.headers?.[0]?.value);
    expect(cohorts).toEqual([undefined, 'true', 'true', 'all']);
  });

  test('the canary gets traffic at weight 0 by a rule of the user, though the release does not ask for it', () => {
    const ownRules = [{ kind: 'HTTPRoute' as const, name: 'store', rule: 'testers', matches: 'abc' }];
    const status = aStatus({ weight: 0, release: aReleaseStatus({ ownRules }) });
    expect(asksForTraffic(status)).toBe(false);
    expect(canaryGetsTraffic(status)).toBe(true);
  });

  test('the canary is not judged by rules of the user once its Deployment serves what was promoted and it has no share any more', () => {
    const ownRules = [{ kind: 'HTTPRoute' as const, name: 'store', rule: 'testers', matches: 'abc' }];
    const promoted = aReleaseStatus({ ownRules, outcome: 'Promoted', workload });
    expect(canaryGetsTraffic(aStatus({ weight: 0, release: promoted }))).toBe(false);
    // Its share goes in steps where an autoscaler took pods away: until then it is judged.
    expect(canaryGetsTraffic(aStatus({ weight: 20, release: promoted }))).toBe(true);
    // In Services mode it is what serves.
    expect(canaryGetsTraffic(aStatus({ weight: 0, release: aReleaseStatus({ ownRules, outcome: 'Promoted' }) }))).toBe(true);
  });

  test('the canary gets no traffic at weight 0 in a stage that only waits for a person, nor without a release', () => {
    expect(asksForTraffic(at(0, true))).toBe(false);
    expect(asksForTraffic({ weight: 0 })).toBe(false);
  });
});
