// What stands behind the serving Service: does home answer, and if not, why? Not known is a value of its own, never "empty".

import type { CanaryReleaseStatus } from '../../../api/release.ts';
import { fromTime } from '../../../api/times.ts';
import { selects } from '../../workload/selectors.ts';
import type { ObservedWorkload } from '../../workload/observed.ts';
import { hashTemplate } from '../../workload/template.ts';
import type { Observation } from '../observation.ts';
import { isRunning, type StateName } from '../state.ts';
import { areNoneReady, type Endpoints, isCurrent, readEndpoints } from './endpoints.ts';
import type { Sides } from './sides.ts';

/** Endpoints that were ready may be away for a moment; after this long they are taken for gone. */
export const SERVING_GONE_MS = 10_000;

/** When serving that has no ready endpoint is taken for gone, Unix milliseconds; undefined while it has one, or that is not known. */
export function endOfServingPatience({ internal }: Pick<CanaryReleaseStatus, 'internal'>): number | undefined {
  const since = fromTime(internal?.serving?.emptySince);
  return since === undefined ? undefined : since + SERVING_GONE_MS;
}

/** Serving has had no ready endpoint for longer than a moment. */
export function isServingGone(status: Pick<CanaryReleaseStatus, 'internal'>, now: number): boolean {
  return now >= (endOfServingPatience(status) ?? Number.POSITIVE_INFINITY);
}

/** Why no ready endpoint stands behind the serving Service. */
export type ServingEmpty =
  /** Ready pods of the serving version exist, and the Service's selector matches other labels (Deployment mode). */
  | { readonly kind: 'selectsNone'; readonly selector: string; readonly replicaSet: string }
  /** The Deployment has 0 replicas (Deployment mode). */
  | { readonly kind: 'scaledToZero'; readonly deployment: string }
  /** It has endpoints, and none of them is ready. Names of pods, addresses where there is no pod; empty where only the number is known. */
  | { readonly kind: 'noneReady'; readonly count: number; readonly names: readonly string[] }
  | { readonly kind: 'noEndpoints' };

export interface ServingFacts {
  readonly servingEndpoints: Endpoints;
  /** Undefined while an endpoint is ready, where that is not known, and while the Deployment rolls out: then its pods are being replaced. */
  readonly servingEmpty: ServingEmpty | undefined;
  /** Deployment mode: it is known that no pod serves, neither behind the Service nor anywhere else in the Deployment. */
  readonly nothingServes: boolean;
}

/** @param sides the Services by role; undefined where the roles are not known */
export function gatherServingFacts(
  status: CanaryReleaseStatus,
  state: StateName,
  { backends, workload }: Observation,
  sides: Sides | undefined,
): ServingFacts {
  const servingEndpoints = readEndpoints(sides === undefined ? undefined : backends[sides.serving]);
  const rolls = isRunning(state) && status.release?.workload?.rolls === true;
  return {
    servingEndpoints,
    servingEmpty: rolls ? undefined : findCause(servingEndpoints, status, workload),
    nothingServes: isCurrent(servingEndpoints) && areNoneReady(servingEndpoints) && hasNoReadyPod(workload),
  };
}

function hasNoReadyPod(workload: ObservedWorkload | undefined): boolean {
  if (workload?.known !== true || workload.deployment === undefined) return false;
  return workload.replicaSets.every(({ status }) => (status?.readyReplicas ?? 0) === 0);
}

function findCause(
  endpoints: Endpoints,
  { serving }: CanaryReleaseStatus,
  workload: ObservedWorkload | undefined,
): ServingEmpty | undefined {
  if (endpoints.kind === 'unknown' || endpoints.ready > 0) return undefined;
  const { unready, unreadyNames } = endpoints;
  const mismatch = findMismatch(serving?.template, workload);
  if (mismatch !== undefined) return mismatch;
  const { deployment } = workload ?? {};
  if (deployment?.spec.replicas === 0) return { kind: 'scaledToZero', deployment: deployment.metadata.name };
  return unready === 0 ? { kind: 'noEndpoints' } : { kind: 'noneReady', count: unready, names: unreadyNames };
}

/** Whoever changes labels and selector in one commit takes the Service from the pods that serve, because those are held. */
function findMismatch(template: string | undefined, workload: ObservedWorkload | undefined): ServingEmpty | undefined {
  const selector = workload?.service?.spec.selector;
  if (selector === undefined) return undefined;
  const ready = workload?.replicaSets.find((one) => (one.status?.readyReplicas ?? 0) > 0 && hashTemplate(one.spec.template) === template);
  if (ready === undefined || selects({ matchLabels: selector }, ready.spec.template.metadata?.labels ?? {})) return undefined;
  const words = Object.entries(selector).map(([key, value]) => `${key}=${value}`);
  return { kind: 'selectsNone', selector: words.join(','), replicaSet: ready.metadata.name };
}
