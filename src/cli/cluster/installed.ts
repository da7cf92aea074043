// What config/default, config/deployment-mode and config/crd put into a cluster, in the order of removal: the CRD while the operator
// still runs, so that no release keeps a finalizer that no one removes.

import { setTimeout } from 'node:timers/promises';
import { isGlidepathError } from '../../api/errors.ts';
import { CRD_NAME, SERVICE_ACCOUNT, SYSTEM_NAMESPACE } from '../../api/names.ts';
import { WEBHOOK_CONFIGURATION, WEBHOOK_NAME } from '../../core/hold/registration.ts';
import { pathOf } from '../../adapters/kubernetes/informer/kinds.ts';
import type { ClusterLink } from './link.ts';

/** One object of the installation. */
export interface Installed {
  readonly kind: string;
  readonly name: string;
  readonly namespace?: string;
  readonly path: string;
}

const RBAC = { group: 'rbac.authorization.k8s.io', version: 'v1' };
const CRDS = { group: 'apiextensions.k8s.io', version: 'v1', plural: 'customresourcedefinitions' };
const DEPLOYMENTS = { group: 'apps', version: 'v1', plural: 'deployments' };
const NAMESPACES = { group: '', version: 'v1', plural: 'namespaces' };

/** ClusterRole of `config/deployment-mode`. */
const DEPLOYMENT_MODE = 'glidepath-deployment-mode';

/** Path of the operator's Deployment. */
export const OPERATOR_PATH = pathOf(DEPLOYMENTS, SYSTEM_NAMESPACE, SERVICE_ACCOUNT);
/** Path of the CRD. */
export const CRD_PATH = pathOf(CRDS, undefined, CRD_NAME);

const ADMISSION = { group: 'admissionregistration.k8s.io', version: 'v1' };
/** By kind; each with its binding, which goes first. */
const POLICIES = [
  ['Mutating', 'glidepath-hold'],
  ['Validating', 'glidepath-hold-warning'],
  ['Validating', 'glidepath-commands'],
  ['Validating', 'glidepath-authors'],
  ['Mutating', 'glidepath-command-by'],
  ['Mutating', 'glidepath-abort-by'],
] as const;

const listPolicies = (): readonly Installed[] =>
  POLICIES.flatMap(([mode, name]) =>
    ['PolicyBinding', 'Policy'].map((part): Installed => {
      const kind = `${mode}Admission${part}`;
      const plural = `${kind.toLowerCase().replace(/y$/, 'ie')}s`;
      return { kind, name, path: pathOf({ ...ADMISSION, plural }, undefined, name) };
    }),
  );

/** The installation; the namespace takes what is in it along. */
export const INSTALLED: readonly Installed[] = [
  { kind: 'CustomResourceDefinition', name: CRD_NAME, path: CRD_PATH },
  { kind: 'Deployment', name: SERVICE_ACCOUNT, namespace: SYSTEM_NAMESPACE, path: OPERATOR_PATH },
  { kind: 'Namespace', name: SYSTEM_NAMESPACE, path: pathOf(NAMESPACES, undefined, SYSTEM_NAMESPACE) },
  { kind: 'ClusterRoleBinding', name: 'glidepath', path: pathOf({ ...RBAC, plural: 'clusterrolebindings' }, undefined, 'glidepath') },
  ...['glidepath', 'glidepath-viewer', 'glidepath-editor', 'glidepath-approver', DEPLOYMENT_MODE].map((name) => ({
    kind: 'ClusterRole',
    name,
    path: pathOf({ ...RBAC, plural: 'clusterroles' }, undefined, name),
  })),
  ...listPolicies(),
  // Of config/webhook: what is not in the namespace.
  ...(['ClusterRoleBinding', 'ClusterRole'] as const).map((kind) => ({
    kind,
    name: WEBHOOK_NAME,
    path: pathOf({ ...RBAC, plural: `${kind.toLowerCase()}s` }, undefined, WEBHOOK_NAME),
  })),
  {
    kind: 'MutatingWebhookConfiguration',
    name: WEBHOOK_CONFIGURATION,
    path: pathOf({ ...ADMISSION, plural: 'mutatingwebhookconfigurations' }, undefined, WEBHOOK_CONFIGURATION),
  },
];

const POLL_MS = 200;
const CRD_POLLS = 150;

/** Deletes all of it; what is not there is no error. @param report is called with each object that was deleted */
export async function removeInstalled(link: ClusterLink, report: (what: string) => void): Promise<void> {
  for (const { kind, name, path } of INSTALLED) {
    if (!(await remove(link, path))) continue;
    if (path === CRD_PATH) await awaitCrdGone(link);
    report(`${kind} ${name}`);
  }
}

async function remove(link: ClusterLink, path: string): Promise<boolean> {
  try {
    await link.request({ method: 'DELETE', path, body: { propagationPolicy: 'Background' } });
    return true;
  } catch (thrown) {
    if (isGlidepathError(thrown, 'GLIDEPATH_E_NOT_FOUND')) return false;
    throw thrown;
  }
}

/** The server deletes the objects of a kind before the kind; the operator must outlive that. */
async function awaitCrdGone(link: ClusterLink): Promise<void> {
  for (let poll = 0; poll < CRD_POLLS; poll += 1) {
    if (!(await isThere(link, CRD_PATH))) return;
    await setTimeout(POLL_MS);
  }
}

/** Is the object there? */
export async function isThere(link: ClusterLink, path: string): Promise<boolean> {
  try {
    await link.request({ method: 'GET', path });
    return true;
  } catch (thrown) {
    if (isGlidepathError(thrown, 'GLIDEPATH_E_NOT_FOUND')) return false;
    throw thrown;
  }
}
