// Prometheus as the judge's witness: raw samples in, honest errors out.

import type { BlockReason } from '../api/reasons.ts';
import type { Series } from '../core/analysis/series.ts';

export type { Series };

export type MetricsFailure =
  /** Prometheus cannot be asked: network, timeout, 5xx, 401, 403. */
  | { readonly kind: 'unavailable'; readonly message: string }
  /** Prometheus answered that the query is wrong (bad_data). Asking again does not help. */
  | { readonly kind: 'badQuery'; readonly message: string }
  /** The answer cannot be used: not JSON, native histogram, too large. */
  | { readonly kind: 'unusable'; readonly message: string };

export type MetricsAnswer =
  | { readonly ok: true; readonly series: readonly Series[]; readonly warnings: readonly string[] }
  | ({ readonly ok: false } & MetricsFailure);

/** Where to ask and as whom. Secret values live in the adapter only. */
export interface MetricsTarget {
  /** Release namespace, for its secret. */
  readonly namespace: string;
  /** Own address of the release; absent: the operator's. */
  readonly url?: string;
  readonly secretName?: string;
  readonly timeoutMs: number;
}

export interface MetricsReader {
  /** Evaluates `query` at `atMs`. Range selectors give raw samples, instant vectors and scalars one sample a series. Never throws. */
  query(target: MetricsTarget, query: string, atMs: number): Promise<MetricsAnswer>;
  /** Says why this target may not be used (no address, not on the allow-list, own query not allowed), or undefined. */
  refusal(target: MetricsTarget, ownQueries: boolean): { readonly reason: BlockReason; readonly message: string } | undefined;
}
