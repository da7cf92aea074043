// What the simulations draw from beside the distributions that `kubectl canary plan` has: the same seed gives the same releases.

import type { Random } from '../../../src/cli/plan/random.ts';

export { createRandom, drawPoisson, type Random } from '../../../src/cli/plan/random.ts';

/** A 32-bit number for a text (FNV-1a), so that each cell of a table has releases of its own. */
export function hashText(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(text)) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}

/** A standard normal number (Box-Muller). */
export function drawNormal(random: Random): number {
  return Math.sqrt(-2 * Math.log(random())) * Math.cos(2 * Math.PI * random());
}

/** A geometric number of 1, 2, 3… @param mean 1 gives always 1 */
export function drawGeometric(random: Random, mean: number): number {
  return mean <= 1 ? 1 : 1 + Math.floor(Math.log(random()) / Math.log1p(-1 / mean));
}
