// Whether the admission policies exist and are bound, and whether one of them holds Deployments that no operator would release.

import { APPLY_HOLD } from '../cluster/hold.ts';
import type { ClusterLink } from '../cluster/link.ts';
import { targetOf } from '../cluster/releases.ts';
import { doubt, fail, fine, type Finding } from '../finding.ts';
import { isPausedAtRest, nameOf, nameSome, type Surroundings } from './seen.ts';
import { findStanding, type Standing } from './standing.ts';

const APPLY_COMMANDS = 'kubectl apply --server-side -k config/commands';
const COMMANDS = ['glidepath-commands', 'glidepath-authors'] as const;

const WEBHOOK = 'the webhook glidepath-hold is installed';
const LOGS = 'kubectl -n glidepath-system logs deploy/glidepath --tail=20';

/** The policies of config/commands. */
export async function checkCommandPolicies(link: ClusterLink, { operator }: Surroundings): Promise<readonly Finding[]> {
  const standings = await Promise.all(COMMANDS.map((name) => findStanding(link, 'validating', name)));
  const of = (wanted: Standing) => COMMANDS.filter((_name, index) => standings[index] === wanted);
  if (of('forbidden').length > 0)
    return [doubt('command policies', 'you may not read ValidatingAdmissionPolicies, so they were not checked')];
  const there = [...of('whole'), ...of('unbound')];
  if (operator.kind === 'missing' && there.length > 0) {
    const fix = `kubectl delete -k config/commands   # to remove Glidepath; to keep it: ${APPLY_COMMANDS.replace('commands', 'default')}`;
    return [doubt('command policies', `${there.join(' and ')} left over, and no operator runs`, fix)];
  }
  if (of('unbound').length > 0)
    return [fail('command policies', `${of('unbound').join(' and ')} has no binding, so it has no effect`, APPLY_COMMANDS)];
  const missing = of('missing');
  if (missing.length === 0) return [fine('command policies', 'commands and changes of releases are checked against RBAC')];
  const says = `${missing.join(' and ')} not found: everyone who may edit a release may give every command (needs Kubernetes 1.30 or newer)`;
  return [doubt('command policies', says, APPLY_COMMANDS)];
}

/** An optional policy, and what installs it. */
interface SidePolicy {
  readonly check: string;
  readonly mode: 'validating' | 'mutating';
  readonly names: readonly string[];
  readonly folder: string;
  /** The effect of a missing binding. */
  readonly unbound: string;
  /** What it does; absent: no line is printed. */
  readonly does?: string;
}

const SIDE_POLICIES: readonly SidePolicy[] = [
  {
    check: 'command stamp',
    mode: 'mutating',
    names: ['glidepath-command-by', 'glidepath-abort-by'],
    folder: 'config/commands-stamp',
    unbound: 'so the API server does not record who gave a command',
    does: 'the API server records who gave a command',
  },
  {
    check: 'hold warning',
    mode: 'validating',
    names: ['glidepath-hold-warning'],
    folder: 'config/deployment-mode',
    unbound: 'so kubectl rollout resume prints no warning for a held Deployment',
  },
];

/** The policies of config/commands-stamp, and the warning of config/deployment-mode: optional, and possible leftovers of a wrong uninstall. */
export async function checkSidePolicies(link: ClusterLink, seen: Surroundings): Promise<readonly Finding[]> {
  return (await Promise.all(SIDE_POLICIES.map((policy) => checkSidePolicy(link, policy, seen)))).flat();
}

async function checkSidePolicy(
  link: ClusterLink,
  { check, mode, names, folder, unbound, does }: SidePolicy,
  { operator }: Surroundings,
): Promise<readonly Finding[]> {
  const standings = await Promise.all(names.map((name) => findStanding(link, mode, name)));
  const of = (...wanted: readonly Standing[]) => names.filter((_name, index) => wanted.includes(standings[index] ?? 'missing'));
  const there = of('whole', 'unbound');
  if (there.length === 0) return [];
  if (operator.kind === 'missing')
    return [doubt(check, `${sayAre(there)} left over, and no operator runs`, `kubectl delete --ignore-not-found -k ${folder}`)];
  const apply = `kubectl apply --server-side -k ${folder}`;
  if (of('unbound').length > 0) return [doubt(check, `${of('unbound').join(' and ')} has no binding, ${unbound}`, apply)];
  if (of('missing').length > 0) return [doubt(check, `${of('missing').join(' and ')} not found, ${unbound}`, apply)];
  return does === undefined || of('whole').length < names.length ? [] : [fine(check, does)];
}

function sayAre(names: readonly string[]): string {
  return `${names.join(' and ')} ${names.length === 1 ? 'is' : 'are'}`;
}

/** What holds a changed Deployment: required by every release with `targetRef`, and harmful without an operator. */
export function checkHold({ hold, operator, everyRelease, only }: Surroundings): readonly Finding[] {
  const users = everyRelease.filter((release) => targetOf(release) !== undefined && !isPausedAtRest(release));
  const names = nameSome(users.map(nameOf));
  switch (hold.kind) {
    case 'unknown':
      return users.length === 0 ? [] : [doubt('hold', 'you may not read admission policies and webhooks, so the hold was not checked')];
    case 'none':
      return users.length === 0
        ? []
        : [fail('hold', `no admission policy or webhook holds template changes of the Deployments of ${names}`, APPLY_HOLD)];
    case 'unbound':
      return [(users.length === 0 ? doubt : fail)('hold', 'the policy glidepath-hold has no binding, so it has no effect', APPLY_HOLD)];
    case 'empty':
      return users.length === 0
        ? [fine('hold', WEBHOOK)]
        : [fail('hold', `${WEBHOOK}, but does not hold the Deployments of ${names} yet: the operator configures it`, LOGS)];
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
      `${what} holds every change of the Deployments of ${names}, and no operator runs that would release them`,
      `${remove}   # or reinstall the operator: kubectl apply --server-side -k config/default`,
    );
  if (orphaned) return doubt('hold', `${what} is left over, and no operator runs`, remove);
  if (count > 0) return fine('hold', `${what} holds changes of the Deployments of ${names}`);
  // Other namespaces were not read.
  if (only !== undefined) return fine('hold', `${what} is installed`);
  return doubt('hold', `${what} is installed, and no release has a targetRef`, `${remove}   # if you do not use Deployment mode`);
}
