// A run that was killed leaves its namespaces in the lab, with routes that a gateway still serves and that stand in the way of
// others. Those of processes that are gone are removed before a new one is made.

import { ARGOCD_NAMESPACE } from '../../lab/argocd/components.ts';
import { isRunning } from '../../lab/processes.ts';
import { OWNER_LABEL } from '../../lab/sample.ts';
import type { KubeObject } from './api.ts';
import { type Cluster, pathOfList, waitFor } from './cluster.ts';

type Application = KubeObject<{ readonly destination?: { readonly namespace?: string } }>;

/** Argo CD would fill the namespaces again. A lab without Argo CD has no Applications. */
async function removeApplications(cluster: Cluster, namespaces: ReadonlySet<string>): Promise<void> {
  const { code } = await cluster.api.send({ method: 'GET', path: pathOfList('Application', ARGOCD_NAMESPACE) });
  if (code !== 200) return;
  for (const { metadata, spec } of await cluster.list<Application>('Application', ARGOCD_NAMESPACE)) {
    if (!namespaces.has(spec.destination?.namespace ?? '')) continue;
    await cluster.remove({ kind: 'Application', namespace: ARGOCD_NAMESPACE, name: metadata.name });
  }
}

/** Its operator is gone too: nobody else would take the finalizers off. */
async function removeReleases(cluster: Cluster, namespace: string): Promise<void> {
  const { code } = await cluster.api.send({ method: 'GET', path: pathOfList('CanaryRelease', namespace) });
  if (code !== 200) return;
  for (const { metadata } of await cluster.list('CanaryRelease', namespace)) {
    const ref = { kind: 'CanaryRelease', namespace, name: metadata.name } as const;
    await cluster.remove(ref);
    if ((await cluster.get(ref)) !== undefined) await cluster.patch(ref, { metadata: { finalizers: null } });
  }
}

/** Removes the namespaces whose process is gone, and waits until they are; those that end already are waited for by nobody. */
export async function removeAbandoned(cluster: Cluster): Promise<void> {
  const listAbandoned = async (): Promise<readonly KubeObject[]> =>
    (await cluster.list('Namespace')).filter(({ metadata: { labels } }) => {
      const owner = labels?.[OWNER_LABEL];
      return owner !== undefined && !isRunning(owner);
    });
  const abandoned = await listAbandoned();
  if (abandoned.length === 0) return;
  await removeApplications(cluster, new Set(abandoned.map(({ metadata }) => metadata.name)));
  for (const { metadata } of abandoned) await removeReleases(cluster, metadata.name);
  const left = abandoned.filter(({ metadata }) => metadata.deletionTimestamp === undefined).map(({ metadata }) => metadata.name);
  for (const name of left) await cluster.remove({ kind: 'Namespace', name });
  const areGone = async () => !(await listAbandoned()).some(({ metadata }) => left.includes(metadata.name));
  await waitFor('namespaces of ended test runs to be gone', areGone, { ms: 60_000 });
}
