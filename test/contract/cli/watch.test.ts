// `watch` against an API server: lines for pipelines, a drawing for eyes, and the exit codes.

import { beforeEach, describe, expect, test } from 'vitest';
import { aReleaseStatus, timeAfter } from '../../fixtures/builders.ts';
import { until } from '../../fixtures/until.ts';
import { releases } from '../kubernetes/harness.ts';
import { aRunningStatus, openShop, type Shop } from './shop.ts';

let shop: Shop;

beforeEach(async () => {
  shop = await openShop();
});

const promoted = aRunningStatus({ state: 'promoted', phase: 'Promoted', progress: '3/3', weight: 100, message: 'revision 2 is promoted' });

/** Watches, and tells when the first thing was printed. */
function watch(line: string, change: object = {}) {
  let text = '';
  const ended = shop.run(line, { out: (more: string) => (text += more), ...change });
  return { ended, shows: (wanted: string) => until(() => text.includes(wanted)), text: () => text };
}

describe('in a pipeline', () => {
  test('watch in a pipeline prints one line for each change, and ends with 0 when it is promoted', async () => {
    shop.put('web', aRunningStatus());
    const { ended, shows, text } = watch('watch web -n shop');
    await shows('Analyzing');
    const measured = { share: '24.6%', canaryRequests: 812, servingRequests: 2_488, at: timeAfter(30) };
    shop.put('web', aRunningStatus({ weight: 25, observedWeight: 25, measured, progress: '2/3', message: 'stage 2/3 at 25%' }));
    await shows('2/3');
    shop.server.endWatches(releases, 'torn');
    shop.put('web', promoted);
    expect(await ended).toMatchObject({ code: 0, err: '' });
    expect(text()).toMatch(
      /^12:00:40Z Analyzing 1\/3, weight 5%, routes 5%, Inconclusive: stage 1\/3 at 5%.*\n12:00:40Z Analyzing 2\/3, weight 25%, routes 25%, measured 24\.6%, Inconclusive: stage 2\/3 at 25%\n12:00:40Z Promoted 3\/3, weight 100%.*\npromoted: revision 2 is promoted\n$/,
    );
    await until(() => shop.server.openWatches === 0);
  });

  test('watch in a pipeline ends with 2 when it is rolled back, and with 3 when a person is asked', async () => {
    shop.put('web', aRunningStatus());
    const bad = watch('watch web -n shop');
    await bad.shows('Analyzing');
    shop.put(
      'web',
      aRunningStatus({ state: 'rolledBack', phase: 'RolledBack', message: 'errors 9%', release: aReleaseStatus({ reason: 'ErrorRatio' }) }),
    );
    expect((await bad.ended).code).toBe(2);
    expect(bad.text()).toMatch(/rolled back: errors 9%\n$/);
    shop.put('web', aRunningStatus({ state: 'stage.awaitingApproval', phase: 'AwaitingApproval', message: 'waits for approval' }));
    expect((await watch('watch web -n shop --until done').ended).code).toBe(3);
  });

  test('watch in a pipeline ends with 4 when nothing begins in time, whatever the last release did', async () => {
    shop.put('web', promoted);
    const { ended } = watch('watch web -n shop --timeout 300ms');
    expect(await ended).toMatchObject({
      code: 4,
      err: 'timeout: the release did not end within 300ms; see kubectl canary explain web -n shop\n',
    });
  });

  test('watch in a pipeline ends with 1, which is no verdict, for wrong options, a deleted release and a lost right', async () => {
    shop.put('web', aRunningStatus());
    expect((await shop.run('watch web -n shop --timeout soon')).code).toBe(1);
    expect((await shop.run('watch web -n shop --context nowhere')).code).toBe(1);
    const deleted = watch('watch web -n shop');
    await deleted.shows('Analyzing');
    shop.server.remove(releases, 'shop', 'web');
    expect(await deleted.ended).toMatchObject({ code: 1, err: expect.stringContaining('was deleted') });
    shop.put('web', aRunningStatus());
    shop.server.fault({
      when: ({ path, query }) => path.endsWith('/canaryreleases') && query['limit'] !== undefined,
      times: 9,
      action: { kind: 'status', code: 403, reason: 'Forbidden', message: 'no' },
    });
    expect(await watch('watch web -n shop').ended).toMatchObject({
      code: 1,
      err: expect.stringContaining('ask for the role glidepath-viewer'),
    });
  });
});

describe('at a terminal', () => {
  test('watch at a terminal draws stages, traffic, evidence and times in place, no line wider than the terminal', async () => {
    shop.put('web', aRunningStatus());
    const { ended, shows, text } = watch('watch web -n shop', { outIsTerminal: true, columns: 90, env: { NO_COLOR: '1' } });
    await shows('in routes');
    shop.put('web', promoted);
    expect((await ended).code).toBe(0);
    const [first = '', second = ''] = text().split('\u001b[');
    expect(first).toContain('  ▶ 1                5%  2m, for 40s\n  · 2               25%  5m\n');
    expect(first).toContain('  wanted     ██░░░');
    expect(first).not.toContain('measured');
    expect(first).toMatch(/\n {2}errors {5}Pass: 0\.12% \(limit <= 1%\) over 31 canary requests\n/);
    expect(first).toContain('  then       12:02:00Z (in 1m20s): the stage may be passed at the earliest\n');
    expect(first.split('\n').filter((line) => line.length > 90)).toEqual([]);
    expect(second).toBe(`${first.split('\n').length - 1}A\r`);
    expect(text()).toContain('✔ promotion');
    expect(text()).toMatch(/promoted: revision 2 is promoted\n$/);
  });

  test('watch at a terminal draws what the gateways counted under what was asked', async () => {
    const measured = { share: '24.6%', canaryRequests: 812, servingRequests: 2_488, at: timeAfter(30) };
    shop.put('web', aRunningStatus({ weight: 25, observedWeight: 25, measured }));
    const { ended, shows, text } = watch('watch web -n shop', { outIsTerminal: true, columns: 120, env: { NO_COLOR: '1' } });
    await shows('in routes');
    expect(text()).toContain(
      `  measured   ${'█'.repeat(10)}${'░'.repeat(30)} 24.6%: 812 of 3,300 requests in the window evaluated 10s ago\n`,
    );
    shop.put('web', promoted);
    await ended;
  });

  test.each([
    ['promoting.baking', 'Promoting', {}],
    ['paused', 'Paused', { returnTo: 'promoting.baking' }],
  ] as const)('watch at a terminal draws a bake (%s) with the way back beside the abort', async (state, phase, more) => {
    const release = aReleaseStatus({ ...more, bakeEndsAt: '2030-01-01T12:10:00Z' });
    shop.put('web', aRunningStatus({ state, phase, progress: '3/3', weight: 100, release }));
    const { ended, shows, text } = watch('watch web -n shop', { outIsTerminal: true, columns: 200, env: { NO_COLOR: '1' } });
    await shows('$ kubectl canary abort');
    expect(text()).toContain('  ▶ promotion, baking: the previous version is kept\n');
    expect(text()).toMatch(/\$ kubectl canary undo web .* # undo the promotion by one write of the weights: the previous pods still run\n/);
    expect(text()).toContain('12:10:00Z (in 9m20s): the bake ends');
    shop.put('web', promoted);
    expect((await ended).code).toBe(0);
  });
});
