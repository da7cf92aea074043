// What the caller may do with releases: read them, give each command, write them. Where config/commands is installed every command
// is an RBAC verb of its own, so the right to patch a release is not enough.

import { COMMAND_VERBS, GROUP, PLURAL } from '../../api/names.ts';
import { fieldsOf } from '../../adapters/kubernetes/client/fields.ts';
import type { ClusterLink } from '../cluster/link.ts';
import { doubt, fail, fine, type Finding } from '../finding.ts';
import type { Standing } from './standing.ts';

const READING = ['get', 'list', 'watch'] as const;
const WRITING = ['create', 'update', 'delete'] as const;
const COMMANDS = [...COMMAND_VERBS, 'abort'] as const;

/** @param policy state of the policy glidepath-commands, which requires the verb of each command */
export async function checkRights(link: ClusterLink, namespace: string, policy: Standing): Promise<readonly Finding[]> {
  const asksVerbs = policy === 'whole' || policy === 'forbidden';
  const lacks = async (verbs: readonly string[]): Promise<readonly string[]> => {
    const allowed = await Promise.all(verbs.map((verb) => mayI(link, namespace, verb)));
    return verbs.filter((_verb, index) => allowed[index] === false);
  };
  const [reading, patching, commands, writing] = await Promise.all([
    lacks(READING),
    lacks(['patch']),
    asksVerbs ? lacks(COMMANDS) : [],
    lacks(WRITING),
  ]);
  const steers = patching.length === 0;
  return [
    reading.length === 0
      ? fine('rights to read', `releases of namespace ${namespace}`)
      : fail('rights to read', describeLack(reading, namespace), bind('glidepath-viewer', namespace)),
    describeSteering([...patching, ...commands], namespace, policy),
    describeWriting(writing, namespace, steers && asksVerbs),
  ];
}

/** The approver's role is for clusters with the policies only: without them its `patch` reaches the whole spec. */
function describeSteering(lacking: readonly string[], namespace: string, policy: Standing): Finding {
  const check = 'rights to steer';
  if (lacking.length === 0) return fine(check, `${policy === 'whole' ? 'every command on ' : ''}releases of namespace ${namespace}`);
  const says = describeLack(lacking, namespace);
  if (policy === 'whole') return doubt(check, says, bind('glidepath-approver', namespace));
  if (policy !== 'forbidden' || lacking.includes('patch')) return doubt(check, says, bind('glidepath-editor', namespace));
  return doubt(
    check,
    `${says}; each is a command, and is required where config/commands is installed`,
    bind('glidepath-approver', namespace),
  );
}

/** Approvers need no right to write releases. */
function describeWriting(lacking: readonly string[], namespace: string, decides: boolean): Finding {
  const check = 'rights to write';
  if (lacking.length === 0) return fine(check, `releases of namespace ${namespace}`);
  const says = describeLack(lacking, namespace);
  return decides ? fine(check, `not needed to approve: ${says}`) : doubt(check, says, bind('glidepath-editor', namespace));
}

function describeLack(verbs: readonly string[], namespace: string): string {
  return `you may not ${verbs.join(', ')} canaryreleases in namespace ${namespace}`;
}

function bind(role: string, namespace: string): string {
  return `kubectl create rolebinding ${role} -n ${namespace} --clusterrole=${role} --user="$(kubectl auth whoami -o jsonpath='{.status.userInfo.username}')"`;
}

async function mayI(link: ClusterLink, namespace: string, verb: string): Promise<boolean> {
  const answer = await link.request({
    method: 'POST',
    path: '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews',
    body: {
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SelfSubjectAccessReview',
      spec: { resourceAttributes: { namespace, verb, group: GROUP, resource: PLURAL } },
    },
  });
  return fieldsOf(fieldsOf(answer)['status'])['allowed'] === true;
}
