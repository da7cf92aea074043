// Kayenta's judge for one metric where more is worse: the canary is bad when the whole interval of the shift lies beyond a
// quarter of its own estimate and the means' ratio reaches the allowed increase. Judged every five minutes over all points.

import { estimateShift, TiedError } from './mann-whitney.ts';
import { createRandom, drawNormal } from './random.ts';

/** How a metric is labelled. Only High counts against a canary; Error counts for nothing. */
export type Label = 'High' | 'Pass' | 'NoData' | 'Error';

const TOLERANCE = 0.25;
const ALLOWED_INCREASE = 1;
const NOISE_SCALE = 1e-5;
/** Seconds between two judgements of the growing series. */
export const JUDGEMENT_SECONDS = 300;

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function areSame(a: readonly number[], b: readonly number[]): boolean {
  if (a.length !== b.length) return false;
  const [first, second] = [Float64Array.from(a).sort(), Float64Array.from(b).sort()];
  return first.every((value, i) => value === second[i]);
}

/** Two constant series get noise in proportion to their value; of zeros no noise can be made, and the test throws. */
function addNoise(values: readonly number[], seed: number): readonly number[] {
  const scale = (values[0] ?? 0) * NOISE_SCALE;
  if (scale <= 0) throw new TiedError('noise without width');
  const random = createRandom(seed, values.length, 0x6b61);
  return values.map((value) => value + scale * drawNormal(random));
}

function classifyShift(canary: readonly number[], baseline: readonly number[]): Label {
  const constant = [canary, baseline].every((values) => values.every((value) => value === values[0]));
  const [first, second] = constant ? [addNoise(canary, 1), addNoise(baseline, 2)] : [canary, baseline];
  const { lower, estimate } = estimateShift(first, second);
  const [canaryMean, baselineMean] = [meanOf(first), meanOf(second)];
  // Where a mean is 0 there is no ratio, and the check of the effect's size is left out.
  const isLarge = canaryMean === 0 || baselineMean === 0 || canaryMean / baselineMean >= ALLOWED_INCREASE;
  return lower > TOLERANCE * Math.abs(estimate) && isLarge ? 'High' : 'Pass';
}

/** Labels a metric by its points; a NaN is no point. */
export function classifyMetric(canaryPoints: readonly number[], baselinePoints: readonly number[]): Label {
  const canary = canaryPoints.filter((value) => !Number.isNaN(value));
  const baseline = baselinePoints.filter((value) => !Number.isNaN(value));
  if (canary.length === 0 || baseline.length === 0) return 'NoData';
  if (areSame(canary, baseline)) return 'Pass';
  if (new Set([...canary, ...baseline]).size === 1) return 'Pass';
  try {
    return classifyShift(canary, baseline);
  } catch (error) {
    if (error instanceof TiedError) return 'Error';
    throw error;
  }
}

/** The judge over one release: a point each look, a judgement every five minutes. */
export function startKayenta<A>(pointOf: (arm: A) => number): (look: { atSeconds: number; canary: A; stable: A }) => boolean {
  const [canary, baseline]: [number[], number[]] = [[], []];
  return (look) => {
    canary.push(pointOf(look.canary));
    baseline.push(pointOf(look.stable));
    return look.atSeconds % JUDGEMENT_SECONDS === 0 && classifyMetric(canary, baseline) === 'High';
  };
}
