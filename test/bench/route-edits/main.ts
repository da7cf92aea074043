// The benchmark of route edits: thousands of random stories of releases whose routes others edit meanwhile. Every failure is told with
// its seed; the endings are counted by kind.

import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import { printFigure } from '../figures.ts';
import type { Played } from './play.ts';
import type { StoryOrder } from './worker.ts';

const USAGE = `Plays random stories of releases whose routes others edit meanwhile, in memory and in virtual time.

usage: npm run -s bench -- route-edits [options]

  --cases 10000   stories
  --seed 1        of the first one; each of the others has the next
  --shrink        looks for the smallest story of each failure, which takes minutes
`;

interface Options {
  readonly cases: number;
  readonly seed: number;
  readonly shrinks: boolean;
}

/** @throws TypeError for words that are no options */
function readOptions(words: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...words],
    options: {
      cases: { type: 'string', default: '10000' },
      seed: { type: 'string', default: '1' },
      shrink: { type: 'boolean', default: false },
    },
  });
  const numbers = [values.cases, values.seed].map((text) => (/^[1-9]\d{0,8}$/.test(text) ? Number(text) : undefined));
  const [cases, seed] = numbers;
  if (cases === undefined || seed === undefined) throw new TypeError(`not a number: ${values.cases} or ${values.seed}`);
  return { cases, seed, shrinks: values.shrink };
}

/** @returns the exit code: 1 when a story failed, 2 for options that are none */
export async function runRouteEdits(words: readonly string[]): Promise<number> {
  let options: Options;
  try {
    options = readOptions(words);
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n${USAGE}`);
    return 2;
  }
  const played = await playAll(options);
  const failures = played.filter((one) => 'wrong' in one);
  const endings = Map.groupBy(played, (one) => ('ending' in one ? one.ending : 'failed'));
  printFigure('route-edits-cases', played.length, 'cases');
  printFigure('route-edits-failures', failures.length, 'cases');
  for (const [ending, stories] of [...endings].sort(([, a], [, b]) => b.length - a.length))
    printFigure(`route-edits-ending: ${ending}`, stories.length, 'cases');
  return failures.length === 0 ? 0 : 1;
}

async function playAll({ cases, seed, shrinks }: Options): Promise<readonly Played[]> {
  const played: Played[] = [];
  const seeds = Array.from({ length: cases }, (_, index) => seed + index).values();
  const workThrough = async (): Promise<void> => {
    const worker = new Worker(new URL('worker.ts', import.meta.url));
    try {
      for (const next of seeds) {
        const one = await playOn(worker, { seed: next, shrinks });
        played.push(one);
        tell(one, played.length, cases);
      }
    } finally {
      await worker.terminate();
    }
  };
  await Promise.all(Array.from({ length: Math.min(availableParallelism(), cases) }, workThrough));
  return played;
}

/** Orders a story from a thread and waits for it. */
function playOn(worker: Worker, order: StoryOrder): Promise<Played> {
  const { promise, resolve, reject } = Promise.withResolvers<Played>();
  worker.once('message', resolve);
  worker.once('error', reject);
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
  worker.postMessage(order);
  return promise.finally(() => worker.off('message', resolve).off('error', reject));
}

function tell(played: Played, done: number, cases: number): void {
  if ('wrong' in played) process.stderr.write(`seed ${played.seed} failed: ${played.wrong}\n  ${played.story}\n`);
  else if (done % 500 === 0) process.stderr.write(`${done}/${cases}\n`);
}
