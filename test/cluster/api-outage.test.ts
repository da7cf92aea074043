// The API server is away for a minute while releases are under way. It is stopped for the whole lab, so nothing runs beside this file.

import { request } from 'undici';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readStatus } from '../../src/api/read-status.ts';
import type { App } from '../fixtures/cluster/app.ts';
import { Stand } from '../fixtures/cluster/stand.ts';
import { expectNothingAfterHome, expectNothingLeft, expectStagesServed, sharesOf, trajectoryOf } from '../fixtures/cluster/trajectory.ts';

const HEALTHY = 20;
const OUTAGE_MS = 60_000;

let stand: Stand;

beforeAll(async () => {
  stand = await Stand.open({
    name: 'api-outage',
    versions: { one: { version: 'v1' }, two: { version: 'v2' }, bad: { version: 'bad' } },
  });
});

afterAll(() => stand?.close());

/** First stages that end one after the other: when the API server goes, some releases are in the first stage and some in the second. */
function stagesOf(index: number) {
  return [
    { weight: 40, duration: `${8 + index}s` },
    { weight: 60, duration: '15s' },
    { weight: 80, duration: '4s' },
  ];
}

/** Lets the version behind this app's only Service fail half of its answers: through the gateway, for the API server may be away. */
async function turnBad(lever: App): Promise<void> {
  const url = `${process.env['GATEWAY_URL']}/_control`;
  const { statusCode, body } = await request(url, { method: 'POST', headers: { host: lever.host }, body: '{"errorRate": 0.5}' });
  expect(statusCode, await body.text()).toBe(200);
}

/**
 * The status with which each weight above the first one was wanted says that the stage before it has passed: by its verdict or, where the
 * status could not be written before the next evaluation, by when the last Pass was. A weight that was wanted while the test's own watch was
 * broken is left out: the status with which it came may not have been seen.
 */
function expectPassBeforeEachRaise(app: App, weights: readonly number[]): void {
  const versions = stand.releases.history(app.name);
  const raises = weights.map((weight) => versions.find(({ object }) => object.status?.weight === weight));
  const seen = raises.filter((raise) => raise?.afterGap !== true);
  expect(seen.length, `${app.name}: raises that were seen`).toBeGreaterThanOrEqual(weights.length - 1);
  const unproven = seen.filter((raise) => {
    // As the operator reads it: the stored status has its memory in a field of its own.
    const { verdict, release } = readStatus(raise?.object.status).status;
    return verdict !== 'Pass' && release?.passAt === undefined;
  });
  expect(unproven.map((raise) => raise?.object.status)).toEqual([]);
}

test('twenty healthy releases outlive a minute without the API server, and a version that turns bad meanwhile is rolled back', async () => {
  const names = Array.from({ length: HEALTHY }, (_, index) => `healthy-${index}`);
  const healthy = await Promise.all(names.map((name) => stand.app({ name, rps: 5 })));
  const turning = await stand.app({ name: 'turning', services: { v1: 'one', v2: 'bad' } });
  const lever = await stand.app({ name: 'lever', services: { v1: 'bad' }, rps: 1 });
  await Promise.all([
    ...healthy.map((app, index) => app.release({ stages: stagesOf(index) })),
    turning.release({ stages: [{ weight: 20, duration: '120s' }] }),
  ]);
  await Promise.all([...healthy, turning].map((app) => app.untilShare(app === turning ? 20 : 40)));
  await healthy[0]?.untilShare(60);
  const beganMs = Date.now();
  expect(healthy.map((app) => app.status?.phase).filter((phase) => phase !== 'Analyzing' && phase !== 'Shifting')).toEqual([]);

  await stand.withoutApiServer(OUTAGE_MS, () => turnBad(lever));

  await turning.untilPhase('RolledBack');
  expect(turning.status?.rejected).toHaveLength(1);
  expect(sharesOf(trajectoryOf(turning))).toEqual([0, 20, 0]);
  expectNothingAfterHome(trajectoryOf(turning));
  await Promise.all(healthy.map((app) => app.untilPhase('Promoted')));
  for (const [index, app] of healthy.entries()) {
    expect(app.status?.history?.map(({ outcome }) => outcome)).toEqual(['Promoted']);
    expect(app.status?.rejected ?? []).toEqual([]);
    expect(sharesOf(trajectoryOf(app))).toEqual([0, 40, 60, 80, 100]);
    expectStagesServed(trajectoryOf(app), stagesOf(index));
    expectPassBeforeEachRaise(app, [60, 80, 100]);
    expect(app.badAnswers(beganMs), app.name).toEqual([]);
  }
  await Promise.all([...healthy, turning].map((app) => expectNothingLeft(app)));
});
