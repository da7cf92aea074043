import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { addExcess, startExcess } from '../../../../../src/core/analysis/sequential/bounds.ts';
import { addToGate, restartGate, startGate } from '../../../../../src/core/analysis/sequential/effect-gate.ts';
import { judge } from '../../../../../src/core/analysis/sequential/judge.ts';
import { eFail } from '../../../../../src/core/analysis/sequential/likelihood.ts';
import { addSplit, startSplit } from '../../../../../src/core/analysis/sequential/split.ts';
import {
  addBlock,
  blockCap,
  logWealth,
  restartWealth,
  startWealth,
  wealthEvidence,
  type Wealth,
} from '../../../../../src/core/analysis/sequential/wealth.ts';
import { anyBlock, anyBlocks, anySettings, BAD_NUMBERS, SETTINGS } from './arbitraries.ts';

const BAD = { xc: 25, xs: 1, nc: 50, ns: 950 };

function near(one: number, other: number): boolean {
  return one === other || Math.abs(one - other) <= 1e-9 * (1 + Math.abs(one));
}

describe('the wealth of a metric', () => {
  test('the wealth of a metric begins at 1 and a restart point changes only where it lies', () => {
    fc.assert(
      fc.property(anySettings, anyBlocks, (settings, blocks) => {
        const start = startWealth(settings);
        expect(wealthEvidence(settings, start)).toBeCloseTo(1, 12);
        const wealth = blocks.reduce((state, block) => addBlock(settings, state, block), start);
        const again = restartWealth(settings, wealth);
        expect(near(logWealth(wealth), logWealth(again))).toBe(true);
        expect(again.reserve).toBeCloseTo(wealth.reserve * (1 - settings.restartFraction), 12);
      }),
    );
  });

  test('the wealth of a metric takes two restarts without a block between them for one', () => {
    const once = restartWealth(SETTINGS, startWealth(SETTINGS));
    expect(restartWealth(SETTINGS, once)).toEqual(once);
    expect(restartWealth(SETTINGS, addBlock(SETTINGS, once, BAD)).reserve).toBeLessThan(once.reserve);
  });

  test('the wealth of a metric is the plain mixture when everything bets from the start, without a cap and without dispersion', () => {
    fc.assert(
      fc.property(anyBlocks, (blocks) => {
        const plain = { ...SETTINGS, pi0: 1, minBlocks: 1e-300, onlinePhi: false };
        const wealth = blocks.reduce<Wealth>((state, block) => addBlock(plain, state, block), startWealth(plain));
        expect(near(logWealth(wealth), eFail(blocks, plain))).toBe(true);
      }),
    );
  });

  test('folded one block at a time is what the whole list gives, also through JSON', () => {
    fc.assert(
      fc.property(anySettings, anyBlocks, (settings, blocks) => {
        let wealth = startWealth(settings);
        const logs = blocks.map((block, index) => {
          const revived = JSON.parse(JSON.stringify(index % 2 === 1 ? restartWealth(settings, wealth) : wealth)) as Wealth;
          wealth = addBlock(settings, revived, block);
          return logWealth(wealth);
        });
        const restartBefore = blocks.map((_, index) => index).filter((index) => index % 2 === 1);
        const { path } = judge(blocks, { ...settings, restartBefore });
        expect(path.map((point) => point.logWealth)).toEqual(logs);
      }),
    );
  });

  test('the wealth of a metric cannot convict by fewer blocks than are asked for', () => {
    fc.assert(
      fc.property(anySettings, anyBlock, (settings, block) => {
        const { failAt } = judge([block], { ...settings, minBlocks: 2 });
        expect(failAt).toBeUndefined();
      }),
    );
    expect(judge([BAD, BAD, BAD], { ...SETTINGS, minEffect: 0.001 }).failAt).toBe(1);
    expect(blockCap(SETTINGS)).toBeCloseTo((Math.log(400) + 0.5) / 2, 12);
  });

  test('grows with every bad request of the canary', () => {
    fc.assert(
      fc.property(anySettings, anyBlock, (settings, block) => {
        fc.pre(block.xc < block.nc);
        const start = startWealth(settings);
        const [fewer, more] = [block, { ...block, xc: block.xc + 1 }].map((one) => logWealth(addBlock(settings, start, one)));
        expect(more ?? Number.NaN).toBeGreaterThanOrEqual(fewer ?? Number.NaN);
      }),
    );
  });

  test('the wealth of a metric keeps what it has when nothing bets, and survives JSON then', () => {
    const idle = { ...SETTINGS, pi0: 0, restartFraction: 0 };
    const wealth = addBlock(idle, restartWealth(idle, startWealth(idle)), BAD);
    expect(logWealth(JSON.parse(JSON.stringify(wealth)) as Wealth)).toBe(0);
  });

  test('divides a block by the dispersion that was known before it', () => {
    const bursty = [BAD, { ...BAD, xc: 0, xs: 9 }, BAD];
    const [first, second, third] = judge(bursty, SETTINGS).path.map(({ phiUsed }) => phiUsed);
    expect([first, second]).toEqual([1, 1]);
    expect(third).toBeGreaterThan(2);
    expect(judge(bursty, { ...SETTINGS, onlinePhi: false, phiPre: 3 }).path.map(({ phiUsed }) => phiUsed)).toEqual([3, 3, 3]);
  });

  test('the wealth of a metric judges with its gate open when no smallest effect is set', () => {
    expect(judge([{ xc: 0, xs: 9, nc: 50, ns: 50 }], SETTINGS).path.map(({ gateOpen }) => gateOpen)).toEqual([true]);
    expect(judge([], SETTINGS)).toEqual({ path: [], failAt: undefined });
  });

  test.each(['alpha', 'share', 'rho', 'delta', 'pi0', 'restartFraction', 'minBlocks', 'kappa', 'phiPre'] as const)(
    'the wealth of a metric refuses a bad %s by its name',
    (name) => {
      for (const bad of [Number.NaN, Number.POSITIVE_INFINITY, -2])
        expect(() => startWealth({ ...SETTINGS, [name]: bad })).toThrow(new RegExp(`^${name} must`));
    },
  );

  test.each(['xc', 'xs', 'nc', 'ns'] as const)('the wealth of a metric refuses a block with a bad %s', (name) => {
    for (const bad of BAD_NUMBERS) expect(() => addBlock(SETTINGS, startWealth(SETTINGS), { ...BAD, [name]: bad })).toThrow(RangeError);
  });

  test('the wealth of a metric keeps five metrics of a long release in less than 20 KiB', () => {
    const metric = () => ({ wealth: startWealth(SETTINGS), gate: startGate(), excess: startExcess(), split: startSplit() });
    let state = Array.from({ length: 5 }, metric);
    for (let look = 1; look <= 3000; look += 1) {
      const block = { xc: (look * 7) % 11, xs: (look * 5) % 97, nc: 1000 + (look % 313), ns: 10_000 + (look % 1009) };
      state = state.map(({ wealth, gate, excess, split }) => ({
        wealth: addBlock(SETTINGS, look % 30 === 0 ? restartWealth(SETTINGS, wealth) : wealth, block),
        gate: addToGate(look % 30 === 0 ? restartGate(gate) : gate, block),
        excess: addExcess(excess, block, wealth.phi),
        split: addSplit(split, { xc: block.nc, n: block.nc + block.ns, share: 0.1 }),
      }));
    }
    const text = JSON.stringify(state);
    expect(text).not.toContain('null');
    expect(Buffer.byteLength(text)).toBeLessThan(20 * 1024);
    expect(Buffer.byteLength(text)).toBeGreaterThan(5 * 1024);
  });
});
