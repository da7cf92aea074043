// A seeded source of randomness and the few distributions the simulations draw from: the same seed gives the same releases.

/** Draws from the uniform distribution on (0, 1). */
export type Random = () => number;

/** A 32-bit number for a text (FNV-1a), so that each cell of a table has releases of its own. */
export function hashText(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(text)) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}

/**
 * A small fast counting generator (sfc32) with 128 bits of state, of which the seeds set 96.
 * @param seeds three 32-bit numbers
 */
export function createRandom(...seeds: readonly [number, number, number]): Random {
  let [a, b, c] = [seeds[0] | 0, seeds[1] | 0, seeds[2] | 0];
  let counter = 1;
  const next = (): number => {
    const sum = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + sum) | 0;
    // The middle of one of 2^32 equal intervals: never 0 and never 1, so that its logarithm is always finite.
    return ((sum >>> 0) + 0.5) / 4_294_967_296;
  };
  for (let i = 0; i < 15; i++) next();
  return next;
}

/** A standard normal number (Box-Muller). */
export function drawNormal(random: Random): number {
  return Math.sqrt(-2 * Math.log(random())) * Math.cos(2 * Math.PI * random());
}

/** A geometric number of 1, 2, 3… @param mean 1 gives always 1 */
export function drawGeometric(random: Random, mean: number): number {
  return mean <= 1 ? 1 : 1 + Math.floor(Math.log(random()) / Math.log1p(-1 / mean));
}

/** A Poisson number: by inversion for small means, by Hörmann's transformed rejection (PTRS, 1993) for the others. */
export function drawPoisson(random: Random, mean: number): number {
  if (mean <= 0) return 0;
  return mean < 10 ? invertPoisson(random, mean) : rejectPoisson(random, mean);
}

function invertPoisson(random: Random, mean: number): number {
  const target = random();
  let term = Math.exp(-mean);
  let sum = term;
  let count = 0;
  while (target > sum && term > 0) {
    count++;
    term *= mean / count;
    sum += term;
  }
  return count;
}

function rejectPoisson(random: Random, mean: number): number {
  const b = 0.931 + 2.53 * Math.sqrt(mean);
  const a = 0.02483 * b - 0.059;
  const inverseAlpha = 1.1239 + 1.1328 / (b - 3.4);
  const squeeze = 0.9277 - 3.6224 / (b - 2);
  const logMean = Math.log(mean);
  for (;;) {
    const u = random() - 0.5;
    const v = random();
    const us = 0.5 - Math.abs(u);
    const count = Math.floor(((2 * a) / us + b) * u + mean + 0.43);
    if (us >= 0.07 && v <= squeeze) return count;
    if (count < 0 || (us < 0.013 && v > us)) continue;
    const logRatio = Math.log(v) + Math.log(inverseAlpha) - Math.log(a / (us * us) + b);
    if (logRatio <= count * logMean - mean - logFactorial(count)) return count;
  }
}

const LOG_FACTORIALS = (() => {
  const table = [0];
  for (let n = 1; n < 16; n++) table.push((table[n - 1] ?? 0) + Math.log(n));
  return table;
})();

/** ln n!, by Stirling's series above the table: its error is below 1e-9 from 16 on. */
function logFactorial(n: number): number {
  const known = LOG_FACTORIALS[n];
  if (known !== undefined) return known;
  const inverse = 1 / n;
  const series = inverse * (1 / 12 - inverse * inverse * (1 / 360 - (inverse * inverse) / 1260));
  return n * Math.log(n) - n + 0.5 * Math.log(2 * Math.PI * n) + series;
}
