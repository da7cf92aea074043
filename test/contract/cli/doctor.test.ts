// `doctor`: each thing that can be wrong is named with its fix, and only what stops releases is a failure.

import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { COMMAND_VERBS, CRD_NAME, SCHEMA_ANNOTATION, SCHEMA_NUMBER } from '../../../src/api/names.ts';
import { FAKE_RESOURCES } from '../../fakes/api-server/resources.ts';
import { timeAfter } from '../../fixtures/builders.ts';
import { type FakePrometheus, startFakePrometheus } from '../../fakes/prometheus/server.ts';
import { crds, grpcRoutes, httpRoutes } from '../kubernetes/harness.ts';
import { aRunningStatus, LOOKED_AT, openShop, type Shop } from './shop.ts';

let shop: Shop;
let prometheus: FakePrometheus;

beforeAll(async () => {
  prometheus = await startFakePrometheus({ scrapeIntervalMs: 10_000, now: () => LOOKED_AT });
  prometheus.answer('vector(1)', () => [{ labels: {}, value: 1 }]);
});

afterAll(() => prometheus.close());

beforeEach(async () => {
  shop = await openShop();
  shop.server.put(crds, { metadata: { name: CRD_NAME, annotations: { [SCHEMA_ANNOTATION]: String(SCHEMA_NUMBER) } } });
  for (const name of ['glidepath-commands', 'glidepath-authors']) {
    shop.server.put(FAKE_RESOURCES.validatingPolicies, { metadata: { name } });
    shop.server.put(FAKE_RESOURCES.validatingPolicyBindings, { metadata: { name } });
  }
  putOperator({ readyReplicas: 1 });
});

function putOperator(status: object, container: object = { args: [`--prometheus-url=${prometheus.url}`] }, replicas = 1): void {
  const metadata = { name: 'glidepath', namespace: 'glidepath-system' };
  shop.server.put(FAKE_RESOURCES.deployments, { metadata, spec: { replicas, template: { spec: { containers: [container] } } }, status });
}

const READ = ['get', 'list', 'watch'];
const STEER = ['patch', ...COMMAND_VERBS, 'abort'];
const ALL = [...READ, ...STEER, 'create', 'update', 'delete'];

/** The authorizer of the cluster. */
function allow(verbs: readonly string[], operatorMay = true): void {
  shop.server.fault({
    when: ({ path }) => path.endsWith('/subjectaccessreviews'),
    times: 200,
    action: { kind: 'body', text: JSON.stringify({ status: { allowed: operatorMay } }), code: 201 },
  });
  for (const verb of ALL)
    shop.server.fault({
      when: ({ path, body }) => path.endsWith('/selfsubjectaccessreviews') && JSON.stringify(body).includes(`"verb":"${verb}"`),
      action: { kind: 'body', text: JSON.stringify({ status: { allowed: verbs.includes(verb) } }), code: 201 },
    });
}

test('doctor says ok to everything where all is well, and ends with 0', async () => {
  shop.put('web', aRunningStatus());
  allow(ALL);
  const { code, out } = await shop.run('doctor -n shop');
  expect(out.split('\n').map((line) => line.replace(/ {2,}/g, ' | '))).toEqual([
    'ok | API server | context fake',
    `ok | CRD | schema ${SCHEMA_NUMBER}`,
    'ok | operator | 1 of 1 ready',
    `ok | Prometheus | the operator queries ${prometheus.url}`,
    'ok | command policies | commands and changes of releases are checked against RBAC',
    'ok | rights to read | releases of namespace shop',
    'ok | rights to steer | every command on releases of namespace shop',
    'ok | rights to write | releases of namespace shop',
    "ok | operator's rights | releases, routes, Services and events of the whole cluster",
    'ok | Gateway API | HTTPRoute v1, GRPCRoute v1',
    `ok | Prometheus | ${prometheus.url} answers`,
    'ok | leftovers | no annotation, hold or canary without its release',
    'ok | releases | 1, none blocked or stalled',
    '',
  ]);
  expect(code).toBe(0);
});

const breaks: readonly (readonly [what: string, break_: () => void, line: RegExp, code: number])[] = [
  ['no CRD', () => shop.server.remove(crds, undefined, CRD_NAME), /FAIL +CRD .*\n +fix: kubectl apply --server-side -k config\/crd/, 1],
  [
    'a CRD of a newer version',
    () => shop.server.put(crds, { metadata: { name: CRD_NAME, annotations: { 'glidepath.dev/schema': '9' } } }),
    /warn +CRD +its schema 9 is newer .*update kubectl canary/,
    0,
  ],
  ['a CRD without number', () => shop.server.put(crds, { metadata: { name: CRD_NAME } }), /FAIL +CRD +annotation \S+ not found/, 1],
  [
    'no operator in mid-release',
    () => shop.server.remove(FAKE_RESOURCES.deployments, 'glidepath-system', 'glidepath'),
    /FAIL +operator .*no traffic is shifted or rolled back: shop\/web stays at 5% for Service v2\n +fix: kubectl apply --server-side -k config\/default/,
    1,
  ],
  [
    'an operator that does not start',
    () => putOperator({ conditions: [{ type: 'Available', status: 'False', message: 'minimum availability' }] }),
    /FAIL +operator +0 of 1 ready: minimum availability\n +fix: kubectl -n glidepath-system logs/,
    1,
  ],
  ['an operator at 0', () => putOperator({}, {}, 0), /FAIL +operator +it is scaled to 0\n +fix: .*--replicas=1/, 1],
  [
    'no Prometheus',
    () => putOperator({ readyReplicas: 1 }, { env: [{ name: 'POD_NAME' }] }),
    /FAIL +Prometheus +the operator has none, and shop\/web cannot be analyzed .*\n +fix: .*set env deploy\/glidepath GLIDEPATH_PROMETHEUS_URL=/,
    1,
  ],
  [
    'no routes',
    () => [httpRoutes, grpcRoutes].map((resource) => shop.server.resources.unserve(resource)),
    /FAIL +Gateway API +the cluster serves no kind of route\n +fix: kubectl apply/,
    1,
  ],
  [
    'a blocked release',
    () => shop.put('web', aRunningStatus({ phase: 'Blocked', message: 'blocked: RouteNotFound: no route' })),
    /FAIL +release shop\/web +blocked: RouteNotFound: no route\n +fix: kubectl canary explain web -n shop/,
    1,
  ],
  [
    'a rolled back release',
    () =>
      shop.put(
        'web',
        aRunningStatus({
          conditions: [{ type: 'Stalled', status: 'True', reason: 'RolledBack', message: 'errors', lastTransitionTime: timeAfter(0) }],
        }),
      ),
    /warn +release shop\/web +RolledBack: errors/,
    0,
  ],
  ['a release that nobody looks at', () => shop.put('web', undefined), /FAIL +release shop\/web +no operator has handled it/, 1],
];

describe('finds', () => {
  test.each(breaks)('doctor finds %s', async (_what, breakIt, line, code) => {
    shop.put('web', aRunningStatus());
    allow(ALL);
    breakIt();
    const ended = await shop.run('doctor -n shop');
    expect(ended.out).toMatch(line);
    expect(ended.code).toBe(code);
  });

  test('doctor finds what the caller may not do: to steer is a warning, to read is a failure', async () => {
    allow(READ);
    const viewer = await shop.run('doctor -n shop');
    expect(viewer.code).toBe(0);
    expect(viewer.out).toMatch(
      /warn +rights to steer +you may not patch, approve, advance, .*, abort canaryreleases in namespace shop\n +fix: kubectl create rolebinding glidepath-approver -n shop --clusterrole=glidepath-approver --user=/,
    );
    expect(viewer.out).toMatch(
      /warn +rights to write +you may not create, update, delete .*\n +fix: kubectl create rolebinding glidepath-editor/,
    );
    allow([]);
    const nobody = await shop.run('doctor -n shop -o json');
    expect(nobody.code).toBe(1);
    expect(JSON.parse(nobody.out)).toMatchObject({ kind: 'Findings' });
    expect(nobody.out).toContain('you may not get, list, watch canaryreleases');
  });

  test('the verbs of commands that a caller lacks; whoever decides is not told to become an editor', async () => {
    allow([...READ, 'patch', 'pause', 'resume', 'abort']);
    const onCall = (await shop.run('doctor -n shop')).out;
    expect(onCall).toMatch(
      /warn +rights to steer +you may not approve, advance, promote, retry, undo canaryreleases in namespace shop\n +fix: kubectl create rolebinding glidepath-approver/,
    );
    allow([...READ, ...STEER]);
    const approver = (await shop.run('doctor -n shop')).out;
    expect(approver).toMatch(/ok +rights to steer +every command on releases of namespace shop\n/);
    expect(approver).toMatch(
      /ok +rights to write +not needed to approve: you may not create, update, delete canaryreleases in namespace shop\n/,
    );
    expect(approver + onCall).not.toContain('glidepath-editor');
  });

  test('doctor finds no verbs of commands where nothing asks for them: there patch gives every command, and no approver is to be bound', async () => {
    shop.server.remove(FAKE_RESOURCES.validatingPolicies, undefined, 'glidepath-commands');
    allow([...READ, 'patch']);
    expect((await shop.run('doctor -n shop')).out).toMatch(/ok +rights to steer +releases of namespace shop\nwarn +rights to write/);
    allow(READ);
    const { out } = await shop.run('doctor -n shop');
    expect(out).toMatch(/warn +rights to steer +you may not patch canaryreleases .*\n +fix: kubectl create rolebinding glidepath-editor/);
    expect(out).not.toContain('glidepath-approver');
  });

  test('the verbs of commands where the caller may not look whether something asks for them', async () => {
    allow([...READ, 'patch']);
    shop.server.fault({
      when: ({ path }) => path.includes('validatingadmissionpolicies'),
      times: 9,
      action: { kind: 'status', code: 403, reason: 'Forbidden', message: 'no' },
    });
    expect((await shop.run('doctor -n shop')).out).toMatch(
      /warn +rights to steer +you may not approve, .*; each is a command, and is required where config\/commands is installed\n +fix: .*glidepath-approver/,
    );
  });

  test('doctor names what it may not read, without failing for it', async () => {
    allow(ALL);
    const refuse = (part: string) =>
      shop.server.fault({
        when: ({ path }) => path.includes(part),
        action: { kind: 'status', code: 403, reason: 'Forbidden', message: 'no' },
      });
    refuse('customresourcedefinitions');
    refuse('deployments');
    const { code, out } = await shop.run('doctor -n shop');
    expect(code).toBe(0);
    expect(out).toMatch(/warn +CRD +you may not read/);
    expect(out).toMatch(/warn +operator +you may not read/);
  });
});
