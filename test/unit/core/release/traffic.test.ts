import { describe, expect, test } from 'vitest';
import { asksForTraffic, canaryGetsTraffic, cohortAt } from '../../../../src/core/release/traffic.ts';
import { aReleaseStatus, aSpec, aStatus, timeAfter } from '../../../fixtures/builders.ts';

const cohort = { headers: [{ name: 'X-Canary', value: 'true', type: 'Exact' as const }] };
const testers = { weight: 0, cohort };
const mirror = { weight: 0, mirror: { percent: 10 } };
const workload = { name: 'store', uid: 'uid-1', canary: 'store-canary', template: 'new', servingTemplate: 'old' };
const approval = { weight: 0, approval: 'Required' as const };

describe('the canary gets traffic', () => {
  const at = (weight: number, started: boolean) =>
    aStatus({ weight, release: aReleaseStatus({ stageIndex: 0, ...(started ? { stageStartedAt: timeAfter(0) } : {}) }) });

  test('the canary gets traffic while it has weight, whatever the stage says', () => {
    expect(asksForTraffic(aSpec(), at(1, false))).toBe(true);
    expect(canaryGetsTraffic(aSpec({ stages: [approval] }), at(25, true))).toBe(true);
  });

  test.each([mirror])('the canary gets traffic at weight 0 from the start of a stage with %j', (stage) => {
    const { stageStartedAt: _none, ...release } = aReleaseStatus({ stageIndex: 0 });
    expect(asksForTraffic(aSpec({ stages: [stage] }), aStatus({ weight: 0, release }))).toBe(false);
    expect(asksForTraffic(aSpec({ stages: [stage] }), at(0, true))).toBe(true);
    expect(canaryGetsTraffic(aSpec({ stages: [stage] }), at(0, true))).toBe(true);
  });

  test('the canary gets traffic at weight 0 from the moment that a cohort is to be sent to it, and in every later stage', () => {
    expect(asksForTraffic(aSpec({ stages: [testers] }), at(0, true))).toBe(false);
    const { stageStartedAt: _none, ...release } = aReleaseStatus({ stageIndex: 1, cohort });
    expect(asksForTraffic(aSpec({ stages: [testers, approval] }), aStatus({ weight: 0, release }))).toBe(true);
    expect(canaryGetsTraffic(aSpec({ stages: [testers, approval] }), aStatus({ weight: 0, release }))).toBe(true);
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
    expect(asksForTraffic(aSpec(), status)).toBe(false);
    expect(canaryGetsTraffic(aSpec(), status)).toBe(true);
  });

  test('the canary is not judged by rules of the user once its Deployment serves what was promoted and it has no share any more', () => {
    const ownRules = [{ kind: 'HTTPRoute' as const, name: 'store', rule: 'testers', matches: 'abc' }];
    const promoted = aReleaseStatus({ ownRules, outcome: 'Promoted', workload });
    expect(canaryGetsTraffic(aSpec(), aStatus({ weight: 0, release: promoted }))).toBe(false);
    // Its share goes in steps where an autoscaler took pods away: until then it is judged.
    expect(canaryGetsTraffic(aSpec(), aStatus({ weight: 20, release: promoted }))).toBe(true);
    // In Services mode it is what serves.
    expect(canaryGetsTraffic(aSpec(), aStatus({ weight: 0, release: aReleaseStatus({ ownRules, outcome: 'Promoted' }) }))).toBe(true);
  });

  test('the canary gets no traffic at weight 0 in a stage that only waits for a person, nor without a release', () => {
    expect(asksForTraffic(aSpec({ stages: [approval] }), at(0, true))).toBe(false);
    expect(asksForTraffic(aSpec({ stages: [testers] }), { weight: 0 })).toBe(false);
  });
});
