// What a metrics source is: how one gateway or application convention names the raw counters and histograms of a
// backend. Sources only write queries and read labels; increments are computed from raw samples elsewhere.
import type { RouteKind } from '../api/names.ts';
import type { Labels, Outcome } from './codes.ts';

/** One backend as a metrics source may need to know it. */
export interface BackendIdentity {
  readonly namespace: string;
  readonly service: string;
  readonly port: number;
  /**
   * The rule whose traffic is asked for. Sources of scope `routeRule` need it; of the others some read the kind, which
   * is HTTPRoute when the route is absent.
   */
  readonly route?: {
    readonly kind: RouteKind;
    readonly namespace: string;
    readonly name: string;
    readonly ruleIndex: number;
    readonly backendIndex: number;
    /** The rule has no other backend. */
    readonly isAlone?: true;
    /** Copies are asked for, which the filter of the rule at this place sends. */
    readonly mirrorIndex?: number;
  };
  /** The Deployment behind the Service; with its pod-template-hash values the pods themselves can be selected. */
  readonly workload?: { readonly name: string; readonly templateHashes: readonly string[] };
}

/** A known limit of a source, for people. */
export interface Hazard {
  readonly code: string;
  readonly message: string;
  /** The hazard concerns these kinds of route only; absent: all. */
  readonly kinds?: readonly RouteKind[];
  /** Failures of such routes are not counted at all: a canary that fails every request may look healthy. */
  readonly blind?: true;
}

/** Kinds of route whose requests a source counts as what they are not, so that it must not judge them at all. */
export interface Miscounted {
  readonly kinds: readonly RouteKind[];
  /** What it counts instead, for people. */
  readonly message: string;
}

/** Why a source cannot be used, and what to do. `reason` is a condition reason. */
export interface SourceRefusal {
  readonly reason: 'NotSupported' | 'InvalidSpec' | 'Unavailable';
  readonly message: string;
}

/** Buckets of a latency histogram: a range selector whose series carry `le`, in the named unit. */
export interface LatencyQuery {
  readonly query: string;
  readonly unit: 'ms' | 's';
}

/** Another Service whose requests the same series would count, if it exists. */
export interface Collision {
  readonly namespace: string;
  readonly service: string;
}

/** Where the pods of a gateway show their own counters, for the sentinel, which reads them past Prometheus. */
export interface GatewayCounters {
  readonly port: number;
  /** Path and query of an answer in Prometheus' text format that holds the request counters of these backends and little else. */
  path(backends: readonly BackendIdentity[]): string;
  /** Is this series, named by the label `__name__`, one that `requests` would select for the backend? */
  counts(backend: BackendIdentity, labels: Labels): boolean;
}

/** How one gateway or application convention names RED metrics. */
export interface MetricsSource {
  readonly name: string;
  /** `live-tested` against the gateway itself, `recorded` against recorded metric text, `application`: not a gateway. */
  readonly tier: 'live-tested' | 'recorded' | 'application';
  /**
   * What one query covers: all traffic of the Service whatever the route (ask once for a backend), or one backend of
   * one rule (ask for each rule and add up; `BackendIdentity.route` is required).
   */
  readonly scope: 'service' | 'routeRule';
  /**
   * `caller`: gateways or proxies that send to both backends, so that both are scraped at the same moment. `server`: each pod
   * reports its own requests, and pods are scraped at different moments: no short slice of time may then be compared.
   */
  readonly reportedBy: 'caller' | 'server';
  /**
   * PromQL range selector over the counters of finished requests; every series carries the code label, summing is the
   * reader's work.
   * @throws GlidepathError GLIDEPATH_E_SOURCE when the identity lacks what the source needs.
   */
  requests(backend: BackendIdentity, rangeMs: number): string;
  /** The outcome of the requests of a series, from its labels. */
  classify(labels: Labels): Outcome;
  /** Histogram buckets; absent where the source has none. */
  latency?(backend: BackendIdentity, rangeMs: number): LatencyQuery;
  /** Latencies reach the histograms up to so long after the counters have their requests, milliseconds; absent: at once. */
  readonly latencyLagMs?: number;
  /** Finite upper bounds of these buckets as they are by default, seconds; absent where there are none. */
  readonly usualBounds?: readonly number[];
  /** Counters of the gateway's own pods; absent where an answer cannot be kept small, or was never proven to be the same counters. */
  readonly sentinel?: GatewayCounters;
  /**
   * Range selector over counters of requests that gateways answered with an error because the backend of a route was not there; absent
   * where they are not counted apart.
   */
  ownErrors?(rangeMs: number): string;
  /** Services whose series the query would wrongly include, if they exist. Absent where names cannot collide. */
  collisions?(backend: BackendIdentity): readonly Collision[];
  /** Why the backends of a route of this name cannot be distinguished, and what to do; absent where they always can. */
  refuseRoute?(routeName: string): SourceRefusal | undefined;
  readonly hazards: readonly Hazard[];
  /** Absent where every request that is counted is counted as what it is. */
  readonly miscounted?: Miscounted;
}
