// What one decision finds out once, from the spec, the observation and the time: whatever the status says, it stays true for the
// whole decision. Nothing is judged here.

import { ABORT_BY_ANNOTATION } from '../../../api/names.ts';
import type { CanaryReleaseSpec } from '../../../api/release.ts';
import type { Route } from '../../../api/routes.ts';
import { type Acceptance, judgeAcceptance } from '../../routing/acceptance.ts';
import { buildCanary, type CanaryPlan } from '../../workload/canary-manifests.ts';
import { judgePods, type PodsStanding } from '../../workload/pods.ts';
import { hashTemplate } from '../../workload/template.ts';
import { readGiver } from '../commands/read.ts';
import type { Observation } from '../observation.ts';
import { compareParity, type Parity } from './policy-parity.ts';

export interface Gathered {
  /** Unix milliseconds. */
  readonly now: number;
  readonly spec: CanaryReleaseSpec;
  readonly observation: Observation;
  readonly deleting: boolean;
  /** The judge acts: `spec.analysis.mode` is Enforce. */
  readonly enforced: boolean;
  /** The judge is asked: `spec.analysis.mode` is not Off. */
  readonly judging: boolean;
  /** Who asked for the abort, where the annotation says so. */
  readonly abortBy: string | undefined;
  /** Whether the gateways have taken each observed route as it is. */
  readonly acceptances: ReadonlyMap<Route, Acceptance>;
  /** Deployment mode: hash of the Deployment's template. */
  readonly template: string | undefined;
  /** Deployment mode: the canary as it would be built, or why there can be none. */
  readonly plan: CanaryPlan | undefined;
  /** Deployment mode: how policies treat the canary; undefined where that was not asked. */
  readonly parity: Parity | undefined;
  /** Deployment mode: what the pods of the canary Deployment say; undefined where they are not watched. */
  readonly canaryPods: PodsStanding | undefined;
}

/** Gathers what does not depend on the status. @param now Unix milliseconds */
export function gather(spec: CanaryReleaseSpec, observation: Observation, now: number): Gathered {
  const { release, routes, workload } = observation;
  const plan = planCanary(spec, observation);
  return {
    now,
    spec,
    observation,
    deleting: release.metadata.deletionTimestamp !== undefined,
    enforced: spec.analysis.mode === 'Enforce',
    judging: spec.analysis.mode !== 'Off',
    abortBy: readGiver(release, ABORT_BY_ANNOTATION),
    acceptances: new Map(routes.map((route) => [route, judgeAcceptance(route)])),
    template: workload?.deployment === undefined ? undefined : hashTemplate(workload.deployment.spec.template),
    plan,
    parity: compareParity(observation, plan),
    canaryPods: workload?.canaryPods === undefined ? undefined : judgePods(workload.canaryPods),
  };
}

function planCanary(spec: CanaryReleaseSpec, { workload, release }: Observation): CanaryPlan | undefined {
  if (spec.targetRef === undefined || workload?.deployment === undefined || workload.service === undefined) return undefined;
  const { name, uid } = release.metadata;
  const { deployment, service } = workload;
  return buildCanary({ deployment, service, owner: { name, uid }, labels: spec.canary?.labels ?? {} });
}
