// What the API server of Kubernetes 1.36 does with the fields of a container: init containers and ephemeral ones have the same.

import { pullPolicyOf } from './pull-policy.ts';
import { canonicalQuantity, canonicalResource } from './quantity.ts';
import { at, authorsMap, filled, object, objects, type Rules, unset, zero } from './rules.ts';

/** `resources` of containers, pods and claims. */
export const RESOURCES: Rules = {
  ...authorsMap('limits', { rewrite: canonicalResource }),
  ...authorsMap('requests', { rewrite: canonicalResource }),
  ...at('claims[]', zero('request')),
};

/** A reference to a field of the pod itself. */
export const FIELD_REF: Rules = { apiVersion: unset('v1', '') };
/** A reference to a limit or request. */
export const RESOURCE_REF: Rules = { ...zero('containerName'), divisor: { ...filled('0'), rewrite: canonicalQuantity } };

const HTTP_GET: Rules = {
  ...zero('host'),
  path: filled('/', ''),
  scheme: unset('HTTP', ''),
  'httpHeaders[].value': filled(''),
};

const PROBE: Rules = {
  ...zero('initialDelaySeconds'),
  timeoutSeconds: unset(1, 0),
  periodSeconds: unset(10, 0),
  successThreshold: unset(1, 0),
  failureThreshold: unset(3, 0),
  ...object('exec'),
  ...object('httpGet', HTTP_GET),
  ...object('tcpSocket', zero('host')),
  ...object('grpc', { service: filled('') }),
};

const HANDLER: Rules = {
  ...object('exec'),
  ...object('httpGet', HTTP_GET),
  ...object('tcpSocket', zero('host')),
  ...object('sleep', { seconds: filled(0) }),
};

const ENV: Rules = {
  ...zero('value'),
  ...object('valueFrom', {
    ...object('fieldRef', FIELD_REF),
    ...object('resourceFieldRef', RESOURCE_REF),
    ...objects('configMapKeyRef secretKeyRef', zero('name')),
    ...object('fileKeyRef', { optional: filled(false) }),
  }),
};

/** What pods and containers have in common in `securityContext`. */
export const SECURITY: Rules = {
  ...object('seLinuxOptions', zero('user role type level')),
  ...objects('windowsOptions seccompProfile appArmorProfile'),
};

/** The rules of one container. `restartPolicy` has none: on an init container it makes a sidecar. */
export const CONTAINER: Rules = {
  ...zero('image workingDir stdin stdinOnce tty'),
  imagePullPolicy: { isUnset: (value, { image }) => value === '' || value === pullPolicyOf(image) },
  terminationMessagePath: unset('/dev/termination-log', ''),
  terminationMessagePolicy: unset('File', ''),
  ...at('ports[]', { ...zero('name hostPort hostIP'), protocol: unset('TCP', '') }),
  ...at('envFrom[]', { ...zero('prefix'), ...objects('configMapRef secretRef', zero('name')) }),
  ...at('env[]', ENV),
  ...at('resources', RESOURCES),
  ...at('restartPolicyRules[]', object('exitCodes')),
  ...at('volumeMounts[]', zero('readOnly subPath subPathExpr')),
  ...objects('livenessProbe readinessProbe startupProbe', PROBE),
  ...object('lifecycle', objects('postStart preStop', HANDLER)),
  ...object('securityContext', { ...SECURITY, ...object('capabilities') }),
};
