// Anytime-valid bounds of the excess p_c − p_s, and the gate that asks whether the next weight can be afforded.

import { FAIL, PASS } from './grids.ts';
import { lrTwoOf } from './likelihood.ts';
import { addLogs, LOG_ZERO } from './log-sum.ts';
import { type Block, requireBlock, requireCount, requireLevel, requireWithin } from './numbers.ts';

/** One effect size of a bound: `ln E(δ) = a + δ·b`. */
export interface ExcessTerm {
  readonly u: number;
  readonly a: number;
  readonly b: number;
}

/** Accumulators of both bounds. Survives JSON. */
export interface ExcessState {
  /** Over FAIL: the lower bound. */
  readonly fail: readonly ExcessTerm[];
  /** Over PASS: the upper bound. */
  readonly pass: readonly ExcessTerm[];
}

/** Bounds of p_c − p_s, shares from -1 to 1, each at its own one-sided level. */
export interface Bounds {
  readonly lower: number;
  readonly upper: number;
}

export interface ExcessGrids {
  readonly fail: readonly number[];
  readonly pass: readonly number[];
}

const DEFAULT_GRIDS: ExcessGrids = { fail: FAIL, pass: PASS };

/** Before the first block. */
export function startExcess(grids: ExcessGrids = DEFAULT_GRIDS): ExcessState {
  const startSide = (grid: readonly number[]) => grid.map((u) => ({ u, a: 0, b: 0 }));
  return { fail: startSide(grids.fail), pass: startSide(grids.pass) };
}

/**
 * One block, divided by its dispersion `phi` >= 1: for ρ = 1 the log e-value is linear in δ,
 * `A_j += lrTwo(u_j; δ=0)/φ`, `B_j += n_c·n_s·(1−u_j)/(u_j·n_c+n_s)/φ`.
 * @throws RangeError for numbers that are no counts, or phi below 1
 */
export function addExcess(state: ExcessState, block: Block, phi = 1): ExcessState {
  requireBlock(block);
  requireWithin('phi', phi, 1, Number.MAX_VALUE);
  const { nc, ns } = block;
  if (nc === 0 || ns === 0) return state;
  const add = ({ u, a, b }: ExcessTerm): ExcessTerm => ({
    u,
    a: addLogs(a, lrTwoOf(u, block, 1, 0) / phi),
    b: b + (nc * ns * (1 - u)) / (u * nc + ns) / phi,
  });
  return { fail: state.fail.map(add), pass: state.pass.map(add) };
}

/**
 * `upper` is the smallest δ with E_PASS(δ) >= 1/β, `lower` the largest with E_FAIL(δ) >= 1/β, both held to [-1, 1].
 * Source: confidence sequences by inverting e-processes, Howard, Ramdas, McAuliffe and Sekhon, Annals of Statistics 49 (2021).
 */
export function excessOf(state: ExcessState, beta: number): Bounds {
  requireLevel('beta', beta);
  // Turned round, the lower bound is an upper one: the terms of FAIL fall with δ.
  const mirrored = state.fail.map(({ u, a, b }) => ({ u, a, b: -b }));
  return { lower: clampShare(-smallestReaching(mirrored, -Math.log(beta))), upper: upperExcessOf(state, beta) };
}

/** The upper bound of {@link excessOf} alone, where the lower one means nothing. */
export function upperExcessOf({ pass }: ExcessState, beta: number): number {
  requireLevel('beta', beta);
  return clampShare(smallestReaching(pass, -Math.log(beta)));
}

function clampShare(value: number): number {
  return Math.min(1, Math.max(-1, value));
}

/**
 * The smallest t with `ln mean_j exp(a_j + t·b_j) >= level`, Infinity when there is none. The function is convex and rises, so
 * Newton's method from a point above the root falls to it without ever stepping over it; bisection would need ten times the steps.
 */
function smallestReaching(terms: readonly ExcessTerm[], level: number): number {
  const target = level + Math.log(terms.length);
  let at = Number.POSITIVE_INFINITY;
  for (const { a, b } of terms) {
    // One term alone reaches the target here, so the sum is at or above it.
    if (b > 0 && a > LOG_ZERO) at = Math.min(at, (target - a) / b);
  }
  for (let round = 0; round < 100 && Number.isFinite(at); round += 1) {
    const step = newtonStep(terms, at, target);
    if (!(step > Math.abs(at) * 1e-16)) break;
    at -= step;
  }
  return at;
}

function newtonStep(terms: readonly ExcessTerm[], at: number, target: number): number {
  let largest = LOG_ZERO;
  for (const { a, b } of terms) largest = Math.max(largest, a + at * b);
  let sum = 0;
  let slopes = 0;
  for (const { a, b } of terms) {
    const weight = Math.exp(a + at * b - largest);
    sum += weight;
    slopes += weight * b;
  }
  return ((largest + Math.log(sum) - target) * sum) / slopes;
}

/** Settings of the whole-list forms. */
export interface ExcessSettings {
  /** One-sided level of each bound. */
  readonly beta: number;
  /** Dispersion of all blocks, 1 when left out. */
  readonly phi?: number | undefined;
  readonly grids?: ExcessGrids | undefined;
}

/** Bounds of p_c − p_s (shares) over a list of blocks. Source as {@link excessOf}. */
export function excessBounds(blocks: readonly Block[], settings: ExcessSettings): Bounds {
  let state = startExcess(settings.grids);
  for (const block of blocks) state = addExcess(state, block, settings.phi);
  return excessOf(state, settings.beta);
}

/** May the weight go up? `nextWeight·upper <= riskBudget`: the share of all traffic that may additionally fail, after the raise. */
export function affordsWeight(upper: number, nextWeight: number, riskBudget: number): boolean {
  requireWithin('nextWeight', nextWeight, 0, 1);
  requireCount('riskBudget', riskBudget);
  return nextWeight * upper <= riskBudget;
}

export interface ExposureSettings extends ExcessSettings {
  readonly nextWeight: number;
  readonly riskBudget: number;
}

/** The upper bound of the excess (share) and whether the next weight (0..1) keeps inside the risk budget (share of all traffic). */
export function exposureGate(blocks: readonly Block[], settings: ExposureSettings): { readonly upper: number; readonly pass: boolean } {
  const { upper } = excessBounds(blocks, settings);
  return { upper, pass: affordsWeight(upper, settings.nextWeight, settings.riskBudget) };
}
