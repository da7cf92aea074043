// Writes on the fake API server: create, replace, patch, delete and the status subresource, with managedFields as far as
// they name who wrote last.

import type { SeenRequest } from './faults.ts';
import { applyJsonPatch, applyMergePatch, type FakeInput, type FakeObject, type FakeObjects, FakeRefusal } from './objects.ts';
import type { ParsedPath } from './resources.ts';

export interface FakeAnswer {
  readonly code: number;
  readonly body: unknown;
}

/** What an admission policy makes of a change. */
export type Admission = (next: FakeInput, old: FakeObject) => FakeInput;

/** @throws FakeRefusal */
export function handleWrite(objects: FakeObjects, parsed: ParsedPath, seen: SeenRequest, admit: Admission = (next) => next): FakeAnswer {
  if (parsed.name === undefined) {
    const input = seen.body as FakeInput;
    const { namespace } = parsed;
    const metadata = { ...input.metadata, ...(namespace === undefined ? {} : { namespace }) };
    if (seen.query['dryRun'] === 'All') return { code: 201, body: { ...input, metadata } };
    return { code: 201, body: objects.create(parsed.collection, { ...input, metadata }) };
  }
  const old = objects.get(parsed.collection, parsed.namespace, parsed.name);
  if (old === undefined)
    throw new FakeRefusal(404, 'NotFound', `${parsed.resource.plural} "${parsed.name}" not found`, {
      name: parsed.name,
      kind: parsed.resource.plural,
    });
  if (seen.method === 'DELETE') return { code: 200, body: objects.delete(parsed.collection, old) };
  const next = admit(scope(old, changed(old, seen), parsed.subresource), old);
  if (seen.query['dryRun'] === 'All') return { code: 200, body: next };
  if (JSON.stringify(next) === JSON.stringify(old)) return { code: 200, body: old };
  return { code: 200, body: objects.update(parsed.collection, old, withManager(old, next, seen)) };
}

function changed(old: FakeObject, seen: SeenRequest): FakeInput {
  if (seen.method === 'PUT') return seen.body as FakeInput;
  switch (seen.contentType ?? '') {
    case 'application/json-patch+json':
      return applyJsonPatch(old, seen.body) as FakeInput;
    case 'application/merge-patch+json':
      return applyMergePatch(old, seen.body) as FakeInput;
    default:
      throw new FakeRefusal(415, 'UnsupportedMediaType', `the body of the request was in an unknown format: ${String(seen.contentType)}`);
  }
}

/** The status subresource takes only the status, the object itself everything else. */
function scope(old: FakeObject, next: FakeInput, subresource: string | undefined): FakeInput {
  const { resourceVersion, uid } = next.metadata;
  const guards = { ...(resourceVersion === undefined ? {} : { resourceVersion }), ...(uid === undefined ? {} : { uid }) };
  if (subresource === 'status') {
    const { status: _status, ...rest } = old;
    return { ...rest, ...(next['status'] === undefined ? {} : { status: next['status'] }), metadata: { ...old.metadata, ...guards } };
  }
  const { status: _status, ...rest } = next;
  return { ...rest, ...(old['status'] === undefined ? {} : { status: old['status'] }), metadata: next.metadata };
}

function withManager(old: FakeObject, next: FakeInput, seen: SeenRequest): FakeInput {
  const manager = seen.query['fieldManager'];
  const touched = JSON.stringify(next.metadata['managedFields']) !== JSON.stringify(old.metadata['managedFields']);
  if (manager === undefined || touched) return next;
  const before = Array.isArray(old.metadata['managedFields']) ? old.metadata['managedFields'] : [];
  const others = before.filter((entry: { readonly manager?: string }) => entry.manager !== manager);
  const entry = {
    manager,
    operation: 'Update',
    apiVersion: old['apiVersion'],
    time: '2030-01-01T00:00:00Z',
    fieldsType: 'FieldsV1',
    fieldsV1: { 'f:spec': {} },
  };
  return { ...next, metadata: { ...next.metadata, managedFields: [...others, entry] } };
}
