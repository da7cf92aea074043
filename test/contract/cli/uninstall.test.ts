// The way out: releases first, each told when it is gone, and only then the operator.

import { beforeEach, expect, test } from 'vitest';
import { CRD_NAME } from '../../../src/api/names.ts';
import type { FakeObject } from '../../fakes/api-server/server.ts';
import { crds, releases } from '../kubernetes/harness.ts';
import { FAKE_RESOURCES } from '../../fakes/api-server/resources.ts';
import { aRunningStatus, openShop, type Shop } from './shop.ts';

let shop: Shop;

beforeEach(async () => {
  shop = await openShop();
  shop.server.put(crds, { metadata: { name: CRD_NAME } });
  shop.server.put(FAKE_RESOURCES.deployments, { metadata: { name: 'glidepath', namespace: 'glidepath-system' } });
});

const left = (): readonly FakeObject[] => shop.server.objects.list(shop.server.resources.collectionOf(releases), undefined);
const deleted = (): readonly string[] =>
  shop.server.requests.filter(({ method }) => method === 'DELETE').map(({ path }) => path.split('/').at(-1) ?? '');

test('uninstall with --yes removes releases first, then the CRD while the operator lives, then the operator; what is not there is no error', async () => {
  shop.put('web', aRunningStatus());
  shop.put('api', undefined, { namespace: 'other', spec: { deletionPolicy: 'Retain' } });
  const { code, out, err } = await shop.run('uninstall --yes');
  expect({ code, err }).toEqual({ code: 0, err: '' });
  expect(out).toMatch(
    /^2 CanaryReleases in the cluster\n {2}other\/api: Unknown\n {2}shop\/web: Analyzing, all traffic goes back to Service v1\n/,
  );
  expect(out).toContain('shop/web rolled back and deleted\n');
  expect(out).toMatch(/CustomResourceDefinition \S+ deleted\nDeployment glidepath deleted\nGlidepath is uninstalled; /);
  expect(deleted().slice(0, 4)).toEqual(['api', 'web', CRD_NAME, 'glidepath']);
  const asked = shop.server.requests.map(({ path }) => path);
  const policies = [
    'validatingadmissionpolicybindings/glidepath-commands',
    'mutatingadmissionpolicies/glidepath-abort-by',
    'mutatingadmissionpolicybindings/glidepath-hold',
    'mutatingadmissionpolicies/glidepath-hold',
    'validatingadmissionpolicies/glidepath-hold-warning',
  ];
  for (const policy of policies) expect(asked).toContain(`/apis/admissionregistration.k8s.io/v1/${policy}`);
});

test('uninstall says which Deployments stay held, and how to let them go', async () => {
  const spec = { services: undefined, targetRef: { name: 'store' }, service: { name: 'store' } } as never;
  shop.put('web', aRunningStatus(), { spec });
  shop.put('api', aRunningStatus(), { spec: { ...(spec as object), targetRef: { name: 'gone' } } as never });
  const metadata = { name: 'store', namespace: 'shop', annotations: { 'glidepath.dev/held': 'web' } };
  shop.server.put(FAKE_RESOURCES.deployments, { metadata, spec: { paused: true } });
  const { code, out } = await shop.run('uninstall --yes');
  expect(code).toBe(0);
  expect(out).toContain('Deployment shop/store stays paused');
  expect(out).toContain('kubectl rollout resume deployment/store -n shop\n');
  expect(out).not.toContain('Deployment shop/gone');
});

test('uninstall removes the webhook too: nothing of it is left', async () => {
  shop.server.put(FAKE_RESOURCES.mutatingWebhooks, { metadata: { name: 'glidepath-hold' } });
  const { code, out } = await shop.run('uninstall --yes');
  expect(code).toBe(0);
  expect(out).toContain('MutatingWebhookConfiguration glidepath-hold deleted\n');
  const asked = shop.server.requests.filter(({ method }) => method === 'DELETE').map(({ path }) => path);
  for (const path of ['clusterrolebindings/glidepath-webhook', 'clusterroles/glidepath-webhook'])
    expect(asked).toContain(`/apis/rbac.authorization.k8s.io/v1/${path}`);
});

test('uninstall at a terminal asks, and prints the rest as commands', async () => {
  shop.put('web', aRunningStatus());
  expect(await shop.run('uninstall', { ask: () => Promise.resolve('') })).toMatchObject({
    code: 1,
    err: 'cancelled: nothing was changed\n',
  });
  expect(left()).toHaveLength(1);
  const { out } = await shop.run('uninstall', { ask: () => Promise.resolve('y') });
  expect(left()).toEqual([]);
  expect(out).toContain(
    `kubectl delete --ignore-not-found customresourcedefinition ${CRD_NAME}\n  kubectl delete --ignore-not-found deployment glidepath -n glidepath-system\n`,
  );
  expect(deleted()).toEqual(['web']);
});

test('without a terminal wants --yes', async () => {
  shop.put('web', undefined);
  expect(await shop.run('uninstall')).toMatchObject({ code: 2, err: expect.stringMatching(/add --yes\n$/) });
  expect(deleted()).toEqual([]);
});

test('uninstall of one namespace leaves the others and the operator alone', async () => {
  shop.put('web', undefined);
  shop.put('api', undefined, { namespace: 'other' });
  expect((await shop.run('uninstall -n shop --yes')).code).toBe(0);
  expect(deleted()).toEqual(['web']);
});

test('uninstall that no operator rolls back ends after the timeout, with the operator in place and both ways to continue', async () => {
  shop.put('web', aRunningStatus());
  shop.server.fault({ when: ({ method }) => method === 'DELETE', action: { kind: 'body', text: '{}' } });
  const { code, err } = await shop.run('uninstall --yes --timeout 100ms');
  expect(code).toBe(1);
  expect(err).toMatch(
    /^error: not rolled back within 0\.1s: shop\/web \(Analyzing: stage 1\/3 .*\); start the operator and run uninstall again, or /,
  );
  expect(err).toContain(`kubectl patch crel web -n shop --type=merge -p '{"metadata":{"finalizers":null}}'`);
  expect(deleted()).toEqual(['web']);
});

test('uninstall of a cluster that has lost the kind already removes the rest', async () => {
  shop.server.resources.unserve(releases);
  expect((await shop.run('uninstall --yes')).out).toContain('Deployment glidepath deleted\n');
});
