// Which label of a query no series has, and what is said of it.
import { describe, expect, test } from 'vitest';
import { describeUnmatchedLabel } from '../../../src/cli/doctor/unmatched-label.ts';

const PODS = `http_requests_total{namespace="shop",pod=~"(store-api-5f6d8)-[a-z0-9]+"}[10m]`;

function among(values: Readonly<Record<string, readonly string[] | undefined>>) {
  return (label: string): Promise<readonly string[] | undefined> => Promise.resolve(values[label]);
}

describe('a query that finds nothing', () => {
  test('a query that finds nothing names the first label that no series has with the wanted value', async () => {
    expect(await describeUnmatchedLabel(PODS, among({ namespace: ['bank', 'ship'], pod: [] }))).toBe(
      'no http_requests_total has namespace="shop", only ship, bank',
    );
  });

  test('a query that finds nothing compares the values of a regular expression with the whole value', async () => {
    const pods = (pod: string) => among({ namespace: ['shop'], pod: [pod] });
    expect(await describeUnmatchedLabel(PODS, pods('store-api-5f6d8-x1'))).toBeUndefined();
    expect(await describeUnmatchedLabel(PODS, pods('old-store-api-5f6d8-x1'))).toContain('only old-store-api-5f6d8-x1');
  });

  test('a query that finds nothing says when no series has the label at all', async () => {
    expect(await describeUnmatchedLabel(PODS, among({ namespace: [] }))).toBe('http_requests_total has no label namespace');
  });

  test('a query that finds nothing compares a value as it is, not as PromQL spells it', async () => {
    expect(await describeUnmatchedLabel(String.raw`m{a="b\"c"}[1m]`, among({ a: ['b"c'] }))).toBeUndefined();
  });

  test('a query that finds nothing says nothing where the values cannot be read, or where the query is no selector', async () => {
    expect(await describeUnmatchedLabel(PODS, among({}))).toBeUndefined();
    expect(await describeUnmatchedLabel('sum(rate(m[1m]))', among({ a: ['b'] }))).toBeUndefined();
  });
});
