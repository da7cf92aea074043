// The REST client: every refusal in our words, honest about half answers, few connections, home writes first.

import { describe, expect, onTestFinished, test } from 'vitest';
import { describe as describeRequest, JSON_PATCH, readWarnings, toGoJson } from '../../../src/adapters/kubernetes/client/transport.ts';
import { ApiError } from '../../../src/adapters/kubernetes/client/api-errors.ts';
import { GlidepathError } from '../../../src/api/errors.ts';
import type { FaultAction, SeenRequest } from '../../fakes/api-server/server.ts';
import { MISSING_RIGHT, refusedByPolicy, refusedByWebhook, USED_UP_QUOTA } from '../../fixtures/forbidden.ts';
import { until } from '../../fixtures/until.ts';
import { createTransport, httpRoutes, releaseNamed, releases, routeNamed } from './harness.ts';

const ROUTE = '/apis/gateway.networking.k8s.io/v1/namespaces/shop/httproutes/store';
const always = (): boolean => true;

async function failureOf(call: Promise<unknown>): Promise<GlidepathError> {
  const thrown: unknown = await call.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (thrown instanceof GlidepathError) return thrown;
  throw new Error(`not a GlidepathError: ${String(thrown)}`);
}

const patchOf = (value: number) => [{ op: 'replace', path: '/spec/rules/0/backendRefs/1/weight', value }];

describe('a refusal is translated', () => {
  const table: readonly [string, FaultAction, { code: string; retryable: boolean }][] = [
    ['400', { kind: 'status', code: 400 }, { code: 'GLIDEPATH_E_INVALID', retryable: false }],
    ['401 twice', { kind: 'status', code: 401 }, { code: 'GLIDEPATH_E_UNAUTHORIZED', retryable: true }],
    ['403 for want of a right', MISSING_RIGHT, { code: 'GLIDEPATH_E_FORBIDDEN', retryable: false }],
    ['403 of a quota', USED_UP_QUOTA, { code: 'GLIDEPATH_E_FORBIDDEN', retryable: false }],
    ['403 of a proxy', { kind: 'body', code: 403, text: '<html>' }, { code: 'GLIDEPATH_E_FORBIDDEN', retryable: false }],
    ['403 of a policy', refusedByPolicy('not on Fridays'), { code: 'GLIDEPATH_E_INVALID', retryable: false }],
    ['403 of a webhook', refusedByWebhook('Forbidden'), { code: 'GLIDEPATH_E_INVALID', retryable: false }],
    ['403 of a webhook with a reason of its own', refusedByWebhook('Because'), { code: 'GLIDEPATH_E_INVALID', retryable: false }],
    ['404', { kind: 'status', code: 404 }, { code: 'GLIDEPATH_E_NOT_FOUND', retryable: false }],
    ['408', { kind: 'status', code: 408 }, { code: 'GLIDEPATH_E_TIMEOUT', retryable: true }],
    ['409', { kind: 'status', code: 409 }, { code: 'GLIDEPATH_E_CONFLICT', retryable: false }],
    ['410', { kind: 'status', code: 410 }, { code: 'GLIDEPATH_E_GONE', retryable: false }],
    ['413', { kind: 'status', code: 413 }, { code: 'GLIDEPATH_E_INVALID', retryable: false }],
    ['422 without details', { kind: 'status', code: 422, reason: 'Invalid', details: {} }, { code: 'GLIDEPATH_E_GUARD', retryable: false }],
    [
      '422 with details',
      { kind: 'status', code: 422, reason: 'Invalid', details: { name: 'store' } },
      { code: 'GLIDEPATH_E_INVALID', retryable: false },
    ],
    ['429', { kind: 'status', code: 429 }, { code: 'GLIDEPATH_E_TOO_MANY', retryable: true }],
    ['500', { kind: 'status', code: 500 }, { code: 'GLIDEPATH_E_SERVER', retryable: true }],
    ['503 that is text', { kind: 'body', code: 503, text: 'upstream' }, { code: 'GLIDEPATH_E_SERVER', retryable: true }],
    ['a redirect', { kind: 'body', code: 302, text: '' }, { code: 'GLIDEPATH_E_SERVER', retryable: true }],
    ['200 with HTML', { kind: 'body', text: '<html>' }, { code: 'GLIDEPATH_E_NETWORK', retryable: true }],
    ['200 with a number', { kind: 'body', text: '7' }, { code: 'GLIDEPATH_E_NETWORK', retryable: true }],
    ['200 cut off', { kind: 'truncate' }, { code: 'GLIDEPATH_E_NETWORK', retryable: true }],
    ['a reset connection', { kind: 'reset' }, { code: 'GLIDEPATH_E_NETWORK', retryable: true }],
    ['no answer', { kind: 'hang' }, { code: 'GLIDEPATH_E_TIMEOUT', retryable: true }],
  ];

  test.each(table)('a refusal is translated: %s', async (_name, action, expected) => {
    const { server, transport } = await createTransport();
    server.fault({ when: always, times: 10, action });
    // Only where no answer comes is the deadline awaited: a machine that is short of time answers late.
    const deadlineMs = action.kind === 'hang' ? 200 : 10_000;
    const error = await failureOf(
      transport.request({ method: 'PATCH', path: ROUTE, body: patchOf(5), contentType: JSON_PATCH, deadlineMs }),
    );
    expect({ code: error.code, retryable: error.retryable }).toEqual(expected);
    expect(error.message).toContain('PATCH httproutes shop/store');
  });

  test('422 without details is no failed guard when the request was no JSON Patch', async () => {
    const { server, transport } = await createTransport();
    server.fault({ when: always, action: { kind: 'status', code: 422, reason: 'Invalid', details: {} } });
    const error = await failureOf(transport.request({ method: 'PUT', path: ROUTE, body: {} }));
    expect(error.code).toBe('GLIDEPATH_E_INVALID');
  });

  test('a refusal is translated without a header: the token is in no message, stack or property', async () => {
    const { server, transport } = await createTransport();
    await server.rotateToken('very-secret-token');
    server.fault({ when: always, times: 9, action: { kind: 'status', code: 500, message: 'boom' } });
    const error = await failureOf(transport.request({ method: 'GET', path: ROUTE }));
    expect(error.message).toContain('boom');
    expect(`${error.stack} ${JSON.stringify(error)}`).not.toContain('very-secret-token');
  });

  test('a refusal is translated with how long the server asks to wait', async () => {
    const { server, transport } = await createTransport();
    server.fault({ when: always, action: { kind: 'status', code: 429, headers: { 'retry-after': '7' } } });
    const error = await failureOf(transport.request({ method: 'PUT', path: ROUTE, body: {} }));
    expect(error instanceof ApiError && error.retryAfterMs).toBe(7000);
  });

  test('a canceled call says so and is not worth another try', async () => {
    const { server, transport } = await createTransport();
    server.fault({ when: always, times: 9, action: { kind: 'hang' } });
    const stop = new AbortController();
    const call = failureOf(transport.request({ method: 'GET', path: ROUTE, signal: stop.signal }));
    await until(() => server.requests.length === 1);
    stop.abort();
    expect(await call).toMatchObject({ code: 'GLIDEPATH_E_CANCELED', retryable: false });
  });
});

describe('only what is safe is sent twice', () => {
  test('a read is repeated after transport faults, three tries in all', async () => {
    const { server, transport } = await createTransport();
    server.put(httpRoutes, routeNamed('store'));
    server.fault({ when: always, times: 2, action: { kind: 'truncate' } });
    await transport.request({ method: 'GET', path: ROUTE });
    expect(server.requests.length).toBe(3);
    server.fault({ when: always, times: 9, action: { kind: 'status', code: 503 } });
    expect((await failureOf(transport.request({ method: 'GET', path: ROUTE }))).code).toBe('GLIDEPATH_E_SERVER');
    expect(server.requests.length).toBe(6);
  });

  test('a read that is refused for good is not', async () => {
    const { server, transport } = await createTransport();
    expect((await failureOf(transport.request({ method: 'GET', path: ROUTE }))).code).toBe('GLIDEPATH_E_NOT_FOUND');
    expect(server.requests.length).toBe(1);
  });

  test('a write whose answer got lost is not sent again', async () => {
    const { server, transport } = await createTransport();
    server.put(httpRoutes, routeNamed('store'));
    server.fault({ when: always, action: { kind: 'loseAnswer' } });
    const error = await failureOf(transport.request({ method: 'PATCH', path: ROUTE, body: patchOf(5), contentType: JSON_PATCH }));
    expect(error).toMatchObject({ code: 'GLIDEPATH_E_NETWORK', retryable: true });
    expect(server.requests.length).toBe(1);
  });

  test('after a rotated token the write goes out once more, with the token read again', async () => {
    const { server, transport } = await createTransport({ now: () => 0 });
    server.put(httpRoutes, routeNamed('store'));
    await transport.request({ method: 'GET', path: ROUTE });
    await server.rotateToken('second-token');
    await transport.request({ method: 'PATCH', path: ROUTE, body: patchOf(5), contentType: JSON_PATCH });
    expect(server.requests.map(({ method }) => method)).toEqual(['GET', 'PATCH', 'PATCH']);
  });

  test('credentials that cannot be read are a retryable error, and are found again', async () => {
    const { server, transport, config } = await createTransport();
    server.put(httpRoutes, routeNamed('store'));
    const path = await server.kubeconfig();
    const { rename } = await import('node:fs/promises');
    await rename(path, `${path}.away`);
    config.refresh();
    expect(await failureOf(transport.request({ method: 'PUT', path: ROUTE, body: {} }))).toMatchObject({
      code: 'GLIDEPATH_E_CREDENTIALS',
      retryable: true,
    });
    await rename(`${path}.away`, path);
    await transport.request({ method: 'GET', path: ROUTE });
  });
});

test('a body is JSON as Go writes it, because tests of a JSON Patch are compared byte by byte', () => {
  const value = { args: ['sh', '-c', 'a && b > c < d'], line: '\u2028\u2029', plain: 'é "quoted" \\ \n' };
  const text = toGoJson(value);
  expect(text).toContain(String.raw`"a \u0026\u0026 b \u003e c \u003c d"`);
  expect(text).toContain(String.raw`"\u2028\u2029"`);
  expect(JSON.parse(text)).toEqual(value);
});

describe('connections', () => {
  test('fifty requests in a row use two at most', async () => {
    const { server, transport } = await createTransport();
    server.put(httpRoutes, routeNamed('store'));
    for (let count = 0; count < 50; count += 1) await transport.request({ method: 'GET', path: ROUTE });
    expect(server.connections).toBeLessThanOrEqual(2);
  });

  test('each lane keeps to its size, and the watch lane opens one for each', async () => {
    const { server, transport } = await createTransport({ homeConnections: 3, normalConnections: 2 });
    server.put(httpRoutes, routeNamed('store'));
    const burst = (lane: 'home' | 'normal' | 'watch') =>
      Promise.all(Array.from({ length: 12 }, () => transport.request({ method: 'GET', path: ROUTE, lane })));
    await burst('normal');
    expect(server.connections).toBe(2);
    await burst('home');
    expect(server.connections).toBe(5);
    await burst('watch');
    expect(server.connections).toBeGreaterThan(5);
  });

  test('a warmed home lane pays no handshake for its burst', async () => {
    const { server, transport } = await createTransport({ homeConnections: 4 });
    server.put(httpRoutes, routeNamed('store'));
    let release: () => void = () => undefined;
    const together = new Promise<void>((resolve) => {
      release = resolve;
    });
    server.fault({ when: ({ path }) => path === '/version', times: 4, action: { kind: 'delay', until: together } });
    const warming = transport.warm(4);
    await until(() => server.requests.length === 4);
    release();
    await warming;
    const before = server.connections;
    await Promise.all(
      Array.from({ length: 40 }, () =>
        transport.request({ method: 'PATCH', path: ROUTE, body: patchOf(5), contentType: JSON_PATCH, lane: 'home' }),
      ),
    );
    expect([before, server.connections]).toEqual([4, 4]);
  });

  test('a closed configuration answers as canceled', async () => {
    const { transport, config } = await createTransport();
    await config.close();
    expect((await failureOf(transport.request({ method: 'GET', path: ROUTE }))).code).toBe('GLIDEPATH_E_CANCELED');
  });
});

describe('home first', () => {
  test('home writes pass while every normal connection hangs', async () => {
    const { server, transport } = await createTransport({ normalConnections: 2 });
    server.put(httpRoutes, routeNamed('store'));
    server.put(releases, releaseNamed('store'));
    const stop = new AbortController();
    onTestFinished(() => stop.abort());
    server.fault({ when: ({ path }) => path.includes('canaryreleases'), times: 20, action: { kind: 'hang' } });
    const stuck = Array.from({ length: 20 }, () =>
      failureOf(
        transport.request({
          method: 'PUT',
          path: '/apis/glidepath.dev/v1alpha1/namespaces/shop/canaryreleases/store',
          body: {},
          signal: stop.signal,
        }),
      ),
    );
    await until(() => server.requests.length === 2);
    await transport.request({ method: 'PATCH', path: ROUTE, body: patchOf(0), contentType: JSON_PATCH, lane: 'home' });
    expect(server.requests.at(-1)?.path).toBe(ROUTE);
    stop.abort();
    await Promise.all(stuck);
  });

  test('normal writes wait until the last home write has its answer; reads and leases do not', async () => {
    const { server, transport } = await createTransport();
    server.put(httpRoutes, routeNamed('store'));
    let release: () => void = () => undefined;
    const answered = new Promise<void>((resolve) => {
      release = resolve;
    });
    server.fault({ when: ({ method }) => method === 'PATCH', action: { kind: 'delay', until: answered } });
    const home = transport.request({ method: 'PATCH', path: ROUTE, body: patchOf(0), contentType: JSON_PATCH, lane: 'home' });
    const normal = failureOf(transport.request({ method: 'PUT', path: `${ROUTE}-other`, body: {} }));
    await until(() => server.requests.length === 1);
    await transport.request({ method: 'GET', path: ROUTE });
    await failureOf(transport.request({ method: 'PUT', path: `${ROUTE}-lease`, body: {}, lane: 'watch' }));
    expect(server.requests.map(({ method, path }) => `${method} ${path.split('/').at(-1)}`)).toEqual([
      'PATCH store',
      'GET store',
      'PUT store-lease',
    ]);
    release();
    await Promise.all([home, normal]);
    expect(server.requests.at(-1)?.path).toBe(`${ROUTE}-other`);
  });

  test('an endless home write does not hold up the others for ever', async () => {
    const { server, transport } = await createTransport({ gateMs: 10 });
    server.put(httpRoutes, routeNamed('store'));
    const stop = new AbortController();
    server.fault({ when: ({ method }) => method === 'PATCH', action: { kind: 'hang' } });
    const home = failureOf(
      transport.request({ method: 'PATCH', path: ROUTE, body: patchOf(0), contentType: JSON_PATCH, lane: 'home', signal: stop.signal }),
    );
    await until(() => server.requests.length === 1);
    expect((await failureOf(transport.request({ method: 'PUT', path: `${ROUTE}-other`, body: {} }))).code).toBe('GLIDEPATH_E_NOT_FOUND');
    stop.abort();
    await home;
  });
});

describe('words', () => {
  test.each([
    ['/apis/gateway.networking.k8s.io/v1/namespaces/shop/httproutes/store', 'GET httproutes shop/store'],
    ['/apis/glidepath.dev/v1alpha1/namespaces/shop/canaryreleases/store/status', 'GET canaryreleases/status shop/store'],
    ['/api/v1/namespaces/shop/pods', 'GET pods shop'],
    ['/api/v1/services', 'GET services'],
    ['/apis/apiextensions.k8s.io/v1/customresourcedefinitions/x', 'GET customresourcedefinitions x'],
    ['/apis/gateway.networking.k8s.io', 'GET /apis/gateway.networking.k8s.io'],
    ['/version', 'GET /version'],
  ])('the words for %s name what was asked for', (path, words) => {
    expect(describeRequest('GET', path)).toBe(words);
  });

  test('warnings are read from one header, from several, and with quotes inside', () => {
    expect(readWarnings(undefined)).toEqual([]);
    expect(readWarnings('299 - "unknown field \\"status.message\\""')).toEqual(['unknown field "status.message"']);
    expect(readWarnings(['299 - "one", 299 - "two"', '299 - "three"'])).toEqual(['one', 'two', 'three']);
  });
});

describe('connections that are dead and do not say so', () => {
  const home = (value: number) => ({ method: 'PATCH', path: ROUTE, body: patchOf(value), contentType: JSON_PATCH, lane: 'home' }) as const;
  const patches = (server: { readonly requests: readonly SeenRequest[] }) => server.requests.filter(({ method }) => method === 'PATCH');

  test('a home write is answered over a new connection, long before its deadline', async () => {
    const { server, transport } = await createTransport();
    server.put(httpRoutes, routeNamed('store'));
    await transport.warm(2);
    server.loseConnections();
    await transport.request({ ...home(0), deadlineMs: 60_000 });
    const [first, second] = patches(server);
    expect(second?.connection).toBeGreaterThan(first?.connection ?? Number.POSITIVE_INFINITY);
    // The next one uses the new connections from the start.
    await transport.request({ ...home(0), deadlineMs: 60_000 });
    expect(patches(server)).toHaveLength(3);
  });

  test('a read on the home lane, which comes before a write, is answered over a new connection, too', async () => {
    const { server, transport } = await createTransport();
    server.put(httpRoutes, routeNamed('store'));
    await transport.warm(2);
    server.loseConnections();
    await expect(transport.request({ method: 'GET', path: ROUTE, lane: 'home', deadlineMs: 60_000 })).resolves.toBeDefined();
    expect(server.requests.filter(({ path }) => path === ROUTE)).toHaveLength(2);
  });

  test('no home write of many waits for its deadline: those that were not sent twice are sent again', async () => {
    const { server, transport } = await createTransport({ homeConnections: 24 });
    server.put(httpRoutes, routeNamed('store'));
    await transport.warm(24);
    server.loseConnections();
    const answers = await Promise.all(Array.from({ length: 24 }, () => transport.request({ ...home(0), deadlineMs: 60_000 })));
    expect(answers).toHaveLength(24);
  });

  test('a slow API server that answers others is not asked twice', async () => {
    const { server, transport, gate } = await createWithHeldPatch();
    const slow = transport.request(home(0));
    await until(() => patches(server).length === 1);
    const sinceMs = performance.now();
    // For longer than the silence that counts as one.
    while (performance.now() - sinceMs < 700) await transport.request(home(0));
    const before = patches(server).filter(({ connection }) => connection === patches(server)[0]?.connection).length;
    gate.resolve();
    await slow;
    expect(before).toBe(1);
  });

  test('what the first attempt has done after all is no failure because the second one was refused', async () => {
    const { server, transport, gate } = await createWithHeldPatch();
    server.fault({ when: ({ method }) => method === 'PATCH', action: { kind: 'status', code: 409 } });
    const written = transport.request(home(0));
    await until(() => patches(server).length === 2);
    gate.resolve();
    await expect(written).resolves.toBeDefined();
  });
});

/** A server that holds back its answer to the first patch until the gate opens. */
async function createWithHeldPatch() {
  const { server, transport } = await createTransport();
  server.put(httpRoutes, routeNamed('store'));
  const gate = Promise.withResolvers<void>();
  server.fault({ when: ({ method }) => method === 'PATCH', action: { kind: 'delay', until: gate.promise } });
  return { server, transport, gate };
}
