import { describe, expect, test } from 'vitest';
import type { RecordedRule } from '../../../../src/api/release.ts';
import { followShares } from '../../../../src/core/routing/foreign-shares.ts';
import { isOffScale, standRoutes, type WantedWeights, weightsFor } from '../../../../src/core/routing/standing.ts';
import { aRecordedRoute, aRecordedRule, aRoute, aRule, SIDES } from '../../../fixtures/builders.ts';

const share = (percent: number): WantedWeights => ({ kind: 'share', percent });

/** The only rule of a route with these weights. */
function standWeights(weights: Readonly<Record<string, number>>, recorded: Partial<RecordedRule>) {
  const route = aRoute({ rules: [aRule(weights)] });
  const [rule] = standRoutes([aRecordedRoute({ rules: [aRecordedRule(recorded)] })], [route], SIDES)[0]?.rules ?? [];
  if (rule === undefined) throw new Error('the rule was not found');
  return rule;
}

describe('the record of a foreign weight that was edited', () => {
  const recorded = { serving: 100, factor: 99, others: [{ name: 'third', weight: 1 }] };
  /** The record when the rule was seen with these weights. */
  const followed = (weights: Readonly<Record<string, number>>, before: Partial<RecordedRule> = recorded) => {
    const { recorded: rule, ...standing } = standWeights(weights, before);
    if (standing.kind !== 'found') throw new Error('the rule was not found');
    return followShares(rule, standing.now);
  };
  const edited = followed({ v1: 100, v2: 0, third: 100 });

  test('the record of an edited weight keeps the share that its editor wrote, beside that of before', () => {
    expect(edited.others).toEqual([{ name: 'third', weight: 1, edited: { weight: 100, of: 100 } }]);
    expect(followed({ v1: 7_920, v2: 1_980, third: 9_900 }, edited)).toEqual(edited);
    expect(followed({ v1: 0, v2: 0, third: 5 }).others).toMatchObject([{ edited: { weight: 5, of: 9_900 } }]);
  });

  test('the share is still the same when somebody edits our own refs beside it', () => {
    const rule = standWeights({ v1: 1, v2: 1_980, third: 9_900 }, edited);
    expect(weightsFor(rule, share(20))).toEqual({ serving: 7_920, canary: 1_980, others: [9_900] });
    expect(weightsFor(rule, { kind: 'restored' }).others).toEqual([100]);
  });

  test('the record of an edited weight forgets an edit that its owner took back', () => {
    expect(followed({ v1: 100, v2: 0, third: 1 }, edited).others).toEqual([{ name: 'third', weight: 1 }]);
    expect(followed({ v1: 7_920, v2: 1_980, third: 99 }, edited).others).toEqual([{ name: 'third', weight: 1 }]);
  });

  test('an edit that on the scale of the release equals the weight of before by chance is not off the scale', () => {
    const before = { serving: 1, factor: 100, others: [{ name: 'third', weight: 100 }] };
    const lowered = followed({ v1: 1, v2: 0, third: 1 }, before);
    expect(isOffScale(standWeights({ v1: 80, v2: 20, third: 100 }, lowered))).toBe(false);
    // With the manifest as it was it is on the scale of the manifest.
    expect(weightsFor(standWeights({ v1: 1, v2: 0, third: 100 }, lowered), share(20)).others).toEqual([10_000]);
  });

  test('a share that is less than one on the scale of before is kept as well', () => {
    const before = { serving: 1, factor: 500, others: [{ name: 'third', weight: 0 }] };
    const raised = followed({ v1: 250, v2: 250, third: 20 }, before);
    expect(weightsFor(standWeights({ v1: 250, v2: 2_250, third: 20 }, raised), share(50)).others).toEqual([20]);
  });
});
