// A cohort: its requests go to the canary from its stage on, all others by weight; one write takes both home, and a policy that holds for one
// rule is escaped by none.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { HOME_MARK, RELEASE_ANNOTATION } from '../../src/api/names.ts';
import type { App } from '../fixtures/cluster/app.ts';
import { shareIn } from '../fixtures/cluster/app.ts';
import type { KubeObject } from '../fixtures/cluster/api.ts';
import { waitFor } from '../fixtures/cluster/cluster.ts';
import { type RouteObject, type RouteSpec, Stand } from '../fixtures/cluster/stand.ts';
import { expectNothingLeft, sharesOf, trajectoryOf } from '../fixtures/cluster/trajectory.ts';
import { isBad, type LoadRecord, within } from '../lab/load.ts';
import type { PlainObject } from '../lab/sample.ts';
import { PROJECT_FOLDER } from '../lab/settings.ts';

const USER = { 'x-canary-user': 'true' };
const COHORT = { headers: [{ name: 'X-Canary-User', value: 'true' }] };
/** Testers alone, then testers and some of the others. */
const STAGES = [
  { weight: 0, duration: '4s', cohort: COHORT },
  { weight: 20, duration: '4s' },
  { weight: 50, duration: '4s' },
];
/** A proxy has a change within this time. */
const TAKEN_MS = 1_500;
/** And a watch tells of a write within this time behind the proxies. */
const WATCH_LAG_MS = 1_500;

let stand: Stand;
/** Its operator may not list policies. */
let blind: Stand;

beforeAll(async () => {
  stand = await Stand.open({
    name: 'cohort',
    versions: {
      one: { version: 'v1' },
      two: { version: 'v2' },
      bad: { version: 'bad', errorRate: 0.5 },
      // Each turns bad in a test of its own.
      'turning-contour': { version: 'v2' },
      'turning-envoy-gateway': { version: 'v2' },
    },
  });
  const role = readFileSync(join(PROJECT_FOLDER, 'config/cohort/role.yaml'), 'utf8');
  for (const document of parseAllDocuments(role)) await stand.cluster.apply(document.toJS() as PlainObject);
  blind = await Stand.open({ name: 'cohort-blind', versions: { one: { version: 'v1' }, two: { version: 'v2' } }, rights: 'own' });
});

afterAll(async () => {
  await Promise.all([stand?.close(), blind?.close()]);
});

const oursIn = ({ spec }: RouteObject) => (spec.rules ?? []).filter(({ name }) => String(name).startsWith('glidepath-'));

/** Every version of the app's route: whether it has the rule for the cohort, the share, and the mark. */
function historyOf(app: App) {
  return app.stand.routes.history(app.name).map(({ atMs, object }) => ({
    atMs,
    cohort: oursIn(object).length,
    share: Math.round(shareIn(object, app.service('v1'), app.service('v2'))),
    mark: object.metadata.annotations?.[RELEASE_ANNOTATION],
  }));
}

/** When the rule for the cohort came, and when it went. */
function spanOf(app: App): { readonly fromMs: number; readonly toMs: number } {
  const history = historyOf(app);
  const first = history.findIndex(({ cohort }) => cohort > 0);
  const last = history.findIndex(({ cohort }, index) => index > first && cohort === 0);
  return { fromMs: history[first]?.atMs ?? Number.NaN, toMs: history[last]?.atMs ?? Number.NaN };
}

const versionsOf = (records: readonly LoadRecord[]) =>
  [...new Set(records.filter((one) => !isBad(one)).map(({ version }) => version))].sort();

const named = (spec: RouteSpec): RouteSpec => ({ ...spec, rules: (spec.rules ?? []).map((rule) => ({ ...rule, name: 'api' })) });

const jwt = (app: App, sectionName?: string) => ({
  apiVersion: 'gateway.envoyproxy.io/v1alpha1',
  kind: 'SecurityPolicy',
  metadata: { name: app.name, namespace: app.stand.namespace },
  spec: {
    targetRefs: [
      { group: 'gateway.networking.k8s.io', kind: 'HTTPRoute', name: app.name, ...(sectionName === undefined ? {} : { sectionName }) },
    ],
    cors: { allowOrigins: ['https://shop.example'] },
  },
});

describe.concurrent('a cohort', () => {
  test.for(['contour', 'envoy-gateway', 'envoy-gateway-merged'] as const)(
    'a cohort sees the canary throughout, and the others by weight: %s',
    async (gateway) => {
      const app = await stand.app({ name: `good-${gateway}`, gateway, rps: 30 });
      const users = app.startOtherLoad(15, USER);
      const beganMs = Date.now();
      await app.release({ stages: STAGES });
      await app.untilPhase('Promoted', 240_000);
      const { fromMs, toMs } = spanOf(app);
      const history = historyOf(app);
      expect(sharesOf(trajectoryOf(app).map((point) => ({ ...point, share: Math.round(point.share) })))).toEqual([0, 20, 50, 100]);
      const raisedMs = history.find(({ share }) => share > 0)?.atMs ?? Number.NaN;
      expect(raisedMs - fromMs).toBeGreaterThan(4_000);

      // Users with the header, from a moment behind the rule until the release has ended.
      const cohort = within(users.records, fromMs + TAKEN_MS, toMs);
      expect(cohort.length).toBeGreaterThan(100);
      expect(versionsOf(cohort)).toEqual(['v2']);
      // Everybody else: the former version until the first weight, then both.
      expect(versionsOf(app.records(fromMs + TAKEN_MS, raisedMs - WATCH_LAG_MS))).toEqual(['v1']);
      expect(versionsOf(app.records(raisedMs + TAKEN_MS, toMs))).toEqual(['v1', 'v2']);
      expect(app.badAnswers(beganMs)).toEqual([]);
      const lost = within(users.records, beganMs, Date.now()).filter(isBad);
      console.info(`${gateway}: ${lost.length} of ${users.records.length} requests of the cohort failed`);
      // Clusters that are named by rule come and go with it, and with them a few requests of the cohort alone.
      if (gateway !== 'envoy-gateway') expect(lost).toEqual([]);
      expect(lost.every(({ sentAtMs }) => Math.abs(sentAtMs - fromMs) < TAKEN_MS || Math.abs(sentAtMs - toMs) < TAKEN_MS)).toBe(true);
      expect(app.route.spec.rules).toHaveLength(1);
      await expectNothingLeft(app);
    },
  );

  test.for(['contour', 'envoy-gateway'] as const)(
    'a cohort goes home in the very write that takes the weight home: %s',
    async (gateway) => {
      const app = await stand.app({ name: `bad-${gateway}`, gateway, services: { v1: 'one', v2: `turning-${gateway}` }, rps: 30 });
      const users = app.startOtherLoad(15, USER);
      await app.release({
        stages: [
          { weight: 0, duration: '3s', cohort: COHORT },
          { weight: 20, duration: '10m' },
        ],
      });
      await app.until('the second stage', ({ phase, weight }) => phase === 'Analyzing' && weight === 20, 120_000);
      await stand.behave(`turning-${gateway}`, { errorRate: 0.5 });
      await app.untilPhase('RolledBack', 120_000);
      const history = historyOf(app);
      const home = history.findIndex(({ mark }) => mark?.split('/')[2] === HOME_MARK);
      // One write: before it the cohort and the share, behind it neither.
      expect(history[home - 1]).toMatchObject({ cohort: 1, share: 20 });
      expect(history[home]).toMatchObject({ cohort: 0, share: 0 });
      expect(history.slice(home).filter(({ cohort, share }) => cohort > 0 || share > 0)).toEqual([]);
      const behindMs = (history[home]?.atMs ?? Number.NaN) + TAKEN_MS;
      await waitFor('users behind the way home', async () => within(users.records, behindMs, Infinity).length > 20);
      expect(versionsOf(within(users.records, behindMs, Infinity))).toEqual(['v1']);
      expect(versionsOf(app.records(behindMs))).toEqual(['v1']);
      await expectNothingLeft(app);
    },
  );

  test('a cohort that fails is rolled back before anyone else has seen the canary', async () => {
    const app = await stand.app({ name: 'testers', services: { v1: 'one', v2: 'bad' }, rps: 30 });
    const users = app.startOtherLoad(15, USER);
    const beganMs = Date.now();
    await app.release({ stages: [{ ...STAGES[0], duration: '10m' }, { weight: 20 }] as never });
    const status = await app.untilPhase('RolledBack', 120_000);
    expect(status.release?.reason).toBe('ErrorRatio');
    expect(users.records.some(isBad)).toBe(true);
    expect(app.badAnswers(beganMs)).toEqual([]);
    expect(versionsOf(app.records(beganMs))).toEqual(['v1']);
    await expectNothingLeft(app);
  });

  test('a cohort is sent by routes of gRPC as well, and filters and other rules stay as they are', async () => {
    const filters = [{ type: 'RequestHeaderModifier', requestHeaderModifier: { set: [{ name: 'x-shop', value: 'eu' }] } }];
    const app = await stand.app({
      name: 'kinds',
      services: { v1: 'one', v2: 'two', other: 'one' },
      rps: 0,
      route: (spec, one) => ({
        ...spec,
        rules: [
          { ...spec.rules?.[0], filters, timeouts: { request: '5s' }, backendRefs: [one.backend('v1', 1), one.backend('v2', 0)] },
          { matches: [{ path: { type: 'Exact', value: '/else' } }], backendRefs: [one.backend('other', 1)] },
        ],
      }),
    });
    // Of an HTTPRoute and a GRPCRoute of one name Contour 1.33 gives a status to one alone.
    const grpc = { kind: 'GRPCRoute', namespace: stand.namespace, name: `${app.name}-grpc` } as const;
    await stand.cluster.apply({
      apiVersion: 'gateway.networking.k8s.io/v1',
      kind: grpc.kind,
      metadata: { name: grpc.name, namespace: grpc.namespace },
      spec: {
        parentRefs: [{ name: app.gateway.gateway, namespace: 'default' }],
        hostnames: [`grpc-${app.host}`],
        rules: [
          { matches: [{ method: { service: 'shop.Cart', method: 'Add' } }], backendRefs: [app.backend('v1', 1), app.backend('v2', 0)] },
        ],
      },
    });
    const before = app.route.spec.rules;
    await app.release({
      stages: [
        { weight: 0, duration: '3s', cohort: COHORT },
        { weight: 20, duration: '3s' },
      ],
      routeRefs: [{ name: app.name }, { kind: 'GRPCRoute', name: grpc.name }],
      analysis: { mode: 'Off' },
    });
    await app.until('the second stage', ({ weight }) => weight === 20, 120_000);
    const ours = oursIn(app.route);
    expect(ours).toMatchObject([{ name: 'glidepath-cohort-1', filters, timeouts: { request: '5s' } }]);
    expect(app.route.spec.rules?.[1]).toEqual(before?.[1]);
    const inGrpc = await stand.cluster.get<KubeObject<RouteSpec>>(grpc);
    expect(inGrpc?.spec.rules?.[1]).toMatchObject({
      name: 'glidepath-cohort-1',
      matches: [{ method: { service: 'shop.Cart', method: 'Add' }, headers: [{ type: 'Exact', name: 'X-Canary-User', value: 'true' }] }],
    });
    await app.untilPhase('Promoted', 120_000);
    expect((await stand.cluster.get<KubeObject<RouteSpec>>(grpc))?.spec.rules).toHaveLength(1);
    expect(app.route.spec.rules?.slice(1)).toEqual(before?.slice(1));
    await expectNothingLeft(app);
  });

  test('a cohort under a SecurityPolicy for one rule is refused before any write, and one under a policy for the route is not', async () => {
    const app = await stand.app({ name: 'guarded', gateway: 'envoy-gateway', route: named, rps: 10 });
    await stand.cluster.apply(jwt(app, 'api'));
    const before = app.route;
    await app.release({ stages: STAGES });
    const status = await app.until('the policy', ({ message = '' }) => message.includes('CohortNotPossible'));
    expect(status.phase).toBe('Blocked');
    expect(status.message).toContain('rule api: SecurityPolicy guarded holds for this rule alone');
    const specs = new Set(stand.routes.history('guarded').map(({ object }) => object.metadata.generation));
    expect([...specs]).toEqual([before.metadata.generation]);
    expect(app.route.metadata.annotations ?? {}).not.toHaveProperty([RELEASE_ANNOTATION]);
    await stand.cluster.remove({ kind: 'SecurityPolicy', namespace: stand.namespace, name: app.name });
    await stand.cluster.apply(jwt(app));
    await app.until('the cohort', () => oursIn(app.route).length === 1, 120_000);
  });

  test('a cohort waits where policies may not be listed', async () => {
    const app = await blind.app({ name: 'unread', gateway: 'envoy-gateway', route: named, rps: 10 });
    await app.release({ stages: STAGES });
    const status = await app.until('the rights', ({ message = '' }) => message.includes('PoliciesUnknown'));
    expect(status.phase).toBe('Blocked');
    expect(status.message).toContain('kubectl apply --server-side -k config/cohort');
    expect(oursIn(app.route)).toEqual([]);
  });
});
