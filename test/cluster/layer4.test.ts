// Routes that carry connections and datagrams, behind Envoy Gateway: weights shift new ones alone, the application's own metrics judge, and
// what is missing for that is said in one message.

import { createSocket } from 'node:dgram';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { SpecInput } from '../../src/api/release.ts';
import type { KubeObject } from '../fixtures/cluster/api.ts';
import { type App, OWNER } from '../fixtures/cluster/app.ts';
import { waitFor } from '../fixtures/cluster/cluster.ts';
import { Stand } from '../fixtures/cluster/stand.ts';
import { applyObjects } from '../lab/apply.ts';
import { ENVOY_GATEWAY_NAMESPACE, gatewayObjects } from '../lab/gateways/envoy-gateway/objects.ts';
import { isBad, type Load, type LoadRecord, startLoad, within } from '../lab/load.ts';
import type { PlainObject } from '../lab/sample.ts';

const GATEWAY = 'edge-l4';
type Kind = 'TCPRoute' | 'TLSRoute' | 'UDPRoute';
/** One TCPRoute to a listener: of several Envoy Gateway serves the oldest alone, and says that it has accepted all. */
const LISTENERS = {
  good: { kind: 'TCPRoute', port: 9_000 },
  bad: { kind: 'TCPRoute', port: 9_001 },
  unjudged: { kind: 'TCPRoute', port: 9_002 },
  tls: { kind: 'TLSRoute', port: 9_443 },
  datagrams: { kind: 'UDPRoute', port: 9_053 },
} as const;
type Name = keyof typeof LISTENERS;
const PROTOCOLS: Readonly<Record<Kind, string>> = { TCPRoute: 'TCP', TLSRoute: 'TLS', UDPRoute: 'UDP' };
/** A proxy has a change within this time. */
const TAKEN_MS = 1_500;

/** The application counts what it answers; a query of the release reads that. */
const OF_CANARY = 'namespace="$(namespace)",pod=~"$(canaryPods)"';
const ERRORS = `1 - sum(rate(http_requests_total{${OF_CANARY},code="200"}[$(window)])) / sum(rate(http_requests_total{${OF_CANARY}}[$(window)]))`;
const ANSWERS = `sum(rate(datagrams_total{${OF_CANARY}}[$(window)]))`;
const TIMES = { interval: '1s', window: '10s' } as const;
const JUDGED: Readonly<Record<Kind, NonNullable<SpecInput['analysis']>>> = {
  TCPRoute: { ...TIMES, checks: [{ name: 'errors', query: ERRORS, max: '0.05' }] },
  TLSRoute: { ...TIMES, checks: [{ name: 'errors', query: ERRORS, max: '0.05' }] },
  UDPRoute: { ...TIMES, checks: [{ name: 'answers', query: ANSWERS, min: '0.5' }] },
};
const STAGES: SpecInput['stages'] = [{ weight: 50, duration: '5s' }];

let stand: Stand;
let address: string;

beforeAll(async () => {
  stand = await Stand.open({
    name: 'layer4',
    versions: { one: { version: 'v1' }, two: { version: 'v2' }, bad: { version: 'bad', errorRate: 0.5 } },
    flags: ['--allow-queries'],
  });
  await applyObjects([certificate(), ...gatewayObjects({ name: GATEWAY, namespace: stand.namespace }).map(withListeners)]);
  address = await waitFor('the address of the Gateway', findAddress);
});

afterAll(() => stand?.close());

/** A certificate that nobody has signed. */
function certificate(): PlainObject {
  const folder = mkdtempSync(join(tmpdir(), 'glidepath-layer4-'));
  const [key, cert] = [join(folder, 'key'), join(folder, 'cert')];
  const subject = ['-subj', '/CN=layer4.test', '-days', '1'];
  try {
    execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', key, '-out', cert, ...subject], {
      stdio: 'ignore',
    });
    const data = { 'tls.key': readFileSync(key, 'base64'), 'tls.crt': readFileSync(cert, 'base64') };
    return { apiVersion: 'v1', kind: 'Secret', type: 'kubernetes.io/tls', metadata: { name: GATEWAY, namespace: stand.namespace }, data };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function withListeners(object: object): object {
  const { kind, spec } = object as { readonly kind: string; readonly spec: object };
  if (kind !== 'Gateway') return object;
  const listeners = Object.entries(LISTENERS).map(([name, { kind: route, port }]) => ({
    name,
    port,
    protocol: PROTOCOLS[route],
    allowedRoutes: { kinds: [{ kind: route }] },
    ...(route === 'TLSRoute' ? { tls: { mode: 'Terminate', certificateRefs: [{ name: GATEWAY }] } } : {}),
  }));
  return { ...object, spec: { ...spec, listeners } };
}

async function findAddress(): Promise<string | undefined> {
  const services = await stand.cluster.list<KubeObject<{ readonly clusterIP: string }>>('Service', ENVOY_GATEWAY_NAMESPACE);
  const own = services.filter(({ metadata }) => metadata.labels?.['gateway.envoyproxy.io/owning-gateway-namespace'] === stand.namespace);
  return own[0]?.spec.clusterIP;
}

/** An application behind the listener of this name, without load. */
async function appOf(name: Name, services: Readonly<Record<string, string>> = { v1: 'one', v2: 'two' }): Promise<App> {
  const { kind } = LISTENERS[name];
  const app = await stand.app({ name, delivered: 'by others' });
  for (const [suffix, deployment] of Object.entries(services)) {
    const service = app.serviceObject(suffix, deployment);
    const ports = [
      { name: 'tcp', port: 80, targetPort: 'http' },
      { name: 'udp', protocol: 'UDP', port: 53, targetPort: 8080 },
    ];
    await stand.cluster.apply({ ...service, spec: { ...(service['spec'] as object), ports } });
  }
  await stand.cluster.apply(
    {
      apiVersion: 'gateway.networking.k8s.io/v1',
      kind,
      metadata: { name, namespace: stand.namespace },
      spec: {
        parentRefs: [{ name: GATEWAY, sectionName: name }],
        ...(kind === 'TLSRoute' ? { hostnames: [app.host] } : {}),
        rules: [{ backendRefs: [refOf(app, kind, 'v1', 1), refOf(app, kind, 'v2', 0)] }],
      },
    },
    { manager: OWNER },
  );
  return app;
}

const refOf = (app: App, kind: Kind, suffix: string, weight: number) => ({
  name: app.service(suffix),
  port: kind === 'UDPRoute' ? 53 : 80,
  weight,
});

const release = (app: App, kind: Kind, spec: Partial<SpecInput> = {}) => ({
  services: (['v1', 'v2'] as const).map((suffix) => ({ name: app.service(suffix), port: kind === 'UDPRoute' ? 53 : 80 })),
  routeRefs: [{ kind, name: app.name }],
  stages: STAGES,
  analysis: JUDGED[kind],
  ...spec,
});

/** A connection for each request. */
async function sendTo(app: App, name: Name, rps = 40): Promise<Load> {
  const scheme = LISTENERS[name].kind === 'TCPRoute' ? 'http' : 'https';
  const load = startLoad({ url: `${scheme}://${address}:${LISTENERS[name].port}`, host: app.host, rps, fresh: true });
  await waitFor(`${app.name} to be served`, async () => load.records.at(-1)?.status === 200, { lastSeen: () => load.records.at(-1) });
  return load;
}

const versionsOf = (records: readonly LoadRecord[]) =>
  [...new Set(records.filter((one) => !isBad(one)).map(({ version }) => version))].sort();
const shareOf = (records: readonly LoadRecord[], version: string) =>
  records.filter((one) => one.version === version).length / records.length;

async function weightsOf(kind: Kind, app: App): Promise<readonly number[]> {
  const route = await stand.cluster.get<
    KubeObject<{ readonly rules: readonly { readonly backendRefs: readonly { readonly weight: number }[] }[] }>
  >({ kind, namespace: stand.namespace, name: app.name });
  return (route?.spec.rules[0]?.backendRefs ?? []).map(({ weight }) => weight);
}

/** The version that answers a datagram from a new port, or nothing within a second. */
function askOnce(): Promise<string> {
  return new Promise((resolve) => {
    const socket = createSocket('udp4');
    const end = (answer: string) => {
      clearTimeout(timer);
      socket.close();
      resolve(answer);
    };
    const timer = setTimeout(end, 1_000, '');
    socket.on('message', (message) => end(message.toString()));
    socket.on('error', () => end(''));
    socket.send('who', LISTENERS.datagrams.port, address);
  });
}

/** A connection that stays open, and what answers on it. */
class Kept {
  readonly #socket: Socket;
  readonly #host: string;
  closed = false;

  constructor(host: string) {
    this.#host = host;
    this.#socket = connect(LISTENERS.bad.port, address);
    this.#socket.on('close', () => (this.closed = true));
  }

  async ask(): Promise<string> {
    const answer = new Promise<string>((resolve, reject) => {
      this.#socket.once('data', (data) => resolve(/x-version: (\S+)/i.exec(data.toString())?.[1] ?? ''));
      this.#socket.once('error', reject);
    });
    this.#socket.write(`GET / HTTP/1.1\r\nhost: ${this.#host}\r\n\r\n`);
    return answer;
  }

  close(): void {
    this.#socket.destroy();
  }
}

describe('routes that carry connections', () => {
  test.for(['good', 'tls'] as const)('routes that carry connections are split and promoted without losing one: %s', async (name) => {
    const { kind } = LISTENERS[name];
    const app = await appOf(name);
    const load = await sendTo(app, name);
    const beganMs = Date.now();
    await app.release(release(app, kind));
    await app.until('half', ({ phase, weight }) => phase === 'Analyzing' && weight === 50, 120_000);
    const [fromMs] = [Date.now()];
    await app.untilPhase('Promoted', 120_000);
    const half = within(load.records, fromMs, fromMs + 4_000);
    expect(versionsOf(half)).toEqual(['v1', 'v2']);
    expect(Math.abs(shareOf(half, 'v2') - 0.5)).toBeLessThan(0.2);
    const promotedMs = Date.now();
    await waitFor('connections after it', async () => within(load.records, promotedMs + TAKEN_MS, Infinity).length > 20);
    expect(versionsOf(within(load.records, promotedMs + TAKEN_MS, Infinity))).toEqual(['v2']);
    expect((await load.stop()).filter((one) => one.sentAtMs > beganMs && isBad(one)).slice(0, 3)).toEqual([]);
    expect(await weightsOf(kind, app)).toEqual([0, 1]);
  });

  test('routes that carry connections go back at a Fail for new ones; one that is open stays with the canary', async () => {
    const app = await appOf('bad', { v1: 'one', v2: 'bad' });
    const load = await sendTo(app, 'bad');
    await app.release(release(app, 'TCPRoute'));
    const kept = await waitFor(
      'a connection to the canary',
      async () => {
        const one = new Kept(app.host);
        if ((await one.ask()) === 'bad') return one;
        one.close();
        return undefined;
      },
      { ms: 60_000 },
    );
    const status = await app.untilPhase('RolledBack', 120_000);
    expect(status.release?.reason).toBe('Query');
    const homeMs = Date.now() + TAKEN_MS;
    await waitFor('connections after it', async () => within(load.records, homeMs, Infinity).length > 20);
    expect(versionsOf(within(load.records, homeMs, Infinity))).toEqual(['v1']);
    expect([kept.closed, await kept.ask()]).toEqual([false, 'bad']);
    expect(status.message).toContain('open connections');
    kept.close();
    await load.stop();
  });

  test('routes that carry datagrams are split and promoted', async () => {
    const app = await appOf('datagrams');
    await waitFor('an answer', async () => (await askOnce()) === 'v1');
    const asking = setInterval(() => void askOnce(), 50);
    await app.release(release(app, 'UDPRoute'));
    await app.until('half', ({ phase, weight }) => phase === 'Analyzing' && weight === 50, 120_000);
    const answers = await Promise.all(Array.from({ length: 100 }, askOnce));
    expect([...new Set(answers)].sort()).toEqual(['v1', 'v2']);
    await app.untilPhase('Promoted', 120_000);
    clearInterval(asking);
    await waitFor('the new version', async () => (await askOnce()) === 'v2');
    expect(await weightsOf('UDPRoute', app)).toEqual([0, 1]);
  });

  test('routes that carry connections are refused without a judge that can count them, with all that is needed in one message', async () => {
    const app = await appOf('unjudged');
    await app.release(release(app, 'TCPRoute', { analysis: { checks: [{ name: 'errors', metric: 'ErrorRatio', max: '5%' }] } }));
    const status = await app.until('the refusal', ({ message = '' }) => message.includes('carries connections'));
    expect(status.phase).toBe('Blocked');
    expect(status.message).toContain('TCPRoute unjudged carries connections');
    expect(status.message).toContain('give every check of spec.analysis.checks a query of your own');
    expect(status.message).toContain('spec.analysis.metrics.source to OpenTelemetry or PrometheusClient');
  });
});
