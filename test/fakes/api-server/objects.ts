// The memory of the fake API server: objects by path, resourceVersions, the history a watch resumes from, JSON Patch and
// merge patch with the answers of the real server (measured on 1.36).

export interface FakeObject {
  readonly [field: string]: unknown;
  readonly metadata: FakeMetadata;
}

export interface FakeMetadata {
  readonly [field: string]: unknown;
  readonly name: string;
  readonly namespace?: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly generation?: number;
  readonly labels?: Readonly<Record<string, string>>;
  readonly finalizers?: readonly string[];
  readonly deletionTimestamp?: string;
}

/** What a client may hand in: the server fills in the rest. */
export type FakeInput = { readonly metadata: { readonly name: string; readonly namespace?: string } & Record<string, unknown> } & Record<
  string,
  unknown
>;

export interface FakeChange {
  readonly version: number;
  /** Such as `/apis/gateway.networking.k8s.io/v1/httproutes`. */
  readonly collection: string;
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly object: FakeObject;
}

/** An error that is answered as a Status. */
export class FakeRefusal extends Error {
  readonly code: number;
  readonly reason: string;
  readonly details: Readonly<Record<string, unknown>> | undefined;

  constructor(code: number, reason: string, message: string, details?: Readonly<Record<string, unknown>>) {
    super(message);
    this.code = code;
    this.reason = reason;
    this.details = details;
  }
}

/** Objects of all collections under one counter of versions, as in etcd. */
export class FakeObjects {
  readonly #objects = new Map<string, Map<string, FakeObject>>();
  readonly #history: FakeChange[] = [];
  readonly #listeners = new Set<(change: FakeChange) => void>();
  #version = 1;
  #oldest = 0;
  #uids = 0;

  get version(): number {
    return this.#version;
  }

  /** Versions up to the present one can no longer be watched from. */
  compact(): void {
    this.#oldest = this.#version;
    this.#history.length = 0;
  }

  /** @returns undefined when `from` is too old. */
  since(from: number, collection: string): readonly FakeChange[] | undefined {
    if (from < this.#oldest) return undefined;
    return this.#history.filter((change) => change.version > from && change.collection === collection);
  }

  listen(listener: (change: FakeChange) => void): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  list(collection: string, namespace: string | undefined): readonly FakeObject[] {
    const objects = [...(this.#objects.get(collection)?.values() ?? [])];
    const scoped = namespace === undefined ? objects : objects.filter(({ metadata }) => metadata.namespace === namespace);
    return scoped.sort((a, b) => (keyOf(a.metadata) < keyOf(b.metadata) ? -1 : 1));
  }

  get(collection: string, namespace: string | undefined, name: string): FakeObject | undefined {
    return this.#objects.get(collection)?.get(keyOf({ namespace, name }));
  }

  create(collection: string, input: FakeInput): FakeObject {
    if (this.get(collection, input.metadata.namespace, input.metadata.name) !== undefined) {
      throw new FakeRefusal(409, 'AlreadyExists', `${input.metadata.name} already exists`, { name: input.metadata.name });
    }
    this.#uids += 1;
    const uid = `00000000-0000-4000-8000-${String(this.#uids).padStart(12, '0')}`;
    const metadata = { uid, creationTimestamp: '2030-01-01T00:00:00Z', generation: 1, ...input.metadata };
    return this.#store(collection, 'ADDED', { ...input, metadata });
  }

  /** Stores a changed object; equal content changes no version. Removes it when its last finalizer goes while it is deleted. */
  update(collection: string, old: FakeObject, next: FakeInput): FakeObject {
    const asked = next.metadata['resourceVersion'];
    if (asked !== undefined && asked !== old.metadata.resourceVersion) {
      throw new FakeRefusal(409, 'Conflict', `Operation cannot be fulfilled on ${old.metadata.name}: the object has been modified`, {
        name: old.metadata.name,
      });
    }
    const { uid, creationTimestamp, resourceVersion, generation, deletionTimestamp } = old.metadata;
    if (next.metadata['uid'] !== undefined && next.metadata['uid'] !== uid) {
      throw new FakeRefusal(409, 'Conflict', `Precondition failed: UID in precondition: ${JSON.stringify(next.metadata['uid'])}`, {
        name: old.metadata.name,
      });
    }
    const kept = { uid, creationTimestamp, resourceVersion, generation, ...(deletionTimestamp === undefined ? {} : { deletionTimestamp }) };
    const candidate: FakeObject = { ...next, metadata: { ...next.metadata, ...kept } as FakeMetadata };
    if (JSON.stringify(sorted(candidate)) === JSON.stringify(sorted(old))) return old;
    const specChanged = JSON.stringify(sorted(candidate['spec'])) !== JSON.stringify(sorted(old['spec']));
    const metadata = { ...candidate.metadata, generation: (generation ?? 1) + (specChanged ? 1 : 0) };
    const gone = deletionTimestamp !== undefined && (metadata.finalizers ?? []).length === 0;
    return this.#store(collection, gone ? 'DELETED' : 'MODIFIED', { ...candidate, metadata });
  }

  /** Deletes, or marks as deleted while finalizers are there. */
  delete(collection: string, old: FakeObject): FakeObject {
    if ((old.metadata.finalizers ?? []).length === 0) return this.#store(collection, 'DELETED', old);
    if (old.metadata.deletionTimestamp !== undefined) return old;
    return this.#store(collection, 'MODIFIED', { ...old, metadata: { ...old.metadata, deletionTimestamp: '2030-01-01T00:00:00Z' } });
  }

  #store(collection: string, type: FakeChange['type'], input: FakeObject): FakeObject {
    this.#version += 1;
    const object: FakeObject = { ...input, metadata: { ...input.metadata, resourceVersion: String(this.#version) } };
    const objects = this.#objects.get(collection) ?? new Map<string, FakeObject>();
    this.#objects.set(collection, objects);
    if (type === 'DELETED') objects.delete(keyOf(object.metadata));
    else objects.set(keyOf(object.metadata), object);
    const change: FakeChange = { version: this.#version, collection, type, object };
    this.#history.push(change);
    for (const listener of this.#listeners) listener(change);
    return object;
  }
}

function keyOf(metadata: { readonly namespace?: string | undefined; readonly name: string }): string {
  return `${metadata.namespace ?? ''}/${metadata.name}`;
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, field]) => [key, sorted(field)]),
  );
}

/** RFC 7386. */
export function applyMergePatch(target: unknown, patch: unknown): unknown {
  if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) return patch;
  const result: Record<string, unknown> = typeof target === 'object' && target !== null && !Array.isArray(target) ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else result[key] = applyMergePatch(result[key], value);
  }
  return result;
}

interface Operation {
  readonly op: string;
  readonly path: string;
  readonly value?: unknown;
}

/** RFC 6902 without move and copy. A failed test, a missing path and a malformed patch are all one refusal. */
export function applyJsonPatch(target: unknown, operations: unknown): unknown {
  if (!Array.isArray(operations)) throw new FakeRefusal(400, 'BadRequest', 'error decoding patch');
  return operations.reduce((document: unknown, operation: Operation) => applyOperation(document, operation), structuredClone(target));
}

const refused = (why: string): FakeRefusal =>
  new FakeRefusal(422, 'Invalid', `the server rejected our request due to an error in our request: ${why}`, {});

function applyOperation(document: unknown, { op, path, value }: Operation): unknown {
  const steps = path
    .split('/')
    .slice(1)
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));
  const last = steps.pop();
  if (last === undefined) throw refused('the whole document');
  let parent: unknown = document;
  for (const step of steps) parent = childOf(parent, step);
  if (Array.isArray(parent)) editList(parent, op, last, value);
  else if (typeof parent === 'object' && parent !== null) editObject(parent as Record<string, unknown>, op, last, value);
  else throw refused(`missing path ${path}`);
  return document;
}

function childOf(parent: unknown, step: string): unknown {
  if (typeof parent !== 'object' || parent === null || !Object.hasOwn(parent, step)) throw refused(`missing path ${step}`);
  return (parent as Record<string, unknown>)[step];
}

function editList(list: unknown[], op: string, last: string, value: unknown): void {
  const index = last === '-' ? list.length : Number(last);
  if (!Number.isInteger(index) || index < 0 || index > list.length || (op !== 'add' && index >= list.length))
    throw refused(`index ${last}`);
  if (op === 'add') list.splice(index, 0, value);
  else if (op === 'remove') list.splice(index, 1);
  else if (op === 'replace') list[index] = value;
  else assertEqual(list[index], value);
}

function editObject(object: Record<string, unknown>, op: string, last: string, value: unknown): void {
  // As the API server has it, what is not there equals null.
  if (op === 'test' && value === null && !Object.hasOwn(object, last)) return;
  if (op !== 'add' && !Object.hasOwn(object, last)) throw refused(`missing path ${last}`);
  if (op === 'remove') delete object[last];
  else if (op === 'add' || op === 'replace') object[last] = value;
  else assertEqual(object[last], value);
}

function assertEqual(found: unknown, expected: unknown): void {
  if (JSON.stringify(sorted(found)) !== JSON.stringify(sorted(expected))) throw refused('testing value failed');
}
