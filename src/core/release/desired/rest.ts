// `targetRef.hold: PausedAtRest`: between releases the Deployment is kept paused, so that a new template does not roll. What is
// paused for us is taken back before the release goes.

import { HELD_ANNOTATION } from '../../../api/names.ts';
import type { CanaryReleaseSpec, CanaryReleaseStatus } from '../../../api/release.ts';
import type { WorkloadIntent } from './intents.ts';
import type { Facts } from '../assess.ts';
import { isRunning, type StateName } from '../state.ts';
import { isRolledOut, type WorkloadFacts } from '../facts/workload-facts.ts';

type RestFacts = Pick<Facts, 'spec' | 'deleting' | 'observation'>;

/** Asked for by the spec. */
export function isRestAsked({ targetRef }: Pick<CanaryReleaseSpec, 'targetRef'>): boolean {
  return targetRef?.hold === 'PausedAtRest';
}

/** True while what serves is to be found paused, or is to become so: only a promotion lifts that. */
export function restsPaused(
  { internal }: Pick<CanaryReleaseStatus, 'internal'>,
  { spec, deleting }: RestFacts,
  { template, servingTemplate }: WorkloadFacts,
): boolean {
  if (!isRestAsked(spec) || deleting || template === undefined) return false;
  // What rolls out because nothing served is paused again when it has rolled out.
  return template === servingTemplate && internal?.serving?.rolls !== template;
}

/** Paused only once it has rolled out: half a rollout would stay half. */
export function desireRest(state: StateName, { observation }: RestFacts, { deployment }: WorkloadFacts): readonly WorkloadIntent[] {
  if (deployment === undefined || isRunning(state) || !isRolledOut(deployment)) return [];
  const { name, annotations } = deployment.metadata;
  const { template } = deployment.spec;
  return [{ kind: 'rest', name, template, release: observation.release.metadata.name, annotated: annotations !== undefined }];
}

/** The pause at rest is a write of ours: the finalizer is there from before it until after it was taken back (rule 11). */
export function keepsPaused({ spec, deleting, workload }: Facts, intents: readonly WorkloadIntent[]): boolean {
  if (!isRestAsked(spec) || workload === undefined) return false;
  // Of a Deployment that cannot be watched nothing will ever be known: the release may go.
  if (!workload.known) return workload.problem === undefined;
  if (deleting) return intents.some(({ kind }) => kind === 'unpause');
  const { deployment } = workload;
  const paused = deployment?.spec.paused === true && deployment.metadata.annotations?.[HELD_ANNOTATION] !== undefined;
  return paused || intents.some(({ kind }) => kind === 'rest');
}
