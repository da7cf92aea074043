// The cluster as one connection: its watches and the changes they see, leader election, and shutdown.

/** One object of a cache appeared, changed or went: a level-triggered hint. */
export interface Change {
  /** Kind of the object whose reconcile matters: `CanaryRelease`, a route kind, or `Service` (its EndpointSlices included). */
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  /** As cached before; absent when it is new, or when only the endpoints of a Service changed. */
  readonly old?: unknown;
  /** As cached now; absent when it went, or when only the endpoints of a Service changed. */
  readonly new?: unknown;
}

/** Enqueues a key and returns: it must not block. One that throws makes the watch list everything again. */
export type ChangeListener = (change: Change) => void;

/** The lease of the leader election. */
export interface LeaseName {
  readonly namespace: string;
  readonly name: string;
  /** Unique to this process, such as the pod's name and a random part. */
  readonly identity: string;
}

/** One candidate of the leader election. */
export interface Candidacy extends LeaseName {
  /** We lead. `epoch` is greater than that of every leader before. */
  readonly onElected: (epoch: number) => void;
  /** We led and do no more: stop writing at once. Not called after `signal`. */
  readonly onLost: () => void;
  /** Why an attempt failed; for the log. */
  readonly onFault?: (error: unknown) => void;
  /** Ends the election; a lease that we hold is released. */
  readonly signal: AbortSignal;
}

export interface Cluster {
  /** Begins all watches; they end with `signal` or `close`. */
  start(signal?: AbortSignal): void;
  synced(): boolean;
  /** Changes of releases, routes, and the Services that were observed. @returns takes the listener off. */
  onChange(listener: ChangeListener): () => void;
  /** Number of the stored CRD's schema. @returns undefined when the CRD is not there or carries no number */
  schemaLevel(): Promise<number | undefined>;
  /** Opens the connections of the home lane ahead of need; they stay open for a minute. */
  warm(connections?: number): Promise<void>;
  /** Asks whether the API server answers; where it does not, all connections are replaced and all watches begin again. Never throws. */
  beat(): Promise<void>;
  /** Never throws what the API server does. */
  runElection(candidacy: Candidacy): Promise<'stopped' | 'lost'>;
  /** Ends watches, flushes events, closes every socket. */
  close(): Promise<void>;
}
