// Whether the operator's ServiceAccount has the rights of config/default, config/deployment-mode, config/cohort and config/gates; the API server is
// asked for each.

import { withoutUndefined } from '../../api/absence.ts';
import { isGlidepathError } from '../../api/errors.ts';
import { SERVICE_ACCOUNT, SYSTEM_NAMESPACE } from '../../api/names.ts';
import { fieldsOf } from '../../adapters/kubernetes/client/fields.ts';
import type { ClusterLink } from '../cluster/link.ts';
import { asksForCohort } from '../../core/release/facts/cohort-rules.ts';
import { listGates } from '../../core/release/gates/entries.ts';
import { type SeenRelease, targetOf } from '../cluster/releases.ts';
import { doubt, fail, fine, type Finding } from '../finding.ts';
import { listWatched } from './operator-settings.ts';
import type { Right } from './right.ts';
import { COHORT_RIGHTS, DEPLOYMENT_RIGHTS, GATE_RIGHTS, OPERATOR_RIGHTS } from './rights.ts';
import { nameSome, type Surroundings } from './seen.ts';

const USER = `system:serviceaccount:${SYSTEM_NAMESPACE}:${SERVICE_ACCOUNT}`;
const GROUPS = ['system:serviceaccounts', `system:serviceaccounts:${SYSTEM_NAMESPACE}`, 'system:authenticated'];
const CHECK = "operator's rights";

/** Resources without a namespace. */
const CLUSTER_SCOPED = ['namespaces', 'customresourcedefinitions'];

/** The rights in the cluster or in the operator's namespaces, and those of Deployment mode, of cohorts and of gates where a release needs them. */
export async function checkOperatorRights(link: ClusterLink, { releases, operator }: Surroundings): Promise<readonly Finding[]> {
  const namespacesOf = (needs: (release: SeenRelease) => boolean) => [...new Set(releases.filter(needs).map(({ namespace }) => namespace))];
  const gated = namespacesOf(({ spec }) => spec !== undefined && listGates(spec).some(({ gate }) => gate.job !== undefined));
  const watched = operator.kind === 'read' ? listWatched(operator.object) : [];
  try {
    const [lacking, ofMode, ofCohorts, ofGates] = await Promise.all([
      findLackingIn(link, watched),
      Promise.all(namespacesOf((release) => targetOf(release) !== undefined).map((namespace) => checkMode(link, namespace))),
      Promise.all(namespacesOf(({ spec }) => spec !== undefined && asksForCohort(spec)).map((namespace) => checkCohorts(link, namespace))),
      Promise.all(gated.map((namespace) => checkGates(link, namespace))),
    ]);
    const where = watched.length === 0 ? 'of the whole cluster' : `of ${nameSome(watched)}`;
    const whole =
      lacking.length === 0
        ? fine(CHECK, `releases, routes, Services and events ${where}`)
        : fail(CHECK, `ServiceAccount ${SERVICE_ACCOUNT} may not ${lacking.join(', ')}`, 'kubectl apply --server-side -k config/default');
    return [whole, ...ofMode, ...ofCohorts, ...ofGates];
  } catch (thrown) {
    if (!isGlidepathError(thrown, 'GLIDEPATH_E_FORBIDDEN')) throw thrown;
    return [doubt(CHECK, 'you may not check the rights of others (create subjectaccessreviews); ask an administrator to run this')];
  }
}

async function findLackingIn(link: ClusterLink, watched: readonly string[]): Promise<readonly string[]> {
  if (watched.length === 0) return findLacking(link, OPERATOR_RIGHTS, undefined);
  const isShared = ({ resource }: Right) => CLUSTER_SCOPED.includes(resource);
  const own = OPERATOR_RIGHTS.filter((right) => !isShared(right));
  const lacking = await Promise.all([
    findLacking(link, OPERATOR_RIGHTS.filter(isShared), undefined),
    ...watched.map(async (namespace) => (await findLacking(link, own, namespace)).map((right) => `${right} in ${namespace}`)),
  ]);
  return lacking.flat();
}

/** Kinds that are only listed are those that are compared; the ones that may not be listed are reported as not compared. */
function isOptional({ verbs }: Right): boolean {
  return verbs.length === 1 && verbs[0] === 'list';
}

async function checkMode(link: ClusterLink, namespace: string): Promise<Finding> {
  const [needed, wished] = await Promise.all([
    findLacking(
      link,
      DEPLOYMENT_RIGHTS.filter((right) => !isOptional(right)),
      namespace,
    ),
    findLacking(link, DEPLOYMENT_RIGHTS.filter(isOptional), namespace),
  ]);
  const fix = `kubectl create rolebinding glidepath-deployment-mode -n ${namespace} --clusterrole=glidepath-deployment-mode --serviceaccount=${SYSTEM_NAMESPACE}:${SERVICE_ACCOUNT}`;
  const lacks = (what: readonly string[]) => `in namespace ${namespace} ServiceAccount ${SERVICE_ACCOUNT} may not ${what.join(', ')}`;
  if (needed.length > 0) return fail(CHECK, lacks([...needed, ...wished]), fix);
  if (wished.length > 0)
    return doubt(CHECK, `${lacks(wished)}, so these are not compared`, 'kubectl apply --server-side -f config/deployment-mode/role.yaml');
  return fine(CHECK, `Deployment mode in namespace ${namespace}`);
}

/** Kinds that the API server does not serve are missed by no release; `PoliciesUnknown` says where one of the others is. */
async function checkCohorts(link: ClusterLink, namespace: string): Promise<Finding> {
  const lacking = await findLacking(link, COHORT_RIGHTS, namespace);
  if (lacking.length === 0) return fine(CHECK, `cohorts in namespace ${namespace}`);
  const says = `in namespace ${namespace} ServiceAccount ${SERVICE_ACCOUNT} may not ${lacking.join(', ')}: where the cluster has such policies, no release with a cohort begins`;
  return doubt(CHECK, says, 'kubectl apply --server-side -k config/cohort');
}

async function checkGates(link: ClusterLink, namespace: string): Promise<Finding> {
  const lacking = await findLacking(link, GATE_RIGHTS, namespace);
  if (lacking.length === 0) return fine(CHECK, `Jobs of gates in namespace ${namespace}`);
  const fix = `kubectl create rolebinding glidepath-gates -n ${namespace} --clusterrole=glidepath-gates --serviceaccount=${SYSTEM_NAMESPACE}:${SERVICE_ACCOUNT}`;
  return fail(CHECK, `in namespace ${namespace} ServiceAccount ${SERVICE_ACCOUNT} may not ${lacking.join(', ')}`, fix);
}

/** Such as `patch httproutes`. */
async function findLacking(link: ClusterLink, rights: readonly Right[], namespace: string | undefined): Promise<readonly string[]> {
  const asked = rights.flatMap((right) => right.verbs.map((verb) => ({ right, verb })));
  const answers = await Promise.all(asked.map(({ right, verb }) => isAllowed(link, right, verb, namespace)));
  const lacking = asked.filter((_one, index) => answers[index] === false);
  const resources = [...new Set(lacking.map(({ right }) => right.resource))];
  return resources.map((resource) => {
    const verbs = lacking.filter(({ right }) => right.resource === resource).map(({ verb }) => verb);
    return `${verbs.join('/')} ${resource}`;
  });
}

async function isAllowed(
  link: ClusterLink,
  { group, resource, name }: Right,
  verb: string,
  namespace: string | undefined,
): Promise<boolean> {
  const [plural, subresource] = resource.split('/');
  const attributes = {
    group,
    resource: plural,
    verb,
    ...withoutUndefined({ subresource, namespace, name }),
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
