// What Prometheus returns for a range selector, as plain data.

/** One series, samples in time order. Times in Unix milliseconds; values may be NaN or infinite. */
export interface Series {
  readonly labels: Readonly<Record<string, string>>;
  readonly samples: readonly Sample[];
}

export interface Sample {
  readonly atMs: number;
  readonly value: number;
}
