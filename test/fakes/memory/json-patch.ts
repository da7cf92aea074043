// JSON Patch (RFC 6902) as the API server applies it to plain JSON: `test`, `add`, `replace`, `remove`, all or nothing.

import type { JsonPatchOperation } from '../../../src/core/routing/patch.ts';

/** A test did not hold or a path is not there: to the API server both are the same. */
export class PatchRefused extends Error {}

/** The document after all operations; the given one stays as it is. @throws PatchRefused */
export function applyJsonPatch<T>(document: T, operations: readonly JsonPatchOperation[]): T {
  const copy = structuredClone(document);
  for (const operation of operations) applyOne(copy, operation);
  return copy;
}

function applyOne(document: unknown, operation: JsonPatchOperation): void {
  const parts = operation.path
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
  const last = parts.pop() ?? '';
  const parent = parts.reduce<unknown>((node, part) => childOf(node, part, operation.path), document);
  if (operation.op === 'test') {
    // What is not there equals null.
    if (!isSame(read(parent, last) ?? null, operation.value)) refuse(operation, `it is ${JSON.stringify(read(parent, last))}`);
    return;
  }
  if (operation.op !== 'add' && read(parent, last) === undefined) refuse(operation, 'the path is not there');
  if (operation.op === 'remove') remove(parent, last);
  else write(parent, last, structuredClone(operation.value), operation.op);
}

function refuse(operation: JsonPatchOperation, why: string): never {
  throw new PatchRefused(`${operation.op} ${operation.path}: ${why}`);
}

function childOf(node: unknown, part: string, path: string): unknown {
  const child = read(node, part);
  if (typeof child !== 'object' || child === null) throw new PatchRefused(`${path}: there is no ${part}`);
  return child;
}

function read(node: unknown, part: string): unknown {
  if (Array.isArray(node)) return (node as readonly unknown[])[Number(part)];
  return typeof node === 'object' && node !== null ? (node as Record<string, unknown>)[part] : undefined;
}

function remove(node: unknown, part: string): void {
  if (Array.isArray(node)) node.splice(Number(part), 1);
  else delete (node as Record<string, unknown>)[part];
}

function write(node: unknown, part: string, value: unknown, op: 'add' | 'replace'): void {
  if (!Array.isArray(node)) (node as Record<string, unknown>)[part] = value;
  else if (op === 'add') node.splice(part === '-' ? node.length : Number(part), 0, value);
  else node[Number(part)] = value;
}

/** Equal as JSON; the order of an object's fields does not matter. */
export function isSame(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  const [left, right] = [JSON.stringify(a), JSON.stringify(b)];
  if (left === right) return true;
  // The order of fields does not change the length; only equally long texts need a closer look.
  if (left?.length !== right?.length) return false;
  return JSON.stringify(sortFields(a)) === JSON.stringify(sortFields(b));
}

function sortFields(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortFields);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, inner]) => inner !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, inner]) => [name, sortFields(inner)]),
  );
}
