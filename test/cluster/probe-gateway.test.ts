// `kubectl canary probe-gateway` with real requests through a gateway of the lab. How well the gateway does is not the question here: a
// busy machine loses requests of its own.

import { afterAll, beforeAll, expect, test } from 'vitest';
import { SAMPLE_IMAGE } from '../lab/sample.ts';
import { type BuiltCanary, buildCanary, startCanary } from '../fixtures/cluster/canary-cli.ts';
import { Stand } from '../fixtures/cluster/stand.ts';

let cli: BuiltCanary | undefined;
let stand: Stand;

beforeAll(async () => {
  const building = buildCanary();
  // With a pod of the sample, whose image has Node: there is no operator to take one from.
  stand = await Stand.open({ name: 'probe', versions: { one: { version: 'v1' } } });
  cli = await building;
});

afterAll(async () => {
  await stand?.close();
  await cli?.remove();
});

const run = (line: string) => startCanary(cli?.program ?? '', [...line.split(' '), '-n', stand.namespace]).ended;

/** What is left of probes, but for pods, which have a second for their end. */
async function listLeft(): Promise<readonly string[]> {
  const lists = await Promise.all(
    (['HTTPRoute', 'GRPCRoute', 'Service'] as const).map((kind) => stand.cluster.list(kind, stand.namespace)),
  );
  return lists.flat().flatMap(({ metadata }) => (metadata.labels?.['glidepath.dev/probe'] === undefined ? [] : [metadata.name]));
}

test('a probe answers every question with real requests, and leaves nothing behind', async () => {
  const { code, out, err } = await run(`probe-gateway default/edge-eg --image ${SAMPLE_IMAGE} --requests 200`);
  expect(err).toContain(
    `if this is interrupted: kubectl delete httproutes,grpcroutes,services,pods -n ${stand.namespace} -l glidepath.dev/probe=`,
  );
  expect(code, err).toBeLessThan(2);
  expect(out).toMatch(/^ok +gateway +requests reach the backends of a new route$/m);
  expect(out).toMatch(/^ok +metrics source +EnvoyGateway, by the controller gateway\.envoyproxy\.io/m);
  expect(out).toMatch(/^ok +weight 0 +0 of 200 requests went to the backend of weight 0$/m);
  for (const question of ['change of weights, up', 'change of weights, down', 'split at 50%', 'split at 10%', 'split at 1%'])
    expect(out).toContain(question);
  expect(out).toMatch(/lost requests +\d+ of \d+ requests were lost over 10 writes of the route/);
  expect(out).toMatch(/cohort by header +\d+ of 100 requests with the header/);
  expect(out).toMatch(/mirror of 10% +\d+ copies of 200 requests/);
  expect(out).toMatch(/ok +gRPC split at 20% +\d+\.\d% of 200 calls .*, 0 failed/);
  expect(out).toMatch(/empty canary +\d+ of 200 requests were lost after a canary with 5% lost its last pod/);
  expect(await listLeft()).toEqual([]);
});

test('a Gateway that is not there is named, and nothing is created', async () => {
  const { code, err } = await run('probe-gateway edge');
  expect(code).toBe(1);
  expect(err).toContain(`Gateway ${stand.namespace}/edge not found; write NAMESPACE/NAME`);
  expect(await listLeft()).toEqual([]);
});
