// Waits for something that another socket will bring about. A test that would wait for ever fails by its own time limit.

import { setImmediate, setTimeout } from 'node:timers/promises';

/** Resolves with the first value of `probe` that is not false, null or undefined. */
export async function until<T>(probe: () => T | false | null | undefined): Promise<T> {
  for (let round = 0; ; round += 1) {
    const found = probe();
    if (found !== false && found !== null && found !== undefined) return found;
    if (round < 20) await setImmediate();
    else await setTimeout(2);
  }
}
