// From zod's JSON schema to a structural schema of Kubernetes. Refuses what the API server would refuse or could not bound:
// unions, references, strings, lists and maps without a maximum, and regular expressions that RE2 does not know.
import { z } from 'zod';
import { OPEN_ENUM, TEXT_OR_OBJECT } from '../../src/api/fields.ts';

/** A JSON schema node. */
export type SchemaNode = { [key: string]: unknown };

/** Widest word that an open enum may grow to. */
const OPEN_ENUM_MAX_LENGTH = 64;
const DROPPED = ['$schema', 'additionalProperties', 'propertyNames', OPEN_ENUM];
/** What the API server checks of a value that is a text. */
const TEXT_CHECKS = ['pattern', 'maxLength'];
const UNIONS = ['anyOf', 'oneOf', 'allOf', '$ref'];

/** The structural schema of a zod schema. @throws Error that names the field which cannot be one. */
export function toStructural(schema: z.ZodType): SchemaNode {
  const json: SchemaNode = z.toJSONSchema(schema, { target: 'openapi-3.0', io: 'input', reused: 'inline' });
  return convert(json, '$');
}

function convert(node: SchemaNode, path: string): SchemaNode {
  if (node[TEXT_OR_OBJECT] === true) return convertUnion(node, path);
  for (const key of UNIONS) if (key in node) throw new Error(`${path}: ${key} has no structural form`);
  const kept = Object.fromEntries(Object.entries(node).filter(([key]) => !DROPPED.includes(key)));
  const open = node[OPEN_ENUM] === true ? openUp(kept) : kept;
  const bounded = dropSafeIntegerBounds(open);
  const nested = { ...bounded, ...convertNested(node, bounded, path) };
  requireBounds(nested, path);
  return nested;
}

/** A field of any type: a pattern says something of texts alone, so that objects are left to the parser. */
function convertUnion(node: SchemaNode, path: string): SchemaNode {
  const { anyOf, [TEXT_OR_OBJECT]: _mark, ...rest } = node;
  const text = Array.isArray(anyOf) ? anyOf.filter(isNode).find(({ type }) => type === 'string') : undefined;
  if (text === undefined) throw new Error(`${path}: a union of a text and an object needs a text`);
  requireBounds(text, path);
  const checks = Object.entries(text).filter(([key]) => TEXT_CHECKS.includes(key));
  return { ...rest, ...Object.fromEntries(checks), 'x-kubernetes-preserve-unknown-fields': true };
}

function convertNested(node: SchemaNode, kept: SchemaNode, path: string): SchemaNode {
  const values = node['additionalProperties'];
  return {
    ...(isNode(kept['properties']) ? { properties: convertProperties(kept['properties'], path) } : {}),
    ...(isNode(kept['items']) ? { items: convert(kept['items'], `${path}[]`) } : {}),
    ...(isNode(values) && node['properties'] === undefined && Object.keys(values).length > 0
      ? { additionalProperties: convert(values, `${path}{}`) }
      : {}),
  };
}

function convertProperties(properties: SchemaNode, path: string): SchemaNode {
  const entries = Object.entries(properties).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([name, child]) => [name, convert(child as SchemaNode, `${path}.${name}`)]));
}

function openUp(node: SchemaNode): SchemaNode {
  const { enum: _words, ...rest } = node;
  return { ...rest, minLength: 1, maxLength: OPEN_ENUM_MAX_LENGTH };
}

function dropSafeIntegerBounds(node: SchemaNode): SchemaNode {
  const { minimum, maximum, ...rest } = node;
  return {
    ...rest,
    ...(minimum === undefined || minimum === Number.MIN_SAFE_INTEGER ? {} : { minimum }),
    ...(maximum === undefined || maximum === Number.MAX_SAFE_INTEGER ? {} : { maximum }),
  };
}

function requireBounds(node: SchemaNode, path: string): void {
  const pattern = node['pattern'];
  if (typeof pattern === 'string' && /\(\?[=!<]|\\[1-9]/.test(pattern)) throw new Error(`${path}: RE2 has no ${pattern}`);
  const missing = findMissingBound(node);
  if (missing !== undefined) throw new Error(`${path}: give it ${missing}, the API server computes the cost of rules from it`);
  if (node['type'] === 'array' && node['x-kubernetes-list-type'] === undefined) throw new Error(`${path}: give it a list type`);
}

function findMissingBound(node: SchemaNode): string | undefined {
  const bounds = [
    ['maxLength', node['type'] === 'string' && node['enum'] === undefined],
    ['maxItems', node['type'] === 'array'],
    ['maxProperties', node['additionalProperties'] !== undefined],
  ] as const;
  return bounds.find(([bound, needed]) => needed && node[bound] === undefined)?.[0];
}

function isNode(value: unknown): value is SchemaNode {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
