// What a watch has shown, by namespace and name, overlaid with the answers of own writes until the watch has caught up: a decision
// right after a write must not use the state before it.

/** The part of an object that a cache needs. */
export interface CachedObject {
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string | undefined;
    readonly uid?: string | undefined;
    readonly resourceVersion?: string | undefined;
  };
}

/** Called after the cache holds the change. */
export type CacheChange<T> = (old: T | undefined, now: T | undefined) => void;

/** True if `left` is the later of two resourceVersions; those that are no numbers are not compared. */
export function isNewer(left: string | undefined, right: string | undefined): boolean {
  const [a, b] = [left ?? '', right ?? ''];
  if (!/^\d+$/.test(a) || !/^\d+$/.test(b)) return false;
  return a.length === b.length ? a > b : a.length > b.length;
}

export class ObjectCache<T extends CachedObject> {
  readonly #changed: CacheChange<T>;
  readonly #watched = new Map<string, Map<string, T>>();
  readonly #written = new Map<string, Map<string, T>>();

  constructor(changed: CacheChange<T>) {
    this.#changed = changed;
  }

  /** The newest known, or undefined. */
  get(namespace: string, name: string): T | undefined {
    const watched = this.#watched.get(namespace)?.get(name);
    return this.#written.get(namespace)?.get(name) ?? watched;
  }

  /** The newest known of a namespace, in no particular order. */
  inNamespace(namespace: string): readonly T[] {
    const watched = this.#watched.get(namespace);
    const written = this.#written.get(namespace);
    if (written === undefined) return watched === undefined ? [] : [...watched.values()];
    return [...new Map([...(watched ?? []), ...written]).values()];
  }

  /** Everything the watch has shown. */
  *all(): Generator<T> {
    for (const objects of this.#watched.values()) yield* objects.values();
  }

  /**
   * A fresh list of a namespace (undefined: of all). Reports the differences only, or with `tellAll` every object as if it were
   * new, because a listener may have missed something.
   */
  replace(objects: readonly T[], namespace: string | undefined, tellAll: boolean, listVersion?: string): void {
    const listed = new Set(objects.map(keyOf));
    const gone = [...this.#inScope(namespace)].filter((object) => !listed.has(keyOf(object)));
    this.#dropOldWrites(namespace, listed, listVersion);
    for (const object of gone) this.remove(object);
    for (const object of objects) this.#put(object, tellAll);
  }

  /** The watch shows an object. Known versions are not reported again. */
  upsert(object: T): void {
    this.#put(object, false);
  }

  /** The watch shows that an object was deleted; `object` is its last state. */
  remove(object: T): void {
    const { namespace = '', name } = object.metadata;
    this.#forgetWrite(namespace, name, object.metadata.resourceVersion, true);
    const objects = this.#watched.get(namespace);
    const old = objects?.get(name);
    if (objects === undefined || old === undefined) return;
    objects.delete(name);
    try {
      this.#changed(old, undefined);
    } catch (error) {
      // The next list would not show the deletion, so the object stays until the listeners were called.
      objects.set(name, old);
      throw error;
    }
    if (objects.size === 0) this.#watched.delete(namespace);
  }

  /** The answer of an own read or write: kept if it is newer than what the watch has shown, until that is as new. */
  remember(object: T): void {
    const { namespace = '', name, resourceVersion } = object.metadata;
    const known = this.get(namespace, name);
    if (known === undefined || !isNewer(resourceVersion, known.metadata.resourceVersion)) return;
    const written = this.#written.get(namespace) ?? new Map<string, T>();
    written.set(name, object);
    this.#written.set(namespace, written);
  }

  #put(object: T, tellAlways: boolean): void {
    const { namespace = '', name, resourceVersion, uid } = object.metadata;
    this.#forgetWrite(namespace, name, resourceVersion, false);
    const objects = this.#watched.get(namespace) ?? new Map<string, T>();
    const old = objects.get(name);
    objects.set(name, object);
    this.#watched.set(namespace, objects);
    const same = old !== undefined && old.metadata.resourceVersion === resourceVersion && old.metadata.uid === uid;
    if (tellAlways) this.#changed(undefined, object);
    else if (!same) this.#changed(old, object);
  }

  #forgetWrite(namespace: string, name: string, shown: string | undefined, gone: boolean): void {
    const written = this.#written.get(namespace);
    const mine = written?.get(name);
    if (written === undefined || mine === undefined) return;
    if (!gone && isNewer(mine.metadata.resourceVersion, shown)) return;
    written.delete(name);
    if (written.size === 0) this.#written.delete(namespace);
  }

  #dropOldWrites(namespace: string | undefined, listed: ReadonlySet<string>, listVersion: string | undefined): void {
    for (const [space, written] of this.#written) {
      if (namespace !== undefined && space !== namespace) continue;
      for (const [name, mine] of written) {
        const later = isNewer(mine.metadata.resourceVersion, listVersion);
        if (!listed.has(`${space}/${name}`) && !later) this.#forgetWrite(space, name, undefined, true);
      }
    }
  }

  #inScope(namespace: string | undefined): Iterable<T> {
    return namespace === undefined ? this.all() : (this.#watched.get(namespace)?.values() ?? []);
  }
}

function keyOf(object: CachedObject): string {
  return `${object.metadata.namespace ?? ''}/${object.metadata.name}`;
}
