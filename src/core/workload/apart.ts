// Which labels keep canary pods apart from the serving ones. As few as possible: every label that changes may take the canary
// out of a NetworkPolicy, a PodMonitor or a disruption budget that covers the serving pods.

import { nameCanary } from './canary-names.ts';

type Labels = Readonly<Record<string, string>>;

/** The labels to change, with the values that they get. */
export type Apart =
  | { readonly kind: 'labels'; readonly changed: Labels }
  /** One of the two selectors has no label that could be changed. */
  | { readonly kind: 'impossible'; readonly message: string };

/** Keys that people mean when they say which application it is; of several shared ones these are changed first. */
const PREFERRED = ['app.kubernetes.io/instance', 'app.kubernetes.io/name', 'app', 'k8s-app', 'name'];

/** The keys that `wanted` chooses, where they will do; else one key that both selectors share, else one of each. @param wanted `spec.canary.labels` */
export function keepApart(deploymentSelector: Labels, serviceSelector: Labels, wanted: Labels = {}): Apart {
  const ofDeployment = inOrder(Object.keys(deploymentSelector));
  const ofService = inOrder(Object.keys(serviceSelector));
  const [ownKey] = ofDeployment;
  const [serviceKey] = ofService;
  if (ownKey === undefined)
    return {
      kind: 'impossible',
      message: 'the Deployment selects its pods by matchExpressions alone; give its selector a matchLabels entry',
    };
  if (serviceKey === undefined)
    return { kind: 'impossible', message: 'the Service has no selector; give it one, so that a canary Service can be made beside it' };
  const labelOf = (key: string) => deploymentSelector[key] ?? serviceSelector[key] ?? '';
  const chosen = [...new Set([...ofDeployment, ...ofService])].filter((key) => wanted[key] !== undefined && wanted[key] !== labelOf(key));
  const parts = (keys: readonly string[]) => [ofDeployment, ofService].every((all) => keys.some((key) => all.includes(key)));
  const shared = ofDeployment.find((key) => ofService.includes(key));
  const keys = parts(chosen) ? chosen : [...chosen, ...(shared === undefined ? [ownKey, serviceKey] : [shared])];
  return { kind: 'labels', changed: Object.fromEntries(keys.map((key) => [key, wanted[key] ?? nameCanary(labelOf(key))])) };
}

function inOrder(keys: readonly string[]): readonly string[] {
  const rank = (key: string) => (PREFERRED.includes(key) ? PREFERRED.indexOf(key) : PREFERRED.length);
  return [...keys].sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1));
}
