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

/** Removes the namespaces whose process is gone, and waits until they are. */
export async function removeAbandoned(cluster: Cluster): Promise<void> {
  const listAbandoned = async (): Promise<readonly string[]> => {
    const owned = (await cluster.list('Namespace')).map(({ metadata: { name, labels } }) => ({ name, owner: labels?.[OWNER_LABEL] }));
    return owned.filter(({ owner }) => owner !== undefined && !isRunning(owner)).map(({ name }) => name);
  };
  const abandoned = await listAbandoned();
  if (abandoned.length === 0) return;
  await removeApplications(cluster, new Set(abandoned));
  for (const name of abandoned) {
    await removeReleases(cluster, name);
    await cluster.remove({ kind: 'Namespace', name });
  }
  await waitFor('namespaces of ended test runs to be gone', async () => (await listAbandoned()).length === 0, { ms: 60_000 });
}
