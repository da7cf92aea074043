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

/** Another Service whose requests the same series would count. */
export interface Collision {
  readonly namespace: string;
  readonly service: string;
  /** True when that Service was named as existing; false when only its name would fit. */
  readonly certain: boolean;
}

/** The part of a rule that decides whether a source counts its backends separately. */
export interface JudgedRule {
  readonly routeName: string;
  readonly backendRefs: readonly { readonly hasFilters: boolean }[];
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
  /**
   * Services whose series the query would wrongly include. `siblings` are the names of the Services in the backend's
   * namespace. Absent where names cannot collide.
   */
  collisions?(backend: BackendIdentity, siblings: readonly string[]): readonly Collision[];
  /** Why the backends of this rule cannot be distinguished, and what to do; absent where they always can. */
  refuseRule?(rule: JudgedRule): SourceRefusal | undefined;
  readonly hazards: readonly Hazard[];
}
