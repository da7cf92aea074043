// What the real API server accepts and refuses: the same tables that the parser is held against.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ACCEPTANCES } from '../fixtures/acceptances.ts';
import { messageIn } from '../fixtures/cluster/api.ts';
import { Cluster, installGlidepath } from '../fixtures/cluster/cluster.ts';
import { manifestOf, REFUSALS, REFUSED_UPDATES } from '../fixtures/refusals.ts';

let cluster: Cluster;

beforeAll(async () => {
  cluster = await Cluster.connect();
  await installGlidepath(cluster);
});

afterAll(() => cluster?.close());

const tryOut = (spec: object, name?: string) => cluster.tryCreate(manifestOf(spec, name), { dryRun: true });

describe('accepted', () => {
  test.each(ACCEPTANCES)('the API server accepts: $name', async ({ spec }) => {
    const { code, body } = await tryOut(spec);
    expect(code, messageIn(body)).toBe(201);
  });
});

describe('refused', () => {
  test.each(REFUSALS)('the API server refuses: $name', async ({ spec, expect: words, objectName }) => {
    const { code, body } = await tryOut(spec, objectName);
    expect(code).toBe(422);
    expect(messageIn(body)).toMatch(words);
  });

  test.each(REFUSED_UPDATES)('an update $name', async ({ before, after, expect: words }) => {
    const name = 'refused-update';
    await cluster.create(manifestOf(before, name));
    try {
      const manifest = manifestOf(after, name);
      const removed = Object.fromEntries(Object.keys(before).map((key) => [key, null]));
      const ref = { kind: 'CanaryRelease', namespace: 'default', name } as const;
      const patching = cluster.patch(ref, { spec: { ...removed, ...manifest.spec } }, { dryRun: true });
      await expect(patching).rejects.toThrow(words);
    } finally {
      await cluster.remove({ kind: 'CanaryRelease', namespace: 'default', name });
    }
  });

  test('a misspelled field, from a client that validates', async () => {
    const manifest = manifestOf({ services: [{ name: 'a' }, { name: 'b' }], stages: [{ wieght: 5 }] });
    const path = '/apis/glidepath.dev/v1alpha1/namespaces/default/canaryreleases';
    const query = { dryRun: 'All', fieldValidation: 'Strict' };
    const { code, body } = await cluster.api.send({ method: 'POST', path, query, body: manifest });
    expect(code).toBe(400);
    expect(messageIn(body)).toMatch(/unknown field "spec.stages\[0\].wieght"/);
  });
});
