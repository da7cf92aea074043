// Whether the admission policy or the webhook that holds a changed Deployment is installed.

import { fieldsOf, listOf } from '../../adapters/kubernetes/client/fields.ts';
import { pathOf } from '../../adapters/kubernetes/informer/kinds.ts';
import type { ClusterLink } from './link.ts';
import { readObject } from './read.ts';

/** What was found. */
export interface HoldFound {
  /**
   * `unbound`: the policy without its binding. `empty`: the webhook's configuration, which the operator fills in as soon as a release
   * needs it. `unknown`: the caller may not read it.
   */
  readonly kind: 'policy' | 'webhook' | 'unbound' | 'empty' | 'none' | 'unknown';
}

/** Installs the policy. */
export const APPLY_HOLD =
  'kubectl apply --server-side -k config/deployment-mode   # Kubernetes 1.36; below that the webhook, -k config/webhook';

const ADMISSION = { group: 'admissionregistration.k8s.io', version: 'v1' };
const NAME = 'glidepath-hold';

/** Looks for the policy with its binding, then for the webhook. */
export async function findHold(link: ClusterLink): Promise<HoldFound> {
  const of = (plural: string) => readObject(link, pathOf({ ...ADMISSION, plural }, undefined, NAME));
  const [policy, binding, webhook] = await Promise.all([
    of('mutatingadmissionpolicies'),
    of('mutatingadmissionpolicybindings'),
    of('mutatingwebhookconfigurations'),
  ]);
  if (policy.kind === 'read' && binding.kind === 'read') return { kind: 'policy' };
  if (webhook.kind === 'read') return { kind: listOf(fieldsOf(webhook.object)['webhooks']).length > 0 ? 'webhook' : 'empty' };
  if (policy.kind === 'read' && binding.kind === 'missing') return { kind: 'unbound' };
  const blind = [policy, binding, webhook].some(({ kind }) => kind === 'forbidden');
  return { kind: blind ? 'unknown' : 'none' };
}
