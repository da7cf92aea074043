// Whether a difference is large enough to matter, apart from being proven: counts since the start and since each restart point.
// A gate only takes rejections away, so it cannot weaken the bound of false rollbacks.

import { type Block, EMPTY_BLOCK, requireBlock, requireCount, requirePositive, sumBlocks } from './numbers.ts';

/** So many of the latest restart points have a window of their own, besides the one since the start. */
export const MAX_GATE_WINDOWS = 16;

/** Counts of the windows, the one since the start first. Survives JSON. */
export interface EffectGate {
  readonly windows: readonly Block[];
}

export interface EffectGateSettings {
  /** Factor of the margin. */
  readonly rho: number;
  /** Smallest excess `x_c/n_c − rho·x_s/n_s` that matters, as a share of requests. */
  readonly minEffect: number;
  /** A window speaks with so many canary requests, 20 when left out, */
  readonly minCanary?: number | undefined;
  /** or with so many bad ones among them, 3 when left out. */
  readonly minBad?: number | undefined;
}

/** Before the first block. */
export function startGate(): EffectGate {
  return { windows: [EMPTY_BLOCK] };
}

/** A restart point: a new window begins. Nothing changes while the newest window is still empty. */
export function restartGate(gate: EffectGate): EffectGate {
  const newest = gate.windows.at(-1) ?? EMPTY_BLOCK;
  if (newest.nc === 0 && newest.ns === 0) return gate;
  const [first = EMPTY_BLOCK, ...later] = gate.windows;
  return { windows: [first, ...later.slice(-(MAX_GATE_WINDOWS - 1)), EMPTY_BLOCK] };
}

/** Counts one block in every window. @throws RangeError for numbers that are no counts */
export function addToGate(gate: EffectGate, block: Block): EffectGate {
  requireBlock(block);
  return { windows: gate.windows.map((window) => sumBlocks(window, block)) };
}

/** Is the excess `x_c/n_c − rho·x_s/n_s` at least `minEffect` in some window that has enough requests? */
export function effectGateOpen(gate: EffectGate, settings: EffectGateSettings): boolean {
  const { rho, minEffect, minCanary = 20, minBad = 3 } = settings;
  requirePositive('rho', rho);
  requireCount('minEffect', minEffect);
  requireCount('minCanary', minCanary);
  requireCount('minBad', minBad);
  return gate.windows.some(({ xc, xs, nc, ns }) => {
    if (nc <= 0 || ns <= 0 || (nc < minCanary && xc < minBad)) return false;
    return xc / nc - (rho * xs) / ns >= minEffect;
  });
}
