// Are the admission policies there, do they bind, and does something hold what nobody would ever let go?

import { fieldsOf } from '../../adapters/kubernetes/fields.ts';
import { pathOf } from '../../adapters/kubernetes/kinds.ts';
import { APPLY_HOLD } from '../cluster/hold.ts';
import type { ClusterLink } from '../cluster/link.ts';
import { readObject } from '../cluster/read.ts';
import { type SeenRelease, targetOf } from '../cluster/releases.ts';
import { doubt, fail, fine, type Finding } from './finding.ts';
import { nameOf, nameSome, type Surroundings } from './seen.ts';

const ADMISSION = { group: 'admissionregistration.k8s.io', version: 'v1' };
const APPLY_COMMANDS = 'kubectl apply --server-side -k config/commands';
const COMMANDS = ['glidepath-commands', 'glidepath-authors'] as const;

const WEBHOOK = 'the webhook glidepath-hold is installed';
const LOGS = 'kubectl -n glidepath-system logs deploy/glidepath --tail=20';

/** `whole`: the policy and its binding. */
type Standing = 'whole' | 'unbound' | 'missing' | 'forbidden';

/** The policies of config/commands. */
export async function checkCommandPolicies(link: ClusterLink, { operator }: Surroundings): Promise<readonly Finding[]> {
  const standings = await Promise.all(COMMANDS.map((name) => findStanding(link, name)));
  const of = (wanted: Standing) => COMMANDS.filter((_name, index) => standings[index] === wanted);
  if (of('forbidden').length > 0)
    return [doubt('command policies', 'you may not read ValidatingAdmissionPolicies, so nothing is known of them')];
  const there = [...of('whole'), ...of('unbound')];
  if (operator.kind === 'missing' && there.length > 0) {
    const fix = `kubectl delete -k config/commands   # if Glidepath is to go; else ${APPLY_COMMANDS.replace('commands', 'default')}`;
    return [doubt('command policies', `${there.join(' and ')} is left, and no operator is there`, fix)];
  }
  if (of('unbound').length > 0)
    return [fail('command policies', `${of('unbound').join(' and ')} has no binding, so it holds nobody`, APPLY_COMMANDS)];
  const missing = of('missing');
  if (missing.length === 0) return [fine('command policies', 'commands and authors of releases are held to their rights')];
  const says = `${missing.join(' and ')} is not there: whoever may edit a release may give every command (Kubernetes 1.30 or newer has such policies)`;
  return [doubt('command policies', says, APPLY_COMMANDS)];
}

async function findStanding(link: ClusterLink, name: string): Promise<Standing> {
  const read = (plural: string) => readObject(link, pathOf({ ...ADMISSION, plural }, undefined, name));
  const [policy, binding] = await Promise.all([read('validatingadmissionpolicies'), read('validatingadmissionpolicybindings')]);
  if (policy.kind === 'forbidden' || binding.kind === 'forbidden') return 'forbidden';
  if (policy.kind === 'missing') return 'missing';
  return binding.kind === 'missing' ? 'unbound' : 'whole';
}

/** Held by the operator itself, with `targetRef.hold`. */
function isPausedAtRest({ raw }: SeenRelease): boolean {
  return fieldsOf(fieldsOf(fieldsOf(raw)['spec'])['targetRef'])['hold'] === 'PausedAtRest';
}

/** What holds a changed Deployment: needed by every release with `targetRef`, and in the way where nobody lets go. */
export function checkHold({ hold, operator, everyRelease, only }: Surroundings): readonly Finding[] {
  const users = everyRelease.filter((release) => targetOf(release) !== undefined && !isPausedAtRest(release));
  const names = nameSome(users.map(nameOf));
  switch (hold.kind) {
    case 'unknown':
      return users.length === 0 ? [] : [doubt('hold', 'you may not read admission policies and webhooks, so nothing is known of the hold')];
    case 'none':
      return users.length === 0 ? [] : [fail('hold', `nothing holds a change of the Deployments of ${names}`, APPLY_HOLD)];
    case 'unbound':
      return [(users.length === 0 ? doubt : fail)('hold', 'the policy glidepath-hold has no binding, so it holds nothing', APPLY_HOLD)];
    case 'empty':
      return users.length === 0
        ? [fine('hold', WEBHOOK)]
        : [fail('hold', `${WEBHOOK}, but holds nothing yet of ${names}: the operator fills it in`, LOGS)];
    case 'policy':
    case 'webhook':
      return [describeHold(hold.kind, operator.kind === 'missing', users.length, names, only)];
  }
}

function describeHold(kind: 'policy' | 'webhook', orphaned: boolean, count: number, names: string, only: string | undefined): Finding {
  const what = kind === 'policy' ? 'the policy glidepath-hold' : 'the webhook glidepath-hold';
  const remove = kind === 'policy' ? 'kubectl delete -k config/deployment-mode' : 'kubectl delete -k config/webhook';
  if (orphaned && count > 0)
    return fail(
      'hold',
      `${what} holds every change of the Deployments of ${names}, and no operator is there to let go`,
      `${remove}   # or bring the operator back: kubectl apply --server-side -k config/default`,
    );
  if (orphaned) return doubt('hold', `${what} is left, and no operator is there`, remove);
  if (count > 0) return fine('hold', `${what} holds changes of the Deployments of ${names}`);
  // Of other namespaces nothing is known.
  if (only !== undefined) return fine('hold', `${what} is there`);
  return doubt('hold', `${what} is there, and no release has a targetRef`, `${remove}   # if Deployment mode is not wanted`);
}
