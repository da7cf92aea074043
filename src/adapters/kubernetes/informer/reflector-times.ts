// The timeouts of a watch.

/** Times of a reflector; tests make them short. */
export interface ReflectorTimes {
  readonly backoffMs: number;
  /** A third of what client-go has: after an outage the caches of running releases must not stay old for half a minute. */
  readonly longestBackoffMs: number;
  /** Between two tries while the API server does not serve the kind. */
  readonly absentMs: number;
  readonly watchSeconds: number;
  /** How long a kind that was served must be missing before its objects count as deleted. */
  readonly believeAbsentMs: number;
  /** A watch that is silent for longer counts as dead: the API server sends a bookmark each minute. */
  readonly silenceMs: number;
  /** A watch that the server ends sooner counts as failed, or a broken proxy would cause a busy loop. */
  readonly shortestWatchMs: number;
}

export const REFLECTOR_TIMES: ReflectorTimes = {
  backoffMs: 200,
  longestBackoffMs: 10_000,
  absentMs: 10_000,
  believeAbsentMs: 10_000,
  watchSeconds: 300,
  silenceMs: 75_000,
  shortestWatchMs: 1_000,
};
