// Deployments as the command line names and reads them: `deploy/store-api`, as kubectl takes it.

import { isGlidepathError } from '../../api/errors.ts';
import type { DeploymentObject } from '../../core/workload/objects.ts';
import { fieldsOf, textOf } from '../../adapters/kubernetes/client/fields.ts';
import { pathOf } from '../../adapters/kubernetes/informer/kinds.ts';
import { listAll } from '../../adapters/kubernetes/client/list.ts';
import { failure, usageError } from '../usage.ts';
import type { ClusterLink } from './link.ts';
import { findNear } from './releases.ts';

/** The resource on the API server. */
export const DEPLOYMENTS = { group: 'apps', version: 'v1', plural: 'deployments' };

const WORDS = /^(?:deploy|deployment|deployments)(?:\.apps)?\/([a-z0-9](?:[-a-z0-9.]*[a-z0-9])?)$/;

/** The name behind `deploy/`, `deployment/` or `deployments/`. @throws GlidepathError GLIDEPATH_E_USAGE. @param option for the message */
export function readDeploymentName(text: string, option: string): string {
  const name = WORDS.exec(text)?.[1];
  if (name === undefined) throw usageError(`${option} is "${text}"; write deploy/NAME, such as deploy/store-api`);
  return name;
}

/** @throws GlidepathError that names the Deployments of the namespace, or the missing right */
export async function getDeployment(link: ClusterLink, namespace: string, name: string): Promise<DeploymentObject> {
  try {
    return (await link.request({ method: 'GET', path: pathOf(DEPLOYMENTS, namespace, name) })) as DeploymentObject;
  } catch (thrown) {
    if (isGlidepathError(thrown, 'GLIDEPATH_E_NOT_FOUND')) throw failure(await describeMissing(link, namespace, name), thrown);
    if (!isGlidepathError(thrown, 'GLIDEPATH_E_FORBIDDEN')) throw thrown;
    throw failure(
      `you may not get Deployments in namespace ${namespace}; ask for the role view in that namespace, which includes it`,
      thrown,
    );
  }
}

async function describeMissing(link: ClusterLink, namespace: string, name: string): Promise<string> {
  const what = `Deployment ${namespace}/${name} not found`;
  const names = await listDeploymentNames(link, namespace);
  const near = findNear(name, names);
  if (near.length > 0) return `${what}; did you mean ${near.join(' or ')}?`;
  return names.length === 0 ? `${what}; choose another namespace with -n` : `${what}; the namespace has ${names.slice(0, 8).join(', ')}`;
}

/** Their names; none where they may not be listed. */
export async function listDeploymentNames(link: ClusterLink, namespace: string): Promise<readonly string[]> {
  const pick = (raw: unknown): string => textOf(fieldsOf(fieldsOf(raw)['metadata'])['name']) ?? '';
  try {
    return (await listAll(link.transport, pathOf(DEPLOYMENTS, namespace), { lane: 'normal', repeat: true, pick })).items;
  } catch {
    return [];
  }
}
