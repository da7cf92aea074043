// Which pod templates stand behind a Service: one list of pod labels, and again only after the endpoints or the selector
// have changed.

import { isGlidepathError } from '../../api/errors.ts';
import { fieldsOf, textOf } from './fields.ts';
import { listAll } from './list.ts';
import type { Transport } from './transport.ts';

export interface Templates {
  readonly hashes: readonly string[];
  /** False: the pods could not be listed, the hashes are those of an earlier time or none. */
  readonly fresh: boolean;
}

interface Known {
  /** What the hashes were read for; another stamp means that they may have changed. */
  stamp: string;
  hashes: readonly string[];
  listing: Promise<readonly string[]> | undefined;
  listingStamp: string;
}

const TEMPLATE_LABEL = 'pod-template-hash';
/** Labels only; a whole pod is ten times as much. */
const METADATA_ONLY = 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=1,application/json';
const RUNNING_ONLY = 'status.phase!=Succeeded,status.phase!=Failed';

export class PodTemplates {
  readonly #transport: Transport;
  readonly #known = new Map<string, Known>();

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Never throws. `stamp` changes whenever the pods behind the selector may have. */
  async resolve(namespace: string, service: string, selector: string, stamp: string): Promise<Templates> {
    const key = `${namespace}/${service}`;
    if (selector === '') {
      this.#known.delete(key);
      return { hashes: [], fresh: true };
    }
    const known = this.#known.get(key) ?? { stamp: '', hashes: [], listing: undefined, listingStamp: '' };
    this.#known.set(key, known);
    if (known.stamp === stamp) return { hashes: known.hashes, fresh: true };
    try {
      return { hashes: await this.#listOnce(known, namespace, selector, stamp), fresh: true };
    } catch (error) {
      if (isGlidepathError(error)) return { hashes: known.hashes, fresh: false };
      throw error;
    }
  }

  /** Callers that ask for the same state share one list. */
  #listOnce(known: Known, namespace: string, selector: string, stamp: string): Promise<readonly string[]> {
    if (known.listing !== undefined && known.listingStamp === stamp) return known.listing;
    const listing = this.#list(namespace, selector)
      .then((hashes) => {
        if (known.listingStamp === stamp) {
          known.stamp = stamp;
          known.hashes = hashes;
        }
        return hashes;
      })
      .finally(() => {
        if (known.listing === listing) known.listing = undefined;
      });
    known.listing = listing;
    known.listingStamp = stamp;
    return listing;
  }

  async #list(namespace: string, selector: string): Promise<readonly string[]> {
    const { items } = await listAll(this.#transport, `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods`, {
      query: { labelSelector: selector, fieldSelector: RUNNING_ONLY },
      lane: 'normal',
      accept: METADATA_ONLY,
      repeat: true,
      pick: hashOf,
    });
    return [...new Set(items.filter((hash) => hash !== undefined))].sort();
  }
}

/** A pod that is going is no part of what stands behind the Service. */
function hashOf(pod: unknown): string | undefined {
  const { labels, deletionTimestamp } = fieldsOf(fieldsOf(pod)['metadata']);
  return deletionTimestamp === undefined || deletionTimestamp === null ? textOf(fieldsOf(labels)[TEMPLATE_LABEL]) : undefined;
}
