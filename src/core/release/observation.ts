// What one reconcile saw of the world: plain facts, nothing decided. The reconciler gathers it, the core only reads it.

import type { BlockReason } from '../../api/reasons.ts';
import type { CanaryRelease } from '../../api/release.ts';
import type { Route, RouteKind } from '../../api/routes.ts';
import type { ObservedWorkload } from '../workload/observed.ts';
import type { PodObject } from '../workload/pods.ts';
import type { PolicyReading, RoutePolicyReading } from '../workload/policy-kinds.ts';
import type { LookReading } from '../analysis/reading.ts';
import type { SentinelReading } from '../analysis/sentinel.ts';
import type { DrainReading } from './drain.ts';
import type { ObservedGates } from './gates/observed.ts';

/** One backend Service and what stands behind it. */
export interface ObservedBackend {
  readonly service: string;
  readonly exists: boolean;
  readonly ports: readonly { readonly name?: string; readonly port: number }[];
  /** Endpoints that are ready (of all EndpointSlices, each address once). */
  readonly readyEndpoints: number;
  readonly unreadyEndpoints: number;
  /** Names of the pods that are ready endpoints, addresses where there is no pod; absent where that was not read. */
  readonly readyPods?: readonly string[];
  /** The same of those that are not; absent where that was not read. */
  readonly unreadyPods?: readonly string[];
  /** It is a name of something outside of the cluster (ExternalName): it has no endpoints here. */
  readonly external?: boolean;
  /** Services mode: what the pods' status says while endpoints are not ready; absent where that was not read. */
  readonly pods?: readonly PodObject[];
  /** Sorted distinct pod-template-hash values of the pods behind the Service; empty without such pods. */
  readonly templateHashes: readonly string[];
  /** Name of the Deployment whose ReplicaSets own the pods; absent when there is none or more than one. */
  readonly workload?: string;
  /** A rolling update is under way: pods of one Deployment are of several templates. */
  readonly rolling?: boolean;
  /** The watch of its endpoints fails, so that they may be others by now: no raise relies on them. */
  readonly stale?: true;
  /** False until Services and EndpointSlices are synced: then nothing may be concluded from the counts. */
  readonly known: boolean;
  /** False while the pods could not be listed: then nothing may be concluded from the hashes. */
  readonly templatesKnown: boolean;
}

/** A route write that was refused since the last reconcile. */
export interface WriteProblem {
  readonly route: string;
  readonly kind: 'forbidden' | 'invalid' | 'error';
  readonly message: string;
  /** Since when writes of this route fail without a success between, Unix milliseconds. */
  readonly sinceMs?: number;
}

/** What a person should know of the metrics source, for the routes of this release. */
export interface SourceHazard {
  readonly code: string;
  readonly message: string;
  /** Failures are not counted at all. */
  readonly blind?: true;
}

/** Whether the judge can be asked at all, found out before the first write. */
export type MetricsStanding =
  | {
      readonly kind: 'ready';
      readonly source: string;
      readonly hazards?: readonly SourceHazard[];
      /** What its series are of: all traffic of a Service, or one rule of a route. Absent where no source counts requests. */
      readonly scope?: 'service' | 'routeRule';
    }
  | {
      readonly kind: 'refused';
      readonly reason: BlockReason;
      readonly message: string;
      /** No controller has answered for the routes yet. */
      readonly missing?: true;
    };

/** How the gateways of a release count the backends of a rule, where they may count them together. */
export type BackendLayout =
  /** Prometheus was not asked yet. */
  | { readonly kind: 'unasked' }
  /** Prometheus cannot say. */
  | { readonly kind: 'unknown'; readonly why: string }
  /** As the series say, of the rule that says least. `unseen`: Prometheus has no series of it. */
  | { readonly kind: 'byBackend' | 'byService' | 'together' | 'unseen'; readonly about: string };

/** What two releases have in common. */
export interface SharedObject {
  readonly kind: RouteKind | 'Deployment' | 'Service';
  readonly name: string;
  /** The name of what the operator makes for the canary of the release that asks. */
  readonly isMade?: boolean;
}

/** Who drives what this release is about (rule 8). */
export type Driver = { readonly kind: 'us' } | { readonly kind: 'other'; readonly name: string; readonly shared: SharedObject };

export interface Observation {
  readonly release: CanaryRelease;
  /** Routes of the namespace that the release refers to, that name its Services, or that its status records. */
  readonly routes: readonly Route[];
  /** All routes of the namespace were read from the API server for this very observation; else they are what watches have shown. */
  readonly routesFresh: boolean;
  /** Served route kinds: a kind whose CRD is absent is not in it. */
  readonly servedKinds: readonly RouteKind[];
  readonly backends: Readonly<Record<string, ObservedBackend>>;
  /** Looks that fell due, in time order. */
  readonly looks: readonly LookReading[];
  /** What the gateways' own counters say; absent where they are not read. */
  readonly sentinel?: SentinelReading;
  /** Deployment mode: the Deployment and what belongs to it. */
  readonly workload?: ObservedWorkload;
  /** Deployment mode, while a canary drains: whether its requests have stopped. */
  readonly drain?: DrainReading;
  /** While a promotion gives the canary everything: whether requests to what served before have stopped. */
  readonly lastAnswers?: DrainReading;
  readonly metrics: MetricsStanding;
  /** Absent where the gateways always count backends apart. */
  readonly layout?: BackendLayout;
  /** Policies that may hold for one rule of a route, and what gateways can do; absent where they were not asked for, or are not read yet. */
  readonly routePolicies?: RoutePolicyReading;
  /** Policies that may keep users on the version that answered first; absent where nothing depends on them, or they are not read yet. */
  readonly sessionPolicies?: PolicyReading;
  /** Absent where no gate was ever asked for. */
  readonly gates?: ObservedGates;
  readonly driver: Driver;
  readonly writeProblems: readonly WriteProblem[];
  /** Set when the CRD's schema number is lower than this operator needs: only home is possible. */
  readonly oldSchema: boolean;
}
