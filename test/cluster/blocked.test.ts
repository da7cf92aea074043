// What stands in the way of a release: each is said with its reason, in the status, a condition and an event, in words that
// name the fix; nothing is written meanwhile; and once it is mended the release goes on by itself.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { sampleNamespace, sampleService } from '../lab/sample.ts';
import type { CanaryReleaseStatus } from '../../src/api/release.ts';
import type { App } from '../fixtures/cluster/app.ts';
import { OWNER } from '../fixtures/cluster/app.ts';
import { waitFor } from '../fixtures/cluster/cluster.ts';
import { type RouteSpec, Stand } from '../fixtures/cluster/stand.ts';
import { expectNothingLeft, sharesOf, trajectoryOf } from '../fixtures/cluster/trajectory.ts';

let stand: Stand;
let elsewhere: string;

beforeAll(async () => {
  stand = await Stand.open({ name: 'blocked', versions: { one: { version: 'v1' }, two: { version: 'v2' } } });
  elsewhere = `${stand.namespace}-elsewhere`;
  await stand.cluster.create(sampleNamespace(elsewhere));
  await stand.cluster.apply(sampleService({ namespace: elsewhere, name: 'far' }));
});

afterAll(async () => {
  if (elsewhere !== undefined) await stand.cluster.remove({ kind: 'Namespace', name: elsewhere });
  await stand?.close();
});

const ONE_STAGE = [{ weight: 30, duration: '1s' }];

/** Blocked before the first write: the route was never touched. @param word what kstatus is told: what is only missing may still come */
async function expectBlocked(app: App, reason: string, fix: RegExp, word: 'Stalled' | 'Reconciling' = 'Stalled'): Promise<void> {
  // Another trouble of the same reason may come first, such as a gateway that has not seen the route yet.
  const isThis = ({ phase, message = '' }: CanaryReleaseStatus) => phase === 'Blocked' && message.includes(reason) && fix.test(message);
  const status = await app.until(`to be blocked: ${reason} ${fix.source}`, isThis);
  const said = status.conditions?.find(({ type }) => type === word);
  expect(said).toMatchObject({ status: 'True', reason: 'Blocked' });
  expect(said?.message).toMatch(fix);
  const ready = status.conditions?.find(({ type }) => type === 'Ready');
  expect(ready).toMatchObject({ status: 'False', reason: 'Blocked', observedGeneration: status.observedGeneration });
  const findNote = async () => {
    const events = await stand.events(app.name);
    const told = events.filter((event) => event.reason === 'Blocked' && event.type === 'Warning').map(({ note }) => note);
    return told.find((note) => note.startsWith(`${reason}: `) && fix.test(note));
  };
  expect(await waitFor(`the event of ${reason}`, findNote)).toMatch(fix);
  for (const { mark } of trajectoryOf(app)) expect(mark).toBeUndefined();
}

/** With the trouble gone it is promoted without anybody telling it. */
async function expectPromoted(app: App): Promise<void> {
  const status = await app.untilPhase('Promoted');
  expect(status.conditions?.map(({ type }) => type)).not.toContain('Stalled');
  await expectNothingLeft(app);
}

async function replaceRoute(app: App, change: (spec: RouteSpec) => RouteSpec): Promise<void> {
  const manifest = app.routeObject();
  await stand.cluster.apply({ ...manifest, spec: change(manifest['spec'] as RouteSpec) }, { manager: OWNER });
}

const withBackends = (spec: RouteSpec, backendRefs: readonly object[]): RouteSpec => ({
  ...spec,
  rules: [{ ...spec.rules?.[0], backendRefs: backendRefs as never }],
});

describe.concurrent('a release is blocked, and goes on when it is mended:', () => {
  test('a route names the serving Service only', async () => {
    const app = await stand.app({ name: 'lone', route: (spec, self) => withBackends(spec, [self.backend('v1', 1)]) });
    await app.release({ stages: ONE_STAGE });
    await expectBlocked(app, 'BackendNotRouted', /names Service lone-v1 but not lone-v2; add a backendRef \{name: lone-v2/);
    await replaceRoute(app, (spec) => withBackends(spec, [app.backend('v1', 1), app.backend('v2', 0)]));
    await expectPromoted(app);
  });

  test('a route is missing', async () => {
    const app = await stand.app({ name: 'unrouted' });
    const { namespace } = stand;
    const second = { ...app.routeObject(), metadata: { name: 'unrouted-second', namespace } };
    await app.release({ stages: ONE_STAGE, routeRefs: [{ name: 'unrouted' }, { name: 'unrouted-second' }] });
    await expectBlocked(app, 'RouteNotFound', /HTTPRoute unrouted-second is not there; create it or correct spec.routeRefs/, 'Reconciling');
    await stand.cluster.apply(
      { ...second, spec: { ...(second as { spec?: object }).spec, hostnames: [`second.${app.host}`] } },
      { manager: OWNER },
    );
    await expectPromoted(app);
  });

  test('a Service is missing', async () => {
    const app = await stand.app({ name: 'unserved' });
    // Paused, so that it does not begin before the operator has heard that the Service is gone.
    await app.release({ stages: ONE_STAGE, paused: true });
    await stand.cluster.remove({ kind: 'Service', namespace: stand.namespace, name: 'unserved-v2' });
    await expectBlocked(app, 'ServiceNotFound', /Service unserved-v2 is not there; create it or correct spec.services/, 'Reconciling');
    await app.release({ stages: ONE_STAGE, paused: false });
    await app.serve('v2', 'two');
    await expectPromoted(app);
  });

  test('a gateway cannot resolve a backend in another namespace without a ReferenceGrant', async () => {
    const far = { name: 'far', namespace: elsewhere, port: 80, weight: 0 };
    const route = (spec: RouteSpec, self: App) => withBackends(spec, [self.backend('v1', 1), self.backend('v2', 0), far]);
    const app = await stand.app({ name: 'ungranted', route });
    await app.release({ stages: ONE_STAGE });
    await expectBlocked(app, 'RouteNotAccepted', /HTTPRoute ungranted: .* says ResolvedRefs=False, RefNotPermitted/);
    const from = [{ group: 'gateway.networking.k8s.io', kind: 'HTTPRoute', namespace: stand.namespace }];
    const grant = {
      apiVersion: 'gateway.networking.k8s.io/v1beta1',
      kind: 'ReferenceGrant',
      metadata: { name: 'far', namespace: elsewhere },
    };
    await stand.cluster.apply({ ...grant, spec: { from, to: [{ group: '', kind: 'Service' }] } });
    await expectPromoted(app);
  });

  test('another release drives the same Services; the older one goes first', async () => {
    const app = await stand.app({ name: 'shared' });
    await app.release({ stages: [{ weight: 30, duration: '4s' }] });
    await app.untilPhase('Analyzing');
    const second = { ...app.manifest({ stages: ONE_STAGE }), metadata: { name: 'shared-second', namespace: stand.namespace } };
    await stand.cluster.apply(second);
    const status = await stand.releases.until('shared-second', 'to be blocked', ({ status: now }) => now?.phase === 'Blocked' && now);
    expect(status.message).toMatch(
      /AnotherRelease: Service shared-v1 is driven by canaryrelease\/shared; one release drives a Service: delete/,
    );
    await stand.untilEvents('shared-second', 'Blocked');
    await app.untilPhase('Promoted');
    expect(sharesOf(trajectoryOf(app))).toEqual([0, 30, 100]);
    await stand.cluster.remove(app.ref);
    await stand.releases.until('shared-second', 'to be free', ({ status: now }) => now?.phase !== 'Blocked');
  });

  test('the canary has traffic before anything is proven of it', async () => {
    const app = await stand.app({ name: 'early', weights: { v1: 9, v2: 1 } });
    await app.release({ stages: ONE_STAGE });
    await expectBlocked(
      app,
      'CanaryAlreadyHasTraffic',
      /already gives Service early-v2 weight 1, and no verdict has passed it yet; set it to 0/,
    );
    await replaceRoute(app, (spec) => withBackends(spec, [app.backend('v1', 9), app.backend('v2', 0)]));
    await expectPromoted(app);
  });

  test('own queries are not allowed', async () => {
    const app = await stand.app({ name: 'asking' });
    await app.release({ stages: ONE_STAGE, analysis: { checks: [{ name: 'up', query: 'sum(up)', min: '1' }] } });
    await expectBlocked(app, 'QueryNotAllowed', /--allow-queries/);
    await app.release({ stages: ONE_STAGE });
    await expectPromoted(app);
  });

  test('the Prometheus of a release is none that the operator may ask', async () => {
    const app = await stand.app({ name: 'foreign' });
    const prometheus = { url: 'http://127.0.0.1:1' };
    await app.release({ stages: ONE_STAGE, analysis: { metrics: { prometheus } } });
    await expectBlocked(app, 'PrometheusNotAllowed', /--prometheus-allow/);
    await app.release({ stages: ONE_STAGE });
    await expectPromoted(app);
  });
});

test('a kind of route that the API server does not serve is said, and found once it is served', async () => {
  const crd = { kind: 'CustomResourceDefinition', name: 'udproutes.gateway.networking.k8s.io' } as const;
  const { spec } = (await stand.cluster.get(crd)) as { spec: { versions: { name: string; served: boolean }[] } };
  const serve = (served: boolean) =>
    stand.cluster.patch(
      crd,
      spec.versions.map((version, index) => ({ op: 'replace', path: `/spec/versions/${index}/served`, value: served && version.served })),
    );
  const app = await stand.app({ name: 'kindless' });
  await serve(false);
  try {
    await stand.operator.restart();
    await app.release({ stages: ONE_STAGE, routeRefs: [{ name: 'kindless' }, { kind: 'UDPRoute', name: 'kindless' }] });
    await expectBlocked(app, 'GatewayApiMissing', /does not serve UDPRoute; install the Gateway API CRDs/);
  } finally {
    await serve(true);
  }
  await stand.operator.restart();
  await app.until('the next trouble', ({ message = '' }) => message.includes('RouteNotFound: UDPRoute kindless'));
  await app.release({ stages: ONE_STAGE });
  await expectPromoted(app);
});
