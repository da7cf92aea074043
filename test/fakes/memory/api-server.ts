// An API server in memory: objects with resourceVersions, generations and managedFields, finalizers, a status of its own, and
// listeners that hear of every change. What it stores is frozen: whoever edits it in place finds out at once.

import type { ManagedFieldsEntry } from '../../../src/api/metadata.ts';
import type { Clock } from '../../../src/ports/clock.ts';
import { GlidepathError } from '../../../src/api/errors.ts';
import { isSame } from './json-patch.ts';

/** An object of any kind, as JSON. */
export interface StoredObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly uid: string;
    readonly resourceVersion: string;
    readonly generation: number;
    readonly creationTimestamp: string;
    readonly deletionTimestamp?: string;
    readonly finalizers?: readonly string[];
    readonly annotations?: Readonly<Record<string, string>>;
    readonly managedFields?: readonly ManagedFieldsEntry[];
  };
  readonly spec?: unknown;
  readonly status?: unknown;
}

export interface ObjectKey {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
}

/** A change that was stored. */
export interface StoredChange extends ObjectKey {
  readonly old: StoredObject | undefined;
  readonly now: StoredObject | undefined;
  readonly manager: string;
}

/** What a client sends to create something. */
export interface NewObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace: string; readonly annotations?: Readonly<Record<string, string>> };
  readonly spec?: unknown;
}

export class MemoryApiServer {
  readonly #clock: Clock;
  readonly #objects = new Map<string, StoredObject>();
  readonly #listeners = new Set<(change: StoredChange) => void>();
  /** True: rules of routes have no names, as with the Gateway API before 1.4. */
  dropsRuleNames = false;
  #version = 100;
  #uids = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get(key: ObjectKey): StoredObject | undefined {
    return this.#objects.get(nameOf(key));
  }

  /** All objects of a kind, oldest first. */
  list(kind: string): readonly StoredObject[] {
    return [...this.#objects.values()].filter((object) => object.kind === kind);
  }

  onChange(listener: (change: StoredChange) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  create(object: NewObject, manager: string): StoredObject {
    const key = { kind: object.kind, namespace: object.metadata.namespace, name: object.metadata.name };
    if (this.get(key) !== undefined) throw new GlidepathError('GLIDEPATH_E_CONFLICT', `${nameOf(key)} is there already`);
    this.#uids += 1;
    const metadata = {
      ...object.metadata,
      uid: `00000000-0000-4000-8000-${String(this.#uids).padStart(12, '0')}`,
      generation: 1,
      creationTimestamp: this.#now(),
      managedFields: [{ manager, operation: 'Update', time: this.#now() }],
    };
    return this.#store(key, undefined, { ...object, metadata: { ...metadata, resourceVersion: '' } }, manager);
  }

  /**
   * Stores what `change` makes of the object. A change of nothing leaves version and generation alone.
   * @throws GlidepathError GLIDEPATH_E_NOT_FOUND
   */
  update(key: ObjectKey, manager: string, change: (old: StoredObject) => StoredObject, subresource?: 'status'): StoredObject {
    const old = this.get(key);
    if (old === undefined) throw new GlidepathError('GLIDEPATH_E_NOT_FOUND', `${nameOf(key)} is not there`);
    const wanted = change(old);
    if (isSame(wanted, old)) return old;
    const moved = !isSame(wanted.spec, old.spec) || wanted.metadata.deletionTimestamp !== old.metadata.deletionTimestamp;
    const generation = old.metadata.generation + (moved ? 1 : 0);
    const managedFields = this.#manage(old, wanted, manager, subresource);
    const stored = { ...wanted, metadata: { ...wanted.metadata, generation, managedFields } };
    const leaves = stored.metadata.deletionTimestamp !== undefined && (stored.metadata.finalizers ?? []).length === 0;
    if (!leaves) return this.#store(key, old, stored, manager);
    this.#drop(key, old, manager);
    return stored;
  }

  /** Marks for deletion where a finalizer holds the object, else removes it. An absent one is no error. */
  delete(key: ObjectKey, manager: string): void {
    const old = this.get(key);
    if (old === undefined) return;
    if ((old.metadata.finalizers ?? []).length === 0) this.#drop(key, old, manager);
    else if (old.metadata.deletionTimestamp === undefined)
      this.update(key, manager, (object) => ({ ...object, metadata: { ...object.metadata, deletionTimestamp: this.#now() } }));
  }

  #store(key: ObjectKey, old: StoredObject | undefined, object: StoredObject, manager: string): StoredObject {
    this.#version += 1;
    const pruned = this.dropsRuleNames && key.kind.endsWith('Route') ? { ...object, spec: withoutRuleNames(object.spec) } : object;
    const stored = freeze(structuredClone({ ...pruned, metadata: { ...object.metadata, resourceVersion: String(this.#version) } }));
    this.#objects.set(nameOf(key), stored);
    for (const listener of this.#listeners) listener({ ...key, old, now: stored, manager });
    return stored;
  }

  #drop(key: ObjectKey, old: StoredObject, manager: string): void {
    this.#version += 1;
    this.#objects.delete(nameOf(key));
    for (const listener of this.#listeners) listener({ ...key, old, now: undefined, manager });
  }

  /** A write that rewrites managedFields and nothing else is taken as it is; any other gets the writer's entry. */
  #manage(old: StoredObject, wanted: StoredObject, manager: string, subresource?: 'status'): readonly ManagedFieldsEntry[] {
    const before = old.metadata.managedFields ?? [];
    const rewritten = wanted.metadata.managedFields ?? [];
    const rest = { ...wanted, metadata: { ...wanted.metadata, managedFields: before } };
    if (isSame(rest, old)) return rewritten;
    const kept = rewritten.filter((entry) => entry.manager !== manager || entry.subresource !== subresource);
    const entry = { manager, operation: 'Update', time: this.#now(), ...(subresource === undefined ? {} : { subresource }) };
    return [...kept, entry];
  }

  /** The API server keeps whole seconds. */
  #now(): string {
    return `${new Date(this.#clock.now()).toISOString().slice(0, 19)}Z`;
  }
}

/** The API server drops fields that it does not know, and says nothing. */
function withoutRuleNames(spec: unknown): unknown {
  const { rules = [], ...rest } = spec as { readonly rules?: readonly { readonly name?: string }[] };
  return { ...rest, rules: rules.map(({ name: _name, ...rule }) => rule) };
}

/** `Kind namespace/name`. */
export function nameOf(key: ObjectKey): string {
  return `${key.kind} ${key.namespace}/${key.name}`;
}

function freeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  Object.freeze(value);
  for (const inner of Object.values(value)) freeze(inner);
  return value;
}
