// Every command that needs a cluster, where something of it is not there: one sentence with what to do, and no exit code that
// could be taken for a verdict.

import { beforeEach, describe, expect, test } from 'vitest';
import { FAKE_RESOURCES } from '../../fakes/api-server/resources.ts';
import { MISSING_RIGHT, refusedByPolicy } from '../../fixtures/forbidden.ts';
import { releases } from '../kubernetes/harness.ts';
import { aRunningStatus, openShop, type Shop } from './shop.ts';

let shop: Shop;

beforeEach(async () => {
  shop = await openShop();
  const template = { spec: { containers: [] } };
  shop.server.put(FAKE_RESOURCES.deployments, { metadata: { name: 'store', namespace: 'shop' }, spec: { selector: {}, template } });
});

const READING = ['list', 'list -A', 'status web', 'status', 'explain web', 'history web', 'watch web', 'watch --for deploy/store'] as const;
const STEERING = [
  'approve web --yes',
  'advance web --yes',
  'promote web --yes',
  'abort web --yes',
  'pause web --yes',
  'resume web --yes',
  'retry web --yes',
] as const;

describe.each([...READING, ...STEERING])('%s', (line) => {
  test('a command without the CRD says how to install it', async () => {
    shop.server.resources.unserve(releases);
    const { code, out, err } = await shop.run(`${line} -n shop`);
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(err).toMatch(
      /^error: the cluster of context fake does not serve CanaryReleases; install the CRD: kubectl apply --server-side -k config\/crd\n$/,
    );
  });

  test('a command without the right names the role that has it', async () => {
    shop.put('web', aRunningStatus());
    shop.server.fault({
      when: ({ path }) => path.includes('/canaryreleases'),
      times: 99,
      action: { kind: 'status', code: 403, reason: 'Forbidden', message: 'no' },
    });
    const { code, err } = await shop.run(`${line} -n shop`);
    expect(code).toBe(1);
    expect(err).toMatch(
      /^error: .*; ask for the role glidepath-viewer to read releases, glidepath-approver to steer them where config\/commands is installed, or glidepath-editor\n$/,
    );
  });
});

test('a command that a policy refuses is answered with the role that the policy names, and no other', async () => {
  shop.put('web', aRunningStatus());
  const message =
    'you may not pause release web: bob has no right to the verb "pause"; ask for the role glidepath-approver in namespace shop';
  shop.server.fault({ when: ({ method }) => method === 'PATCH', action: refusedByPolicy(message) });
  const { err } = await shop.run('pause web --yes -n shop');
  expect(err.endsWith(`denied request: ${message}\n`)).toBe(true);
});

test('a command that a policy refuses for another reason than a role is answered with that reason alone', async () => {
  shop.put('web', aRunningStatus());
  shop.server.fault({ when: ({ method }) => method === 'PATCH', action: refusedByPolicy('no releases on Fridays') });
  expect((await shop.run('pause web --yes -n shop')).err).toMatch(/denied request: no releases on Fridays\n$/);
});

test('a command for which a right is missing is answered with the roles that have it, whatever the message says', async () => {
  shop.put('web', aRunningStatus());
  shop.server.fault({ when: ({ method }) => method === 'PATCH', action: MISSING_RIGHT });
  expect((await shop.run('pause web --yes -n shop')).err).toMatch(
    /namespace "shop"; ask for the role glidepath-viewer .* glidepath-editor\n$/,
  );
});

test('objects are printed in each format that is offered', async () => {
  shop.put('web', aRunningStatus());
  expect((await shop.run('explain web -n shop -o yaml')).out).toMatch(/^apiVersion: cli\.glidepath\.dev\/v1\nkind: Explanation\n/);
  expect((await shop.run('status web -n shop -o yaml')).out).toMatch(/\nkind: CanaryRelease\n/);
  expect((await shop.run('status web -n shop -o wide')).out).toMatch(/^NAMESPACE .* MESSAGE\nshop .* stage 1\/3 at 5%: /);
  expect(JSON.parse((await shop.run('history web -n shop -o json')).out)).toMatchObject({ namespace: 'shop', name: 'web', history: [] });
});
