// One command of a person: written as the annotation that Git and kubectl write, under a field manager of its own. Waits until the
// operator has done or refused it.

import { formatCommand } from '../../api/command.ts';
import {
  ABORT_ANNOTATION,
  ABORT_BY_ANNOTATION,
  CLI_FIELD_MANAGER,
  COMMAND_ANNOTATION,
  COMMAND_BY_ANNOTATION,
  type CommandVerb,
} from '../../api/names.ts';
import { describeOutdated } from '../../core/release/commands/read.ts';
import { isRunning, parseState } from '../../core/release/state.ts';
import { fieldsOf, textOf } from '../../adapters/kubernetes/client/fields.ts';
import { pathOf } from '../../adapters/kubernetes/informer/kinds.ts';
import { MERGE_PATCH } from '../../adapters/kubernetes/client/transport.ts';
import { followRelease } from '../cluster/follow.ts';
import type { ClusterLink } from '../cluster/link.ts';
import { RELEASES, type SeenRelease } from '../cluster/releases.ts';
import { failure } from '../usage.ts';

/** A verb that people may give. */
export type SteeringVerb = CommandVerb | 'abort';

/** An annotation that is about to be written. */
export interface Order {
  readonly verb: SteeringVerb;
  readonly id: string;
  readonly annotation: string;
  readonly value: string;
  /** Time of the command; the operator names it when it has handled it. */
  readonly at: string;
}

/** How the operator handled it. */
export interface Handled {
  readonly result: 'Done' | 'Refused';
  readonly message: string;
}

/**
 * The order for the release as it stands.
 * @throws GlidepathError when there is nothing to steer
 */
export function makeOrder(release: SeenRelease, verb: SteeringVerb, stage: number | undefined, now: number): Order {
  const { status, namespace, name } = release;
  const id = status.release?.id;
  if (id === undefined)
    throw failure(`CanaryRelease ${namespace}/${name} has no release to ${verb}; change the pod template of the canary first`);
  const state = parseState(status.state);
  if (verb === 'abort' && state !== undefined && !isRunning(state))
    throw failure(
      `release ${id} of CanaryRelease ${namespace}/${name} has ended (${status.phase}) and cannot be aborted${state === 'promoted' ? '; to revert it use undo' : ''}`,
    );
  // The operator ignores a command that is not later than the last handled one, so our clock may have to be corrected.
  const last = Date.parse(status.lastHandledCommand?.at ?? '');
  const at = new Date(Math.max(now, Number.isNaN(last) ? 0 : last + 1)).toISOString();
  if (verb === 'abort') return { verb, id, annotation: ABORT_ANNOTATION, value: id, at };
  const value = formatCommand({ verb, id, at, ...(stage === undefined ? {} : { stage }) });
  return { verb, id, annotation: COMMAND_ANNOTATION, value, at };
}

/** Writes the annotation, and who gives the command. The uid protects an object that was recreated under the same name. */
export async function writeOrder(link: ClusterLink, { namespace, name, metadata }: SeenRelease, order: Order): Promise<void> {
  // The name left by an earlier command must not stand beside ours; the admission policy refuses that.
  const by = await findCaller(link);
  const byAnnotation = order.verb === 'abort' ? ABORT_BY_ANNOTATION : COMMAND_BY_ANNOTATION;
  await link.request({
    method: 'PATCH',
    path: pathOf(RELEASES, namespace, name),
    query: { fieldManager: CLI_FIELD_MANAGER },
    contentType: MERGE_PATCH,
    body: { metadata: { uid: metadata.uid, annotations: { [order.annotation]: order.value, [byAnnotation]: by ?? null } } },
  });
}

/** Our user name on the API server; undefined where it does not answer. */
async function findCaller(link: ClusterLink): Promise<string | undefined> {
  const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' };
  try {
    const answer = await link.request({ method: 'POST', path: '/apis/authentication.k8s.io/v1/selfsubjectreviews', body });
    return textOf(fieldsOf(fieldsOf(fieldsOf(answer)['status'])['userInfo'])['username']);
  } catch {
    return undefined;
  }
}

/** @throws GlidepathError when the operator does not handle it in time, or the CanaryRelease is deleted */
export async function awaitOrder(
  link: ClusterLink,
  { namespace, name }: SeenRelease,
  order: Order,
  wait: { readonly now: () => number; readonly timeoutMs: number },
): Promise<Handled> {
  const see = (release: SeenRelease | undefined): Handled | undefined => {
    if (release === undefined) throw failure(`CanaryRelease ${namespace}/${name} was deleted; the operator rolls its traffic back`);
    return order.verb === 'abort' ? findAborted(release, order) : findHandled(release, order);
  };
  const handled = await followRelease(link, { namespace, name, ...wait, see });
  if (handled !== undefined) return handled;
  throw failure(
    `the operator did not handle ${order.annotation}=${order.value} within ${wait.timeoutMs / 1_000}s; check whether it runs: kubectl canary doctor`,
  );
}

function findHandled({ status }: SeenRelease, { value, at, verb }: Order): Handled | undefined {
  const last = status.lastHandledCommand;
  if (last === undefined) return undefined;
  // Somebody else's command with a later time came first.
  if (last.outdated === value.slice(0, 128)) return { result: 'Refused', message: describeOutdated({ at }, last) };
  const unread = last.verb === 'unreadable' && last.release === value.slice(0, 128);
  if (!unread && (last.at !== at || last.verb !== verb)) return undefined;
  const message = last.message ?? status.message ?? '';
  return last.result === 'Done' ? { result: 'Done', message: status.message ?? '' } : { result: 'Refused', message };
}

/** An abort carries no time: it is done when all traffic is on the serving version. */
function findAborted({ status }: SeenRelease, { id }: Order): Handled | undefined {
  const { release } = status;
  const state = parseState(status.state);
  if (release?.id !== id) return { result: 'Refused', message: `release ${id} has ended; the current release is ${release?.id ?? 'none'}` };
  if (state === 'promoted') return { result: 'Refused', message: `release ${id} was already promoted; ${status.message ?? ''}` };
  const isHome = state === 'rolledBack' || state === 'rollingBack.draining' || state === 'rollingBack.cleaning';
  return isHome ? { result: 'Done', message: status.message ?? `all traffic is on Service ${release.serving.service}` } : undefined;
}
