// Prometheus as the judge reads it: raw samples, or a typed error.

import type { BlockReason } from '../api/reasons.ts';
import type { Matchers } from '../api/matchers.ts';
import type { Series } from '../core/analysis/series.ts';

export type { Series };

export type MetricsFailure =
  /** Prometheus is unavailable: network, timeout, 5xx, 401, 403. */
  | { readonly kind: 'unavailable'; readonly message: string }
  /** Prometheus answered that the query is wrong (bad_data). A retry does not help. */
  | { readonly kind: 'badQuery'; readonly message: string }
  /** The answer cannot be used: not JSON, native histogram. */
  | { readonly kind: 'unusable'; readonly message: string }
  /** The answer has more bytes than are read. */
  | { readonly kind: 'tooLarge'; readonly message: string };

export type MetricsAnswer =
  | { readonly ok: true; readonly series: readonly Series[]; readonly warnings: readonly string[] }
  | ({ readonly ok: false } & MetricsFailure);

/** The address and the credentials to use. Secret values stay in the adapter. */
export interface MetricsTarget {
  /** Release namespace, for its secret. */
  readonly namespace: string;
  /** Own address of the release; absent: the operator's. */
  readonly url?: string;
  readonly secretName?: string;
  readonly timeoutMs: number;
  /** The query is a release's own, whose answer is one number: it is asked apart from others, and a large answer is not decoded. */
  readonly asks?: 'number';
}

/** The Prometheus and the credentials of a target. Without a Secret of its own the release's namespace does not matter. */
export function placeOf({ namespace, url, secretName }: MetricsTarget): string {
  return [url ?? '', secretName === undefined ? '' : `${namespace}/${secretName}`].join(' ');
}

export interface MetricsReader {
  /** Label matchers added to every built-in query, by the operator's flag. */
  readonly matchers?: Matchers;
  /** Evaluates `query` at `atMs`. Range selectors give raw samples, instant vectors and scalars one sample a series. Never throws. */
  query(target: MetricsTarget, query: string, atMs: number): Promise<MetricsAnswer>;
  /** Says why this target may not be used (no address, not on the allow-list, own query not allowed), or undefined. */
  refusal(target: MetricsTarget, ownQueries: boolean): { readonly reason: BlockReason; readonly message: string } | undefined;
}
