// `doctor` on policies, on what was left behind, and on the operator's rights.

import { describe, expect, test } from 'vitest';
import { FAKE_RESOURCES } from '../../fakes/api-server/resources.ts';
import { deployments, releases, services } from '../kubernetes/harness.ts';
import {
  type Case,
  allow,
  forbid,
  noOperator,
  put,
  putHeld,
  putHold,
  putOperator,
  putRoute,
  target,
  useDoctorWorld,
  world,
} from './doctor-world.ts';
import { aRunningStatus } from './shop.ts';

const { mutatingPolicies, mutatingPolicyBindings, mutatingWebhooks, validatingPolicies, validatingPolicyBindings } = FAKE_RESOURCES;

useDoctorWorld();

function putStamps(): void {
  for (const name of ['glidepath-command-by', 'glidepath-abort-by']) {
    world.shop.server.put(mutatingPolicies, { metadata: { name } });
    world.shop.server.put(mutatingPolicyBindings, { metadata: { name } });
  }
}

const policies: readonly Case[] = [
  [
    'no command policies',
    () =>
      [validatingPolicies, validatingPolicyBindings].map((kind) =>
        ['glidepath-commands', 'glidepath-authors'].map((name) => world.shop.server.remove(kind, undefined, name)),
      ),
    /^warn +command policies +glidepath-commands and glidepath-authors not found: .*\n +fix: kubectl apply --server-side -k config\/commands$/m,
  ],
  [
    'a command policy that binds nobody',
    () => world.shop.server.remove(validatingPolicyBindings, undefined, 'glidepath-authors'),
    /^FAIL +command policies +glidepath-authors has no binding, so it has no effect$/m,
    1,
  ],
  ['command policies that may not be read', () => forbid('/validatingadmissionpolic'), /^warn +command policies +you may not read/m],
  [
    'command policies without operator',
    () => noOperator(),
    /^warn +command policies +.* left over, and no operator runs\n +fix: kubectl delete -k config\/commands/m,
    1,
  ],
  ['stamps of commands', () => putStamps(), /^ok +command stamp +the API server records who gave a command$/m],
  [
    'a stamp that binds nothing',
    () => [putStamps(), world.shop.server.remove(mutatingPolicyBindings, undefined, 'glidepath-abort-by')],
    /^warn +command stamp +glidepath-abort-by has no binding, so .*\n +fix: kubectl apply --server-side -k config\/commands-stamp$/m,
  ],
  [
    'half of the stamps',
    () => [putStamps(), world.shop.server.remove(mutatingPolicies, undefined, 'glidepath-command-by')],
    /^warn +command stamp +glidepath-command-by not found, so the API server does not record who gave a command$/m,
  ],
  [
    'stamps without operator',
    () => [putStamps(), noOperator()],
    /^warn +command stamp +glidepath-command-by and glidepath-abort-by are left over, and no operator runs\n +fix: kubectl delete --ignore-not-found -k config\/commands-stamp$/m,
    1,
  ],
  [
    'the warning of a hold without operator',
    () => [world.shop.server.put(validatingPolicies, { metadata: { name: 'glidepath-hold-warning' } }), noOperator()],
    /^warn +hold warning +glidepath-hold-warning is left over, and no operator runs\n +fix: kubectl delete --ignore-not-found -k config\/deployment-mode$/m,
    1,
  ],
  [
    'releases of Deployments without any hold',
    () => put(target),
    /^FAIL +hold +no admission policy or webhook holds template changes of the Deployments of shop\/web\n +fix: kubectl apply --server-side -k config\/deployment-mode .*$/m,
    1,
  ],
  [
    'a hold by the policy',
    () => [put(target), putHold()],
    /^ok +hold +the policy glidepath-hold holds changes of the Deployments of shop\/web$/m,
  ],
  [
    'a hold by the webhook',
    () => [put(target), world.shop.server.put(mutatingWebhooks, { metadata: { name: 'glidepath-hold' }, webhooks: [{ name: 'hold' }] })],
    /^ok +hold +the webhook glidepath-hold holds changes/m,
  ],
  [
    'a webhook that the operator has not filled in',
    () => [put(target), world.shop.server.put(mutatingWebhooks, { metadata: { name: 'glidepath-hold' } })],
    /^FAIL +hold +the webhook glidepath-hold is installed, but does not hold the Deployments of shop\/web/m,
    1,
  ],
  [
    'a hold that binds nothing',
    () => [put(target), world.shop.server.put(mutatingPolicies, { metadata: { name: 'glidepath-hold' } })],
    /^FAIL +hold +the policy glidepath-hold has no binding/m,
    1,
  ],
  [
    'a hold that nobody lets go',
    () => [put(target), putHold(), noOperator()],
    /^FAIL +hold +the policy glidepath-hold holds every change of the Deployments of shop\/web, and no operator runs that would release them\n +fix: kubectl delete -k config\/deployment-mode/m,
    1,
  ],
  [
    'a hold without operator and releases',
    () => [putHold(), noOperator()],
    /^warn +hold +the policy glidepath-hold is left over, and no operator runs/m,
    1,
  ],
  [
    'a hold without any release',
    () => putHold(),
    /^warn +hold +the policy glidepath-hold is installed, and no release has a targetRef\n +fix: kubectl delete -k/m,
  ],
];

describe('policies', () => {
  test('policies of the hold are not asked for where the operator pauses the Deployment itself', async () => {
    put({ ...target, targetRef: { kind: 'Deployment', name: 'store', hold: 'PausedAtRest' } as never });
    expect((await world.shop.run('doctor -n shop')).out).not.toMatch(/^\w+ +hold /m);
  });

  test.each(policies.map((one) => ({ what: one[0], one })))('doctor about policies: $what', ({ one }) => world.expectLine(one));
});

const leftovers: readonly Case[] = [
  [
    'a route with the mark of a release that is gone',
    () =>
      putRoute({
        annotations: { 'glidepath.dev/release': 'web/abc' },
        refs: [
          { name: 'v1', weight: 75 },
          { name: 'v2', weight: 25 },
        ],
      }),
    /^FAIL +HTTPRoute shop\/store +still has the annotation of release abc of canaryrelease\/web, which does not exist; its weights stay as they are: v1 75, v2 25\n +fix: kubectl edit httproute store -n shop .*kubectl annotate httproute store -n shop glidepath\.dev\/release-$/m,
    1,
  ],
  [
    'a route with the mark of a release that is over',
    () => [put({}), putRoute({ annotations: { 'glidepath.dev/release': 'web/abc/home' } })],
    /^warn +HTTPRoute shop\/store +still has the annotation of release abc of web, which has ended\n +fix: kubectl annotate httproute store/m,
  ],
  [
    'a route that is still held off Flux',
    () => putRoute({ annotations: { 'glidepath.dev/flux-held': 'was:enabled' } }),
    /^FAIL +HTTPRoute shop\/store +Flux reconciliation is still disabled by a deleted release\n +fix: .*flux-held- kustomize\.toolkit\.fluxcd\.io\/reconcile=enabled --overwrite$/m,
    1,
  ],
  [
    'a Deployment that is still paused',
    () => putHeld('store'),
    /^FAIL +Deployment shop\/store +is still paused by a hold of canaryrelease\/web, which does not exist: no change of it rolls out\n +fix: kubectl rollout resume deployment store -n shop && kubectl annotate/m,
    1,
  ],
  [
    'the mark of a hold without its pause',
    () => putHeld('store', false),
    /^warn +Deployment shop\/store +still has the annotation of a hold/m,
  ],
  [
    'a canary of nobody',
    () =>
      world.shop.server.put(deployments, {
        metadata: { name: 'store-canary', namespace: 'shop', labels: { 'glidepath.dev/role': 'canary' } },
        spec: {},
      }),
    /^warn +Deployment shop\/store-canary +is a leftover canary: no CanaryRelease owns it\n +fix: kubectl delete deployment store-canary -n shop$/m,
  ],
  [
    'a canary of nobody that a route still sends to',
    () => {
      world.shop.server.put(services, {
        metadata: { name: 'store-api-canary', namespace: 'shop', labels: { 'glidepath.dev/role': 'canary' } },
        spec: {},
      });
      putRoute({
        refs: [
          { name: 'v1', weight: 90 },
          { name: 'store-api-canary', weight: 10 },
        ],
      });
    },
    /^FAIL +Service shop\/store-api-canary +is a leftover canary, and a route still names it: no CanaryRelease owns it\n +fix: kubectl edit httproute store/m,
    1,
  ],
];

describe('leftovers', () => {
  test.each(leftovers.map((one) => ({ what: one[0], one })))('doctor about leftovers: $what', ({ one }) => world.expectLine(one));

  test('leftovers of another namespace are found, unless the caller may see one namespace only', async () => {
    putHeld('store');
    expect((await world.shop.run('doctor -n other')).out).toMatch(/^FAIL +Deployment shop\/store/m);
    world.shop.server.fault({
      when: ({ path }) => path === '/apis/glidepath.dev/v1alpha1/canaryreleases',
      action: { kind: 'status', code: 403, reason: 'Forbidden', message: 'no' },
    });
    expect((await world.shop.run('doctor -n other')).out).toMatch(
      /^ok +leftovers +no annotation, hold or canary without its release in namespace other$/m,
    );
  });

  test('leftovers are none while their release is there and runs', async () => {
    world.shop.put('web', aRunningStatus(), { spec: target });
    const { uid } = world.shop.server.get(releases, 'shop', 'web')?.metadata ?? {};
    putHeld('store');
    putHold();
    putRoute({ annotations: { 'glidepath.dev/release': 'web/7c1f0e22ab' } });
    const metadata = { name: 'store-canary', namespace: 'shop', labels: { 'glidepath.dev/role': 'canary' }, ownerReferences: [{ uid }] };
    world.shop.server.put(deployments, { metadata, spec: {} });
    expect((await world.shop.run('doctor -n shop')).out).toMatch(/^ok +leftovers +no annotation, hold or canary without its release$/m);
  });

  test('leftovers are reported without the CRD, too', async () => {
    putHeld('store');
    world.shop.server.resources.unserve(releases);
    expect((await world.shop.run('doctor')).out).toMatch(/^FAIL +Deployment shop\/store/m);
  });
});

describe("the operator's rights", () => {
  test('rights that the operator lacks are named, with what gives them', async () => {
    await world.reopen();
    allow(
      /"verb":"(watch|patch)","resource":"httproutes"|"resource":"httproutes","verb":"(watch|patch)"|"namespace":"shop".*"subresource":"scale"|"subresource":"scale".*"namespace":"shop"/,
    );
    put(target);
    const { out } = await world.shop.run('doctor -n shop');
    expect(out).toMatch(
      /^FAIL +operator's rights +ServiceAccount glidepath may not watch\/patch httproutes\n +fix: kubectl apply --server-side -k config\/default$/m,
    );
    expect(out).toMatch(
      /^FAIL +operator's rights +in namespace shop ServiceAccount glidepath may not patch replicasets\/scale\n +fix: kubectl create rolebinding glidepath-deployment-mode -n shop/m,
    );
  });

  test('rights for the Jobs of gates are asked for where a release has such a gate', async () => {
    await world.reopen();
    allow(/"resource":"jobs"/);
    const job = { spec: { template: {} } };
    put({ stages: [{ weight: 5, gates: [{ name: 'smoke', job }] }] });
    expect((await world.shop.run('doctor -n shop')).out).toMatch(
      /^FAIL +operator's rights +in namespace shop ServiceAccount glidepath may not get\/create\/delete jobs\n +fix: kubectl create rolebinding glidepath-gates -n shop/m,
    );
  });

  test('rights of an operator that is confined to namespaces are asked for there', async () => {
    await world.reopen();
    putOperator(world.prometheus.url, ['--namespace=shop,web', '--namespace=pay']);
    allow(/"namespace":"web"/);
    const { out } = await world.shop.run('doctor -n shop');
    expect(out).toMatch(
      /^FAIL +operator's rights +ServiceAccount glidepath may not get\/list\/watch\/patch\/update canaryreleases in web, .* in web$/m,
    );
    await world.reopen();
    putOperator(world.prometheus.url, ['--namespace=shop']);
    allow(/"resource":"pods","verb":"get"(?!.*"namespace")/);
    expect((await world.shop.run('doctor -n shop')).out).toMatch(/^ok +operator's rights +releases, routes, Services and events of shop$/m);
  });

  test("the caller may lack the right to see the operator's rights", async () => {
    await world.reopen();
    forbid('/subjectaccessreviews');
    allow();
    expect((await world.shop.run('doctor -n shop')).out).toMatch(/^warn +operator's rights +you may not check the rights of others/m);
  });
});

test('a check that fails is a line of its own, and the others are made', async () => {
  world.shop.server.fault({
    when: ({ path }) => path.includes('validatingadmissionpolicies'),
    times: 99,
    action: { kind: 'status', code: 500, reason: 'InternalError', message: 'broken' },
  });
  const { out } = await world.shop.run('doctor -n shop -o yaml');
  expect(out).toMatch(
    /^apiVersion: cli\.glidepath\.dev\/v1\nkind: Findings\n[\s\S]*check: command policies\n +says: "?could not be checked: [\s\S]*check: releases/m,
  );
});
