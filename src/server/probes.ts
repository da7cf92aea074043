// Decides whether the operator is alive and ready. Alive: the event loop runs and no watch has been failing for long.
// Ready: the caches are synced; leadership is not required, or a standby replica would never be ready.
import { formatDuration } from '../api/duration.ts';

/** One watch as a probe sees it. A kind that the API server does not serve does not count as failing. */
export interface WatchHealth {
  readonly kind: string;
  readonly synced: boolean;
  /** Since when it has been failing without a break; absent while it works. */
  readonly failingSinceMs?: number;
  readonly lastError?: string;
  /** When it last brought anything, a bookmark or an object; absent before its first list. */
  readonly heardAtMs?: number;
}

/** What probes check. */
export interface ProbeFacts {
  readonly nowMs: number;
  /** How late the event loop ran last, see `EventLoopLag`. */
  readonly lagMs: number;
  readonly watches: readonly WatchHealth[];
}

/** Answer of a probe: one line for each check. */
export interface ProbeAnswer {
  readonly ok: boolean;
  readonly lines: readonly string[];
}

/** A watch may fail this long, for instance while the API server is replaced, before a restart is worth trying. */
export const LONGEST_WATCH_FAILURE_MS = 120_000;
export const LONGEST_LAG_MS = 10_000;

/** `/healthz`: when it fails, restarting the process may help. */
export function checkHealth({ nowMs, lagMs, watches }: ProbeFacts): ProbeAnswer {
  const loop = { ok: lagMs <= LONGEST_LAG_MS, text: `event loop ${formatDuration(Math.max(0, lagMs))} late` };
  return answer([loop, ...watches.map((watch) => checkWatch(watch, nowMs))]);
}

/** What readiness checks. */
export interface ReadinessFacts extends Pick<ProbeFacts, 'watches'> {
  /** Whether the webhook has a certificate; absent where there is no webhook. */
  readonly certificate?: boolean;
}

/** `/readyz`: true once every watched kind was listed, and the webhook can answer. */
export function checkReadiness({ watches, certificate }: ReadinessFacts): ProbeAnswer {
  const webhook = { ok: certificate === true, text: `webhook ${certificate === true ? 'has a certificate' : 'has no certificate yet'}` };
  return answer([
    ...watches.map(({ kind, synced }) => ({ ok: synced, text: `${kind} ${synced ? 'synced' : 'not synced yet'}` })),
    ...(certificate === undefined ? [] : [webhook]),
  ]);
}

function checkWatch(
  { kind, failingSinceMs, lastError, heardAtMs }: WatchHealth,
  nowMs: number,
): { readonly ok: boolean; readonly text: string } {
  const heard = heardAtMs === undefined ? '' : `, last heard of ${wholeSeconds(Math.max(0, nowMs - heardAtMs))} ago`;
  if (failingSinceMs === undefined) return { ok: true, text: `watch of ${kind}${heard}` };
  const failingMs = Math.max(0, nowMs - failingSinceMs);
  const why = lastError === undefined ? '' : `: ${lastError.replaceAll(/\s+/g, ' ')}`;
  return { ok: failingMs <= LONGEST_WATCH_FAILURE_MS, text: `watch of ${kind} failing for ${wholeSeconds(failingMs)}${why}` };
}

function wholeSeconds(ms: number): string {
  return formatDuration(Math.floor(ms / 1_000) * 1_000);
}

function answer(checks: readonly { readonly ok: boolean; readonly text: string }[]): ProbeAnswer {
  return { ok: checks.every(({ ok }) => ok), lines: checks.map(({ ok, text }) => `${ok ? '[+]' : '[-]'} ${text}`) };
}

/** What the lag is measured with. */
export interface LagTimer {
  /** Milliseconds that only go forward, whatever happens to the wall clock. */
  now(): number;
  /** Runs again and again; the returned function ends it. */
  every(ms: number, run: () => void): () => void;
}

const LAG_PERIOD_MS = 1_000;

const NODE_LAG_TIMER: LagTimer = {
  now: () => performance.now(),
  every: (ms, run) => {
    const timer = setInterval(run, ms).unref();
    return () => clearInterval(timer);
  },
};

/** Measures how late a timer of the event loop comes. */
export class EventLoopLag {
  readonly #timer: LagTimer;
  readonly #stop: () => void;
  #lastTick: number;
  #lastLagMs = 0;

  constructor(timer: LagTimer = NODE_LAG_TIMER) {
    this.#timer = timer;
    this.#lastTick = timer.now();
    this.#stop = timer.every(LAG_PERIOD_MS, () => {
      this.#lastLagMs = this.#overdueMs();
      this.#lastTick = this.#timer.now();
    });
  }

  /** The greater of how late the last tick came and how overdue the next one is. */
  get ms(): number {
    return Math.max(this.#lastLagMs, this.#overdueMs());
  }

  close(): void {
    this.#stop();
  }

  #overdueMs(): number {
    return Math.max(0, Math.round(this.#timer.now() - this.#lastTick - LAG_PERIOD_MS));
  }
}
