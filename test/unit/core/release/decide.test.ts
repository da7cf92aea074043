import { describe, expect, test } from 'vitest';
import { decide } from '../../../../src/core/release/decide.ts';
import {
  aBackend,
  aRecordedRoute,
  aRelease,
  aReleaseStatus,
  aRoute,
  aRule,
  aSpec,
  aStatus,
  after,
  anObservation,
  marked,
  timeAfter,
} from '../../../fixtures/builders.ts';

describe('the bake', () => {
  const spec = aSpec({ promotion: { bake: '10s' } });
  const baking = (change: object) =>
    aStatus({
      state: 'promoting.baking',
      weight: 100,
      release: aReleaseStatus({
        cleanSince: timeAfter(0),
        lookGridAt: timeAfter(19),
        bakeEndsAt: timeAfter(10),
        routes: [aRecordedRoute()],
        ...change,
      }),
    });
  const route = aRoute({ metadata: marked(), rules: [aRule({ v1: 0, v2: 10_000 })] });
  const observation = anObservation({ release: aRelease({ spec }), routes: [route] });

  test('the bake ends when its time is served', () => {
    const silent = { ...observation, lastAnswers: 'silent' as const };
    expect(decide(spec, baking({}), silent, after(20)).state).not.toBe('promoting.baking');
  });

  test('the bake does not end while requests reach what served before, for a minute from the last weight on', () => {
    const busy = { ...observation, lastAnswers: 'busy' as const };
    const at = (seconds: number) =>
      decide(spec, baking({ shiftedAt: timeAfter(0), lookGridAt: timeAfter(seconds - 1) }), busy, after(seconds));
    expect(at(20).state).toBe('promoting.baking');
    expect(at(61).state).not.toBe('promoting.baking');
  });

  test('rule 6: does not end while Prometheus cannot be asked', () => {
    expect(decide(spec, baking({ unavailableSince: timeAfter(15) }), observation, after(20)).state).toBe('promoting.baking');
  });
});

describe('a canary whose pods come late', () => {
  test('a canary whose pods come late is released as it is when its first weight is given, and is no other revision', () => {
    const spec = aSpec({});
    const status = aStatus({
      state: 'preparing',
      weight: 0,
      release: aReleaseStatus({ templateHashes: [], judgeAnswered: true, routes: [aRecordedRoute()] }),
    });
    const route = aRoute({ metadata: marked(), rules: [aRule({ v1: 1, v2: 0 })] });
    const backends = { v1: aBackend('v1'), v2: aBackend('v2', { templateHashes: ['abc'] }) };
    const decision = decide(spec, status, anObservation({ release: aRelease({ spec }), routes: [route], backends }), after(20));
    expect(decision.state).toBe('stage.shifting');
    expect(decision.status.release?.templateHashes).toEqual(['abc']);
  });
});

describe('a state that this version does not know', () => {
  const status = aStatus({ state: 'stage.pondering', weight: 25, release: aReleaseStatus({ routes: [aRecordedRoute()] }) });
  const route = aRoute({ metadata: marked(), rules: [aRule({ v1: 7_500, v2: 2_500 })] });

  test('raises nothing, is kept, and says so', () => {
    const decision = decide(aSpec({}), status, anObservation({ routes: [route] }), after(20));
    expect(decision.intents).toEqual([]);
    expect(decision.status).toMatchObject({ state: 'stage.pondering', phase: 'Blocked' });
    expect(decision.status.message).toContain('UnknownState');
  });

  test('a release in a state that this version does not know can still be rolled back', () => {
    const release = aRelease({ metadata: { annotations: { 'glidepath.dev/abort': status.release?.id ?? '' } } });
    const decision = decide(aSpec({}), status, anObservation({ release, routes: [route] }), after(20));
    expect(decision.state).toBe('rollingBack.goingHome');
    expect(decision.intents.map(({ kind }) => kind)).toEqual(['home']);
  });
});
