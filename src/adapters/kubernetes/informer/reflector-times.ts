// How patient a watch is.

/** Times of a reflector; tests make them short. */
export interface ReflectorTimes {
  readonly backoffMs: number;
  readonly longestBackoffMs: number;
  /** Between two tries while the API server does not serve the kind. */
  readonly absentMs: number;
  readonly watchSeconds: number;
  /** So long a kind that was there must be missing before its objects are taken for gone. */
  readonly believeAbsentMs: number;
  /** Silence beyond the watch's own end after which it is taken for dead. */
  readonly marginMs: number;
  /** A watch that the server ends sooner counts as a fault, else a broken proxy makes us spin. */
  readonly shortestWatchMs: number;
}

export const REFLECTOR_TIMES: ReflectorTimes = {
  backoffMs: 200,
  longestBackoffMs: 30_000,
  absentMs: 10_000,
  believeAbsentMs: 10_000,
  watchSeconds: 300,
  marginMs: 30_000,
  shortestWatchMs: 1_000,
};
