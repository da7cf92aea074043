// Deployment mode: the same questions about the canary as in Services mode, answered by the Deployment. A held template that differs
// from the one that serves is a candidate.

import type { CanaryReleaseSpec, CanaryReleaseStatus } from '../../../api/release.ts';
import { nameCanary } from '../../workload/canary-names.ts';
import type { DeploymentObject } from '../../workload/objects.ts';
import type { ObservedWorkload } from '../../workload/observed.ts';
import { hashTemplate, nameTemplate } from '../../workload/template.ts';
import type { Observation } from '../observation.ts';
import { isJudged, isRunning, type StateName } from '../state.ts';
import type { CanaryFacts } from './canary-facts.ts';
import { areAllReady, areNoneReady, readEndpoints } from './endpoints.ts';
import { type CandidateKey, isSettledOrRejected } from './revision.ts';
import { backendOf, isProvenTemplate, runsReleased } from './workload-facts.ts';

/** The same questions as in Services mode, answered by the Deployment: a held template that differs from serving is a candidate. */
export function gatherHeldFacts(
  spec: CanaryReleaseSpec,
  status: CanaryReleaseStatus,
  state: StateName,
  observation: Observation,
): CanaryFacts {
  const { workload } = observation;
  const backend = backendOf(spec, observation);
  const canaryEndpoints = readEndpoints(backend);
  const key = keyOfHeld(spec, workload?.deployment);
  return {
    candidate: findHeld(status, state, workload, key),
    canaryKey: key,
    canaryEndpoints,
    canaryReady: areAllReady(canaryEndpoints) && runsReleased(status, workload?.canaryDeployment),
    canaryRolling: backend !== undefined && (backend.rolling === true || !backend.templatesKnown),
    podsAwaitedUntil: undefined,
    canaryEmpty: areNoneReady(canaryEndpoints),
    revisionChanged: isJudged(state) && workload?.known === true && isOther(spec, status, key),
  };
}

/** Between releases, a held template that was neither released nor rejected. */
function findHeld(
  status: CanaryReleaseStatus,
  state: StateName,
  workload: ObservedWorkload | undefined,
  key: CandidateKey | undefined,
): CandidateKey | undefined {
  if (isRunning(state) || workload?.known !== true || workload.deployment?.spec.paused !== true) return undefined;
  return key !== undefined && isNews(status, key) ? key : undefined;
}

/** What is proven rolls at once; where nothing serves yet there is nothing to be compared with. */
function isNews(status: CanaryReleaseStatus, key: CandidateKey): boolean {
  const [template = ''] = key.templateHashes;
  const serving = status.serving?.template;
  if (serving === undefined || template === serving) return false;
  return !isProvenTemplate(status, template) && !isSettledOrRejected(status, key);
}

function keyOfHeld(spec: CanaryReleaseSpec, deployment: DeploymentObject | undefined): CandidateKey | undefined {
  if (deployment === undefined) return undefined;
  const { template } = deployment.spec;
  return { service: nameCanary(spec.service?.name ?? ''), templateHashes: [hashTemplate(template)], name: nameTemplate(template) };
}

function isOther(spec: CanaryReleaseSpec, { release }: CanaryReleaseStatus, key: CandidateKey | undefined): boolean {
  if (release?.workload === undefined) return true;
  if (spec.targetRef?.name !== release.workload.name || spec.service?.name !== release.serving.service) return true;
  return key !== undefined && key.templateHashes[0] !== release.workload.template;
}
