// A good version becomes production, three times in a row, on a real gateway with real traffic.

import { afterAll, beforeAll, expect, test } from 'vitest';
import { type App, QUICK_STAGES, weightsIn } from '../fixtures/cluster/app.ts';
import { waitFor } from '../fixtures/cluster/cluster.ts';
import { Stand } from '../fixtures/cluster/stand.ts';
import { expectNothingLeft, expectStagesServed, sharesOf, trajectoryOf } from '../fixtures/cluster/trajectory.ts';

let stand: Stand;
let app: App;

beforeAll(async () => {
  stand = await Stand.open({ name: 'promotion', versions: { one: { version: 'v1' }, two: { version: 'v2' }, three: { version: 'v3' } } });
  app = await stand.app({ name: 'store', services: { v1: 'one', v2: 'two', v3: 'three' } });
});

afterAll(() => stand?.close());

/** Everything that is answered from now on comes from this version alone. */
async function expectOnly(version: string): Promise<void> {
  const fromMs = Date.now() + 300;
  await waitFor('some answers', async () => app.answers(fromMs).total > 20);
  expect(app.answers(fromMs).shareByVersion).toEqual({ [version]: 1 });
}

test('a good release is raised stage by stage, promoted, and no answer is lost', async () => {
  const begunMs = Date.now();
  await app.release();
  const status = await app.untilPhase('Promoted');
  expect(sharesOf(trajectoryOf(app))).toEqual([0, 20, 50, 100]);
  expectStagesServed(trajectoryOf(app), QUICK_STAGES);
  expect(weightsIn(app.route)).toEqual({ 'store-v1': 0, 'store-v2': 1, 'store-v3': 0 });
  expect(status.serving?.service).toBe('store-v2');
  expect(status.history).toMatchObject([{ outcome: 'Promoted', maxWeight: 100 }]);
  expect(status.conditions).toContainEqual(expect.objectContaining({ type: 'Ready', status: 'True', reason: 'Promoted' }));
  await expectNothingLeft(app);
  await expectOnly('v2');
  expect(app.answers(begunMs)).toMatchObject({ bad: 0 });
  await stand.untilEvents('store', 'ReleaseStarted', 'StageStarted', 'WeightShifted', 'Promoted');
});

test('the next release goes from the new Service to a third one when the list is edited', async () => {
  const first = app.status?.release?.id;
  const seen = trajectoryOf(app, 'v2', 'v3').length;
  await app.release({ services: [{ name: 'store-v2' }, { name: 'store-v3' }] });
  const status = await app.until('a second promotion', ({ phase, release }) => phase === 'Promoted' && release?.id !== first);
  expect(sharesOf(trajectoryOf(app, 'v2', 'v3').slice(seen - 1))).toEqual([0, 20, 50, 100]);
  expect(status.serving?.service).toBe('store-v3');
  expect(status.history).toHaveLength(2);
  await expectNothingLeft(app);
  await expectOnly('v3');
});

test('new pods behind the Service that served before are the next candidate, and the roles swap back', async () => {
  const second = app.status?.release?.id;
  const seen = trajectoryOf(app, 'v3', 'v2').length;
  await stand.deploy('two', { version: 'v2-new' });
  const status = await app.until('a third promotion', ({ phase, release }) => phase === 'Promoted' && release?.id !== second);
  expect(sharesOf(trajectoryOf(app, 'v3', 'v2').slice(seen - 1))).toEqual([0, 20, 50, 100]);
  expect(status.serving?.service).toBe('store-v2');
  expect(weightsIn(app.route)).toEqual({ 'store-v1': 0, 'store-v2': 1, 'store-v3': 0 });
  await expectNothingLeft(app);
  await expectOnly('v2-new');
});

test('other pods behind the Service that serves are no release', async () => {
  const before = app.status;
  const { length } = stand.routes.history('store');
  await stand.deploy('two', { version: 'v2-newer' });
  await expectOnly('v2-newer');
  expect(app.status?.release?.id).toBe(before?.release?.id);
  expect(
    stand.routes
      .history('store')
      .slice(length)
      .map(({ object }) => object.spec),
  ).toEqual([]);
});
