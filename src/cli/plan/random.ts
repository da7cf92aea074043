// Seeded randomness for the simulated traffic: the same seed gives the same releases on every machine.

/** Draws from the uniform distribution on (0, 1). */
export type Random = () => number;

/**
 * A small counting generator (sfc32).
 * @param seed chosen by the caller
 * @param stream the number of the run, so that runs are independent of each other
 * @param more another 32-bit number, where two do not distinguish the runs
 */
export function createRandom(seed: number, stream: number, more = 0x9e3779b9): Random {
  let [a, b, c, counter] = [seed | 0, stream | 0, more | 0, 1];
  const next = (): number => {
    const sum = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + sum) | 0;
    // The middle of one of 2^32 intervals: never 0, so that its logarithm is finite.
    return ((sum >>> 0) + 0.5) / 4_294_967_296;
  };
  for (let warmup = 0; warmup < 15; warmup += 1) next();
  return next;
}

/** A Poisson number: by inversion for small means, by Hörmann's transformed rejection (PTRS, 1993) for the others. */
export function drawPoisson(random: Random, mean: number): number {
  if (!(mean > 0)) return 0;
  return mean < 10 ? invert(random, mean) : reject(random, mean);
}

function invert(random: Random, mean: number): number {
  const target = random();
  let [term, count] = [Math.exp(-mean), 0];
  let sum = term;
  while (target > sum && term > 0) {
    count += 1;
    term *= mean / count;
    sum += term;
  }
  return count;
}

function reject(random: Random, mean: number): number {
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

const TABLE = [0, 0, Math.LN2, 1.791759469228055, 3.178053830347946, 4.787491742782046, 6.579251212010101, 8.525161361065415];

/** ln n!, by Stirling's series above the table. */
function logFactorial(n: number): number {
  const known = TABLE[n];
  if (known !== undefined) return known;
  const inverse = 1 / n;
  return (
    n * Math.log(n) - n + 0.5 * Math.log(2 * Math.PI * n) + inverse * (1 / 12 - inverse * inverse * (1 / 360 - (inverse * inverse) / 1_260))
  );
}
