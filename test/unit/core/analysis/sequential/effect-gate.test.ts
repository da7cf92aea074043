import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  addToGate,
  effectGateOpen,
  MAX_GATE_WINDOWS,
  restartGate,
  startGate,
  type EffectGate,
} from '../../../../../src/core/analysis/sequential/effect-gate.ts';
import { anyBlock, BAD_NUMBERS } from './arbitraries.ts';

const SETTINGS = { rho: 1.1, minEffect: 0.01 };
const GOOD = { xc: 0, xs: 10, nc: 1000, ns: 1000 };
const BAD = { xc: 5, xs: 0, nc: 100, ns: 100 };

function gateOf(...blocks: readonly (typeof GOOD)[]): EffectGate {
  return blocks.reduce(addToGate, startGate());
}

describe('the effect gate', () => {
  test.each([
    ['before any request', startGate(), false],
    ['for a large excess', gateOf(BAD), true],
    ['when stable has no requests', gateOf({ ...BAD, xs: 0, ns: 0 }), false],
    ['for too few canary requests', gateOf({ xc: 2, xs: 0, nc: 19, ns: 100 }), false],
    ['for twenty canary requests', gateOf({ xc: 2, xs: 0, nc: 20, ns: 100 }), true],
    ['for three bad ones of a few', gateOf({ xc: 3, xs: 0, nc: 4, ns: 100 }), true],
    ['for an excess inside the factor', gateOf({ xc: 110, xs: 100, nc: 1000, ns: 1000 }), false],
    ['for the smallest excess that matters', gateOf({ xc: 10, xs: 0, nc: 1000, ns: 1000 }), true],
  ])('the effect gate decides %s', (_what, gate, open) => {
    expect(effectGateOpen(gate, SETTINGS)).toBe(open);
  });

  test('the effect gate sees a late regression in the window since the restart point', () => {
    const quiet = gateOf(GOOD, GOOD);
    expect(effectGateOpen(addToGate(quiet, BAD), SETTINGS)).toBe(false);
    expect(effectGateOpen(addToGate(restartGate(quiet), BAD), SETTINGS)).toBe(true);
  });

  test('the effect gate does not open a second window while the newest is empty', () => {
    expect(restartGate(startGate())).toEqual(startGate());
    const once = restartGate(gateOf(GOOD));
    expect(restartGate(once)).toEqual(once);
    expect(restartGate({ windows: [] })).toEqual({ windows: [] });
  });

  test('the effect gate keeps the first window and the latest ones', () => {
    fc.assert(
      fc.property(fc.array(anyBlock, { minLength: 20, maxLength: 25 }), (blocks) => {
        const busy = blocks.filter(({ nc, ns }) => nc + ns > 0);
        const gate = busy.reduce((state, block) => addToGate(restartGate(state), block), startGate());
        expect(gate.windows.length).toBeLessThanOrEqual(MAX_GATE_WINDOWS + 1);
        expect(gate.windows[0]?.nc).toBe(busy.reduce((sum, { nc }) => sum + nc, 0));
        expect(gate.windows.at(-1)).toEqual(busy.at(-1));
      }),
    );
  });

  test('the effect gate refuses bad numbers', () => {
    for (const bad of BAD_NUMBERS) {
      expect(() => addToGate(startGate(), { ...GOOD, nc: bad })).toThrow(/^nc must/);
      for (const name of ['rho', 'minEffect', 'minCanary', 'minBad']) {
        expect(() => effectGateOpen(startGate(), { ...SETTINGS, [name]: bad })).toThrow(new RegExp(`^${name} must`));
      }
    }
  });
});
