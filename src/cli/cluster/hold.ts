// Is what holds a changed Deployment installed: the admission policy, or the webhook?

import { fieldsOf, listOf, textOf } from '../../adapters/kubernetes/fields.ts';
import { pathOf } from '../../adapters/kubernetes/kinds.ts';
import type { ClusterLink } from './link.ts';
import { readList, readObject } from './read.ts';

/** What was found. */
export type HoldFound =
  | { readonly kind: 'policy' | 'webhook' | 'unbound' | 'none' }
  /** The caller may not look. */
  | { readonly kind: 'unknown' };

/** Installs the policy. */
export const APPLY_HOLD = 'kubectl apply --server-side -k config/deployment-mode';

const ADMISSION = { group: 'admissionregistration.k8s.io', version: 'v1' };
const NAME = 'glidepath-hold';

/** Looks for the policy with its binding, then for a webhook of ours on Deployments. */
export async function findHold(link: ClusterLink): Promise<HoldFound> {
  const of = (plural: string): string => pathOf({ ...ADMISSION, plural }, undefined, NAME);
  const [policy, binding, webhooks] = await Promise.all([
    readObject(link, of('mutatingadmissionpolicies')),
    readObject(link, of('mutatingadmissionpolicybindings')),
    readList(link, { ...ADMISSION, plural: 'mutatingwebhookconfigurations' }, { pick: (raw) => raw }),
  ]);
  if (policy.kind === 'read' && binding.kind === 'read') return { kind: 'policy' };
  if (webhooks.kind === 'read' && webhooks.items.some(isOurWebhook)) return { kind: 'webhook' };
  if (policy.kind === 'read' && binding.kind === 'missing') return { kind: 'unbound' };
  const blind = [policy, binding, webhooks].some(({ kind }) => kind === 'forbidden');
  return { kind: blind ? 'unknown' : 'none' };
}

function isOurWebhook(raw: unknown): boolean {
  const { metadata, webhooks } = fieldsOf(raw);
  if (textOf(fieldsOf(metadata)['name'])?.startsWith('glidepath') !== true) return false;
  return listOf(webhooks).some((webhook) =>
    listOf(fieldsOf(webhook)['rules']).some((rule) => listOf(fieldsOf(rule)['resources']).includes('deployments')),
  );
}
