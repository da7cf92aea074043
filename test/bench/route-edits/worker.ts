// A thread that plays the stories it is given, one at a time.

import { parentPort } from 'node:worker_threads';
import { playSeed } from './play.ts';

/** What a thread is asked for. */
export interface StoryOrder {
  readonly seed: number;
  readonly shrinks: boolean;
}

parentPort?.on('message', ({ seed, shrinks }: StoryOrder) => {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
  void playSeed(seed, shrinks).then((played) => parentPort?.postMessage(played));
});
