// May the operator's ServiceAccount do what it needs? The API server is asked, right by right; the lists are those of
// config/default and config/deployment-mode (a test compares them).

import { isGlidepathError } from '../../api/errors.ts';
import { CRD_NAME, SERVICE_ACCOUNT, SYSTEM_NAMESPACE } from '../../api/names.ts';
import { fieldsOf } from '../../adapters/kubernetes/fields.ts';
import type { ClusterLink } from '../cluster/link.ts';
import { targetOf } from '../cluster/releases.ts';
import { doubt, fail, fine, type Finding } from './finding.ts';
import { listWatched } from './operator-settings.ts';
import { nameSome, type Surroundings } from './seen.ts';

/** One rule of a role. */
export interface Right {
  readonly group: string;
  /** With its subresource, such as `replicasets/scale`. */
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
  /** Only of the object of this name. */
  readonly name?: string;
}

/** ClusterRole glidepath. */
export const OPERATOR_RIGHTS: readonly Right[] = [
  { group: 'glidepath.dev', resources: ['canaryreleases'], verbs: ['get', 'list', 'watch', 'patch', 'update'] },
  { group: 'glidepath.dev', resources: ['canaryreleases/status'], verbs: ['get', 'patch', 'update'] },
  {
    group: 'gateway.networking.k8s.io',
    resources: ['httproutes', 'grpcroutes', 'tcproutes', 'tlsroutes', 'udproutes'],
    verbs: ['get', 'list', 'watch', 'patch'],
  },
  { group: '', resources: ['services'], verbs: ['get', 'list', 'watch'] },
  { group: 'discovery.k8s.io', resources: ['endpointslices'], verbs: ['get', 'list', 'watch'] },
  { group: '', resources: ['pods'], verbs: ['get', 'list'] },
  { group: '', resources: ['namespaces'], verbs: ['get'] },
  { group: 'events.k8s.io', resources: ['events'], verbs: ['create', 'patch'] },
  { group: 'apiextensions.k8s.io', resources: ['customresourcedefinitions'], verbs: ['get'], name: CRD_NAME },
];

/** ClusterRole glidepath-deployment-mode, bound by namespace. */
export const DEPLOYMENT_RIGHTS: readonly Right[] = [
  { group: 'apps', resources: ['deployments'], verbs: ['get', 'list', 'watch', 'create', 'patch', 'delete'] },
  { group: 'apps', resources: ['replicasets'], verbs: ['get', 'list', 'watch'] },
  { group: 'apps', resources: ['replicasets/scale'], verbs: ['patch'] },
  { group: '', resources: ['services'], verbs: ['get', 'list', 'watch', 'create', 'patch', 'delete'] },
];

const USER = `system:serviceaccount:${SYSTEM_NAMESPACE}:${SERVICE_ACCOUNT}`;
const GROUPS = ['system:serviceaccounts', `system:serviceaccounts:${SYSTEM_NAMESPACE}`, 'system:authenticated'];
const CHECK = "operator's rights";

/** What no namespace holds. */
const CLUSTER_SCOPED = ['namespaces', 'customresourcedefinitions'];

/** The rights in the whole cluster or where the operator is confined to, and those of Deployment mode where a release needs them. */
export async function checkOperatorRights(link: ClusterLink, { releases, operator }: Surroundings): Promise<readonly Finding[]> {
  const namespaces = [...new Set(releases.filter((release) => targetOf(release) !== undefined).map(({ namespace }) => namespace))];
  const watched = operator.kind === 'read' ? listWatched(operator.object) : [];
  try {
    const [lacking, ...ofMode] = await Promise.all([
      findLackingIn(link, watched),
      ...namespaces.map((namespace) => findLacking(link, DEPLOYMENT_RIGHTS, namespace)),
    ]);
    const where = watched.length === 0 ? 'of the whole cluster' : `of ${nameSome(watched)}`;
    const whole =
      (lacking ?? []).length === 0
        ? fine(CHECK, `releases, routes, Services and events ${where}`)
        : fail(
            CHECK,
            `ServiceAccount ${SERVICE_ACCOUNT} may not ${(lacking ?? []).join(', ')}`,
            'kubectl apply --server-side -k config/default',
          );
    return [whole, ...namespaces.map((namespace, index) => describeMode(namespace, ofMode[index] ?? []))];
  } catch (thrown) {
    if (!isGlidepathError(thrown, 'GLIDEPATH_E_FORBIDDEN')) throw thrown;
    return [doubt(CHECK, 'you may not ask for the rights of others (create subjectaccessreviews); ask an administrator to run this')];
  }
}

async function findLackingIn(link: ClusterLink, watched: readonly string[]): Promise<readonly string[]> {
  if (watched.length === 0) return findLacking(link, OPERATOR_RIGHTS, undefined);
  const isShared = ({ resources }: Right) => resources.some((resource) => CLUSTER_SCOPED.includes(resource));
  const own = OPERATOR_RIGHTS.filter((right) => !isShared(right));
  const lacking = await Promise.all([
    findLacking(link, OPERATOR_RIGHTS.filter(isShared), undefined),
    ...watched.map(async (namespace) => (await findLacking(link, own, namespace)).map((right) => `${right} in ${namespace}`)),
  ]);
  return lacking.flat();
}

function describeMode(namespace: string, lacking: readonly string[]): Finding {
  if (lacking.length === 0) return fine(CHECK, `Deployment mode in namespace ${namespace}`);
  const fix = `kubectl create rolebinding glidepath-deployment-mode -n ${namespace} --clusterrole=glidepath-deployment-mode --serviceaccount=${SYSTEM_NAMESPACE}:${SERVICE_ACCOUNT}`;
  return fail(CHECK, `in namespace ${namespace} ServiceAccount ${SERVICE_ACCOUNT} may not ${lacking.join(', ')}`, fix);
}

/** Such as `patch httproutes`. */
async function findLacking(link: ClusterLink, rights: readonly Right[], namespace: string | undefined): Promise<readonly string[]> {
  const asked = rights.flatMap((right) => right.resources.flatMap((resource) => right.verbs.map((verb) => ({ right, resource, verb }))));
  const answers = await Promise.all(asked.map(({ right, resource, verb }) => isAllowed(link, right, resource, verb, namespace)));
  const lacking = asked.filter((_one, index) => answers[index] === false);
  const resources = [...new Set(lacking.map(({ resource }) => resource))];
  return resources.map((resource) => {
    const verbs = lacking.filter((one) => one.resource === resource).map(({ verb }) => verb);
    return `${verbs.join('/')} ${resource}`;
  });
}

async function isAllowed(
  link: ClusterLink,
  { group, name }: Right,
  resource: string,
  verb: string,
  namespace: string | undefined,
): Promise<boolean> {
  const [plural, subresource] = resource.split('/');
  const attributes = {
    group,
    resource: plural,
    verb,
    ...(subresource === undefined ? {} : { subresource }),
    ...(namespace === undefined ? {} : { namespace }),
    ...(name === undefined ? {} : { name }),
  };
  const answer = await link.request({
    method: 'POST',
    path: '/apis/authorization.k8s.io/v1/subjectaccessreviews',
    body: {
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SubjectAccessReview',
      spec: { user: USER, groups: GROUPS, resourceAttributes: attributes },
    },
  });
  return fieldsOf(fieldsOf(answer)['status'])['allowed'] === true;
}
