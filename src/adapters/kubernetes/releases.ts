// CanaryRelease objects: watched, read, their status replaced with the version that was read, their finalizer set.

import { toStoredStatus } from '../../api/stored-status.ts';
import { API_VERSION, FIELD_MANAGER, FINALIZER, GROUP, KIND, PLURAL, VERSION } from '../../api/names.ts';
import { GlidepathError, isGlidepathError } from '../../api/errors.ts';
import { parseRelease, type CanaryRelease } from '../../api/release.ts';
import type { ReleaseKey, ReleaseStore } from '../../ports/releases.ts';
import type { ChangeListener } from '../../ports/cluster.ts';
import { Listeners } from './informer/changes.ts';
import { fieldsOf, listOf, textOf, trimMetadata, withoutLargeAnnotations } from './client/fields.ts';
import { buildReflectors, pathOf, type WatchedCache, type WatchEnvironment } from './informer/kinds.ts';
import { type CachedObject, ObjectCache } from './informer/object-cache.ts';
import type { Reflector, ReflectorHealth } from './informer/reflector.ts';
import { MERGE_PATCH, type Transport } from './client/transport.ts';

const RELEASES = { group: GROUP, version: VERSION, plural: PLURAL };
const PAGE_SIZE = 250;
const FINALIZER_ATTEMPTS = 5;
const UNKNOWN_FIELD = /unknown field/;

export class KubernetesReleases implements ReleaseStore, WatchedCache {
  readonly #transport: Transport;
  readonly #listeners = new Listeners();
  readonly #cache: ObjectCache<CachedObject>;
  readonly #reflectors: readonly Reflector[];

  constructor(env: WatchEnvironment) {
    this.#transport = env.transport;
    this.#cache = new ObjectCache((old, now) => {
      const { namespace = '', name } = (now ?? old ?? NOBODY).metadata;
      this.#listeners.tell({ kind: KIND, namespace, name, old, new: now });
    });
    this.#reflectors = buildReflectors({ resource: RELEASES, cache: this.#cache, trim: trimRelease, pageSize: PAGE_SIZE }, env);
  }

  onChange(listener: ChangeListener): () => void {
    return this.#listeners.add(listener);
  }

  async run(stop: AbortSignal): Promise<void> {
    await Promise.all(this.#reflectors.map((reflector) => reflector.run(stop)));
  }

  synced(): boolean {
    return this.#reflectors.every((reflector) => reflector.hasSynced);
  }

  health(): readonly ReflectorHealth[] {
    return this.#reflectors.map((reflector) => reflector.health());
  }

  cached(key: ReleaseKey): unknown {
    return this.#cache.get(key.namespace, key.name);
  }

  cachedIn(namespace: string): readonly unknown[] {
    return this.#cache.inNamespace(namespace);
  }

  /** Every cached release, for a resync. */
  *keys(): Generator<ReleaseKey> {
    for (const { metadata } of this.#cache.all()) yield { namespace: metadata.namespace ?? '', name: metadata.name };
  }

  async read(key: ReleaseKey): Promise<unknown> {
    const { body } = await this.#transport.request({ method: 'GET', path: pathOfRelease(key) });
    return this.#keep(body);
  }

  async replaceStatus(release: CanaryRelease): Promise<unknown> {
    const { name, namespace, uid, resourceVersion } = fieldsOf(release.metadata);
    const key = { namespace: textOf(namespace) ?? '', name: textOf(name) ?? '' };
    const { body, warnings } = await this.#transport.request({
      method: 'PUT',
      path: `${pathOfRelease(key)}/status`,
      query: { fieldManager: FIELD_MANAGER, fieldValidation: 'Warn' },
      // The server takes nothing but the status from this body; uid and version are its preconditions.
      body: { apiVersion: API_VERSION, kind: KIND, metadata: { name, namespace, uid, resourceVersion }, status: storedOf(release) },
    });
    const kept = this.#keep(body);
    const pruned = warnings.filter((warning) => UNKNOWN_FIELD.test(warning));
    if (pruned.length > 0) throw prunedError(key, pruned);
    return kept;
  }

  async setFinalizer(key: ReleaseKey, present: boolean): Promise<void> {
    let current = this.cached(key);
    for (let attempt = 1; ; attempt += 1) {
      try {
        current ??= await this.read(key);
        const finalizers = nextFinalizers(current, present);
        if (finalizers === undefined) return;
        await this.#patchFinalizers(key, current, finalizers);
        return;
      } catch (error) {
        if (isGlidepathError(error, 'GLIDEPATH_E_NOT_FOUND')) return;
        if (!isGlidepathError(error, 'GLIDEPATH_E_CONFLICT') || attempt >= FINALIZER_ATTEMPTS) throw error;
        current = undefined;
      }
    }
  }

  async #patchFinalizers(key: ReleaseKey, current: unknown, finalizers: readonly string[]): Promise<void> {
    const { resourceVersion, uid } = fieldsOf(fieldsOf(current)['metadata']);
    const { body } = await this.#transport.request({
      method: 'PATCH',
      path: pathOfRelease(key),
      query: { fieldManager: FIELD_MANAGER },
      contentType: MERGE_PATCH,
      // A merge patch replaces the whole list, hence the version: a foreign finalizer must not be lost.
      body: { metadata: { resourceVersion, uid, finalizers } },
    });
    this.#keep(body);
  }

  #keep(body: unknown): unknown {
    const trimmed = trimRelease(body);
    this.#cache.remember(trimmed);
    return trimmed;
  }
}

const NOBODY: CachedObject = { metadata: { name: '' } };

function pathOfRelease(key: ReleaseKey): string {
  return pathOf(RELEASES, key.namespace, key.name);
}

/**
 * The object without what only fills memory: parsed where this version can read it, because the raw one is not needed and two
 * copies of a thousand releases are tens of megabytes; else unchanged.
 */
export function trimRelease(raw: unknown): CachedObject {
  const object = fieldsOf(raw);
  const metadata = withoutLargeAnnotations(trimMetadata(fieldsOf(object['metadata']), 'drop'));
  const trimmed = { ...object, apiVersion: API_VERSION, kind: KIND, metadata } as unknown as CachedObject;
  const parsed = parseRelease(trimmed);
  return parsed.ok ? parsed.release : trimmed;
}

/** @returns the list to write, or undefined when it is already correct. */
function nextFinalizers(release: unknown, present: boolean): readonly string[] | undefined {
  const finalizers = listOf(fieldsOf(fieldsOf(release)['metadata'])['finalizers']).filter((name) => typeof name === 'string');
  if (finalizers.includes(FINALIZER) === present) return undefined;
  return present ? [...finalizers, FINALIZER] : finalizers.filter((name) => name !== FINALIZER);
}

function prunedError(key: ReleaseKey, warnings: readonly string[]): GlidepathError {
  const fields = warnings.join('; ').slice(0, 300);
  return new GlidepathError(
    'GLIDEPATH_E_PRUNED',
    `the stored CRD does not know a field of CanaryRelease ${key.namespace}/${key.name} (${fields}); apply the CRD of this operator version`,
  );
}

function storedOf({ status }: CanaryRelease): unknown {
  return status === undefined ? undefined : toStoredStatus(status);
}
