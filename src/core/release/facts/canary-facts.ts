// What stands behind the canary, in either mode: is it there, ready, of one template, and is it the revision that is being released?

import type { CanaryReleaseSpec, CanaryReleaseStatus } from '../../../api/release.ts';
import { fromTime } from '../../../api/times.ts';
import type { Observation } from '../observation.ts';
import { isRunning, type StateName } from '../state.ts';
import { areAllReady, areNoneReady, type Endpoints, readEndpoints } from './endpoints.ts';
import { type CandidateKey, findCandidate, isOfFormerRevision, isSameRevision, keyOf, keyOfRelease } from './revision.ts';
import { type Sides, servicesOf } from './sides.ts';

export interface CanaryFacts {
  /** What would be released next, while no release runs. */
  readonly candidate: CandidateKey | undefined;
  /** What stands behind the canary Service now. */
  readonly canaryKey: CandidateKey | undefined;
  readonly canaryEndpoints: Endpoints;
  /** All endpoints of the canary Service are ready. */
  readonly canaryReady: boolean;
  /** Until when the release waits for pods of its `spec.revision`, Unix milliseconds; undefined where those that are there will do. */
  readonly podsAwaitedUntil: number | undefined;
  /** It is known that no ready pod stands behind the canary Service. */
  readonly canaryEmpty: boolean;
  /** The canary's pods are of more than one template, or it is not known of which. */
  readonly canaryRolling: boolean;
  /** Another revision than the one that is being released stands behind the canary. */
  readonly revisionChanged: boolean;
}

const NOT_SEEN: CanaryFacts = {
  candidate: undefined,
  canaryKey: undefined,
  canaryEndpoints: { kind: 'unknown' },
  canaryReady: false,
  canaryRolling: false,
  podsAwaitedUntil: undefined,
  canaryEmpty: false,
  revisionChanged: false,
};

/** Services mode: by the endpoints and pods of the canary Service. */
export function gatherCanaryFacts(
  spec: CanaryReleaseSpec,
  status: CanaryReleaseStatus,
  observation: Observation,
  sides: Sides | undefined,
  state: StateName,
): CanaryFacts {
  const [between, preparing] = [!isRunning(state), state === 'preparing'];
  const backend = sides === undefined ? undefined : observation.backends[sides.canary];
  if (sides === undefined || backend === undefined) return NOT_SEEN;
  const canaryEndpoints = readEndpoints(backend);
  const canaryKey = keyOf(sides.canary, spec.revision, backend);
  return {
    candidate: between ? findCandidate(spec, status, observation, sides) : undefined,
    canaryKey,
    canaryEndpoints,
    canaryReady: areAllReady(canaryEndpoints),
    canaryRolling: backend.rolling === true || !backend.templatesKnown,
    podsAwaitedUntil: preparing ? awaitPods(status, canaryKey) : undefined,
    canaryEmpty: areNoneReady(canaryEndpoints),
    // While nothing has weight, pods may still be rolling: the release takes them as they are when its first weight is given.
    revisionChanged: isRevisionChanged(spec, status, canaryKey, preparing ? false : backend.known && backend.templatesKnown),
  };
}

/** So long a release waits for new pods, where `spec.revision` is new and the pods are not. */
const AWAIT_PODS_MS = 60_000;

function awaitPods(status: CanaryReleaseStatus, key: CandidateKey): number | undefined {
  const startedMs = fromTime(status.release?.startedAt);
  return startedMs !== undefined && isOfFormerRevision(status, key) ? startedMs + AWAIT_PODS_MS : undefined;
}

/** The end of that wait, while it is still to come. */
export function endOfPodsWait({ podsAwaitedUntil }: CanaryFacts, now: number): number | undefined {
  return podsAwaitedUntil !== undefined && now < podsAwaitedUntil ? podsAwaitedUntil : undefined;
}

function isRevisionChanged(spec: CanaryReleaseSpec, status: CanaryReleaseStatus, key: CandidateKey, known: boolean): boolean {
  const release = status.release;
  if (release === undefined) return false;
  const listed = servicesOf(spec);
  if (!listed.includes(release.serving.service) || !listed.includes(release.canary.service)) return true;
  if (spec.revision !== release.specRevision) return true;
  if (!known) return false;
  return !isSameRevision(key, keyOfRelease(release));
}
