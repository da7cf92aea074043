// One suite, asked of each gateway: `npm run test:gateways -- NAME`. What must hold is a test; what differs is recorded for the page.

import { connect } from 'node:http2';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { App } from '../fixtures/cluster/app.ts';
import type { KubeObject } from '../fixtures/cluster/api.ts';
import { waitFor } from '../fixtures/cluster/cluster.ts';
import { DeploymentStand } from '../fixtures/cluster/deployment-stand.ts';
import type { RouteRule } from '../fixtures/cluster/stand.ts';
import { expectNothingLeft } from '../fixtures/cluster/trajectory.ts';
import { GATEWAY_NAMES, type GatewayName } from '../lab/gateways/gateways.ts';
import { type Load, type LoadRecord, startLoad, summarise } from '../lab/load.ts';
import { SAMPLE_PORT } from '../lab/sample.ts';
import { record } from './recorder.ts';

const GATEWAY = GATEWAY_NAMES.find((name) => name === process.env['GLIDEPATH_TEST_GATEWAY']) as GatewayName;

let home: DeploymentStand;
let app: App;

beforeAll(async () => {
  home = await DeploymentStand.open(`gw-${GATEWAY}`.slice(0, 40));
  await Promise.all([
    home.stand.deploy('one', { version: 'v1' }),
    home.stand.deploy('two', { version: 'v2' }),
    home.stand.deploy('bad', { version: 'bad', errorRate: 0.5 }),
  ]);
  app = await home.stand.app({ name: 'asked', gateway: GATEWAY, rps: 0 });
});

afterAll(() => home?.close());

type Route = KubeObject<unknown, { readonly parents?: readonly { readonly conditions?: readonly Condition[] }[] }>;
interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly observedGeneration?: number;
}

const refs = (weights: Readonly<Record<string, number>>) =>
  Object.entries(weights).map(([suffix, weight]) => ({ name: app.service(suffix), port: SAMPLE_PORT, weight }));

/** Writes the route's rules, without waiting for anything. */
async function setRules(rules: readonly RouteRule[]): Promise<void> {
  await app.stand.cluster.patch(app.routeRef, [{ op: 'replace', path: '/spec/rules', value: rules }], { manager: 'measure' });
}

const plainRule = (weights: Readonly<Record<string, number>>): RouteRule => ({ backendRefs: refs(weights) });

async function conditions(): Promise<readonly Condition[]> {
  const route = await app.stand.cluster.get<Route>(app.routeRef);
  return (route?.status?.parents ?? []).flatMap((parent) => parent.conditions ?? []);
}

const notTrue = async () =>
  (await conditions()).filter(({ status }) => status !== 'True').map(({ type, status, reason }) => `${type}=${status}/${reason}`);

/** Sends until so many are answered. */
async function send(count: number, rps: number, headers: Readonly<Record<string, string>> = {}): Promise<readonly LoadRecord[]> {
  const load = startLoad({ url: app.gateway.url, host: app.host, rps, headers });
  await waitFor(`${count} answers`, async () => load.records.length >= count, { lastSeen: () => load.records.length });
  return (await load.stop()).slice(0, count);
}

/** Resolves when the last twenty answers fit, so that what is counted next is of the new weights alone. */
async function untilAnswers(what: string, fits: (records: readonly LoadRecord[]) => boolean): Promise<void> {
  await waitFor(what, async () => fits(await send(20, 100)));
}

const countOf = (records: readonly LoadRecord[], version: string) => records.filter((one) => one.version === version).length;
const isLost = ({ version }: LoadRecord) => version === '';

test('a gateway splits by weight, within three standard deviations', async () => {
  const split: Record<string, number> = {};
  for (const percent of [1, 5, 10, 50]) {
    await setRules([plainRule({ v1: 0, v2: 1 })]);
    await untilAnswers('all of v2', (records) => countOf(records, 'v2') === 20);
    await setRules([plainRule({ v1: 10_000 - 100 * percent, v2: 100 * percent })]);
    await untilAnswers('some of v1', (records) => countOf(records, 'v1') > 5);
    const records = await send(2_000, 250);
    const share = countOf(records, 'v2') / records.length;
    split[`${percent}%`] = Number((100 * share).toFixed(2));
    const sigma = Math.sqrt(((percent / 100) * (1 - percent / 100)) / records.length);
    expect(Math.abs(share - percent / 100), `${percent}%`).toBeLessThanOrEqual(3 * sigma);
  }
  record('split', split);
});

test('a backend of weight 0 gets nothing', async () => {
  await setRules([plainRule({ v1: 1, v2: 0 })]);
  await untilAnswers('all of v1', (records) => countOf(records, 'v1') === 20);
  const count = countOf(await send(1_000, 250), 'v2');
  record('weightZero', count);
  expect(count).toBe(0);
});

test('a change of weights takes effect at once', async () => {
  const [firstNewMs, lastOldMs, statusMs]: number[][] = [[], [], []];
  const load = startLoad({ url: app.gateway.url, host: app.host, rps: 100 });
  for (const [to, other] of [
    ['v2', 'v1'],
    ['v1', 'v2'],
    ['v2', 'v1'],
    ['v1', 'v2'],
    ['v2', 'v1'],
    ['v1', 'v2'],
  ] as const) {
    const atMs = Date.now();
    await setRules([plainRule({ [to]: 999_999, [other]: 1 })]);
    const generation = (await app.stand.cluster.get(app.routeRef))?.metadata.generation ?? 0;
    await waitFor('the status', async () =>
      (await conditions()).every(({ observedGeneration = generation }) => observedGeneration >= generation),
    );
    statusMs?.push(Date.now() - atMs);
    await waitFor(`answers of ${to} alone`, async () => countOf(load.records.slice(-30), to) === 30);
    const since = load.records.filter(({ sentAtMs }) => sentAtMs >= atMs);
    firstNewMs?.push(Math.round((since.find(({ version }) => version === to)?.sentAtMs ?? atMs) - atMs));
    lastOldMs?.push(Math.round((since.findLast(({ version }) => version === other)?.sentAtMs ?? atMs) - atMs));
  }
  await load.stop();
  record('propagation', { firstNewMs: firstNewMs ?? [], lastOldMs: lastOldMs ?? [], statusMs: statusMs ?? [] });
});

test('a rule with a header takes the requests that have it, and no others', async () => {
  const withHeader = { matches: [{ headers: [{ name: 'x-canary-user', value: 'true' }] }], backendRefs: refs({ v2: 1 }) };
  await setRules([withHeader, plainRule({ v1: 1 })]);
  await waitFor('the rule', async () => countOf(await send(20, 100, { 'x-canary-user': 'true' }), 'v2') === 20);
  const answers = {
    with: countOf(await send(200, 100, { 'x-canary-user': 'true' }), 'v2'),
    without: countOf(await send(200, 100), 'v2'),
  };
  record('header', answers);
  expect(answers).toEqual({ with: 200, without: 0 });
});

/** As a release adds it for a stage that mirrors: for one method, behind the rule that it is a copy of. */
function mirrorRule(percent: number): RouteRule {
  const requestMirror = { backendRef: { name: app.service('v2'), port: SAMPLE_PORT }, ...(percent === 100 ? {} : { percent }) };
  const path = { type: 'PathPrefix', value: '/' };
  return { ...plainRule({ v1: 1 }), matches: [{ path, method: 'GET' }], filters: [{ type: 'RequestMirror', requestMirror }] };
}

test('a mirror is asked, whatever that does to the requests themselves', async () => {
  for (const percent of [100, 20]) {
    await setRules([plainRule({ v1: 1 }), mirrorRule(percent)]);
    const since = Date.now();
    await waitFor('the mirror', async () => (await send(20, 100)).length === 20 && Date.now() - since > 2_000);
    const before = await app.stand.answeredBy('two');
    const records = await send(500, 100);
    const mirrored = (await app.stand.answeredBy('two')) - before;
    const answer = { sent: records.length, mirrored, failed: records.filter(({ status }) => status !== 200).length };
    record(percent === 100 ? 'mirror' : 'mirrorOfAFifth', answer);
  }
});

test('a rule with a mirror comes and goes, whatever that does to the requests themselves', async () => {
  await setRules([plainRule({ v1: 1 })]);
  await untilAnswers('all of v1', (all) => countOf(all, 'v1') === 20);
  const load = startLoad({ url: app.gateway.url, host: app.host, rps: 100 });
  let writes = 0;
  for (let round = 0; round < 10; round += 1) {
    for (const rules of [[plainRule({ v1: 1 }), mirrorRule(100)], [plainRule({ v1: 1 })]]) {
      const fromMs = Date.now();
      await setRules(rules);
      writes += 1;
      await waitFor('the time of a write', async () => Date.now() - fromMs >= 1_500);
    }
  }
  const records = await load.stop();
  record('mirrorWrites', { writes, sent: records.length, lost: records.filter(isLost).length });
});

/** Calls of gRPC over one connection, one after the other. @returns the versions and the statuses */
async function call(host: string, count: number): Promise<readonly { readonly version: string; readonly status: string }[]> {
  const session = connect(app.gateway.url);
  session.on('error', () => undefined);
  const one = () =>
    new Promise<{ readonly version: string; readonly status: string }>((resolve) => {
      const stream = session.request({
        ':method': 'POST',
        ':path': '/shop.Cart/Get',
        ':authority': host,
        'content-type': 'application/grpc',
        te: 'trailers',
      });
      let version = '';
      let status = '';
      stream.on('response', (headers) => {
        version = String(headers['x-version'] ?? '');
        status = String(headers['grpc-status'] ?? '');
      });
      stream.on('trailers', (trailers) => (status = String(trailers['grpc-status'] ?? status)));
      stream.on('error', () => undefined);
      stream.on('close', () => resolve({ version, status }));
      stream.resume();
      stream.end(Buffer.alloc(5));
    });
  try {
    const answers = [];
    for (let index = 0; index < count; index += 1) answers.push(await one());
    return answers;
  } finally {
    session.close();
  }
}

test('a GRPCRoute is split by weight', async () => {
  const { cluster, namespace } = app.stand;
  const host = `grpc.${namespace}.test`;
  const ports = [{ name: 'grpc', port: 9_090, targetPort: 9_090, appProtocol: 'kubernetes.io/h2c' }];
  const services = { 'grpc-v1': 'one', 'grpc-v2': 'two' };
  for (const [name, deployment] of Object.entries(services))
    await cluster.apply({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name, namespace },
      spec: { selector: { app: deployment }, ports },
    });
  await cluster.apply({
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'GRPCRoute',
    metadata: { name: 'grpc', namespace },
    spec: {
      parentRefs: [{ name: app.gateway.gateway, namespace: 'default' }],
      hostnames: [host],
      rules: [
        {
          backendRefs: [
            { name: 'grpc-v1', port: 9_090, weight: 80 },
            { name: 'grpc-v2', port: 9_090, weight: 20 },
          ],
        },
      ],
    },
  });
  await waitFor('both versions', async () => new Set((await call(host, 30)).map(({ version }) => version).filter(Boolean)).size === 2);
  const answers = await call(host, 1_000);
  const count = answers.filter(({ version }) => version === 'v2').length;
  record('grpc', { calls: answers.length, canary: count, failed: answers.filter(({ status }) => status !== '0').length });
  expect(Math.abs(count / answers.length - 0.2)).toBeLessThan(3 * Math.sqrt((0.2 * 0.8) / answers.length));
});

async function askLost(
  suffix: string,
): Promise<{ readonly sent: number; readonly byStatus: Readonly<Record<string, number>>; readonly conditions: readonly string[] }> {
  await setRules([plainRule({ v1: 9, [suffix]: 1 })]);
  // Some gateways leave such a backend out, and lose nothing.
  const since = Date.now();
  await waitFor('the weights', async () => (await send(60, 100)).some(isLost) || Date.now() - since > 5_000);
  const records = await send(500, 100);
  const found = await notTrue();
  await setRules([plainRule({ v1: 1, v2: 0 })]);
  await untilAnswers('all of v1', (all) => countOf(all, 'v1') === 20);
  return { sent: records.length, byStatus: summarise(records).byStatus, conditions: found };
}

test('the share of a backend without endpoints is lost, and that share alone', async () => {
  await app.serve('empty', 'none');
  const answer = await askLost('empty');
  record('emptyBackend', answer);
  expect(answer.byStatus['200'] ?? 0).toBeGreaterThan(400);
});

test('the share of a Service that is not there is lost, and that share alone', async () => {
  const answer = await askLost('missing');
  record('missingBackend', answer);
  expect(answer.byStatus['200'] ?? 0).toBeGreaterThan(400);
});

/** One release up and home: what Glidepath writes where the gateway forgets backends, and elsewhere the same weights. */
const STEPS = [
  [999_999, 1, 2_500],
  [950_000, 50_000, 1_200],
  [750_000, 250_000, 1_200],
  [500_000, 500_000, 1_200],
  [999_999, 1, 3_000],
  [100, 0, 1_200],
] as const;

test('sixty writes of releases lose no request', async () => {
  await setRules([plainRule({ v1: 100, v2: 0 })]);
  await untilAnswers('all of v1', (all) => countOf(all, 'v1') === 20);
  const load: Load = startLoad({ url: app.gateway.url, host: app.host, rps: 100 });
  let writes = 0;
  for (let round = 0; round < 10; round += 1) {
    for (const [v1, v2, ms] of STEPS) {
      const fromMs = Date.now();
      await setRules([plainRule({ v1, v2 })]);
      writes += 1;
      await waitFor('the time of a write', async () => Date.now() - fromMs >= ms);
    }
  }
  const records = await load.stop();
  const lost = records.filter(isLost);
  record('writes', { writes, sent: records.length, lost: lost.length });
  expect(lost.slice(0, 5)).toEqual([]);
});

/** Longer than any gateway here takes to learn that a pod ends. */
const LONG_DRAIN_MS = 6_000;

test('a rollout without any release, of pods that answer for 2 s and for 6 s after they were told to end', async () => {
  const lost: Record<string, number> = {};
  for (const drainMs of [2_000, LONG_DRAIN_MS]) {
    const plain = await home.serve({
      name: `plain-${drainMs}`,
      gateway: GATEWAY,
      replicas: 2,
      before: [{ version: 'v1', drainMs }],
      rps: 100,
    });
    const beganMs = Date.now();
    for (const version of ['v2', 'v3', 'v4']) {
      await plain.apply({ version, drainMs });
      await plain.untilRolledOut();
    }
    await waitFor('the new version alone', async () => countOf(plain.load.records().slice(-50), 'v4') === 50);
    lost[`${drainMs / 1_000} s`] = plain.load.records(beganMs).filter(isLost).length;
    await plain.load.stopLoad();
  }
  record('rollout', lost);
  expect(lost[`${LONG_DRAIN_MS / 1_000} s`]).toBe(0);
});

test('releases end right, good and bad, of Services and of a Deployment', async () => {
  const releases: Record<string, { phase: string; seconds: number; source: string; lost: number }> = {};
  const note = async (name: string, released: App, phase: string, beganMs: number) => {
    const status = await released.untilPhase(phase);
    const available = status.conditions?.find(({ type }) => type === 'MetricsAvailable')?.message ?? '';
    const lost = released.records(beganMs).filter(isLost).length;
    releases[name] = {
      phase,
      seconds: Math.round((Date.now() - beganMs) / 100) / 10,
      source: available.replace('metrics source ', ''),
      lost,
    };
    await expectNothingLeft(released);
    await released.stopLoad();
  };
  const good = await home.stand.app({ name: 'good', gateway: GATEWAY, rps: 40 });
  let beganMs = Date.now();
  await good.release();
  await note('Services, good', good, 'Promoted', beganMs);
  const bad = await home.stand.app({ name: 'bad', gateway: GATEWAY, services: { v1: 'one', v2: 'bad' }, rps: 40 });
  beganMs = Date.now();
  await bad.release({ stages: [{ weight: 20, duration: '5m' }] });
  await note('Services, bad', bad, 'RolledBack', beganMs);
  const deployed = await home.deploy(
    { name: 'held', gateway: GATEWAY, replicas: 2, before: [{ version: 'v1', drainMs: LONG_DRAIN_MS }], rps: 40 },
    { stages: [{ weight: 20, duration: '4s' }] },
  );
  beganMs = Date.now();
  await deployed.apply({ version: 'v2', drainMs: LONG_DRAIN_MS });
  await note('Deployment, good', deployed.load, 'Promoted', beganMs);
  await deployed.load.startLoad(40);
  beganMs = Date.now();
  await deployed.apply({ version: 'v3', errorRate: 0.5, drainMs: LONG_DRAIN_MS });
  await note('Deployment, bad', deployed.load, 'RolledBack', beganMs);
  record('releases', releases);
  expect(Object.values(releases).map(({ lost }) => lost)).toEqual([0, 0, 0, 0]);
});
