// Whether the API server answers, the cluster serves routes, and which releases have problems.

import { discoverRoutes } from '../../adapters/kubernetes/routes/route-discovery.ts';
import { fieldsOf, textOf } from '../../adapters/kubernetes/client/fields.ts';
import type { ClusterLink } from '../cluster/link.ts';
import type { SeenRelease } from '../cluster/releases.ts';
import { doubt, fail, fine, type Finding } from '../finding.ts';

/** The API server and its version. */
export async function checkServer(link: ClusterLink): Promise<Finding> {
  const { gitVersion } = fieldsOf(await link.request({ method: 'GET', path: '/version' }));
  return fine('API server', `context ${link.context}${textOf(gitVersion) === undefined ? '' : `, Kubernetes ${textOf(gitVersion)}`}`);
}

/** The route kinds that the cluster serves. */
export async function checkGatewayApi(link: ClusterLink): Promise<Finding> {
  const kinds = await discoverRoutes(link.transport);
  const fix =
    'kubectl apply --server-side -f https://github.com/kubernetes-sigs/gateway-api/releases/download/v1.4.1/standard-install.yaml';
  if (kinds.size === 0) return fail('Gateway API', 'the cluster serves no kind of route', fix);
  const served = [...kinds].map(([kind, { version }]) => `${kind} ${version}`).join(', ');
  return kinds.has('HTTPRoute') ? fine('Gateway API', served) : doubt('Gateway API', `${served}, but no HTTPRoute`, fix);
}

/** One finding for each release with a problem, or one for all. */
export function checkReleases(releases: readonly SeenRelease[]): readonly Finding[] {
  const troubles = releases.flatMap(findTrouble);
  return troubles.length > 0 ? troubles : [fine('releases', `${releases.length}, none blocked or stalled`)];
}

function findTrouble(release: SeenRelease): readonly Finding[] {
  const { namespace, name, metadata, status } = release;
  const check = `release ${namespace}/${name}`;
  const look = `kubectl canary explain ${name} -n ${namespace}`;
  const message = status.message ?? '';
  if (status.observedGeneration < 0)
    return [
      fail(
        check,
        'no operator has handled it; check whether one watches this namespace',
        'kubectl -n glidepath-system logs deploy/glidepath --tail=20',
      ),
    ];
  if (metadata.deletionTimestamp !== undefined)
    return [doubt(check, `deleted at ${metadata.deletionTimestamp}, and the finalizer is still set: ${message}`, look)];
  if (status.phase === 'Blocked') return [fail(check, message, look)];
  const conditions = status.conditions ?? [];
  const stalled = conditions.find(({ type, status: holds }) => type === 'Stalled' && holds === 'True');
  if (stalled !== undefined) return [doubt(check, `${stalled.reason}: ${stalled.message}`, look)];
  const blind = conditions.find(({ type, status: holds }) => type === 'MetricsAvailable' && holds === 'False');
  return blind === undefined ? [] : [doubt(check, `${blind.reason}: ${blind.message}`, look)];
}
