// Services mode: what the pods behind the canary Service say of the revision that is being released. Pods of another one, which a
// rolling update has not replaced yet, say nothing of it.

import type { CanaryReleaseStatus } from '../../../api/release.ts';
import { judgePods, type PodObject, type PodsStanding } from '../../workload/pods.ts';
import type { Observation } from '../observation.ts';
import type { Sides } from './sides.ts';

const HASH_LABEL = 'pod-template-hash';

/** Undefined where the pods were not read: no release runs, all of them are ready, or they may not be listed. */
export function judgeBackendPods(
  status: CanaryReleaseStatus,
  { backends }: Observation,
  sides: Sides | undefined,
): PodsStanding | undefined {
  const pods = sides === undefined ? undefined : backends[sides.canary]?.pods;
  return pods === undefined ? undefined : judgePods(ofTheRevision(pods, status));
}

/** Pods that no Deployment made have no hash: then all of them are meant. */
function ofTheRevision(pods: readonly PodObject[], { release, settled }: CanaryReleaseStatus): readonly PodObject[] {
  const former = settled !== undefined && settled.service === release?.canary.service ? settled.templateHashes : [];
  const hashOf = ({ metadata }: PodObject) => metadata.labels?.[HASH_LABEL];
  const isNews = (pod: PodObject) => !former.includes(hashOf(pod) ?? '');
  const news = pods.filter(isNews);
  // A retry, or a new spec.revision, releases pods that were there before.
  return news.length === 0 ? pods : news;
}
