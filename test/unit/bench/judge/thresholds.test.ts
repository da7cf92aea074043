import { describe, expect, test } from 'vitest';
import { badShareOf, startArgo, startFlagger, startPeek } from '../../../bench/judge/thresholds.ts';
import type { ArmCounts, Look, Rule } from '../../../bench/judge/traffic.ts';

function lookAt(index: number, canary: ArmCounts, stable: ArmCounts = { requests: 1_000, bad: 1 }): Look {
  return { atSeconds: (index + 1) * 10, seconds: 10, weight: 0.1, canary, stable };
}

/** Number of the look, from 1, at which a rule rolls back; 0 for never. */
function countLooks(rule: Rule<Look>, canary: readonly ArmCounts[]): number {
  return canary.findIndex((arm, index) => rule(lookAt(index, arm))) + 1;
}

const GOOD: ArmCounts = { requests: 100, bad: 0 };
const AT_LIMIT: ArmCounts = { requests: 100, bad: 1 };
const BAD: ArmCounts = { requests: 100, bad: 2 };
const SILENT: ArmCounts = { requests: 0, bad: 0 };

describe("Flagger's rule", () => {
  const flagger = (): Rule<Look> => startFlagger(badShareOf, 0.01);

  test("Flagger's rule rolls back at the fifth failed check", () => {
    expect(
      countLooks(
        flagger(),
        Array.from({ length: 9 }, () => BAD),
      ),
    ).toBe(5);
  });

  test("Flagger's rule never forgets a failed check", () => {
    expect(countLooks(flagger(), [BAD, GOOD, BAD, GOOD, BAD, GOOD, BAD, GOOD, GOOD, BAD])).toBe(10);
  });

  test("Flagger's rule takes no traffic for a failure", () => {
    expect(
      countLooks(
        flagger(),
        Array.from({ length: 9 }, () => SILENT),
      ),
    ).toBe(5);
  });

  test("Flagger's rule accepts a value at the limit", () => {
    expect(
      countLooks(
        flagger(),
        Array.from({ length: 30 }, () => AT_LIMIT),
      ),
    ).toBe(0);
  });
});

describe("Argo Rollouts' rule", () => {
  const argo = (): Rule<Look> => startArgo(badShareOf, 0.01);

  test('aborts when more measurements have failed than the limit allows', () => {
    expect(
      countLooks(
        argo(),
        Array.from({ length: 9 }, () => BAD),
      ),
    ).toBe(4);
    expect(countLooks(argo(), [BAD, GOOD, BAD, GOOD, BAD, GOOD])).toBe(0);
    expect(countLooks(argo(), [BAD, GOOD, BAD, GOOD, BAD, GOOD, BAD])).toBe(7);
  });

  test("Argo Rollouts' rule takes NaN for a measurement that missed its success condition", () => {
    expect(countLooks(argo(), [SILENT, BAD, SILENT, BAD])).toBe(4);
  });

  test("Argo Rollouts' rule accepts a value at the limit", () => {
    expect(
      countLooks(
        argo(),
        Array.from({ length: 30 }, () => AT_LIMIT),
      ),
    ).toBe(0);
  });
});

describe('the test that peeks', () => {
  test('the test that peeks waits for 30 requests of either arm', () => {
    const tenBad: ArmCounts = { requests: 10, bad: 10 };
    expect(countLooks(startPeek(), [tenBad, tenBad, tenBad])).toBe(3);
  });

  test('the test that peeks needs a difference beyond the one-sided 5 % point, over everything so far', () => {
    const stable = { requests: 1_000, bad: 10 };
    // Against 10 of 1000, z is 1.52 with 18 bad ones of 1000 and 1.68 with 19.
    expect(startPeek()(lookAt(0, { requests: 1_000, bad: 18 }, stable))).toBe(false);
    expect(startPeek()(lookAt(0, { requests: 1_000, bad: 19 }, stable))).toBe(true);
  });

  test('the test that peeks sees no difference where nothing failed', () => {
    expect(
      countLooks(
        startPeek(),
        Array.from({ length: 9 }, () => GOOD),
      ),
    ).toBe(0);
    expect(startPeek()(lookAt(0, GOOD, { requests: 100, bad: 0 }))).toBe(false);
  });
});
