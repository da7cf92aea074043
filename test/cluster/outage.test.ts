// While Prometheus is away nothing rises, and nothing is lost. It is stopped for the whole lab, so nothing runs beside this file.

import { afterAll, beforeAll, expect, test } from 'vitest';
import { startComponent, stopComponent } from '../lab/control.ts';
import { untilTime } from '../fixtures/cluster/cluster.ts';
import { Stand } from '../fixtures/cluster/stand.ts';
import { sharesOf, trajectoryOf } from '../fixtures/cluster/trajectory.ts';

let stand: Stand;

beforeAll(async () => {
  stand = await Stand.open({ name: 'outage', versions: { one: { version: 'v1' }, two: { version: 'v2' } } });
});

afterAll(() => stand?.close());

test('without Prometheus nothing rises, not even a foreign edit is put back up; with it all goes on by itself', async () => {
  const stages = [
    { weight: 20, duration: '4s' },
    { weight: 50, duration: '2s' },
  ];
  const [steady, edited] = await Promise.all([stand.app({ name: 'steady' }), stand.app({ name: 'edited' })]);
  await Promise.all([steady.release({ stages }), edited.release({ stages: [{ weight: 40, duration: '60s' }] })]);
  await Promise.all([steady.untilPhase('Analyzing'), edited.untilPhase('Analyzing')]);
  await stopComponent('prometheus');
  try {
    const away = await steady.until('Prometheus to be missed', ({ conditions = [] }) =>
      conditions.some(({ type, status }) => type === 'MetricsAvailable' && status === 'False'),
    );
    expect(away.verdict).toBe('Unavailable');
    await edited.until('Prometheus to be missed', ({ verdict }) => verdict === 'Unavailable');
    await edited.editWeights('someone', 9_000, 1_000);
    await stand.untilEvents('edited', 'RouteDrift');
    await untilTime(Date.now() + 5_000);
    expect(sharesOf(trajectoryOf(steady))).toEqual([0, 20]);
    expect(sharesOf(trajectoryOf(edited))).toEqual([0, 40, 10]);
  } finally {
    await startComponent('prometheus');
  }
  await edited.untilShare(40);
  expect(sharesOf(trajectoryOf(edited))).toEqual([0, 40, 10, 40]);
  const status = await steady.untilPhase('Promoted');
  expect(status.conditions).toContainEqual(expect.objectContaining({ type: 'MetricsAvailable', status: 'True' }));
  expect(sharesOf(trajectoryOf(steady))).toEqual([0, 20, 50, 100]);
});
