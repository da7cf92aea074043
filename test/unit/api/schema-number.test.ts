// An operator whose status has a field that the installed CRD does not know loses it: the schema's number has to grow with the schema.

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { SCHEMA_NUMBER } from '../../../src/api/names.ts';

/** The names of all fields, with the number that they came with. A change of fields gets the next number, and both are written here. */
const KNOWN = { number: 4, fields: 'fa2055d935b50ee9' };

/** Paths of all fields of a schema. */
function fieldsOf(schema: unknown, path = ''): readonly string[] {
  if (typeof schema !== 'object' || schema === null) return [];
  const { properties = {}, items } = schema as { readonly properties?: Readonly<Record<string, unknown>>; readonly items?: unknown };
  const own = Object.entries(properties).flatMap(([name, field]) => [`${path}.${name}`, ...fieldsOf(field, `${path}.${name}`)]);
  return [...own, ...fieldsOf(items, `${path}[]`)];
}

test('the number of the schema has grown with its fields', () => {
  const crd = parse(readFileSync(new URL('../../../crds/glidepath.dev_canaryreleases.yaml', import.meta.url), 'utf8')) as {
    readonly spec: { readonly versions: readonly { readonly schema: { readonly openAPIV3Schema: unknown } }[] };
  };
  const paths = crd.spec.versions.flatMap(({ schema }) => fieldsOf(schema.openAPIV3Schema));
  expect(paths.length).toBeGreaterThan(100);
  const fields = createHash('sha256').update(paths.toSorted().join('\n')).digest('hex').slice(0, 16);
  expect({ number: SCHEMA_NUMBER, fields }, 'raise SCHEMA_NUMBER in src/api/names.ts, and write both here').toEqual(KNOWN);
});
