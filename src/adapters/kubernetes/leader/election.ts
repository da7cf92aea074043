// Leader election: one operator writes at a time. A leader that cannot renew in time stops before another one may begin.

import type { Clock } from '../../../ports/clock.ts';
import type { Candidacy } from '../../../ports/cluster.ts';
import { Lease, type LeaseOutcome } from './lease.ts';
import type { Transport } from '../client/transport.ts';

export interface ElectionTimes {
  /** How long the others respect a lease that is not renewed. */
  readonly leaseMs: number;
  /** How long the leader continues without a successful renewal; below `leaseMs`. */
  readonly renewMs: number;
  readonly retryMs: number;
  /** Between two looks of a replica that waits: one that hands the lease back is followed within this time. */
  readonly standbyMs: number;
}

export const ELECTION_TIMES: ElectionTimes = { leaseMs: 15_000, renewMs: 10_000, retryMs: 2_000, standbyMs: 1_000 };

export interface ElectionOptions extends Candidacy {
  /** Default: a clock that is never set. */
  readonly clock?: Clock;
  readonly times?: Partial<ElectionTimes>;
}

/** Runs the election until `signal` fires or the lead is lost. Failures of the API server are not thrown. */
export async function runElection(transport: Transport, options: ElectionOptions): Promise<'stopped' | 'lost'> {
  const clock = options.clock ?? createMonotonicClock();
  const times = { ...ELECTION_TIMES, ...options.times };
  const { namespace, name, identity, signal } = options;
  const lease = new Lease({ transport, namespace, name, identity, leaseMs: times.leaseMs, now: () => clock.now() });
  const heldSince = await acquire(lease, options, clock, times);
  if (heldSince === undefined) return handBack(lease, times);
  options.onElected(lease.transitions);
  const lost = await renewUntilLost(lease, options, clock, times, heldSince);
  if (!lost || signal.aborted) return handBack(lease, times);
  options.onLost();
  return 'lost';
}

/** The wall clock may be set back and forth; the lease needs a monotonic clock. */
function createMonotonicClock(): Clock {
  const now = (): number => performance.timeOrigin + performance.now();
  return {
    now,
    schedule(atMs, run) {
      const timer = setTimeout(run, Math.max(0, Math.ceil(atMs - now())));
      return () => clearTimeout(timer);
    },
  };
}

/** A holder that ends lets the next one begin without waiting for the lease to expire. */
async function handBack(lease: Lease, times: ElectionTimes): Promise<'stopped'> {
  await lease.release(Math.min(times.retryMs, 2_000));
  return 'stopped';
}

/** @returns when the lease was asked for, or undefined when the election was stopped. */
async function acquire(lease: Lease, options: ElectionOptions, clock: Clock, times: ElectionTimes): Promise<number | undefined> {
  while (!options.signal.aborted) {
    const askedAt = clock.now();
    if ((await attempt(lease, options, times.renewMs / 2)) === 'held') return options.signal.aborted ? undefined : askedAt;
    await sleep(clock, jitter(times.standbyMs), options.signal);
  }
  return undefined;
}

/** @returns true when the lead was lost, false when the election was stopped. */
async function renewUntilLost(
  lease: Lease,
  options: ElectionOptions,
  clock: Clock,
  times: ElectionTimes,
  heldSince: number,
): Promise<boolean> {
  let renewedAt = heldSince;
  while (!options.signal.aborted) {
    const restMs = renewedAt + times.renewMs - clock.now();
    await sleep(clock, Math.min(jitter(times.retryMs), restMs), options.signal);
    if (options.signal.aborted) return false;
    // Counted from before the request: the server may have taken it at any moment since.
    const askedAt = clock.now();
    const leftMs = renewedAt + times.renewMs - askedAt;
    if (leftMs <= 0) return true;
    const outcome = await attempt(lease, options, Math.min(leftMs, times.renewMs / 2));
    if (outcome === 'other') return true;
    if (outcome === 'held') renewedAt = askedAt;
  }
  return false;
}

async function attempt(lease: Lease, options: ElectionOptions, deadlineMs: number): Promise<LeaseOutcome> {
  try {
    return await lease.takeOrRenew(deadlineMs);
  } catch (error) {
    options.onFault?.(error);
    return 'unknown';
  }
}

/** Candidates that started together must not keep asking at the same moments. */
function jitter(ms: number): number {
  return ms * (0.8 + Math.random() * 0.4);
}

function sleep(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const end = (): void => {
      cancel();
      signal.removeEventListener('abort', end);
      resolve();
    };
    const cancel = clock.schedule(clock.now() + ms, end);
    signal.addEventListener('abort', end, { once: true });
  });
}
