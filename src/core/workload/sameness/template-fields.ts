// The table: what the API server of Kubernetes 1.36 does with each field of a pod template, by the field's full path. A value that
// is a default in one place is a decision in another. Values that earlier versions of Glidepath left out are left out, and other
// defaults are filled in: so a template that the API server stored has the hash that it had before.

import type { Json } from '../objects.ts';
import { CONTAINER, RESOURCES, SECURITY } from './container-fields.ts';
import { canonicalResource } from './quantity.ts';
import { at, authorsMap, buildPlaces, filled, object, objects, type Rules, unset, zero } from './rules.ts';
import { METADATA, SELECTOR, VOLUME } from './volume-fields.ts';

const POD_TERM: Rules = objects('labelSelector namespaceSelector', SELECTOR);
const POD_TERMS: Rules = {
  ...at('requiredDuringSchedulingIgnoredDuringExecution[]', POD_TERM),
  ...at('preferredDuringSchedulingIgnoredDuringExecution[].podAffinityTerm', POD_TERM),
};

const SCHEDULING: Rules = {
  ...authorsMap('nodeSelector'),
  ...object('affinity', {
    ...object('nodeAffinity', object('requiredDuringSchedulingIgnoredDuringExecution')),
    ...objects('podAffinity podAntiAffinity', POD_TERMS),
  }),
  ...at('tolerations[]', zero('key operator value effect')),
  ...at('topologySpreadConstraints[]', object('labelSelector', SELECTOR)),
  ...object('schedulingGroup'),
  schedulerName: unset('default-scheduler', ''),
};

const POD: Rules = {
  ...zero('nodeName hostname subdomain hostNetwork hostPID hostIPC priorityClassName'),
  restartPolicy: unset('Always', ''),
  terminationGracePeriodSeconds: unset(30),
  dnsPolicy: unset('ClusterFirst', ''),
  // The older name of the same field, which the API server keeps equal to the newer one.
  serviceAccount: { isUnset: () => true },
  serviceAccountName: { ...unset(''), fill: aliasOf },
  ...SCHEDULING,
  // An empty one is what the API server writes where there is none.
  ...at('securityContext', { ...SECURITY, 'sysctls[].value': filled('') }),
  ...at('imagePullSecrets[]', zero('name')),
  ...object('dnsConfig', at('options[]', zero('name'))),
  ...object('os'),
  ...object('resources', RESOURCES),
  ...authorsMap('overhead', { rewrite: canonicalResource }),
  ...at('volumes[]', VOLUME),
  ...at('containers[]', CONTAINER),
  ...at('initContainers[]', CONTAINER),
  ...at('ephemeralContainers[]', { ...zero('targetContainerName'), ...CONTAINER }),
};

/** Every rule by its full path, such as `spec.containers[].readinessProbe.timeoutSeconds`. */
export const TEMPLATE_RULES: Rules = { ...at('metadata', METADATA), ...at('spec', POD) };

/** The same as a tree. */
export const TEMPLATE_PLACES = buildPlaces(TEMPLATE_RULES);

function aliasOf({ serviceAccount }: Json): string | undefined {
  return typeof serviceAccount === 'string' && serviceAccount !== '' ? serviceAccount : undefined;
}
