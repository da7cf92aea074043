// When a canary is young enough to be watched, and what a conviction makes of the status.
import { describe, expect, test } from 'vitest';
import type { SentinelConviction } from '../../../../../src/core/analysis/sentinel.ts';
import { foldSentinel, isYoung } from '../../../../../src/core/release/evidence/sentinel.ts';
import { aReleaseStatus, aSpec, aSpecWithAnalysis, aStatus, START } from '../../../../fixtures/builders.ts';

const young = aStatus({ weight: 10, release: aReleaseStatus({ stageIndex: 0 }) });
const release = young.release;
if (release === undefined) throw new Error('the fixture has a release');

describe('a young canary', () => {
  test('a canary with weight is young until the first Pass of its stage', () => {
    expect(isYoung(aSpec(), young, 'stage.analyzing')).toBe(true);
    expect(isYoung(aSpec(), young, 'paused')).toBe(true);
    expect(isYoung(aSpec(), { ...young, release: { ...release, passInStage: true } }, 'stage.analyzing')).toBe(false);
  });

  test('no canary is young that has no weight or all of it, fails already, goes home, or is not judged', () => {
    for (const weight of [0, 100]) expect(isYoung(aSpec(), { ...young, weight }, 'stage.analyzing')).toBe(false);
    const failed = { ...release, failedCheck: { name: 'errors', reason: 'ErrorRatio', message: '' } };
    expect(isYoung(aSpec(), { ...young, release: failed }, 'stage.analyzing')).toBe(false);
    expect(isYoung(aSpec(), young, 'rollingBack.goingHome')).toBe(false);
    expect(isYoung(aSpecWithAnalysis({ sentinel: 'Off' }), young, 'stage.analyzing')).toBe(false);
    expect(isYoung(aSpecWithAnalysis({ mode: 'Observe' }), young, 'stage.analyzing')).toBe(false);
  });
});

const conviction: SentinelConviction = {
  check: 'errors',
  reason: 'ErrorRatio',
  message: 'm'.repeat(2_000),
  seen: {
    fromMs: START,
    toMs: START + 4_000,
    targets: Array.from({ length: 40 }, (_, index) => `gw/envoy-${index}`),
    canary: { requests: 25, serverErrors: 12, clientErrors: 0 },
    serving: { requests: 75, serverErrors: 0, clientErrors: 1 },
  },
};

describe('a conviction', () => {
  test('a conviction fails the release like a check and leaves what was seen, within the limits of the status', () => {
    const { release: failed, verdict } = foldSentinel(young, 'stage.analyzing', { conviction });
    expect(verdict).toBe('Fail');
    expect(failed?.failedCheck).toMatchObject({ name: 'errors', reason: 'ErrorRatio' });
    expect(failed?.failedCheck?.message.length).toBeLessThanOrEqual(1_024);
    expect(failed?.sentinel).toMatchObject({
      check: 'errors',
      from: '2030-01-01T12:00:00.000Z',
      to: '2030-01-01T12:00:04.000Z',
      canary: { requests: 25, serverErrors: 12, clientErrors: 0 },
      serving: { requests: 75, serverErrors: 0, clientErrors: 1 },
    });
    expect(failed?.sentinel?.targets).toHaveLength(16);
  });

  test('silence changes nothing, nor does a second finding of a release that failed or goes home', () => {
    expect(foldSentinel(young, 'stage.analyzing', undefined)).toBe(young);
    expect(foldSentinel(young, 'stage.analyzing', { unread: '1 of 2 gateway pods not read' })).toBe(young);
    expect(foldSentinel(young, 'rollingBack.goingHome', { conviction })).toBe(young);
    const failed = { ...young, release: { ...release, failedCheck: { name: 'p99', reason: 'Latency', message: '' } } };
    expect(foldSentinel(failed, 'stage.analyzing', { conviction })).toBe(failed);
  });

  test('a comparison with a serving version that has no endpoint convicts nobody; a check of a fixed limit does', () => {
    const empty = { ...young, internal: { serving: { emptySince: '2030-01-01T12:00:00Z' } } };
    expect(foldSentinel(empty, 'stage.analyzing', { conviction: { ...conviction, check: 'comparison' } })).toBe(empty);
    expect(foldSentinel(empty, 'stage.analyzing', { conviction }).release?.failedCheck?.name).toBe('errors');
  });
});
