// The fail side over a whole list of blocks: a fold over the state that the operator keeps, for tests and for replaying a release.

import { addToGate, effectGateOpen, restartGate, startGate } from './effect-gate.ts';
import type { Block } from './numbers.ts';
import { addBlock, logWealth, restartWealth, startWealth, wealthEvidence, type WealthSettings } from './wealth.ts';

export interface JudgeSettings extends WealthSettings {
  /** Smallest excess that counts; without one the gate is always open. */
  readonly minEffect?: number | undefined;
  /** Indices of blocks with a restart point right before them. */
  readonly restartBefore?: readonly number[] | undefined;
}

/** What is known behind one block. */
export interface JudgePoint {
  /** ln(U + ΣR_j), nats. */
  readonly logWealth: number;
  /** U. */
  readonly reserve: number;
  /** φ the block was divided by. */
  readonly phiUsed: number;
  readonly gateOpen: boolean;
  /** share·E, or 0 while the gate is closed. */
  readonly evidence: number;
}

export interface Judgement {
  readonly path: readonly JudgePoint[];
  /** Index of the first block whose evidence reaches 1/alpha. */
  readonly failAt: number | undefined;
}

/** Judges one metric alone, block by block. Source: Ville's inequality, P(sup E >= 1/α) <= α. */
export function judge(blocks: readonly Block[], settings: JudgeSettings): Judgement {
  const restarts = new Set(settings.restartBefore ?? []);
  const { rho, minEffect } = settings;
  const path: JudgePoint[] = [];
  let wealth = startWealth(settings);
  let gate = startGate();
  for (const [index, block] of blocks.entries()) {
    if (restarts.has(index)) {
      wealth = restartWealth(settings, wealth);
      gate = restartGate(gate);
    }
    const phiUsed = wealth.phi;
    wealth = addBlock(settings, wealth, block);
    gate = addToGate(gate, block);
    const gateOpen = minEffect === undefined || effectGateOpen(gate, { rho, minEffect });
    const evidence = gateOpen ? settings.share * wealthEvidence(settings, wealth) : 0;
    path.push({ logWealth: logWealth(wealth), reserve: wealth.reserve, phiUsed, gateOpen, evidence });
  }
  const failAt = path.findIndex(({ evidence }) => evidence >= 1 / settings.alpha);
  return { path, failAt: failAt < 0 ? undefined : failAt };
}
