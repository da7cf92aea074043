// The part of the Gateway API's routes that Glidepath touches: five kinds, one shape. A type test holds it against the
// published types, so that an assumption of ours that a release of the Gateway API breaks is found by the compiler.
import type { ManagedFieldsEntry } from './metadata.ts';
import type { RouteKind } from './names.ts';

export type { RouteKind } from './names.ts';

export const GATEWAY_GROUP = 'gateway.networking.k8s.io';

/** Metadata of a route as the API server returns it. */
export interface RouteMetadata {
  readonly name: string;
  readonly namespace: string;
  readonly uid?: string;
  readonly generation?: number;
  readonly resourceVersion?: string;
  readonly creationTimestamp?: string;
  readonly deletionTimestamp?: string;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly labels?: Readonly<Record<string, string>>;
  readonly managedFields?: readonly ManagedFieldsEntry[];
}

/** One backend of a rule. The API server fills in weight 1 where none is written. */
export interface RouteBackendRef {
  readonly group?: string;
  readonly kind?: string;
  readonly name: string;
  readonly namespace?: string;
  readonly port?: number;
  readonly weight?: number;
  readonly filters?: readonly RouteFilter[];
}

/** A filter; only mirrors are read. */
export interface RouteFilter {
  readonly type: string;
  readonly requestMirror?: {
    readonly backendRef: RouteBackendRef;
    readonly percent?: number;
    readonly fraction?: { readonly numerator: number; readonly denominator?: number };
  };
}

/** A header that a match asks for. */
export interface RouteHeaderMatch {
  readonly type?: string;
  readonly name: string;
  readonly value: string;
}

/** The path that a match of an HTTPRoute asks for. */
export interface RoutePathMatch {
  readonly type?: string;
  readonly value?: string;
}

/** How long a user stays with the backend that answered first (experimental). Only its presence is read. */
export interface RouteSessionPersistence {
  readonly type?: string;
}

/** Service and method that a match of a GRPCRoute asks for. */
export interface RouteMethodMatch {
  readonly type?: string;
  readonly service?: string;
  readonly method?: string;
}

/** A match; a field that is not named here is copied unread. */
export interface RouteMatch {
  readonly path?: RoutePathMatch;
  readonly headers?: readonly RouteHeaderMatch[];
  readonly queryParams?: readonly RouteHeaderMatch[];
  /** Of an HTTPRoute its name, of a GRPCRoute an object. */
  readonly method?: string | RouteMethodMatch;
}

/** One rule; what is not named here is copied unread. Rules of TCP, TLS and UDP routes have no matches and filters. */
export interface RouteRule {
  readonly name?: string;
  readonly matches?: readonly RouteMatch[];
  readonly sessionPersistence?: RouteSessionPersistence;
  readonly filters?: readonly RouteFilter[];
  readonly backendRefs?: readonly RouteBackendRef[];
}

/** What a route is attached to. */
export interface RouteParentRef {
  readonly group?: string;
  readonly kind?: string;
  readonly namespace?: string;
  readonly name: string;
  readonly sectionName?: string;
  readonly port?: number;
}

/** One condition of a parent. */
export interface RouteCondition {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly message?: string;
  readonly observedGeneration?: number;
  readonly lastTransitionTime?: string;
}

/** What one controller says about one parent. */
export interface RouteParentStatus {
  readonly parentRef: RouteParentRef;
  readonly controllerName: string;
  readonly conditions?: readonly RouteCondition[];
}

/** A route of any of the five kinds. */
export interface Route {
  readonly apiVersion: string;
  readonly kind: RouteKind;
  readonly metadata: RouteMetadata;
  readonly spec: {
    readonly parentRefs?: readonly RouteParentRef[];
    /** `All`: the default Gateways of the cluster are parents, too (experimental). */
    readonly useDefaultGateways?: string;
    readonly hostnames?: readonly string[];
    readonly rules?: readonly RouteRule[];
  };
  readonly status?: { readonly parents?: readonly RouteParentStatus[] };
}
