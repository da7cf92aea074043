// Mesh routes: an HTTPRoute whose parent is a Service, for callers inside Istio's mesh. The proxy beside the caller is a plain Envoy, which
// routes as Istio tells it; Istio's own metrics cannot be had with it, so the application's judge. Only gateways with a mesh are asked.

import { afterAll, beforeAll, expect, test } from 'vitest';
import { type App, OWNER } from '../fixtures/cluster/app.ts';
import { waitFor } from '../fixtures/cluster/cluster.ts';
import { kubectl } from '../fixtures/cluster/deployment-stand.ts';
import { Stand } from '../fixtures/cluster/stand.ts';
import { expectNothingLeft } from '../fixtures/cluster/trajectory.ts';
import { applyObjects } from '../lab/apply.ts';
import { MESH_CLIENT_PORT, proxyObjects } from '../lab/gateways/istio/objects.ts';
import { type Load, startLoad, within } from '../lab/load.ts';
import { SAMPLE_PORT, sampleService } from '../lab/sample.ts';
import { record } from './recorder.ts';

const CLIENT = 'mesh-client';

let stand: Stand;
let url: string;

beforeAll(async () => {
  stand = await Stand.open({
    name: 'gw-mesh',
    versions: { one: { version: 'v1' }, two: { version: 'v2' }, bad: { version: 'bad', errorRate: 0.5 } },
  });
  const { namespace } = stand;
  await applyObjects(proxyObjects({ name: CLIENT, namespace, type: 'sidecar' }));
  await kubectl('-n', namespace, 'rollout', 'status', `deployment/${CLIENT}`, '--timeout=60s');
  const { stdout } = await kubectl('-n', namespace, 'get', 'pod', '-l', `app=${CLIENT}`, '-o', 'jsonpath={.items[0].status.podIP}');
  url = `http://${stdout}:${MESH_CLIENT_PORT}`;
});

afterAll(() => stand?.close());

/** An application that others in the mesh call by the name of its Service. */
async function meshApp(name: string, canary: string): Promise<{ readonly app: App; readonly load: Load }> {
  const { cluster, namespace } = stand;
  const app = await stand.app({ name, delivered: 'by others' });
  for (const [suffix, deployment] of Object.entries({ v1: 'one', v2: canary })) await app.serve(suffix, deployment);
  const called = sampleService({ namespace, name });
  await cluster.apply({ ...called, spec: { ...(called['spec'] as object), selector: { app: 'one' } } });
  await cluster.apply(
    {
      apiVersion: 'gateway.networking.k8s.io/v1',
      kind: 'HTTPRoute',
      metadata: { name, namespace },
      spec: {
        parentRefs: [{ group: '', kind: 'Service', name, port: SAMPLE_PORT }],
        rules: [{ backendRefs: [app.backend('v1', 1), app.backend('v2', 0)] }],
      },
    },
    { manager: OWNER },
  );
  const load = startLoad({ url, host: `${name}.${namespace}.svc.cluster.local`, rps: 40 });
  await waitFor(`${name} to be served in the mesh`, async () => load.records.at(-1)?.status === 200, {
    lastSeen: () => load.records.at(-1),
  });
  return { app, load };
}

const METRICS = { interval: '1s', window: '10s', minRequests: 10, metrics: { source: 'PrometheusClient' } } as const;
const CHECKS = [{ name: 'errors', metric: 'ErrorRatio', max: '5%' }] as const;

test('callers in a mesh are split, promoted and brought back by a route whose parent is a Service', async () => {
  const releases: Record<string, { phase: string; seconds: number; source: string; lost: number }> = {};
  const run = async (title: string, name: string, canary: string, phase: string, weight: number) => {
    const { app, load } = await meshApp(name, canary);
    const beganMs = Date.now();
    await app.release({ stages: [{ weight, duration: '5s' }], analysis: { ...METRICS, checks: [...CHECKS] } as never });
    await app.untilPhase(phase, 120_000);
    const lost = within(load.records, beganMs, Infinity).filter(({ version }) => version === '').length;
    releases[title] = { phase, seconds: Math.round((Date.now() - beganMs) / 100) / 10, source: 'PrometheusClient', lost };
    const during = within(load.records, beganMs, Infinity).map(({ version }) => version);
    await expectNothingLeft(app);
    await load.stop();
    return during;
  };
  const good = await run('good', 'called', 'two', 'Promoted', 50);
  expect([...new Set(good)].sort()).toEqual(['v1', 'v2']);
  expect(await run('bad', 'called-bad', 'bad', 'RolledBack', 50)).toContain('bad');
  record('mesh', releases);
  expect(Object.values(releases).map(({ lost }) => lost)).toEqual([0, 0]);
});
