// Runs numeric test vectors of the sequential judge: one function, its input, and the numbers it has to give.

import { betaBinomialLogE, robbinsCS } from '../../src/core/analysis/sequential/beta-mixture.ts';
import { blocks } from '../../src/core/analysis/sequential/blocks.ts';
import { excessBounds, exposureGate } from '../../src/core/analysis/sequential/bounds.ts';
import { counterIncrease } from '../../src/core/analysis/sequential/counters.ts';
import { phiPre } from '../../src/core/analysis/sequential/dispersion.ts';
import { FAIL, PASS, SRM } from '../../src/core/analysis/sequential/grids.ts';
import { judge } from '../../src/core/analysis/sequential/judge.ts';
import { eFail, ePass, lrOne, lrTwo } from '../../src/core/analysis/sequential/likelihood.ts';
import type { Block } from '../../src/core/analysis/sequential/numbers.ts';
import { nullExpectation, planCanaryRequests } from '../../src/core/analysis/sequential/plan.ts';
import { dkwHalfWidth, histogramQuantile, pickBoundary, quantileInterval } from '../../src/core/analysis/sequential/quantiles.ts';
import { proportionBounds, sloEvidence } from '../../src/core/analysis/sequential/slo.ts';
import { srm, type SplitSide } from '../../src/core/analysis/sequential/split.ts';

export interface Vector {
  readonly id: string;
  readonly fn: string;
  readonly input: Readonly<Record<string, unknown>>;
  readonly expected: unknown;
}

export interface Grids {
  readonly fail: readonly number[];
  readonly pass: readonly number[];
  readonly srm: readonly number[];
}

export interface VectorFile {
  readonly grids: Grids;
  readonly vectors: readonly Vector[];
}

/** A vector that was not met. */
export interface Miss {
  readonly id: string;
  readonly got: string;
  readonly expected: string;
}

type Fields = Readonly<Record<string, unknown>>;
type Run = (input: Fields, grids: Grids) => unknown;

/** Numbers may be written as strings, as JSON knows no Infinity. */
function toNumber(value: unknown): number {
  if (typeof value === 'number') return value;
  if (typeof value === 'string' && value.trim() !== '') return Number(value);
  return Number.NaN;
}

function num(input: Fields, name: string, missing?: number): number {
  const value = input[name] ?? missing;
  if (value === undefined) throw new RangeError(`${name} is missing`);
  return toNumber(value);
}

function flag(input: Fields, name: string, missing: boolean): boolean {
  return typeof input[name] === 'boolean' ? input[name] : missing;
}

function list(input: Fields, name: string): readonly unknown[] {
  const value = input[name];
  if (!Array.isArray(value)) throw new RangeError(`${name} must be a list`);
  return value;
}

function numbers(input: Fields, name: string): readonly number[] {
  return list(input, name).map(toNumber);
}

function rows(input: Fields, name: string): readonly (readonly number[])[] {
  return list(input, name).map((row) => (Array.isArray(row) ? row.map(toNumber) : []));
}

function blocksOf(input: Fields, name = 'blocks'): readonly Block[] {
  return rows(input, name).map(([xc, xs, nc, ns]) => ({ xc: toNumber(xc), xs: toNumber(xs), nc: toNumber(nc), ns: toNumber(ns) }));
}

function toRow({ xc, xs, nc, ns }: Block): readonly number[] {
  return [xc, xs, nc, ns];
}

function margin(input: Fields) {
  return { rho: num(input, 'rho', 1), delta: num(input, 'delta', 0) };
}

function mixture(input: Fields, grid: readonly number[]) {
  return { ...margin(input), phi: num(input, 'phi', 1), grid: 'grid' in input ? numbers(input, 'grid') : grid };
}

function buckets(input: Fields) {
  return { le: numbers(input, 'le'), cumulative: numbers(input, 'cumulative') };
}

function excess(input: Fields, grids: Grids) {
  return { beta: num(input, 'beta', 0.05), phi: num(input, 'phi', 1), grids };
}

function runJudge(input: Fields, grids: Grids): unknown {
  const settings = {
    rho: num(input, 'rho', 1.1),
    delta: num(input, 'delta', 0),
    alpha: num(input, 'alpha', 0.01),
    share: num(input, 'share', 1),
    pi0: num(input, 'pi0', 0.5),
    restartFraction: num(input, 'restartFraction', 0.125),
    minBlocks: num(input, 'minBlocks', 2),
    kappa: num(input, 'kappa', 2.5),
    phiPre: num(input, 'phiPre', 1),
    onlinePhi: flag(input, 'onlinePhi', true),
    // 0 is none: of the effect, as of the blocks.
    minEffect: num(input, 'minEffect', 0) === 0 ? undefined : num(input, 'minEffect'),
    restartBefore: 'restartBefore' in input ? numbers(input, 'restartBefore') : [],
    grid: grids.fail,
  };
  return judge(blocksOf(input), settings);
}

function runSrm(input: Fields, grids: Grids): unknown {
  const counts = rows(input, 'blocks').map(([xc, n, share]) => ({ xc: toNumber(xc), n: toNumber(n), share: toNumber(share) }));
  const side = (input['side'] ?? 'both') as SplitSide;
  const [tolAbs, tolRel, threshold] = [num(input, 'tolAbs', 0.01), num(input, 'tolRel', 0.2), num(input, 'threshold', 1000)];
  return srm(counts, { tolAbs, tolRel, threshold, side, grid: grids.srm });
}

function runBlocks(input: Fields): unknown {
  const [minPerArm, maxAgeSeconds] = [num(input, 'minPerArm', 5), num(input, 'maxAgeSeconds', 60)];
  const result = blocks(blocksOf(input, 'intervals'), { minPerArm, maxAgeSeconds, intervalSeconds: num(input, 'intervalSeconds') });
  return { blocks: result.blocks.map(toRow), pending: toRow(result.pending) };
}

function runCounter(input: Fields): unknown {
  const samples = rows(input, 'samples').map(([time, value]) => [toNumber(time), toNumber(value)] as const);
  const [start, end] = [num(input, 'start'), num(input, 'end')];
  return counterIncrease({ samples, start, end, bornInWindow: flag(input, 'bornInWindow', false) });
}

function runPlan(input: Fields, grids: Grids): unknown {
  const shares = { pc: num(input, 'pc'), ps: num(input, 'ps'), weight: num(input, 'weight') };
  const budget = { alpha: num(input, 'alpha', 0.01), share: num(input, 'share', 1), pi0: num(input, 'pi0', 0.5) };
  return planCanaryRequests({ ...shares, ...budget, rho: num(input, 'rho', 1), jEff: num(input, 'jEff', 3), grid: grids.fail });
}

function runNull(input: Fields): unknown {
  const counts = { u: num(input, 'u'), nc: num(input, 'nc'), ns: num(input, 'ns') };
  return nullExpectation({ ...counts, ...margin(input), pc: num(input, 'pc'), ps: num(input, 'ps') });
}

const RUNS: Readonly<Record<string, Run>> = {
  lrTwo: (i) => lrTwo(num(i, 'u'), { xc: num(i, 'xc'), xs: num(i, 'xs'), nc: num(i, 'nc'), ns: num(i, 'ns') }, margin(i)),
  lrOne: (i) => lrOne(num(i, 'u'), num(i, 'x'), num(i, 'n'), num(i, 'p0')),
  eFail: (i, g) => ({ logE: eFail(blocksOf(i), mixture(i, g.fail)) }),
  ePass: (i, g) => ({ logE: ePass(blocksOf(i), mixture(i, g.pass)) }),
  excessBounds: (i, g) => excessBounds(blocksOf(i), excess(i, g)),
  exposureGate: (i, g) => {
    const { upper, pass } = exposureGate(blocksOf(i), {
      ...excess(i, g),
      nextWeight: num(i, 'nextWeight'),
      riskBudget: num(i, 'riskBudget'),
    });
    return { upper, pass_: pass };
  },
  judge: runJudge,
  phiPre: (i) => phiPre(blocksOf(i), num(i, 'kappa', 2.5)),
  blocks: runBlocks,
  sloEvidence: (i, g) => sloEvidence(num(i, 'x'), num(i, 'n'), num(i, 'slo'), g),
  proportionBounds: (i, g) => proportionBounds(num(i, 'x'), num(i, 'n'), num(i, 'beta', 0.05), g),
  robbinsCS: (i) => robbinsCS(num(i, 'x'), num(i, 'n'), num(i, 'alpha')),
  srm: runSrm,
  betaBinomialLogE: (i) => betaBinomialLogE(num(i, 'x'), num(i, 'n'), num(i, 'theta0'), num(i, 'concentration')),
  histogramQuantile: (i) => histogramQuantile(num(i, 'p'), buckets(i)),
  pickBoundary: (i) => pickBoundary(buckets(i), numbers(i, 'quantiles')),
  quantileInterval: (i) => quantileInterval(num(i, 'p'), buckets(i), num(i, 'beta', 0.05)),
  dkwHalfWidth: (i) => dkwHalfWidth(num(i, 't'), num(i, 'alpha')),
  counterIncrease: runCounter,
  nullExpectation: runNull,
  planCanaryRequests: runPlan,
};

/** Found by root search: their tolerance is absolute. */
const BOUNDS: ReadonlySet<string> = new Set(['excessBounds', 'exposureGate', 'proportionBounds', 'robbinsCS']);

/** Runs one vector; undefined when it is met. An unknown function, or one that throws, is a miss. */
export function runVector(vector: Vector, grids: Grids): Miss | undefined {
  const expected = show(vector.expected);
  // Own names only: a vector for `toString` is a vector for an unknown function.
  const run = Object.hasOwn(RUNS, vector.fn) ? RUNS[vector.fn] : undefined;
  if (run === undefined) return { id: vector.id, got: `no function ${vector.fn}`, expected };
  try {
    const got = run(vector.input, grids);
    return isMet(got, vector.expected, BOUNDS.has(vector.fn)) ? undefined : { id: vector.id, got: show(got), expected };
  } catch (error) {
    return { id: vector.id, got: error instanceof Error ? `${error.name}: ${error.message}` : String(error), expected };
  }
}

function isMet(got: unknown, expected: unknown, absolute: boolean): boolean {
  if (expected === null) return got === undefined || got === null;
  if (expected === undefined) return false;
  if (typeof got === 'number' && typeof expected !== 'object' && typeof expected !== 'boolean')
    return isNear(got, toNumber(expected), absolute);
  if (Array.isArray(expected)) {
    return Array.isArray(got) && got.length === expected.length && expected.every((one, index) => isMet(got[index], one, absolute));
  }
  if (typeof expected === 'object') {
    if (typeof got !== 'object' || got === null) return false;
    return Object.entries(expected as Fields).every(([key, one]) => isMet((got as Fields)[key], one, absolute));
  }
  return got === expected;
}

function isNear(got: number, expected: number, absolute: boolean): boolean {
  if (!Number.isFinite(expected) || !Number.isFinite(got)) return got === expected;
  return Math.abs(got - expected) <= (absolute ? 1e-9 : 1e-9 * (1 + Math.abs(expected)));
}

function show(value: unknown): string {
  const text = JSON.stringify(value, (_key, one: unknown) => (typeof one === 'number' && !Number.isFinite(one) ? String(one) : one));
  return text ?? 'null';
}

/** Reads the text of a file of vectors. @throws Error with one sentence that says what is wrong */
export function parseVectors(text: string): VectorFile {
  let file: unknown;
  try {
    file = JSON.parse(text);
  } catch {
    throw new Error('it is not JSON');
  }
  const vectors = isFields(file) ? file['vectors'] : file;
  if (!Array.isArray(vectors)) throw new Error('it has no list of vectors');
  const meta = isFields(file) && isFields(file['meta']) ? file['meta'] : {};
  const grids = isFields(meta['grids']) ? meta['grids'] : {};
  const grid = (name: string, missing: readonly number[]) => (name in grids ? numbers(grids, name) : missing);
  return {
    grids: { fail: grid('fail', FAIL), pass: grid('pass_', PASS), srm: grid('srm', SRM) },
    vectors: vectors.map((one, index) => toVector(one, index)),
  };
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function toVector(value: unknown, index: number): Vector {
  const fields = isFields(value) ? value : {};
  const input = isFields(fields['input']) ? fields['input'] : {};
  const { id, fn, expected } = fields;
  return { id: typeof id === 'string' ? id : `#${index}`, fn: typeof fn === 'string' ? fn : 'without a name', input, expected };
}
