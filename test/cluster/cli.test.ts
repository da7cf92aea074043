// The command line against the real API server and the real operator: what it shows of a running release, what its commands
// do, the exit codes of watch, and the way out.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { CanaryReleaseStatus } from '../../src/api/release.ts';
import { readReleases } from '../../src/cli/manifest.ts';
import { type BuiltCanary, buildCanary, startCanary } from '../fixtures/cluster/canary-cli.ts';
import { Stand } from '../fixtures/cluster/stand.ts';
import { sharesOf, trajectoryOf } from '../fixtures/cluster/trajectory.ts';

let cli: BuiltCanary | undefined;
let stand: Stand;

beforeAll(async () => {
  const building = buildCanary();
  const versions = { one: { version: 'v1' }, two: { version: 'v2' }, bad: { version: 'bad', errorRate: 0.3 } };
  stand = await Stand.open({ name: 'cli', versions });
  cli = await building;
});

afterAll(async () => {
  await stand?.close();
  await cli?.remove();
});

/** Starts `kubectl canary` as a process, in the namespace of the stand. */
const start = (line: string) => startCanary(cli?.program ?? '', [...line.split(' '), '-n', stand.namespace]);

const run = (line: string) => start(line).ended;

const LONG = [{ weight: 30, duration: '60s' }];

describe.concurrent('a running release', () => {
  test('a running release is listed, explained and watched to its promotion, approved by the command line', async () => {
    const app = await stand.app({ name: 'approved' });
    const stages = [{ weight: 20, duration: '3s', approval: 'Required' as const }];
    await app.release({ stages, paused: true });
    await app.untilPhase('Idle');
    const followed = start('watch approved --timeout 2m');
    await followed.shows('Idle');
    await app.release({ stages });
    const asked = await followed.ended;
    expect(asked).toMatchObject({ code: 3, err: '' });
    expect(asked.out).toMatch(
      /Analyzing 1\/1, weight 20%[\s\S]*AwaitingApproval 1\/1, weight 20%, routes 20%[^:\n]*, Pass[\s\S]*waits for a person: .*waits for approval/,
    );
    expect((await run('list')).out).toMatch(/\n\S+ +approved +AwaitingApproval +1\/1 +20 +Pass/);
    const explained = await run('explain approved');
    expect(explained.out).toMatch(/Pass +errors +0% \(serving 0%, limit <= 5%\) over \d+ canary requests/);
    expect(explained.out).toContain(`kubectl canary approve approved -n ${stand.namespace} --stage 1`);
    const ending = run(`watch approved --revision ${app.status?.release?.revision} --timeout 2m`);
    const approved = await run('approve approved --yes');
    expect(approved).toMatchObject({ code: 0, err: '' });
    expect(approved.out).toMatch(/Done: /);
    await app.untilPhase('Promoted');
    expect(app.status?.lastHandledCommand).toMatchObject({ verb: 'approve', stage: 1, result: 'Done' });
    expect([0, 3]).toContain((await ending).code);
    expect(await run(`watch approved --revision ${app.status?.release?.revision} --timeout 1m`)).toMatchObject({ code: 0 });
    expect((await run('history approved')).out).toMatch(/ Promoted /);
  });

  test('a watch ends with 0 when the release is promoted, and with 2 when it is rolled back', async () => {
    const [good, bad] = await Promise.all([stand.app({ name: 'good' }), stand.app({ name: 'bad', services: { v1: 'one', v2: 'bad' } })]);
    await Promise.all([good.release(), bad.release()]);
    await Promise.all([
      good.until('a release', ({ release }) => release !== undefined),
      bad.until('a release', ({ release }) => release !== undefined),
    ]);
    const [promoted, rolledBack] = await Promise.all([
      run(`watch good --until done --revision ${good.status?.release?.revision} --timeout 2m`),
      run(`watch bad --until done --revision ${bad.status?.release?.revision} --timeout 2m`),
    ]);
    expect(promoted).toMatchObject({ code: 0, err: '', out: expect.stringMatching(/promoted: revision \S+ is promoted.*\n$/) });
    const reason = /rolled back: .*(?:errors .*% \(limit <= 5%\)|canary .*% errors).*\n$/;
    expect(rolledBack).toMatchObject({ code: 2, err: '', out: expect.stringMatching(reason) });
  });

  test('a running release is aborted; what it cannot do is refused with the reason and exit code 1', async () => {
    const app = await stand.app({ name: 'aborted' });
    await app.release({ stages: LONG });
    await app.untilPhase('Analyzing');
    expect(await run('resume aborted --yes')).toMatchObject({
      code: 1,
      err: 'Refused: resume does not fit a release that is stage.analyzing\n',
    });
    expect((await run('pause aborted --yes')).code).toBe(0);
    await app.untilPhase('Paused');
    const aborted = await run('abort aborted --yes');
    expect(aborted).toMatchObject({ code: 0, err: '', out: expect.stringMatching(/Done: .*aborted by \S+ \(annotation/) });
    expect(sharesOf(trajectoryOf(app))).toEqual([0, 30, 0]);
    await app.untilPhase('RolledBack');
    const { metadata } = stand.releases.last('aborted') ?? {};
    expect((metadata?.managedFields ?? []).map(({ manager }) => manager)).toContain('glidepath-cli');
    expect((await run('abort aborted --yes')).err).toMatch(/has ended \(Roll/);
    expect((await run('explain abortd')).err).toMatch(/did you mean aborted\?/);
  });
});

test('init writes a manifest that the operator takes, and doctor knows the cluster', async () => {
  const app = await stand.app({ name: 'fresh' });
  const { code, out, err } = await run('init services fresh-v1 fresh-v2 --route fresh');
  expect({ code, err }).toEqual({ code: 0, err: '' });
  expect(out).toMatch(/source: Auto {3}# Contour, /);
  const [release] = readReleases(out, 'init');
  await stand.cluster.apply({ ...app.manifest(), spec: { ...release?.spec } });
  const isTaken = ({ release: taken }: CanaryReleaseStatus) => taken?.serving.service === 'fresh-v1' && taken.canary.service === 'fresh-v2';
  await app.until('a release of v2', isTaken);
  const examined = (await run('doctor')).out;
  expect(examined).toMatch(/^ok +API server +context \S+, Kubernetes v1\./);
  for (const line of [/^ok +metrics source +Contour \(live-tested\) for /m, /^ok +operator's rights +releases, routes/m])
    expect(examined).toMatch(line);
  // Leftovers are searched for in every namespace: those of other files, whose operators have just ended, are theirs.
  expect(examined.split('\n').filter((line) => /left ?over/.test(line) && line.includes(stand.namespace))).toEqual([]);
  for (const line of [/^ok +CRD +schema \d+$/m, /^ok +rights to read /m, /^ok +rights to steer /m, /^ok +Gateway API +.*HTTPRoute v1/m])
    expect(examined).toMatch(line);
});

test('uninstall in mid-release leaves the traffic home, and nothing hangs', async () => {
  const app = await stand.app({ name: 'leaving' });
  await app.release({ stages: LONG });
  await app.untilPhase('Analyzing');
  const { code, out, err } = await run('uninstall --yes --timeout 60s');
  expect({ code, err }).toEqual({ code: 0, err: '' });
  expect(out).toContain(`${stand.namespace}/leaving: Analyzing, all traffic goes back to Service leaving-v1\n`);
  expect(out).toContain(`${stand.namespace}/leaving rolled back and deleted\n`);
  expect(await stand.cluster.list('CanaryRelease', stand.namespace)).toEqual([]);
  expect(sharesOf(trajectoryOf(app))).toEqual([0, 30, 0]);
  expect(app.route.spec).toEqual(stand.routes.history('leaving')[0]?.object.spec);
  expect(await app.applyByAnother()).toBe('applied');
});
