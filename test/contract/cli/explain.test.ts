// What people read of a release: in words, as a table, as an object; and what they are told when it is not there.

import { beforeEach, describe, expect, test } from 'vitest';
import { releases } from '../kubernetes/harness.ts';
import { aReleaseStatus, timeAfter } from '../../fixtures/builders.ts';
import { aRunningStatus, openShop, type Shop } from './shop.ts';

let shop: Shop;

beforeEach(async () => {
  shop = await openShop();
});

describe('explain', () => {
  test('explain says where a release stands, what is proven, what comes when, and what would help', async () => {
    shop.put('web', aRunningStatus());
    const { code, out, err } = await shop.run('explain web -n shop');
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toMatch(
      /^shop\/web: Analyzing, stage 1 of 3\nrelease 7c1f0e22ab of revision \S+, started at 2030-01-01T12:00:00Z \(40s ago\)/,
    );
    expect(out).toContain('Traffic  canary weight 5% wanted, 5% in the routes\n');
    expect(out).toContain('Pass          errors      0.12% (limit <= 1%) over 31 canary requests\n');
    expect(out).toMatch(/Inconclusive {2}comparison {2}canary 0\.2% errors.*; not enough requests yet \(31 of 420, about 40 min\)\n/);
    expect(out).not.toContain('of 100 needed');
    expect(out).toContain('31 canary requests in this stage, 50 required to pass\n');
    expect(out).toContain('12:02:00Z (in 1m20s): the stage may be passed at the earliest\n');
    expect(out).not.toContain('Missing');
    expect(out).not.toContain('Not fine');
    expect(out).toMatch(/kubectl canary abort web -n shop --kubeconfig \S+ {3}# roll all traffic back now\n/);
    expect(out).toMatch(/kubectl annotate crel web -n shop .* --overwrite glidepath\.dev\/abort=7c1f0e22ab\n/);
  });

  test('explain, list and watch write nothing to the terminal that the author of an object wanted to write there', async () => {
    const forged = '2.0\u001b[2K\u001b[1G\u001b[32mPROMOTED\u001b]52;c;eA==\u0007\u202e\u009b31m';
    const running = aRunningStatus({ message: `waits ${forged}` });
    const release = { id: '7c1f0e22ab', ...running.release, revision: forged } as NonNullable<typeof running.release>;
    shop.put('web', { ...running, release });
    for (const line of ['explain web -n shop', 'list -n shop -o wide', 'status web -n shop', 'watch web -n shop --timeout 1s']) {
      const { out, err } = await shop.run(line);
      expect(`${out}${err}`, line).toContain('2.0');
      expect(`${out}${err}`, line).not.toMatch(/[^\P{Cc}\n]|\p{Cf}/u);
    }
  });

  test('explain shows the figures behind the comparison where they are asked for, and when each line was evaluated', async () => {
    const running = aRunningStatus();
    const checks = (running.checks ?? []).map((check) => ({ ...check, at: timeAfter(30) }));
    shop.put('web', { ...running, checks });
    const { out } = await shop.run('explain web -n shop --evidence');
    expect(out).toContain('comparison: evidence against the canary 0.4 of 100 needed\n');
    expect(out).toContain('over 31 canary requests (at 12:00:30Z)\n');
    const { out: json } = await shop.run('explain web -n shop -o json');
    expect(JSON.parse(json)).toMatchObject({ proof: [{}, { figures: 'evidence against the canary 0.4 of 100 needed' }] });
  });

  test('explain shows what the gateways counted beside what was asked, in every form', async () => {
    const measured = { share: '4.9%', canaryRequests: 612, servingRequests: 11_900, at: timeAfter(28) };
    shop.put('web', aRunningStatus({ measured }));
    expect((await shop.run('explain web -n shop')).out).toContain(
      'Traffic   canary weight 5% wanted, 5% in the routes\nMeasured  4.9%: 612 of 12,500 requests in the window evaluated 12s ago\n',
    );
    expect(JSON.parse((await shop.run('explain web -n shop -o json')).out)).toMatchObject({ traffic: { asked: 5, routes: 5, measured } });
    expect((await shop.run('status web -n shop')).out).toContain('5% wanted, routes have 5%, measured 4.9%\n');
    expect((await shop.run('list -n shop -o wide')).out).toMatch(/MEASURED[\s\S]* 4\.9% /);
  });

  test('explain shows what each of several gateways counted, with the evidence and in JSON', async () => {
    const counted = { canaryRequests: 430, canaryErrors: 12, servingRequests: 3_900, servingErrors: 3 };
    const sources = [{ source: 'Traefik', ...counted }];
    const measured = { share: '4.9%', canaryRequests: 612, servingRequests: 11_900, sources, at: timeAfter(28) };
    shop.put('web', aRunningStatus({ measured }));
    const line = 'measured by Traefik: 12 of 430 canary requests and 3 of 3,900 of serving failed\n';
    expect((await shop.run('explain web -n shop --evidence')).out).toContain(line);
    expect((await shop.run('explain web -n shop')).out).not.toContain(line);
    expect(JSON.parse((await shop.run('explain web -n shop -o json')).out)).toMatchObject({ traffic: { measured: { sources } } });
  });

  test('explain shows each gate with what was found, and the end of the log of one that failed', async () => {
    const running = aRunningStatus();
    const gates = [
      { name: 'smoke', stage: 'first', kind: 'Job', state: 'Failed', attempts: 1, job: 'web-smoke-1', message: 'exit 1', log: 'a\nb' },
      { name: 'qa', kind: 'HTTP', state: 'Passed', attempts: 3, message: 'answered 200' },
    ] as const;
    shop.put('web', { ...running, release: aReleaseStatus({ ...running.release, gates: [...gates] }) });
    const { out } = await shop.run('explain web -n shop');
    expect(out).toContain('Gates\n  Failed  gate smoke  first      Job web-smoke-1: exit 1\n    | a\n    | b\n');
    expect(out).toContain('  Passed  gate qa     promotion  3 requests: answered 200\n');
    expect((await shop.run('status web -n shop')).out).toContain('Failed  gate smoke');
    const { out: json } = await shop.run('explain web -n shop -o json');
    expect(JSON.parse(json)).toMatchObject({
      gates: [{ name: 'smoke', state: 'Failed', log: 'a\nb' }, { says: '3 requests: answered 200' }],
    });
  });

  test('explain shows what the sentinel saw, which Prometheus may never show', async () => {
    const sentinel = {
      check: 'errors',
      from: timeAfter(10),
      to: timeAfter(14),
      targets: ['projectcontour/envoy-x2v5p'],
      canary: { requests: 25, serverErrors: 12, clientErrors: 0 },
      serving: { requests: 1_075, serverErrors: 0, clientErrors: 2 },
    };
    shop.put('web', aRunningStatus({ release: aReleaseStatus({ sentinel }) }));
    expect((await shop.run('explain web -n shop')).out).toContain(
      'errors failed: 12 of 25 requests of the canary failed, 0 of 1,075 requests of serving, counted at projectcontour/envoy-x2v5p from 2030-01-01T12:00:10Z to 2030-01-01T12:00:14Z\n',
    );
    expect(JSON.parse((await shop.run('explain web -n shop -o json')).out)).toMatchObject({ sentinel });
  });

  test('explain says what is missing once the stage has had its time', async () => {
    const release = aReleaseStatus({ stageEndsAt: timeAfter(30), stageRequests: 31 });
    const counted = { lookGridAt: timeAfter(30), sampleAt: timeAfter(31) };
    const checks = aRunningStatus().checks?.map((check) => ({ ...check, at: timeAfter(30) })) ?? [];
    shop.put('web', aRunningStatus({ checks, release: { ...release, ...counted, served: [{ weight: 5, from: timeAfter(0) }] } }));
    expect((await shop.run('explain web -n shop')).out).toMatch(/Missing {2}31 of 420 canary requests after 30s at 1\/s: /);
  });

  test('explain names the stage to approve, and conditions that are not fine', async () => {
    const condition = { type: 'MetricsAvailable', status: 'False', reason: 'Unavailable', message: 'no answer', lastTransitionTime: 'x' };
    shop.put('web', aRunningStatus({ state: 'stage.awaitingApproval', phase: 'AwaitingApproval', conditions: [condition as never] }), {
      spec: { stages: [{ weight: 5, approval: 'Required' }] },
    });
    const { out } = await shop.run('explain -n shop');
    expect(out).toContain('MetricsAvailable (Unavailable): no answer');
    expect(out).toMatch(/kubectl canary approve web .* --stage 1 {3}# approve stage 1\n/);
    expect(out).toContain('glidepath.dev/command=approve:7c1f0e22ab/1:$(date -u +%Y-%m-%dT%H:%M:%SZ)');
  });

  test('explain offers to promote where only the canary answers', async () => {
    const condition = { type: 'ServingReady', status: 'False', reason: 'NoEndpoints', message: 'no pod', lastTransitionTime: 'x' };
    shop.put('web', aRunningStatus({ conditions: [condition as never] }));
    const { out } = await shop.run('explain web -n shop');
    expect(out).toContain('ServingReady (NoEndpoints): no pod');
    expect(out).toMatch(/kubectl canary promote web .*# promote the canary: the serving Service has no ready endpoint\n/);
    shop.put('web', aRunningStatus());
    expect((await shop.run('explain web -n shop')).out).not.toContain('canary promote');
  });

  test.each([
    ['a pause by a command', {}, 'kubectl canary resume web'],
    ['a pause by the spec', { paused: true }, `-p '{"spec":{"paused":false}}'`],
  ])('explain offers the next command from %s', async (_what, spec, line) => {
    shop.put('web', aRunningStatus({ state: 'paused', phase: 'Paused' }), { spec });
    expect((await shop.run('explain web -n shop')).out).toContain(line);
  });

  test.each([
    ['promoting.baking', {}, 'undo the promotion by one write of the weights: the previous pods still run'],
    ['promoting.rollingOut', {}, 'undo the promotion as far as it got'],
    ['paused', { returnTo: 'promoting.baking' }, 'undo the promotion by one write of the weights: the previous pods still run'],
  ])('explain offers to undo a promotion in %s %j', async (state, more, why) => {
    const phase = state === 'paused' ? 'Paused' : 'Promoting';
    shop.put('web', aRunningStatus({ state, phase, release: aReleaseStatus(more) }));
    const { out } = await shop.run('explain web -n shop');
    expect(out).toMatch(new RegExp(`kubectl canary undo web .* # ${why}\n`));
    expect(out).toContain('glidepath.dev/command=undo:7c1f0e22ab:$(date');
    expect(out).toContain('kubectl canary abort web');
  });

  test('explain offers no undo during the last writes of a promotion, which would be refused', async () => {
    shop.put('web', aRunningStatus({ state: 'promoting.restoring', phase: 'Promoting' }));
    expect((await shop.run('explain web -n shop')).out).not.toContain('kubectl canary undo');
  });

  test('explain shows why a release was rolled back, and offers to try again', async () => {
    const over = { outcome: 'RolledBack' as const, reason: 'ErrorRatio', rejects: true, finishedAt: '2030-01-01T12:00:30Z' };
    shop.put('web', aRunningStatus({ state: 'rolledBack', phase: 'RolledBack', release: aReleaseStatus(over) }));
    const { out } = await shop.run('explain web -n shop');
    expect(out).toContain('ended 10s ago: RolledBack (ErrorRatio)');
    expect(out).toContain('kubectl canary retry web');
    expect(out).not.toContain('kubectl canary abort');
  });

  test('explain as JSON has the same in fields', async () => {
    shop.put('web', aRunningStatus());
    expect(JSON.parse((await shop.run('explain web -n shop -o json')).out)).toMatchObject({
      kind: 'Explanation',
      release: { id: '7c1f0e22ab' },
      stage: { number: 1, of: 3 },
      traffic: { asked: 5, routes: 5 },
      requests: { have: 31, needed: 50 },
      notFine: [],
    });
  });

  test('explain asks after the operator where no one has evaluated a release', async () => {
    shop.put('web', undefined);
    expect((await shop.run('explain web -n shop')).out).toContain('check whether it runs: kubectl canary doctor');
  });

  test('explain shows what it can of a status of a later version, and says so', async () => {
    shop.put('web', { ...aRunningStatus(), state: 'stage.analyzing', phase: 'Levitating' as never });
    const { code, out } = await shop.run('explain web -n shop');
    expect(code).toBe(0);
    expect(out).toContain('update kubectl canary: phase "Levitating" is unknown to this version');
  });
});

describe('list, status and history', () => {
  test('list shows the columns of kubectl, and the message when wide', async () => {
    shop.put('web', aRunningStatus());
    shop.put('api', undefined, { namespace: 'other' });
    expect((await shop.run('list -n shop')).out).toMatch(
      /^NAMESPACE {2}NAME {2}PHASE {6}PROGRESS {2}WEIGHT {2}VERDICT {7}REVISION {2,}AGE\nshop {7}web {3}Analyzing {2}1\/3 {7}5 {7}Inconclusive {2}\S+ +10m\n$/,
    );
    expect((await shop.run('list -A -o wide')).out).toMatch(/MESSAGE\nother +api .*\nshop +web .* stage 1\/3 at 5%/);
  });

  test('list chooses by label, and gives the objects themselves', async () => {
    shop.put('web', aRunningStatus(), { labels: { team: 'a' } });
    shop.put('api', aRunningStatus());
    const { out } = await shop.run('list -n shop -l team=a -o json');
    expect(JSON.parse(out)).toMatchObject({ kind: 'List', items: [{ kind: 'CanaryRelease', metadata: { name: 'web' } }] });
    expect((await shop.run('list -n shop -o yaml')).out).toMatch(/^apiVersion: v1\nkind: List\n[\s\S]*name: api/);
  });

  test('an empty list is no error', async () => {
    expect(await shop.run('list -n shop')).toEqual({
      code: 0,
      out: '',
      err: 'No CanaryRelease found in namespace shop; list all namespaces with -A\n',
    });
  });

  test('status shows the row, the message and the checks', async () => {
    shop.put('web', aRunningStatus());
    const { out } = await shop.run('status web -n shop');
    expect(out).toContain('shop/web: Analyzing, canary weight 5% wanted, routes have 5%\n');
    expect(out).toContain('Pass          errors      0.12%');
  });

  test('status of many has a table of all, and each with its checks; programs get a list', async () => {
    shop.put('web', aRunningStatus(), { labels: { team: 'a' } });
    shop.put('api', undefined, { namespace: 'other' });
    const { out } = await shop.run('status -A -o wide');
    expect(out).toMatch(
      /^NAMESPACE .*MESSAGE\nother +api .*\nshop +web .*\n\nother\/api: Unknown, [\s\S]*\nshop\/web: Analyzing, canary weight 5% wanted/,
    );
    expect((await shop.run('status -n shop -l team=a')).out).not.toContain('other');
    expect(JSON.parse((await shop.run('status -A -l team=a -o json')).out)).toMatchObject({
      kind: 'List',
      items: [{ metadata: { name: 'web' } }],
    });
    expect((await shop.run('status -n shop -l team=b')).err).toBe(
      'No CanaryRelease found in namespace shop with labels team=b; list all namespaces with -A\n',
    );
    expect(await shop.run('status web -A')).toEqual({
      code: 2,
      out: '',
      err: 'error: -A selects several releases and web is one; use only one of the two\n',
    });
  });

  test('history shows how the last releases ended', async () => {
    const history = [
      {
        id: '0123456789',
        revision: '1.8.0',
        outcome: 'RolledBack' as const,
        reason: 'ErrorRatio',
        startedAt: '2030-01-01T11:00:00Z',
        finishedAt: '2030-01-01T11:02:30Z',
        maxWeight: 25,
        failedRequests: 12,
      },
    ];
    shop.put('web', aRunningStatus({ history }));
    expect((await shop.run('history web -n shop')).out).toMatch(
      /0123456789 {2}1\.8\.0 {5}RolledBack {2}ErrorRatio {2}25% {9}12 {15}2m30s {2}58m ago\n$/,
    );
    shop.put('api', aRunningStatus());
    expect((await shop.run('history api -n shop')).err).toBe('CanaryRelease shop/api has no finished release yet\n');
    expect((await shop.run('history web -n shop -o wide')).out).toMatch(
      /ENDED +STARTED AT +ENDED AT\n.* 58m ago +2030-01-01T11:00:00Z +2030-01-01T11:02:30Z\n$/,
    );
    expect((await shop.run('history -A')).out).toMatch(/^NAMESPACE {2}NAME {2}ID .*\nshop +web +0123456789 +1\.8\.0 .*\n$/);
    expect(JSON.parse((await shop.run('history -n shop -l no=such -o json')).out)).toMatchObject({ kind: 'Histories', items: [] });
    expect(JSON.parse((await shop.run('history -A -o json')).out)).toMatchObject({
      items: [
        { namespace: 'shop', name: 'api', history: [] },
        { namespace: 'shop', name: 'web', history },
      ],
    });
    expect(JSON.parse((await shop.run('history web -n shop -o json')).out)).toMatchObject({ namespace: 'shop', name: 'web', history });
    expect((await shop.run('history -n shop')).err).toContain('name one of api, web');
  });
});

describe('what is not there', () => {
  test('a name that is nearly right is told', async () => {
    shop.put('store-api', undefined);
    shop.put('checkout', undefined);
    expect(await shop.run('explain store-apu -n shop')).toEqual({
      code: 1,
      out: '',
      err: 'error: CanaryRelease shop/store-apu not found; did you mean store-api?\n',
    });
    expect((await shop.run('status zzz -n shop')).err).toBe(
      'error: CanaryRelease shop/zzz not found; the namespace has checkout, store-api\n',
    );
  });

  test('a namespace with several releases wants a name, one with none says where to look', async () => {
    expect((await shop.run('explain -n shop')).err).toMatch(/^error: namespace shop has no CanaryRelease; .*list -A\n$/);
    shop.put('a', undefined);
    shop.put('b', undefined);
    expect((await shop.run('explain -n shop')).err).toBe('error: namespace shop has several CanaryReleases; name one of a, b\n');
  });

  test('the kind, the context, the kubeconfig, the right: each with the fix', async () => {
    shop.server.resources.unserve(releases);
    expect((await shop.run('list')).err).toMatch(
      /^error: the cluster of context fake does not serve CanaryReleases; install the CRD: kubectl /,
    );
    expect(await shop.run('list --context nowhere')).toMatchObject({ code: 2, err: expect.stringMatching(/it has fake\n$/) });
    expect(await shop.run('list --kubeconfig /nowhere')).toMatchObject({
      code: 2,
      err: expect.stringMatching(/set --kubeconfig/),
    });
    shop.server.resources.serve(releases);
    shop.server.fault({ when: () => true, action: { kind: 'status', code: 403, reason: 'Forbidden', message: 'no' } });
    expect((await shop.run('list -n shop')).err).toMatch(/answered 403: no; ask for the role glidepath-viewer/);
  });
});
