// Deployments that a deleted release leaves paused: the version they hold was never promoted, so only a person may roll it out.

import { isGlidepathError } from '../../api/errors.ts';
import { HELD_ANNOTATION } from '../../api/names.ts';
import { fieldsOf } from '../../adapters/kubernetes/client/fields.ts';
import { pathOf } from '../../adapters/kubernetes/informer/kinds.ts';
import { DEPLOYMENTS } from '../../adapters/kubernetes/workloads/workload-watches.ts';
import type { ClusterLink } from './link.ts';
import type { SeenRelease } from './releases.ts';

/** One line for each held Deployment of these releases, with the command that resumes it. */
export async function describeHeld(link: ClusterLink, releases: readonly SeenRelease[]): Promise<readonly string[]> {
  const lines = await Promise.all(releases.map((release) => describeOne(link, release)));
  return lines.filter((line) => line !== undefined);
}

async function describeOne(link: ClusterLink, { namespace, spec }: SeenRelease): Promise<string | undefined> {
  const name = spec?.targetRef?.name;
  if (name === undefined || !(await isHeld(link, namespace, name))) return undefined;
  return `Deployment ${namespace}/${name} stays paused at a version that was not promoted, and its old pods serve; to roll that version out: kubectl rollout resume deployment/${name} -n ${namespace}`;
}

/** A Deployment that cannot be read is left out: the release reported it when it ended. */
async function isHeld(link: ClusterLink, namespace: string, name: string): Promise<boolean> {
  try {
    const { metadata, spec } = fieldsOf(await link.request({ method: 'GET', path: pathOf(DEPLOYMENTS, namespace, name) }));
    return fieldsOf(spec)['paused'] === true && fieldsOf(fieldsOf(metadata)['annotations'])[HELD_ANNOTATION] !== undefined;
  } catch (thrown) {
    if (isGlidepathError(thrown, 'GLIDEPATH_E_NOT_FOUND') || isGlidepathError(thrown, 'GLIDEPATH_E_FORBIDDEN')) return false;
    throw thrown;
  }
}
