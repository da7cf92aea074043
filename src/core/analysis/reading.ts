// One look as facts: what Prometheus said for the canary at one instant, with nothing judged yet.

import type { Judgement } from './comparison/judgement.ts';
import type { Bucket } from './histogram.ts';

/** Canary requests of a span, by class of answer. */
export interface RequestCounts {
  readonly requests: number;
  readonly serverErrors: number;
  readonly clientErrors: number;
  /** Length of the span in seconds: window, or the time since the stage began if that is shorter. */
  readonly spanSeconds: number;
}

/** Why there is no evidence. None of these is ever a Pass. */
export type NoEvidence =
  | { readonly kind: 'noTraffic'; readonly message: string }
  | { readonly kind: 'noData'; readonly message: string }
  | { readonly kind: 'partial'; readonly message: string }
  | { readonly kind: 'unusable'; readonly message: string };

export type Evidence<Fact> =
  | { readonly kind: 'facts'; readonly facts: Fact }
  | NoEvidence
  /** Prometheus cannot be asked. */
  | { readonly kind: 'unavailable'; readonly message: string };

/** Everything that one look saw. */
export interface LookReading {
  /** The look's own time on the grid, Unix milliseconds. */
  readonly atMs: number;
  /** Newest sample of the canary's or the serving backend's series; absent when there are no series at all. */
  readonly newestSampleMs?: number;
  readonly scrapeIntervalMs?: number;
  readonly requests: Evidence<RequestCounts>;
  /** Canary requests since the look before (for `minRequests`, which counts the stage). */
  readonly newRequests: number;
  /** Server errors of the canary since the look before, whatever stage they fell into (for the history). */
  readonly newErrors?: number;
  readonly latency?: Evidence<readonly Bucket[]>;
  /** Canary against serving, since the release began; absent where nothing is compared (no weight, all weight, switched off). */
  readonly comparison?: Evidence<Judgement>;
  /** Requests of the serving backend in the window; absent where it was not asked for, or where the answer was not whole. */
  readonly servingRequests?: number;
  /** Own queries by check name. */
  readonly own: Readonly<Record<string, Evidence<number>>>;
}

/** A look as far as verdicts need it: of the comparison the finding alone. */
export type LookCounts = Omit<LookReading, 'comparison'> & { readonly comparison?: Evidence<Pick<Judgement, 'finding'>> };
