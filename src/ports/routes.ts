// Routes as the reconciler reads and writes them. Home writes have a lane of their own.

import type { Route, RouteKind } from '../api/routes.ts';
import type { JsonPatchOperation } from '../core/routing/patch.ts';

export interface RouteKey {
  readonly kind: RouteKind;
  readonly namespace: string;
  readonly name: string;
}

/** `home` is never limited and has reserved connections; `normal` waits while home writes are under way. */
export type WriteLane = 'home' | 'normal';

export interface RouteStore {
  /** Cached routes of a namespace, all served kinds. */
  cachedIn(namespace: string): readonly Route[];
  /** Straight from the API server; `undefined` when it does not exist. With managedFields. */
  read(key: RouteKey): Promise<Route | undefined>;
  /** All routes of a namespace straight from the API server, all served kinds. @throws GlidepathError where one kind cannot be read */
  readAll(namespace: string): Promise<readonly Route[]>;
  /**
   * Sends a JSON Patch. @returns the route as stored.
   * @throws GlidepathError `GLIDEPATH_E_GUARD` (a test of the patch failed: read again and rebuild), `GLIDEPATH_E_NOT_FOUND`,
   * `GLIDEPATH_E_FORBIDDEN`, `GLIDEPATH_E_INVALID` (refused by schema or admission), or a retryable transport error.
   */
  patch(key: RouteKey, operations: readonly JsonPatchOperation[], lane: WriteLane): Promise<Route>;
  /** Sets our annotation by merge patch, which keeps the other annotations. */
  annotate(key: RouteKey, value: string): Promise<Route>;
  /** Kinds whose CRD the API server serves at this moment. @param wanted kinds that a release names: a missing one is searched for soon */
  servedKinds(wanted?: readonly RouteKind[]): readonly RouteKind[];
  /** Reports a cached route that is newer than the watch (the answer of an own write). */
  remember(route: Route): void;
}
