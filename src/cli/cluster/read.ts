// Reads objects that may be missing or forbidden, without an error in those two cases.

import { isGlidepathError } from '../../api/errors.ts';
import { pathOf, type Resource } from '../../adapters/kubernetes/informer/kinds.ts';
import { listAll } from '../../adapters/kubernetes/client/list.ts';
import type { ClusterLink } from './link.ts';

/** An object, or why it could not be read. */
export type Read = { readonly kind: 'read'; readonly object: unknown } | Absent;
/** Objects, or why they could not be read. `missing`: the cluster does not serve the kind. */
export type ReadList<T> = { readonly kind: 'read'; readonly items: readonly T[] } | Absent;
/** Not found, or forbidden to the caller. */
export type Absent = { readonly kind: 'missing' } | { readonly kind: 'forbidden' };

/** One object. @throws GlidepathError for everything but 403 and 404 */
export async function readObject(link: ClusterLink, path: string): Promise<Read> {
  try {
    return { kind: 'read', object: await link.request({ method: 'GET', path }) };
  } catch (thrown) {
    return absentOr(thrown);
  }
}

/** Options of a list. */
export interface ListWish<T> {
  /** Absent: all. */
  readonly namespace?: string | undefined;
  readonly labels?: string;
  /** True: metadata only, a tenth of the whole. */
  readonly metadataOnly?: boolean;
  readonly pick: (raw: unknown) => T;
}

const METADATA_ONLY = 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=1,application/json';

/** All objects of a kind. @throws GlidepathError for everything but 403 and 404 */
export async function readList<T>(link: ClusterLink, resource: Resource, wish: ListWish<T>): Promise<ReadList<T>> {
  const { namespace, labels, metadataOnly, pick } = wish;
  try {
    const { items } = await listAll(link.transport, pathOf(resource, namespace), {
      lane: 'normal',
      repeat: true,
      ...(labels === undefined ? {} : { query: { labelSelector: labels } }),
      ...(metadataOnly === true ? { accept: METADATA_ONLY } : {}),
      pick,
    });
    return { kind: 'read', items };
  } catch (thrown) {
    return absentOr(thrown);
  }
}

/** What was read; nothing where it could not be. */
export function itemsOf<T>(list: ReadList<T>): readonly T[] {
  return list.kind === 'read' ? list.items : [];
}

function absentOr(thrown: unknown): Absent {
  if (isGlidepathError(thrown, 'GLIDEPATH_E_NOT_FOUND')) return { kind: 'missing' };
  if (isGlidepathError(thrown, 'GLIDEPATH_E_FORBIDDEN')) return { kind: 'forbidden' };
  throw thrown;
}
