// An operator without its rights, and one that is killed fifty times: what it may not do it says and tries again, home needs no
// status, and no kill changes an ending. In one file, because the release that was forbidden waits a minute for its next try.

import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { HOME_MARK, RELEASE_ANNOTATION } from '../../src/api/names.ts';
import type { App } from '../fixtures/cluster/app.ts';
import { waitFor } from '../fixtures/cluster/cluster.ts';
import { createRandom } from '../fixtures/random.ts';
import { Stand } from '../fixtures/cluster/stand.ts';
import { expectNothingAfterHome, expectNothingLeft, expectStagesServed, sharesOf, trajectoryOf } from '../fixtures/cluster/trajectory.ts';

/** Where no Prometheus answers. */
const NOWHERE = 'http://127.0.0.1:9';

let limited: Stand;
let killed: Stand;
let forbidden: App;

beforeAll(async () => {
  const versions = { one: { version: 'v1' }, two: { version: 'v2' }, bad: { version: 'bad' } };
  limited = await Stand.open({ name: 'limited', versions, rights: 'own' });
  killed = await Stand.open({ name: 'killed', versions });
});

afterAll(async () => {
  await limited?.close();
  await killed?.close();
});

test('without the right to patch routes the release is blocked and says which right is missing', async () => {
  onTestFinished(() => limited.rights.restore());
  await limited.rights.forbid('httproutes', 'patch');
  forbidden = await limited.app({ name: 'forbidden' });
  await forbidden.release();
  const blocked = await forbidden.untilBlockedBy('Forbidden');
  expect(blocked.message).toMatch(/Forbidden: HTTPRoute forbidden: .*grant the operator's ServiceAccount patch on it/);
  expect(blocked.conditions).toContainEqual(expect.objectContaining({ type: 'Stalled', status: 'True', reason: 'Blocked' }));
  const events = await limited.untilEvents('forbidden', 'Blocked');
  expect(events.find(({ reason }) => reason === 'Blocked')?.note).toMatch(/^Forbidden: /);
  const blockedMs = Date.now();
  await waitFor('some more tries', async () => Date.now() > blockedMs + 3_500);
  const since = limited.releases.history('forbidden').filter(({ atMs }) => atMs > blockedMs);
  expect(since.map(({ object }) => object.status?.phase).filter((phase) => phase !== 'Blocked')).toEqual([]);
  expect(sharesOf(trajectoryOf(forbidden))).toEqual([0]);
});

test('killed when home is written and the status cannot be: the next operator ends it rolled back', async () => {
  const app = await limited.app({ name: 'unwritten', services: { v1: 'one', v2: 'bad' } });
  await app.release({ stages: [{ weight: 40, duration: '60s' }] });
  await app.untilPhase('Analyzing');
  onTestFinished(() => limited.rights.restore());
  await limited.rights.forbid('canaryreleases/status', 'patch', 'update');
  await limited.behave('bad', { errorRate: 0.5 });
  const isHome = (mark: string | undefined) => mark?.endsWith(`/${HOME_MARK}`) === true;
  await limited.routes.until('unwritten', 'to be home', ({ metadata }) => isHome(metadata.annotations?.[RELEASE_ANNOTATION]));
  await limited.operator.kill();
  expect(app.status?.phase).toBe('Analyzing');
  expect(app.status?.weight).toBe(40);
  await limited.rights.restore();
  // What Prometheus still knows would fail it anew: the mark on the route has to be enough.
  limited.operator.start(NOWHERE);
  await app.untilPhase('RolledBack');
  const { status } = app;
  expect(status?.release?.reason).toBe('Recovered');
  expect(status?.rejected).toHaveLength(1);
  expect(sharesOf(trajectoryOf(app))).toEqual([0, 40, 0]);
  await limited.behave('bad', { errorRate: 0 });
  expectNothingAfterHome(trajectoryOf(app));
  await expectNothingLeft(app);
  await limited.operator.restart();
});

const KILLS = 50;
/** Any number: it makes a failure repeatable. */
const SEED = Number(process.env['GLIDEPATH_TEST_SEED'] ?? 20_250);
/** From the start of the process, so that many kills hit it while it still reads its caches. */
const [SHORTEST_MS, LONGEST_MS] = [200, 1_500];
const TURNS_BAD_AFTER = 30;

/** Kills the operator again and again. @returns when each kill was, Unix milliseconds */
async function killOften(stand: Stand): Promise<readonly number[]> {
  const random = createRandom(SEED);
  const times: number[] = [];
  for (let kill = 1; kill <= KILLS; kill += 1) {
    const dueAt = performance.now() + SHORTEST_MS + random() * (LONGEST_MS - SHORTEST_MS);
    await waitFor('the next kill', async () => performance.now() >= dueAt);
    await stand.operator.kill();
    times.push(Date.now());
    if (kill === TURNS_BAD_AFTER) await stand.behave('bad', { errorRate: 0.6 });
    stand.operator.start();
  }
  return times;
}

test(`fifty kills (seed ${SEED}) change no ending, shorten no stage, and forget no failure`, async () => {
  const stages = [10, 30, 60, 90].map((weight) => ({ weight, duration: '12s' }));
  const good = await killed.app({ name: 'good', rps: 20 });
  const bad = await killed.app({ name: 'bad', services: { v1: 'one', v2: 'bad' }, rps: 20 });
  await Promise.all([good.release({ stages }), bad.release({ stages: [...stages, { weight: 95, duration: '60s' }] })]);
  const kills = await killOften(killed);
  await bad.untilPhase('RolledBack');
  await good.untilPhase('Promoted');
  // Kills that hit releases long over would prove nothing. How many hit it depends on how long a killed process takes to end.
  const finishedAt = Date.parse(good.status?.history?.[0]?.finishedAt ?? '');
  expect(kills.filter((kill) => kill < finishedAt).length).toBeGreaterThan(TURNS_BAD_AFTER);
  expectNothingAfterHome(trajectoryOf(bad));
  expect(bad.status?.history).toHaveLength(1);
  expect(bad.status?.rejected).toHaveLength(1);
  expect(good.status?.history).toHaveLength(1);
  expect(sharesOf(trajectoryOf(good))).toEqual([0, 10, 30, 60, 90, 100]);
  expectStagesServed(trajectoryOf(good), stages);
  expectStagesServed(trajectoryOf(bad), stages);
  await Promise.all([expectNothingLeft(good), expectNothingLeft(bad)]);
});

test('the release that was forbidden went on by itself once the right was there', async () => {
  await forbidden.untilPhase('Promoted');
  expect(sharesOf(trajectoryOf(forbidden))).toEqual([0, 20, 50, 100]);
  await expectNothingLeft(forbidden);
});
