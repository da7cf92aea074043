// Reads CanaryReleases of a cluster without trusting them: one that this version cannot read whole still shows its status.

import { GROUP, PLURAL, VERSION } from '../../api/names.ts';
import { isGlidepathError } from '../../api/errors.ts';
import type { ObjectMeta } from '../../api/metadata.ts';
import { type CanaryReleaseSpec, type CanaryReleaseStatus, parseRelease } from '../../api/release.ts';
import { fieldsOf, textOf } from '../../adapters/kubernetes/client/fields.ts';
import { pathOf } from '../../adapters/kubernetes/informer/kinds.ts';
import { listAll } from '../../adapters/kubernetes/client/list.ts';
import { failure } from '../usage.ts';
import type { ClusterLink } from './link.ts';

/** The resource on the API server. */
export const RELEASES = { group: GROUP, version: VERSION, plural: PLURAL };

/** A release as far as it can be read. */
export interface SeenRelease {
  readonly namespace: string;
  readonly name: string;
  readonly metadata: ObjectMeta;
  readonly status: CanaryReleaseStatus;
  /** Absent where this version cannot read it. */
  readonly spec: CanaryReleaseSpec | undefined;
  /** What of the status is of a later version. */
  readonly unknownState: string | undefined;
  /** As the server has it. */
  readonly raw: unknown;
}

const NO_STATUS: CanaryReleaseStatus = { observedGeneration: -1 };

/** @returns undefined for an object without a name */
export function readSeen(raw: unknown): SeenRelease | undefined {
  const parsed = parseRelease(raw);
  const { metadata, status } = parsed.ok ? parsed.release : parsed;
  if (metadata === undefined) return undefined;
  return {
    namespace: metadata.namespace,
    name: metadata.name,
    metadata,
    status: status ?? NO_STATUS,
    spec: parsed.ok ? parsed.release.spec : undefined,
    unknownState: parsed.ok ? parsed.release.unknownState : undefined,
    raw,
  };
}

/** The Deployment of `targetRef`, also where this version cannot read the rest of the spec. */
export function targetOf({ spec, raw }: SeenRelease): string | undefined {
  if (spec !== undefined) return spec.targetRef?.name;
  return textOf(fieldsOf(fieldsOf(fieldsOf(raw)['spec'])['targetRef'])['name']);
}

/**
 * Releases in the order of namespace and name.
 * @param namespace undefined: all
 * @throws GlidepathError that says how to install when the cluster does not know the kind
 */
export async function listReleases(link: ClusterLink, namespace: string | undefined, selector?: string): Promise<readonly SeenRelease[]> {
  const query = selector === undefined ? {} : { labelSelector: selector };
  try {
    const { items } = await listAll(link.transport, pathOf(RELEASES, namespace), { query, lane: 'normal', repeat: true, pick: readItem });
    return items.flatMap((item) => item ?? []).sort((a, b) => a.namespace.localeCompare(b.namespace) || a.name.localeCompare(b.name));
  } catch (thrown) {
    if (!isGlidepathError(thrown, 'GLIDEPATH_E_NOT_FOUND')) throw thrown;
    throw failure(
      `the cluster of context ${link.context} does not serve CanaryReleases; install the CRD: kubectl apply --server-side -k config/crd`,
    );
  }
}

/** An item of a list, which carries no kind of its own. */
export function readItem(raw: unknown): SeenRelease | undefined {
  return readSeen(typeof raw === 'object' ? { apiVersion: `${GROUP}/${VERSION}`, kind: 'CanaryRelease', ...raw } : raw);
}

/** @throws GlidepathError naming the releases of the namespace when this one is not found */
export async function getRelease(link: ClusterLink, namespace: string, name: string): Promise<SeenRelease> {
  try {
    const seen = readSeen(await link.request({ method: 'GET', path: pathOf(RELEASES, namespace, name) }));
    if (seen !== undefined) return seen;
    throw failure(`CanaryRelease ${namespace}/${name} cannot be read; update kubectl canary`);
  } catch (thrown) {
    if (!isGlidepathError(thrown, 'GLIDEPATH_E_NOT_FOUND')) throw thrown;
    throw failure(describeMissing(name, namespace, await listReleases(link, namespace)));
  }
}

/** The release that is meant: by name, or the only one of its namespace. */
export async function findRelease(link: ClusterLink, namespace: string, name: string | undefined): Promise<SeenRelease> {
  if (name !== undefined) return getRelease(link, namespace, name);
  const all = await listReleases(link, namespace);
  const [only, second] = all;
  if (only !== undefined && second === undefined) return only;
  throw failure(
    only === undefined
      ? `namespace ${namespace} has no CanaryRelease; choose another namespace with -n, or list all with kubectl canary list -A`
      : `namespace ${namespace} has several CanaryReleases; name one of ${all.map((release) => release.name).join(', ')}`,
  );
}

/**
 * The release that has `targetRef` to this Deployment.
 * @param name only the one of this name
 * @throws GlidepathError that says which releases there are
 */
export async function findReleaseOf(
  link: ClusterLink,
  namespace: string,
  deployment: string,
  name: string | undefined,
): Promise<SeenRelease> {
  const all = name === undefined ? await listReleases(link, namespace) : [await getRelease(link, namespace, name)];
  const [only, second] = all.filter((release) => targetOf(release) === deployment);
  if (only !== undefined && second === undefined) return only;
  if (only !== undefined)
    throw failure(`several CanaryReleases of namespace ${namespace} have targetRef to Deployment ${deployment}; name the one that drives`);
  const known = all.map((release) => `${release.name} (${describeTarget(release)})`).join(', ') || 'none';
  throw failure(
    `no CanaryRelease of namespace ${namespace} has targetRef to Deployment ${deployment}; there: ${known}. In Services mode wait with --revision`,
  );
}

function describeTarget({ spec }: SeenRelease): string {
  if (spec?.targetRef !== undefined) return `Deployment ${spec.targetRef.name}`;
  return spec === undefined ? 'not readable' : `Services ${(spec.services ?? []).map((service) => service.name).join(' and ')}`;
}

function describeMissing(name: string, namespace: string, all: readonly SeenRelease[]): string {
  const what = `CanaryRelease ${namespace}/${name} not found`;
  if (all.length === 0)
    return `${what}, and the namespace has no other; choose another namespace with -n, or list all with kubectl canary list -A`;
  const near = findNear(
    name,
    all.map((release) => release.name),
  );
  if (near.length > 0) return `${what}; did you mean ${near.join(' or ')}?`;
  const names = all.slice(0, 8).map((release) => release.name);
  return `${what}; the namespace has ${names.join(', ')}${all.length > names.length ? ` and ${all.length - names.length} more` : ''}`;
}

/** Names that a typing error may have meant, the nearest first. */
export function findNear(name: string, names: readonly string[]): readonly string[] {
  const most = Math.max(1, Math.floor(name.length / 3));
  return names
    .map((other) => ({ other, away: other.includes(name) || name.includes(other) ? 1 : distance(name, other) }))
    .filter(({ away }) => away <= most)
    .sort((a, b) => a.away - b.away || a.other.localeCompare(b.other))
    .slice(0, 3)
    .map(({ other }) => other);
}

/** Letters to add, drop or change (Levenshtein). */
function distance(left: string, right: string): number {
  let row = Array.from({ length: right.length + 1 }, (_, column) => column);
  for (const [above, letter] of left.split('').entries()) {
    const next = [above + 1];
    for (const [column, other] of right.split('').entries())
      next.push(Math.min((row[column] ?? 0) + (letter === other ? 0 : 1), (row[column + 1] ?? 0) + 1, (next[column] ?? 0) + 1));
    row = next;
  }
  return row.at(-1) ?? 0;
}
