import { describe, expect, test } from 'vitest';
import type { Facts } from '../../../../../src/core/release/assess.ts';
import { describeComingRollout, describeServingEmpty, describeServingHold } from '../../../../../src/core/release/report/serving.ts';
import {
  after,
  aRelease,
  aReleaseStatus,
  aSpec,
  anObservation,
  aStatus,
  RELEASE_ID,
  SIDES,
  timeAfter,
} from '../../../../fixtures/builders.ts';
import { gatherFacts } from '../../../../fixtures/facts.ts';

const status = aStatus({ weight: 5, release: aReleaseStatus(), internal: { serving: { emptySince: timeAfter(50) } } });

function factsOf(change: Partial<Facts>, spec = aSpec()): Facts {
  const observation = anObservation({ release: aRelease({ spec }) });
  return { ...gatherFacts(spec, status, 'stage.analyzing', observation, after(55)), sides: SIDES, ...change };
}

describe('what is told of serving without a ready endpoint', () => {
  test.each<[Facts['servingEmpty'], string]>([
    [{ kind: 'noEndpoints' }, 'it has no endpoint'],
    [{ kind: 'noneReady', count: 1, names: [] }, 'none of its 1 endpoints is ready'],
    [{ kind: 'noneReady', count: 4, names: ['a', 'b', 'c', 'd'] }, 'none of its 4 endpoints is ready (a, b, c and 1 more)'],
    [{ kind: 'scaledToZero', deployment: 'store' }, 'Deployment store is scaled to 0'],
  ])('%j is told since when and why', (servingEmpty, why) => {
    expect(describeServingEmpty(status, factsOf({ servingEmpty }))).toBe(
      `Service v1 has no ready endpoint since 2030-01-01T12:00:50Z: ${why}`,
    );
  });

  test('the advice fits the cause', () => {
    const adviceFor = (servingEmpty: Facts['servingEmpty']) => describeServingHold(status, 'stage.analyzing', factsOf({ servingEmpty }));
    const command = `or promote the canary (promote:${RELEASE_ID})`;
    expect(adviceFor({ kind: 'noEndpoints' })).toContain(`; the canary is held at 5%: fix its pods, ${command}`);
    expect(adviceFor({ kind: 'scaledToZero', deployment: 'store' })).toContain(`: scale it up, ${command}`);
    expect(adviceFor({ kind: 'selectsNone', selector: 'a=b', replicaSet: 'x' })).toContain(`: put its selector back, ${command}`);
  });

  test('with onServingEmpty Promote the time of the promotion is told', () => {
    const told = describeServingHold(
      status,
      'stage.analyzing',
      factsOf({ servingEmpty: { kind: 'noEndpoints' } }, aSpec({ onServingEmpty: 'Promote' })),
    );
    expect(told).toContain('; promoted at 12:01:00Z (spec.onServingEmpty)');
  });

  test('on the way home, at 100% and between releases nothing is held', () => {
    const facts = factsOf({ servingEmpty: { kind: 'noEndpoints' } });
    const bare = describeServingEmpty(status, facts);
    expect(describeServingHold(status, 'rollingBack.goingHome', facts)).toBe(bare);
    expect(describeServingHold({ ...status, weight: 100 }, 'promoting.baking', facts)).toBe(bare);
    expect(describeServingHold(status, 'promoted', facts)).toBeUndefined();
    expect(describeServingHold(status, 'stage.analyzing', factsOf({}))).toBeUndefined();
  });
});

describe('a rollout without a canary', () => {
  const found = { servingEmpty: { kind: 'noEndpoints' }, nothingServes: true } as const;

  test('a rollout without a canary is told with its time while pods may still come back', () => {
    expect(describeComingRollout(status, factsOf(found))).toContain(
      '; if none gets ready, the new revision rolls out without a canary at 12:01:00Z',
    );
  });

  test('a rollout without a canary is not told once its time has come, in a pause, or where something serves', () => {
    expect(describeComingRollout(status, factsOf({ ...found, now: after(60) }))).toBeUndefined();
    expect(describeComingRollout(status, factsOf({ ...found, nothingServes: false }))).toBeUndefined();
    expect(describeComingRollout(status, factsOf(found, aSpec({ paused: true })))).toBeUndefined();
    expect(describeComingRollout(aStatus(), factsOf(found))).toBeUndefined();
  });
});
