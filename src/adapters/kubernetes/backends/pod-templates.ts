// The pod templates behind a Service: one list of pod labels, and again only after the endpoints or the selector
// have changed.

import { setTimeout as delay } from 'node:timers/promises';
import { isGlidepathError } from '../../../api/errors.ts';
import { fieldsOf, textOf } from '../client/fields.ts';
import { listAll } from '../client/list.ts';
import type { Transport } from '../client/transport.ts';

export interface Templates {
  readonly hashes: readonly string[];
  /** The Deployment of all the pods, where it is one. */
  readonly workload?: string;
  /** Pods of one Deployment are of several templates. */
  readonly rolling: boolean;
  /** False: the pods could not be listed, the hashes are those of an earlier time or none. */
  readonly fresh: boolean;
}

type Found = Omit<Templates, 'fresh'>;

interface Known {
  /** The stamp that the pods were read for; another stamp means that they may have changed. */
  stamp: string;
  found: Found;
  listing: Promise<Found> | undefined;
  listingStamp: string;
  /** That they are not known was said, and what comes of it will be: once, however many ask meanwhile. */
  isAwaited?: boolean;
}

/** Longest wait for the pods of a Service that has lost its ready endpoints. */
const HURRIED_MS = 200;
/** Pods that could not be listed are asked for again after so long. */
const AGAIN_MS = 30_000;
const TEMPLATE_LABEL = 'pod-template-hash';
/** Labels only; a whole pod is ten times as much. */
const METADATA_ONLY = 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=1,application/json';
const RUNNING_ONLY = 'status.phase!=Succeeded,status.phase!=Failed';

export class PodTemplates {
  readonly #transport: Transport;
  readonly #known = new Map<string, Known>();
  readonly #onLate: (namespace: string, service: string) => void;

  /** @param onLate the pods of a Service were given as not known, and that may have changed */
  constructor(transport: Transport, onLate: (namespace: string, service: string) => void) {
    this.#transport = transport;
    this.#onLate = onLate;
  }

  /**
   * Never throws. `stamp` changes whenever the pods behind the selector may have.
   * @param hurried do not wait for a slow API server: a rollback may depend on the answer
   */
  async resolve(namespace: string, service: string, selector: string, stamp: string, hurried = false): Promise<Templates> {
    const key = `${namespace}/${service}`;
    if (selector === '') {
      this.#known.delete(key);
      return { hashes: [], rolling: false, fresh: true };
    }
    const known = this.#known.get(key) ?? { stamp: '', found: { hashes: [], rolling: false }, listing: undefined, listingStamp: '' };
    this.#known.set(key, known);
    if (known.stamp === stamp) return { ...known.found, fresh: true };
    const listing = this.#listOnce(known, namespace, selector, stamp);
    try {
      const found = await (hurried ? Promise.race([listing, delay(HURRIED_MS, undefined, { ref: false })]) : listing);
      if (found !== undefined) return { ...found, fresh: true };
    } catch (error) {
      if (!isGlidepathError(error)) throw error;
    }
    void this.#tellLate(known, listing, namespace, service);
    return { ...known.found, fresh: false };
  }

  /** Nothing else would make anybody ask again: the endpoints of pods that crash do not change. */
  async #tellLate(known: Known, listing: Promise<Found>, namespace: string, service: string): Promise<void> {
    const isFirst = known.isAwaited !== true;
    known.isAwaited = true;
    try {
      await listing;
    } catch {
      if (isFirst) await delay(AGAIN_MS, undefined, { ref: false });
    }
    if (!isFirst) return;
    known.isAwaited = false;
    this.#onLate(namespace, service);
  }

  /** Callers that ask for the same state share one list. */
  #listOnce(known: Known, namespace: string, selector: string, stamp: string): Promise<Found> {
    if (known.listing !== undefined && known.listingStamp === stamp) return known.listing;
    const listing = this.#list(namespace, selector)
      .then((found) => {
        if (known.listingStamp === stamp) {
          known.stamp = stamp;
          known.found = found;
        }
        return found;
      })
      .finally(() => {
        if (known.listing === listing) known.listing = undefined;
      });
    known.listing = listing;
    known.listingStamp = stamp;
    return listing;
  }

  async #list(namespace: string, selector: string): Promise<Found> {
    const { items } = await listAll(this.#transport, `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods`, {
      query: { labelSelector: selector, fieldSelector: RUNNING_ONLY },
      lane: 'normal',
      accept: METADATA_ONLY,
      repeat: true,
      pick: originOf,
    });
    const pods = items.filter((pod) => pod !== undefined);
    const [workload, ...more] = new Set(pods.map((pod) => pod.workload));
    return {
      hashes: [...new Set(pods.map((pod) => pod.hash))].sort(),
      ...(workload === undefined || more.length > 0 ? {} : { workload }),
      rolling: isRolling(pods),
    };
  }
}

/** A Service may select several Deployments for good; one Deployment has several templates only while it is being rolled out. */
function isRolling(pods: readonly Origin[]): boolean {
  const templates = new Map<string, string>();
  return pods.some(({ hash, workload }) => {
    if (workload === undefined) return false;
    const other = templates.get(workload);
    templates.set(workload, hash);
    return other !== undefined && other !== hash;
  });
}

interface Origin {
  readonly hash: string;
  readonly workload: string | undefined;
}

/** A terminating pod no longer counts. The name of a ReplicaSet is that of its Deployment and the hash. */
function originOf(pod: unknown): Origin | undefined {
  const { labels, deletionTimestamp, ownerReferences } = fieldsOf(fieldsOf(pod)['metadata']);
  const hash = textOf(fieldsOf(labels)[TEMPLATE_LABEL]);
  if (hash === undefined || (deletionTimestamp !== undefined && deletionTimestamp !== null)) return undefined;
  const owner = Array.isArray(ownerReferences) ? textOf(fieldsOf(ownerReferences[0])['name']) : undefined;
  return { hash, workload: owner?.endsWith(`-${hash}`) === true ? owner.slice(0, -hash.length - 1) : undefined };
}
