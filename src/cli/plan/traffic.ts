// Simulated traffic behind a simulated gateway: requests flow by the share that is served, each version answers by its own
// error ratio and latency, and a scrape now and then reads the counters. Poisson numbers, seeded.

import type { ArmCounts, Cell } from '../../core/analysis/comparison/cells.ts';
import { cumulate, shareBuckets } from './latency.ts';
import { drawPoisson, type Random } from './random.ts';

/** How one version behaves. */
export interface VersionModel {
  /** Part of its answers that are 500 or above, 0..1. */
  readonly errorRatio: number;
  /** Median latency in seconds. */
  readonly latencySeconds: number;
}

/** What the release meets. */
export interface TrafficModel {
  /** Requests a second of both versions together. */
  readonly rps: number;
  readonly serving: VersionModel;
  readonly canary: VersionModel;
  /** The stage, counted from 1, at whose beginning the canary turns from serving's behaviour to its own. */
  readonly badFromStage: number;
  /** Upper bounds of the buckets that latency is counted in, seconds; the last is Infinity. */
  readonly uppers: readonly number[];
}

/** A version ready for drawing. */
interface Version {
  readonly errorRatio: number;
  readonly buckets: readonly number[];
}

/** What Prometheus has of the canary and of serving: counters at each scrape, oldest first. */
export interface Counters {
  readonly atMs: readonly number[];
  readonly canary: readonly number[];
  readonly canaryErrors: readonly number[];
  readonly serving: readonly number[];
  /** Counters of the canary's latency buckets (not cumulative), one row a scrape. */
  readonly canaryBuckets: readonly (readonly number[])[];
  readonly servingErrors: readonly number[];
  readonly servingBuckets: readonly (readonly number[])[];
}

/** Expected numbers, without randomness. */
export interface Expected {
  readonly canaryRequests: number;
  /** Failed requests that would not have failed on the serving version. */
  readonly extraFailures: number;
}

/** The gateway of one run. */
export interface Gateway {
  /** Requests flow up to this time; scrapes on the way are made and returned as cells. */
  readonly flowTo: (ms: number) => readonly Cell[];
  /** From now on the canary gets this share of the requests, and copies of so many others; both 0..1. */
  readonly serve: (canary: { readonly share: number; readonly copies: number }) => void;
  /** From now on the canary behaves as configured, not like serving. */
  readonly turn: () => void;
  readonly counters: Counters;
  readonly expected: () => Expected;
  /** A copy of the gateway that continues with other random numbers. */
  readonly fork: (random: Random) => Gateway;
}

interface State {
  flowedToMs: number;
  scrapedAtMs: number;
  share: number;
  copies: number;
  turned: boolean;
  /** Expected requests since the last scrape: of the canary before and after it turned, and of serving. */
  pending: [like: number, own: number, serving: number];
  canaryRequests: number;
  extraFailures: number;
  readonly counters: {
    atMs: number[];
    canary: number[];
    canaryErrors: number[];
    serving: number[];
    servingErrors: number[];
    canaryBuckets: (readonly number[])[];
    servingBuckets: (readonly number[])[];
  };
}

/** When the gateway is scraped. */
export interface Scrapes {
  /** The first one, Unix milliseconds. */
  readonly firstMs: number;
  readonly everyMs: number;
}

/** A gateway at `startMs` that gives everything to serving. */
export function openGateway(model: TrafficModel, scrapes: Scrapes, startMs: number, random: Random): Gateway {
  return wrap(prepare(model, scrapes), random, {
    flowedToMs: startMs,
    scrapedAtMs: scrapes.firstMs - scrapes.everyMs,
    share: 0,
    copies: 0,
    turned: false,
    pending: [0, 0, 0],
    canaryRequests: 0,
    extraFailures: 0,
    counters: { atMs: [], canary: [], canaryErrors: [], serving: [], servingErrors: [], canaryBuckets: [], servingBuckets: [] },
  });
}

interface Prepared {
  readonly model: TrafficModel;
  readonly everyMs: number;
  readonly serving: Version;
  readonly canary: Version;
}

function prepare(model: TrafficModel, { everyMs }: Scrapes): Prepared {
  const ready = ({ errorRatio, latencySeconds }: VersionModel): Version => ({
    errorRatio,
    buckets: shareBuckets(latencySeconds, model.uppers),
  });
  return { model, everyMs, serving: ready(model.serving), canary: ready(model.canary) };
}

function wrap(prepared: Prepared, random: Random, state: State): Gateway {
  return {
    flowTo: (ms) => {
      const cells: Cell[] = [];
      while (state.scrapedAtMs + prepared.everyMs <= ms) {
        flow(prepared, state, state.scrapedAtMs + prepared.everyMs);
        cells.push(scrape(prepared, state, random));
      }
      flow(prepared, state, ms);
      return cells;
    },
    serve: ({ share, copies }) => {
      state.share = share;
      state.copies = copies;
    },
    turn: () => {
      state.turned = true;
    },
    counters: state.counters,
    // A sum over however many steps: their number is not to show in it.
    expected: () => ({ canaryRequests: state.canaryRequests, extraFailures: Number(state.extraFailures.toFixed(6)) }),
    fork: (other) => wrap(prepared, other, copy(state)),
  };
}

function copy(state: State): State {
  const { atMs, canary, canaryErrors, serving, servingErrors, canaryBuckets, servingBuckets } = state.counters;
  const counters = {
    atMs: [...atMs],
    canary: [...canary],
    canaryErrors: [...canaryErrors],
    serving: [...serving],
    servingErrors: [...servingErrors],
    canaryBuckets: [...canaryBuckets],
    servingBuckets: [...servingBuckets],
  };
  return { ...state, pending: [...state.pending], counters };
}

function flow({ model }: Prepared, state: State, ms: number): void {
  const seconds = (ms - state.flowedToMs) / 1_000;
  if (seconds <= 0) return;
  state.flowedToMs = ms;
  const canary = model.rps * seconds * state.share;
  // The answer to a copy is discarded, so its failure reaches no user.
  const copies = model.rps * seconds * state.copies;
  state.pending[state.turned ? 1 : 0] += canary + copies;
  state.pending[2] += model.rps * seconds - canary;
  state.canaryRequests += canary + copies;
  if (state.turned) state.extraFailures += canary * Math.max(0, model.canary.errorRatio - model.serving.errorRatio);
}

function scrape({ model: { uppers }, serving, canary, everyMs }: Prepared, state: State, random: Random): Cell {
  const fromMs = state.scrapedAtMs;
  const toMs = fromMs + everyMs;
  const [like, own, ofServing] = state.pending;
  const ours = start(uppers);
  draw(ours, serving, like, random);
  draw(ours, canary, own, random);
  const theirs = start(uppers);
  draw(theirs, serving, ofServing, random);
  state.scrapedAtMs = toMs;
  state.pending = [0, 0, 0];
  note(state, toMs, ours, theirs);
  return { fromMs, toMs, canary: finish(ours, uppers), serving: finish(theirs, uppers) };
}

interface Drawn {
  requests: number;
  errors: number;
  readonly buckets: number[];
}

function start(uppers: readonly number[]): Drawn {
  return { requests: 0, errors: 0, buckets: uppers.map(() => 0) };
}

/** Good and bad answers of each bucket are Poisson numbers of their own, so that requests, errors and buckets always agree. */
function draw(into: Drawn, { errorRatio, buckets }: Version, mean: number, random: Random): void {
  if (mean <= 0) return;
  for (const [index, share] of buckets.entries()) {
    if (share === 0) continue;
    const bad = drawPoisson(random, mean * share * errorRatio);
    const all = bad + drawPoisson(random, mean * share * (1 - errorRatio));
    into.buckets[index] = (into.buckets[index] ?? 0) + all;
    into.requests += all;
    into.errors += bad;
  }
}

function finish({ requests, errors, buckets }: Drawn, uppers: readonly number[]): ArmCounts {
  return { requests, serverErrors: errors, clientErrors: 0, buckets: cumulate(buckets, uppers) };
}

function pushBuckets(rows: (readonly number[])[], { buckets }: Drawn): void {
  const before = rows.at(-1);
  rows.push(buckets.map((count, index) => count + (before?.[index] ?? 0)));
}

function note({ counters }: State, atMs: number, canary: Drawn, serving: Drawn): void {
  counters.atMs.push(atMs);
  counters.canary.push((counters.canary.at(-1) ?? 0) + canary.requests);
  counters.canaryErrors.push((counters.canaryErrors.at(-1) ?? 0) + canary.errors);
  counters.serving.push((counters.serving.at(-1) ?? 0) + serving.requests);
  counters.servingErrors.push((counters.servingErrors.at(-1) ?? 0) + serving.errors);
  pushBuckets(counters.canaryBuckets, canary);
  pushBuckets(counters.servingBuckets, serving);
}

/** Half an hour of serving before the release, as expected: what the first borders of the latency comparison come from. */
export function expectPrior({ rps, serving, uppers }: TrafficModel, span: { readonly fromMs: number; readonly toMs: number }): Cell {
  const requests = rps * ((span.toMs - span.fromMs) / 1_000);
  const counts = shareBuckets(serving.latencySeconds, uppers).map((share) => Math.round(share * requests));
  const total = counts.reduce((sum, count) => sum + count, 0);
  const nothing: ArmCounts = { requests: 0, serverErrors: 0, clientErrors: 0, buckets: [] };
  const arm = { requests: total, serverErrors: Math.round(total * serving.errorRatio), clientErrors: 0, buckets: cumulate(counts, uppers) };
  return { ...span, canary: nothing, serving: arm };
}
