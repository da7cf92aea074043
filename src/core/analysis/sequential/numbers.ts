// Refuses numbers that are no counts, shares or levels. A bad number must stop the computation: as a NaN it would silently
// become "no evidence", as a negative count it would become evidence that was never seen.

/** Counts of one block of time in both arms. A bad request is in `n` too. */
export interface Block {
  /** Bad requests of the canary. */
  readonly xc: number;
  /** Bad requests of stable. */
  readonly xs: number;
  /** All requests of the canary. */
  readonly nc: number;
  /** All requests of stable. */
  readonly ns: number;
}

/** The block in which nothing happened. */
export const EMPTY_BLOCK: Block = { xc: 0, xs: 0, nc: 0, ns: 0 };

/** Sums two blocks arm by arm. */
export function sumBlocks(one: Block, other: Block): Block {
  return { xc: one.xc + other.xc, xs: one.xs + other.xs, nc: one.nc + other.nc, ns: one.ns + other.ns };
}

/** @throws RangeError naming the argument unless the value is a finite number from `min` to `max`. */
export function requireWithin(name: string, value: number, min: number, max: number): void {
  if (typeof value === 'number' && Number.isFinite(value) && value >= min && value <= max) return;
  throw new RangeError(`${name} must be a finite number from ${min} to ${max}, not ${value}`);
}

/** @throws RangeError naming the argument unless the value is a finite number and not negative. */
export function requireCount(name: string, value: number): void {
  if (typeof value === 'number' && Number.isFinite(value) && value >= 0) return;
  throw new RangeError(`${name} must be a finite number and not negative, not ${value}`);
}

/** @throws RangeError naming the argument unless the value is a finite number above 0. */
export function requirePositive(name: string, value: number): void {
  if (typeof value === 'number' && Number.isFinite(value) && value > 0) return;
  throw new RangeError(`${name} must be a finite number above 0, not ${value}`);
}

/** @throws RangeError unless 0 < level < 1: an error level of 0 can never be reached, one of 1 always is. */
export function requireLevel(name: string, value: number): void {
  if (value > 0 && value < 1) return;
  throw new RangeError(`${name} must be above 0 and below 1, not ${value}`);
}

/** @throws RangeError unless `part` and `whole` are counts and the part is not larger than the whole. */
export function requirePart(partName: string, part: number, wholeName: string, whole: number): void {
  requireCount(partName, part);
  requireCount(wholeName, whole);
  if (part > whole) throw new RangeError(`${partName} must not be larger than ${wholeName}: ${part} of ${whole}`);
}

/** @throws RangeError naming the field of the block that is no count, or is larger than its whole. */
export function requireBlock(block: Block): void {
  requirePart('xc', block.xc, 'nc', block.nc);
  requirePart('xs', block.xs, 'ns', block.ns);
}
