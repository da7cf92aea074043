// The operator is killed at the worst moments; the next one ends in the same world.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { HOME_MARK, RELEASE_ANNOTATION } from '../../src/api/names.ts';
import { waitFor } from '../fixtures/cluster/cluster.ts';
import { Stand } from '../fixtures/cluster/stand.ts';
import { expectNothingAfterHome, expectNothingLeft, expectStagesServed, sharesOf, trajectoryOf } from '../fixtures/cluster/trajectory.ts';

const stands: Stand[] = [];
let [staged, homing]: Stand[] = [];

beforeAll(async () => {
  staged = await Stand.open({ name: 'staged', versions: { one: { version: 'v1' }, two: { version: 'v2' }, three: { version: 'v3' } } });
  stands.push(staged);
  homing = await Stand.open({ name: 'homing', versions: { one: { version: 'v1' }, bad: { version: 'bad', errorRate: 0.4 } } });
  stands.push(homing);
});

afterAll(async () => {
  for (const stand of stands) await stand.close();
});

function standOf(stand: Stand | undefined): Stand {
  if (stand === undefined) throw new Error('the stand was not opened');
  return stand;
}

describe.concurrent('an operator that is killed', () => {
  test('an operator that is killed at a stage continues where it was: no stage is shortened, and what went wrong meanwhile is not missed', async () => {
    const stand = standOf(staged);
    const good = await stand.app({ name: 'good' });
    const turning = await stand.app({ name: 'turning', services: { v1: 'one', v2: 'three' } });
    const stages = [
      { weight: 20, duration: '6s' },
      { weight: 50, duration: '3s' },
    ];
    await Promise.all([good.release({ stages }), turning.release({ stages: [{ weight: 30, duration: '20s' }] })]);
    await Promise.all([good.untilPhase('Analyzing'), turning.untilPhase('Analyzing')]);
    await stand.operator.kill();
    const killedMs = Date.now();
    await stand.behave('three', { errorRate: 0.5 });
    await waitFor('bad answers while nobody watches', async () => turning.answers(killedMs).bad > 10);
    stand.operator.start();
    await turning.untilPhase('RolledBack');
    await good.untilPhase('Promoted');
    expect(turning.status?.release?.reason).toBe('ErrorRatio');
    expectNothingAfterHome(trajectoryOf(turning));
    expectStagesServed(trajectoryOf(good), stages);
    expect(sharesOf(trajectoryOf(good))).toEqual([0, 20, 50, 100]);
    await Promise.all([expectNothingLeft(good), expectNothingLeft(turning)]);
    expect(good.status?.history).toHaveLength(1);
  });

  test('right after the home patch knows that the release failed', async () => {
    const stand = standOf(homing);
    const app = await stand.app({ name: 'bad', services: { v1: 'one', v2: 'bad' } });
    await app.release({ stages: [{ weight: 40, duration: '30s' }] });
    const isHome = (mark: string | undefined) => mark?.endsWith(`/${HOME_MARK}`) === true;
    await stand.routes.until('bad', 'to be home', ({ metadata }) => isHome(metadata.annotations?.[RELEASE_ANNOTATION]));
    await stand.operator.restart();
    const status = await app.untilPhase('RolledBack');
    expect(['ErrorRatio', 'Recovered', 'errors']).toContain(status.release?.reason);
    expect(status.rejected).toHaveLength(1);
    expect(sharesOf(trajectoryOf(app))).toEqual([0, 40, 0]);
    expectNothingAfterHome(trajectoryOf(app));
    await expectNothingLeft(app);
  });
});
