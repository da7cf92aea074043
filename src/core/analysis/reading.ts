// One look as facts: what Prometheus said for the canary at one instant, with nothing judged yet.

import type { Judgement } from './comparison/judgement.ts';
import type { Bucket } from './histogram.ts';
import type { SeenSplit } from './sequential/seen-split.ts';

/** Requests of a span, by class of answer. */
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

/** What serving answered in the window of a look. */
export interface ServingCounts {
  readonly requests: RequestCounts;
  /** Absent where the metrics source has no histogram, or no check asks for latency. */
  readonly latency?: readonly Bucket[];
}

/** What one of several metrics sources counted in the window of a look. */
export interface SourceReading {
  readonly source: string;
  /** Of the canary. */
  readonly requests: number;
  readonly serverErrors: number;
  /** Of the canary, in the buckets of this source; absent where no check asks for latency. */
  readonly latency?: Evidence<readonly Bucket[]>;
  /** Absent where it was not read, or answered nothing. */
  readonly serving?: ServingCounts;
}

/** Everything that one look saw. */
export interface LookReading {
  /** The look's own time on the grid, Unix milliseconds. */
  readonly atMs: number;
  /** It was asked between two looks of the interval: the comparison may convict, and nothing else is judged. */
  readonly glance?: true;
  /** Newest sample of the canary's or the serving backend's series; absent when there are no series at all. */
  readonly newestSampleMs?: number;
  readonly scrapeIntervalMs?: number;
  /** How old the newest sample of either side was when it was asked for; absent for looks of the past, which say nothing of a delay. */
  readonly sampleAgeMs?: number;
  /** The series come from several clusters: what was found, and the setting that separates them. */
  readonly mixed?: string;
  readonly requests: Evidence<RequestCounts>;
  /** Canary requests since the look before (for `minRequests`, which counts the stage). */
  readonly newRequests: number;
  /** Server errors of the canary since the look before, whatever stage they fell into (for the history). */
  readonly newErrors?: number;
  /** Absent where several sources count: each has buckets of its own. */
  readonly latency?: Evidence<readonly Bucket[]>;
  /** The window by source; absent where one source counts. */
  readonly sources?: readonly SourceReading[];
  /** Of several sources those from which samples come. */
  readonly heardSources?: readonly string[];
  /** Those from which none comes any more while others still have some: what they would count is missing. */
  readonly silentSource?: string;
  /** Canary against serving, since the release began; absent where nothing is compared (no weight, all weight, switched off). */
  readonly comparison?: Evidence<Judgement>;
  /** Nothing is compared: requests of a cohort are counted with the others, or are all that the canary gets. */
  readonly silenced?: 'cohort';
  /** Requests of the serving backend in the window; absent where it was not asked for, or where the answer was not whole. */
  readonly servingRequests?: number;
  /** The same by class and latency; absent without requests. */
  readonly serving?: ServingCounts;
  /** Requests that gateways answered with an error of their own since the look before, of all their routes; absent where not asked for. */
  readonly gatewayErrors?: number;
  /** How requests split after a raise; absent while too few were counted to say, and where the split says nothing of the gateway. */
  readonly split?: SeenSplit;
  /** Requests of serving a second in the half hour before the release, while the canary has none; absent where that is not known. */
  readonly rateBefore?: number;
  /** Own queries by check name. */
  readonly own: Readonly<Record<string, Evidence<number>>>;
}

/** A look as far as verdicts need it: of the comparison the finding alone. */
export type LookCounts = Omit<LookReading, 'comparison'> & { readonly comparison?: Evidence<Pick<Judgement, 'finding' | 'budget'>> };
