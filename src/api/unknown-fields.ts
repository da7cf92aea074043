// Fields of a manifest that the API does not know. `kubectl apply` refuses them and the API server drops them for other clients, so
// a check without a cluster has to find them as well.
import * as z from 'zod';
import type { Problem } from './release.ts';
import { specSchema } from './spec.ts';
import { storedStatusSchema } from './stored-status.ts';

const TOP_LEVEL = ['apiVersion', 'kind', 'metadata', 'spec', 'status'];

/** Every field of a CanaryRelease that the API does not know, with its path. Metadata is the API server's own. */
export function findUnknownFields(object: unknown): readonly Problem[] {
  if (!isRecord(object)) return [];
  const top = Object.keys(object).filter((key) => !TOP_LEVEL.includes(key));
  return [
    ...top.map((key) => ({ path: key, message: 'unknown field; remove it' })),
    ...walk(specSchema, object['spec'], 'spec'),
    ...walk(storedStatusSchema, object['status'], 'status'),
  ];
}

function walk(schema: z.core.$ZodType, value: unknown, path: string): readonly Problem[] {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault) {
    return walk(schema.def.innerType, value, path);
  }
  if (schema instanceof z.ZodArray) {
    const items: readonly unknown[] = Array.isArray(value) ? value : [];
    return items.flatMap((item, index) => walk(schema.element, item, `${path}[${index}]`));
  }
  return schema instanceof z.ZodObject && isRecord(value) ? walkObject(schema, value, path) : [];
}

function walkObject(schema: z.ZodObject, value: Readonly<Record<string, unknown>>, path: string): readonly Problem[] {
  return Object.entries(value).flatMap(([key, child]) => {
    const known = Object.hasOwn(schema.shape, key) ? schema.shape[key] : undefined;
    const where = `${path}.${key}`;
    if (known !== undefined) return walk(known, child, where);
    return [{ path: where, message: `unknown field; known here are ${Object.keys(schema.shape).join(', ')}` }];
  });
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
