import { describe, expect, test } from 'vitest';
import { defaultSpec, type SpecInput } from '../../../../../src/api/release.ts';
import { planFor } from '../../../../../src/api/planned.ts';
import { decide } from '../../../../../src/core/release/decide.ts';
import { describeForesight, findShortStages, noteRateBefore } from '../../../../../src/core/release/evidence/foresight.ts';
import { aLook, anObservation, aReleaseStatus, aSpec, aStatus } from '../../../../fixtures/builders.ts';

const UNWRITTEN = defaultSpec({ services: [{ name: 'v1' }, { name: 'v2' }] });
const ENFORCED: SpecInput['analysis'] = { comparison: { mode: 'Enforce' } };
const withRate = (requestRate: string) => ({ release: aReleaseStatus({ requestRate }) });

describe('stages that will not get enough requests', () => {
  const RATIO_ALONE = aSpec({
    stages: [
      { weight: 5, duration: '2m' },
      { weight: 25, duration: '5m' },
      { weight: 50, duration: '10m' },
    ],
    analysis: { comparison: { mode: 'Enforce', riskBudget: '0.5%' } },
  });

  test('a stage that cannot prove a share of all traffic says so with the weight or the time that would do', () => {
    // 90 requests in its 30 minutes of the 210 that keep 0.5% of all traffic at the next weight of 25%.
    expect(findShortStages(RATIO_ALONE, 1)[0]).toEqual({ index: 0, expected: 90, needed: 210, weight: 15, timeoutMs: 70 * 60_000 });
    expect(describeForesight(RATIO_ALONE, withRate('1/s'))).toMatch(
      /^serving had 1 requests\/s in the half hour before; stage 1 \(5%\) expects 90 canary requests by its timeout of 30m, a Pass needs 210: give it weight 15 or a timeout of 1h10m/,
    );
    expect(findShortStages(RATIO_ALONE, 10)).toEqual([]);
    expect(describeForesight(RATIO_ALONE, withRate('10/s'))).toBeUndefined();
  });

  test('the default budget, ten requests, can be proven at any rate at which requests come at all', () => {
    for (const rate of [0.2, 0.5, 1, 2, 5, 100]) expect(findShortStages(planFor(UNWRITTEN, withRate(`${rate}/s`)), rate)).toEqual([]);
    const [first] = findShortStages(planFor(UNWRITTEN, withRate('0.01/s')), 0.01);
    expect(first).toMatchObject({ index: 0, needed: 9, weight: 30 });
  });

  test('without any request no weight and no time would do', () => {
    expect(findShortStages(RATIO_ALONE, 0)[0]).toMatchObject({ expected: 0, weight: undefined, timeoutMs: undefined });
    expect(describeForesight(RATIO_ALONE, withRate('0/s'))).toContain('release when there is more traffic');
  });

  test('a number of requests that is written for one stage is counted in that stage', () => {
    const spec = aSpec({ stages: [{ weight: 20 }, { weight: 50, minRequests: 5_000 }], analysis: ENFORCED });
    expect(findShortStages(spec, 1)).toMatchObject([{ index: 1, expected: 900, needed: 5_000, weight: undefined }]);
  });

  test('where nothing is compared the number of requests that a Pass needs is all that can be missing', () => {
    const spec = aSpec({ stages: [{ weight: 5 }], analysis: { minRequests: 50, comparison: { mode: 'Observe' } } });
    expect(findShortStages(spec, 0.5)).toMatchObject([{ expected: 45, needed: 50, weight: 10 }]);
    expect(findShortStages(spec, 1)).toEqual([]);
    expect(findShortStages(aSpec({ stages: [{ weight: 5 }], analysis: { mode: 'Off' } }), 0.01)).toEqual([]);
  });
});

describe('the traffic before a release', () => {
  const preparing = aStatus({ state: 'preparing', weight: 0, release: aReleaseStatus({ maxWeight: 0 }) });

  test('the rate before a release is noted once, and never when it has begun', () => {
    const noted = noteRateBefore(preparing, 'preparing', [aLook(10), aLook(20, { rateBefore: 0.83333 })]);
    expect(noted.release?.requestRate).toBe('0.833/s');
    expect(noteRateBefore(noted, 'preparing', [aLook(30, { rateBefore: 99 })])).toBe(noted);
    const begun = aStatus();
    expect(noteRateBefore(begun, 'stage.analyzing', [aLook(10, { rateBefore: 1 })])).toBe(begun);
  });

  const answered = (rateBefore: number) =>
    decide(UNWRITTEN, preparing, anObservation({ looks: [aLook(10, { rateBefore, requests: { kind: 'noTraffic', message: '' } })] }), 0);

  test('stages that are not written are those for little traffic from the first decision that knows of it, and it is told once', () => {
    const { status, events } = answered(0.8);
    expect(status).toMatchObject({ release: { requestRate: '0.8/s' }, progress: '0/2' });
    expect(status.message).toContain(
      'serving had 0.8 requests/s in the half hour before; little traffic: the default stages are 20% for 5m, 50% for 10m',
    );
    expect(events.filter(({ reason }) => reason === 'LittleTraffic')).toHaveLength(1);
    const next = decide(UNWRITTEN, status, anObservation(), 1_000);
    expect(next.status.progress).toMatch(/\/2$/);
    expect(next.events.filter(({ reason }) => reason === 'LittleTraffic')).toEqual([]);
  });

  test('stages that are not written are the usual ones elsewhere, and nothing is told', () => {
    const { status, events } = answered(2);
    expect(status.progress).toBe('0/3');
    expect(events.map(({ reason }) => reason)).not.toContain('LittleTraffic');
  });
});
