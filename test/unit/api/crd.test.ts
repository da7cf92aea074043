import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { CRD_FILE, buildCrd, renderCrd } from '../../../tools/generate/crd.ts';
import { type SchemaNode, toStructural } from '../../../tools/generate/structural.ts';

const version = (buildCrd()['spec'] as { versions: readonly SchemaNode[] }).versions[0] ?? {};
const root = (version['schema'] as { openAPIV3Schema: SchemaNode }).openAPIV3Schema;
const nodes = [...walk(root, '$')];

function* walk(node: SchemaNode, path: string): Generator<readonly [string, SchemaNode]> {
  yield [path, node];
  for (const [name, child] of Object.entries((node['properties'] ?? {}) as SchemaNode)) yield* walk(child as SchemaNode, `${path}.${name}`);
  if (node['items'] !== undefined) yield* walk(node['items'] as SchemaNode, `${path}[]`);
}

describe('crds/', () => {
  test('crds/ holds what the schema generates; `npm run generate` writes it', () => {
    expect(readFileSync(CRD_FILE, 'utf8')).toBe(renderCrd());
  });

  test('crds/ reads the same in YAML 1.1, which kubectl speaks, and 1.2', () => {
    expect(parse(renderCrd(), { version: '1.1' })).toEqual(parse(renderCrd()));
  });

  test('crds/ carries the number of its schema', () => {
    expect(buildCrd()['metadata']).toMatchObject({ annotations: { 'glidepath.dev/schema': '4' } });
  });

  test('crds/ shows the columns of the design', () => {
    const columns = version['additionalPrinterColumns'] as readonly { name: string; priority?: number }[];
    expect(columns.filter((column) => column.priority === undefined).map((column) => column.name.toUpperCase())).toEqual([
      'PHASE',
      'PROGRESS',
      'WEIGHT',
      'VERDICT',
      'REVISION',
      'AGE',
    ]);
    expect(columns.filter((column) => column.priority === 1).map((column) => column.name.toUpperCase())).toEqual(['MEASURED', 'MESSAGE']);
  });

  test('a fresh object has a status that no generation was looked at', () => {
    expect((root['properties'] as SchemaNode)['status']).toMatchObject({ default: { observedGeneration: -1 } });
  });
});

describe('the structural schema', () => {
  test('bounds every string, list and map of ours', () => {
    const unbounded = nodes.filter(([path, node]) => {
      if (!/^\$\.(spec|status)/.test(path)) return false;
      if (node['type'] === 'string') return node['enum'] === undefined && node['maxLength'] === undefined;
      if (node['type'] === 'array') return node['maxItems'] === undefined;
      return node['additionalProperties'] !== undefined && node['maxProperties'] === undefined;
    });
    expect(unbounded.map(([path]) => path)).toEqual([]);
  });

  test('the structural schema has a type for every node and a list type for every list', () => {
    // A percentage or an object with one: no type of a structural schema is both.
    const untyped = nodes.filter(([, node]) => node['type'] === undefined);
    expect(untyped.map(([path]) => path)).toEqual(['$.spec.analysis.comparison.riskBudget']);
    expect(untyped.map(([, node]) => Object.keys(node).toSorted())).toEqual([
      ['default', 'description', 'maxLength', 'pattern', 'x-kubernetes-preserve-unknown-fields'],
    ]);
    expect(
      nodes.filter(([, node]) => node['type'] === 'array' && node['x-kubernetes-list-type'] === undefined).map(([path]) => path),
    ).toEqual([]);
  });

  test('the structural schema never closes an enum in the status, so that no write of a later operator is refused', () => {
    const closed = nodes.filter(([path, node]) => path.startsWith('$.status') && node['enum'] !== undefined).map(([path]) => path);
    expect(closed).toEqual(['$.status.conditions[].status']);
  });

  test('the structural schema has no float: quantities are strings or integers', () => {
    expect(nodes.filter(([, node]) => node['type'] === 'number').map(([path]) => path)).toEqual([]);
  });

  test('the structural schema has no rule in the status: the write of a rollback must never be refused', () => {
    expect(nodes.filter(([path, node]) => path.startsWith('$.status') && 'x-kubernetes-validations' in node).map(([path]) => path)).toEqual(
      [],
    );
  });

  test('every rule says something', () => {
    const rules = nodes.flatMap(([, node]) => (node['x-kubernetes-validations'] ?? []) as readonly SchemaNode[]);
    expect(rules.length).toBeGreaterThan(40);
    for (const rule of rules) expect(String(rule['message'] ?? rule['messageExpression']).length).toBeGreaterThan(20);
  });

  test.each([
    ['a string without a maximum', z.object({ a: z.string() }), /\$\.a: give it maxLength/],
    ['a list without a maximum', z.object({ a: z.array(z.int()).meta({ 'x-kubernetes-list-type': 'atomic' }) }), /\$\.a: give it maxItems/],
    ['a list without a list type', z.object({ a: z.array(z.int()).max(3) }), /\$\.a: give it a list type/],
    ['a map without a maximum', z.object({ a: z.record(z.string(), z.int()) }), /\$\.a: give it maxProperties/],
    ['a union', z.object({ a: z.union([z.int(), z.boolean()]) }), /\$\.a: anyOf has no structural form/],
    [
      'a pattern that RE2 does not know',
      z.object({
        a: z
          .string()
          .max(9)
          .regex(/^(?!x)/),
      }),
      /\$\.a: RE2 has no/,
    ],
  ])('the structural schema refuses %s', (_name, schema, expected) => {
    expect(() => toStructural(schema)).toThrow(expected);
  });
});
