// Gathers looks into blocks: long enough to hold requests of both arms, never longer than the set age. The rule sees traffic and
// time and never the errors, so it costs no guarantee.

import { type Block, EMPTY_BLOCK, requireBlock, requireCount, requirePositive, sumBlocks } from './numbers.ts';

export interface BlockRule {
  /** A block with so many requests in each arm is closed. */
  readonly minPerArm: number;
  /** A block of this age is closed whatever it holds. */
  readonly maxAgeSeconds: number;
}

/** The block that is still open. Survives JSON. */
export interface BlockBuilder extends BlockRule {
  readonly pending: Block;
  readonly ageSeconds: number;
}

export interface BlockStep {
  readonly builder: BlockBuilder;
  /** The block that has just been closed. */
  readonly closed: Block | undefined;
}

/** Before the first look. @throws RangeError naming the setting that is out of its range */
export function startBlockBuilder(rule: BlockRule): BlockBuilder {
  requireCount('minPerArm', rule.minPerArm);
  requirePositive('maxAgeSeconds', rule.maxAgeSeconds);
  return { minPerArm: rule.minPerArm, maxAgeSeconds: rule.maxAgeSeconds, pending: EMPTY_BLOCK, ageSeconds: 0 };
}

/** Counts one look of `seconds` and closes the block when it is large or old enough. @throws RangeError for numbers that are no counts */
export function addInterval(builder: BlockBuilder, interval: Block, seconds: number): BlockStep {
  requireBlock(interval);
  requirePositive('seconds', seconds);
  const grown = { ...builder, pending: sumBlocks(builder.pending, interval), ageSeconds: builder.ageSeconds + seconds };
  const { nc, ns } = grown.pending;
  const full = nc >= grown.minPerArm && ns >= grown.minPerArm;
  // Ages are sums of intervals: a rounding error must not cost a look.
  return full || grown.ageSeconds >= grown.maxAgeSeconds - 1e-6 ? closeBlock(grown) : { builder: grown, closed: undefined };
}

/** Closes the block now, as at every change of the weight. Nothing is closed when no look has been counted. */
export function closeBlock(builder: BlockBuilder): BlockStep {
  if (builder.ageSeconds === 0) return { builder, closed: undefined };
  return { builder: { ...builder, pending: EMPTY_BLOCK, ageSeconds: 0 }, closed: builder.pending };
}

/** Blocks of a whole list of looks of the same length, and what is left open. */
export function blocks(
  intervals: readonly Block[],
  settings: BlockRule & { readonly intervalSeconds: number },
): { readonly blocks: readonly Block[]; readonly pending: Block } {
  const closed: Block[] = [];
  let builder = startBlockBuilder(settings);
  for (const interval of intervals) {
    const step = addInterval(builder, interval, settings.intervalSeconds);
    builder = step.builder;
    if (step.closed !== undefined) closed.push(step.closed);
  }
  return { blocks: closed, pending: builder.pending };
}
