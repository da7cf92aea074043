// What stands in the way of a release, each with the reason, what was found and what fixes it: a chain of named checks.
// Before the first write a blocker keeps every route untouched; later it stops raises while home stays possible (rule 13).

import type { CanaryReleaseSpec, CanaryReleaseStatus } from '../../../api/release.ts';
import type { Known } from '../facts/known.ts';
import { servicesOf } from '../facts/sides.ts';
import type { SharedObject } from '../observation.ts';
import { isRunning } from '../state.ts';
import type { Blocker, BlockerCheck } from './types.ts';
import { thePodsAreNotReady } from './canary-pods.ts';
import { COHORT } from './cohort-blockers.ts';
import { ROUTES_BEFORE, ROUTES_LATER } from './route-blockers.ts';
import { WORKLOAD_ALWAYS, WORKLOAD_BEFORE, WORKLOAD_LATER } from './workload-blockers.ts';

const ALWAYS: readonly BlockerCheck[] = [
  theOperatorIsTooNew,
  ...WORKLOAD_ALWAYS,
  anotherReleaseDrives,
  theGatewayApiIsMissing,
  aServiceIsMissing,
  theGatewayCountsBackendsTogether,
  noCheckMayAct,
];

/** Before the first write of a release: nothing was recorded yet. */
const BEFORE_THE_FIRST_WRITE: readonly BlockerCheck[] = [...ROUTES_BEFORE, ...WORKLOAD_BEFORE, theLayoutIsNotSeen, aGateCannotRun];

const IN_MID_RELEASE: readonly BlockerCheck[] = [...ROUTES_LATER, ...WORKLOAD_LATER, thePodsAreNotReady];

/** The first thing that stands in the way. Between releases only when a candidate waits or nothing was ever released. */
export function findBlocker(known: Known, status: CanaryReleaseStatus): Blocker | undefined {
  const recorded = status.release?.routes !== undefined && isRunning(known.state);
  // The judge comes last: without routes there is no metrics source either, and the routes are what a person has to fix.
  for (const check of [
    ...ALWAYS,
    ...(recorded ? IN_MID_RELEASE : BEFORE_THE_FIRST_WRITE),
    ...COHORT,
    theJudgeCannotBeAsked,
    theSeriesAreOfSeveralClusters,
  ]) {
    const blocker = check(known, status);
    if (blocker !== undefined) return blocker;
  }
  return undefined;
}

function theOperatorIsTooNew({ observation }: Known): Blocker | undefined {
  if (!observation.oldSchema) return undefined;
  return {
    reason: 'OldSchema',
    message: 'the CRD is older than this operator needs; apply the CRD of the same version (kubectl apply --server-side -k config/crd)',
  };
}

function anotherReleaseDrives({ observation, spec }: Known): Blocker | undefined {
  const { driver } = observation;
  if (driver.kind === 'us') return undefined;
  const { kind, name, isMade } = driver.shared;
  const what = isMade === true ? `${kind} ${name}, which this release would make for its canary,` : `${kind} ${name}`;
  const noun = kind === 'Deployment' || kind === 'Service' ? kind : 'route';
  return {
    reason: 'AnotherRelease',
    about: `${kind} ${name} ${driver.name}`,
    message: `${what} is driven by canaryrelease/${driver.name}; one release drives a ${noun}: delete one of them, or ${adviseApart(driver.shared, spec)}`,
  };
}

function adviseApart({ kind }: SharedObject, spec: CanaryReleaseSpec): string {
  if (kind === 'Deployment') return 'name another Deployment in spec.targetRef';
  if (kind === 'Service') return `name other Services in ${spec.services === undefined ? 'spec.service' : 'spec.services'}`;
  return 'give each its own rules in its own route';
}

function theGatewayApiIsMissing({ spec, observation }: Known): Blocker | undefined {
  const wanted = (spec.routeRefs ?? []).map((ref) => ref.kind).find((kind) => !observation.servedKinds.includes(kind));
  if (wanted === undefined && observation.servedKinds.length > 0) return undefined;
  return {
    reason: 'GatewayApiMissing',
    about: wanted ?? 'all',
    message: `the API server does not serve ${wanted ?? 'any kind of gateway.networking.k8s.io'}; install the Gateway API CRDs`,
  };
}

function aServiceIsMissing({ spec, observation }: Known): Blocker | undefined {
  const missing = servicesOf(spec).find((service) => observation.backends[service]?.exists === false);
  if (missing === undefined) return undefined;
  const field = spec.services === undefined ? 'spec.service' : 'spec.services';
  return {
    reason: 'ServiceNotFound',
    about: missing,
    missing: true,
    message: `Service ${missing} is not there; create it or correct ${field}`,
  };
}

/** Whoever judges: where a canary loses its last pod such a gateway fails the requests of the serving version. */
function theGatewayCountsBackendsTogether({ observation: { layout } }: Known): Blocker | undefined {
  if (layout?.kind !== 'together') return undefined;
  return { reason: 'BackendsCountedTogether', about: layout.about, message: `${layout.about}: ${COUNTED_TOGETHER}` };
}

const COUNTED_TOGETHER =
  'Envoy Gateway has one cluster for all of its backends; apply this once, with the name and namespace of the Gateway, while no release runs: ' +
  '{apiVersion: gateway.envoyproxy.io/v1alpha1, kind: BackendTrafficPolicy, metadata: {name: per-backend}, ' +
  'spec: {targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: NAME}], ' +
  'loadBalancer: {type: LeastRequest, zoneAware: {preferLocal: {minEndpointsThreshold: 1000000}}}}} (config/gateways/envoy-gateway)';

/** Before its first weight a release waits until that is known. Later it is known. */
function theLayoutIsNotSeen({ spec, observation: { layout, metrics } }: Known): Blocker | undefined {
  if (layout === undefined || spec.analysis.mode === 'Off' || metrics.kind === 'refused' || !isCountedByTheGateway(metrics.source))
    return undefined;
  switch (layout.kind) {
    case 'byBackend':
    case 'byService':
    case 'together':
    // Known in a moment: nothing begins before.
    case 'unasked':
      return undefined;
    case 'unknown':
      return {
        reason: 'BackendsNotSeen',
        missing: true,
        message: `Prometheus does not say how the gateway counts the backends: ${layout.why}`,
      };
    case 'unseen':
      return {
        reason: 'BackendsNotSeen',
        about: layout.about,
        missing: true,
        message: `${layout.about}: Prometheus has no series of its clusters yet; it has to scrape the proxies of Envoy Gateway at port 19001, path /stats/prometheus, and the serving Service needs a ready endpoint`,
      };
  }
}

/** Known before the first weight, so that a release does not stop half way for it. */
function aGateCannotRun({ observation: { gates } }: Known): Blocker | undefined {
  if (gates?.standing.kind !== 'refused') return undefined;
  const { reason, about, message } = gates.standing;
  return { reason, about, message };
}

/** Application metrics say nothing of the gateway, and may come from another Prometheus than the gateway's. */
function isCountedByTheGateway(source: string): boolean {
  return source.startsWith('EnvoyGateway');
}

function theJudgeCannotBeAsked({ spec, observation }: Known): Blocker | undefined {
  if (spec.analysis.mode === 'Off' || observation.metrics.kind === 'ready') return undefined;
  const { reason, message, missing } = observation.metrics;
  return { reason, message, ...(missing === undefined ? {} : { missing }) };
}

function theSeriesAreOfSeveralClusters({ spec, state }: Known, { release }: CanaryReleaseStatus): Blocker | undefined {
  if (spec.analysis.mode === 'Off' || !isRunning(state) || release?.mixedSeries === undefined) return undefined;
  return { reason: 'SeriesMixed', message: release.mixedSeries };
}

/** Enforce with nothing that could fail would be `Off` in disguise. */
function noCheckMayAct({ spec }: Known): Blocker | undefined {
  const { mode, comparison, checks } = spec.analysis;
  if (mode !== 'Enforce' || comparison.mode === 'Enforce' || checks.some((check) => check.onBreach !== 'Observe')) return undefined;
  return {
    reason: 'InvalidSpec',
    message:
      "spec.analysis.mode is Enforce, but neither the comparison nor a check may act; set comparison.mode: Enforce, add a check with onBreach Auto, Rollback or Hold, or set mode: 'Off'",
  };
}
