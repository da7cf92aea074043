// Have the requests to a backend stopped? Read from raw counters, by the scrapes since its weight was taken: a counter that did not
// grow between its two newest scrapes is silent, and so is one that is scraped no more while the gateway still is.

import { countIncrements } from './increments.ts';
import type { Series } from './series.ts';

/** `waiting`: not enough scrapes yet. `unseen`: Prometheus has no scrape of either backend since then. */
export type Silence = 'silent' | 'busy' | 'waiting' | 'unseen';

/** Two scrapes are needed to see that nothing grew between them. */
const SCRAPES = 2;

/**
 * @param leaving counters of the backend whose requests are to stop
 * @param staying counters of the backend beside it, which say when the gateway was scraped
 * @param sinceMs only scrapes after this count, Unix milliseconds
 */
export function readSilence(leaving: readonly Series[], staying: readonly Series[], sinceMs: number): Silence {
  const gatewayTimes = staying.map((series) => timesAfter(series, sinceMs));
  const states = leaving.map((series) => silenceOf(series, gatewayTimes, sinceMs)).filter((state) => state !== 'unseen');
  for (const state of ['busy', 'waiting', 'silent'] as const) if (states.includes(state)) return state;
  // A gateway that forgot the backend with its last ref counts nothing for it any more.
  if (gatewayTimes.some((times) => times.length >= SCRAPES)) return 'silent';
  return gatewayTimes.some((times) => times.length > 0) ? 'waiting' : 'unseen';
}

function silenceOf(series: Series, gatewayTimes: readonly (readonly number[])[], sinceMs: number): Silence {
  const times = timesAfter(series, sinceMs);
  const last = times.at(-1);
  if (last === undefined) return 'unseen';
  if (gatewayTimes.some((others) => others.filter((atMs) => atMs > last).length >= SCRAPES)) return 'silent';
  const before = times.at(-SCRAPES);
  if (times.length < SCRAPES || before === undefined) return 'waiting';
  return countIncrements(series.samples, { fromMs: before, toMs: last }) > 0 ? 'busy' : 'silent';
}

function timesAfter({ samples }: Series, sinceMs: number): readonly number[] {
  return samples.map(({ atMs }) => atMs).filter((atMs) => atMs > sinceMs);
}
