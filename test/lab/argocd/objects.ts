// What Argo CD itself needs in the cluster before its programs start: its settings, the project `default`, and the cluster it
// applies to. The health and action Lua of `config/argocd` is part of its settings, as in any installation.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { CERTIFICATE } from '../configuration.ts';
import { API_URL, PROJECT_FOLDER, STATE } from '../settings.ts';
import { ARGOCD_NAMESPACE } from './components.ts';

const PART_OF = { 'app.kubernetes.io/part-of': 'argocd' };

function settings(kind: 'ConfigMap' | 'Secret', name: string, rest: object): object {
  return { apiVersion: 'v1', kind, metadata: { name, namespace: ARGOCD_NAMESPACE, labels: PART_OF }, ...rest };
}

/** The patch that people apply to their own `argocd-cm`. */
function readCustomizations(): Readonly<Record<string, string>> {
  const patch = parse(readFileSync(join(PROJECT_FOLDER, 'config/argocd/argocd-cm.yaml'), 'utf8')) as { data: Record<string, string> };
  return patch.data;
}

/** The lab's cluster as Applications name it, by URL. */
function clusterSecret(): object {
  const tlsClientConfig = { caData: readFileSync(CERTIFICATE).toString('base64') };
  const config = { bearerToken: readFileSync(join(STATE, 'certs/token'), 'utf8'), tlsClientConfig };
  const metadata = { name: 'lab', namespace: ARGOCD_NAMESPACE, labels: { ...PART_OF, 'argocd.argoproj.io/secret-type': 'cluster' } };
  return { apiVersion: 'v1', kind: 'Secret', metadata, stringData: { name: 'lab', server: API_URL, config: JSON.stringify(config) } };
}

/** Everything but the resource definitions, in the order in which it has to be there. */
export function argocdObjects(): readonly object[] {
  return [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: ARGOCD_NAMESPACE } },
    settings('ConfigMap', 'argocd-cm', { data: { 'application.resourceTrackingMethod': 'annotation', ...readCustomizations() } }),
    settings('ConfigMap', 'argocd-rbac-cm', { data: {} }),
    settings('Secret', 'argocd-secret', { stringData: { 'server.secretkey': 'lab' } }),
    clusterSecret(),
    {
      apiVersion: 'argoproj.io/v1alpha1',
      kind: 'AppProject',
      metadata: { name: 'default', namespace: ARGOCD_NAMESPACE },
      spec: {
        sourceRepos: ['*'],
        destinations: [{ server: '*', namespace: '*' }],
        clusterResourceWhitelist: [{ group: '*', kind: '*' }],
      },
    },
  ];
}
