// What is known of the endpoints behind a Service: how many there are, or nothing, which is neither "ready" nor "none".

import type { ObservedBackend } from '../observation.ts';

export type Endpoints =
  /** Not read yet, or it has no endpoints to keep, as for a name outside of the cluster. */
  | { readonly kind: 'unknown' }
  | {
      readonly kind: 'seen';
      /** False while the watch fails: they were seen so last. */
      readonly current: boolean;
      readonly ready: number;
      readonly unready: number;
      /** Names of pods, addresses where there is no pod; empty where only the number is known. */
      readonly unreadyNames: readonly string[];
    };

const UNKNOWN: Endpoints = { kind: 'unknown' };

/** Of a Service that was observed; one that does not exist has no endpoint. */
export function readEndpoints(backend: ObservedBackend | undefined): Endpoints {
  if (backend === undefined || !backend.known || backend.external === true) return UNKNOWN;
  const { readyEndpoints: ready, unreadyEndpoints: unready, unreadyPods: unreadyNames = [] } = backend;
  return { kind: 'seen', current: backend.stale !== true, ready, unready, unreadyNames };
}

/** They are known as they are now, and not only as they were. */
export function isCurrent(endpoints: Endpoints): boolean {
  return endpoints.kind === 'seen' && endpoints.current;
}

/** There is at least one, and all of them are ready now. */
export function areAllReady(endpoints: Endpoints): boolean {
  return endpoints.kind === 'seen' && endpoints.current && endpoints.ready > 0 && endpoints.unready === 0;
}

/** None was ready when they were seen last: what takes traffic home does not wait for a watch that fails. */
export function areNoneReady(endpoints: Endpoints): boolean {
  return endpoints.kind === 'seen' && endpoints.ready === 0;
}
