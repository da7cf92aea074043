// What a backtest replays.

import type { CanaryReleaseSpec } from '../../api/release.ts';
import type { MetricsSource } from '../../sources/source.ts';

/** What is replayed. */
export interface ReplayQuestion {
  readonly spec: CanaryReleaseSpec;
  readonly source: Pick<MetricsSource, 'name' | 'classify' | 'reportedBy'>;
  readonly servingName: string;
  readonly canaryName: string;
  /** The canary's first request, and the scrape behind it. */
  readonly startMs: number;
}
