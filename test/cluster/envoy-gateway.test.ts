// Envoy Gateway: where it counts backends apart a release costs nobody a request but those of a bad canary; where it does not, no release
// begins, because a canary that loses its last pod would take the serving version with it.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { App } from '../fixtures/cluster/app.ts';
import { Stand } from '../fixtures/cluster/stand.ts';
import { expectNothingLeft, sharesOf, trajectoryOf } from '../fixtures/cluster/trajectory.ts';

let stand: Stand;

beforeAll(async () => {
  stand = await Stand.open({
    name: 'eg',
    versions: {
      one: { version: 'v1' },
      two: { version: 'v2' },
      bad: { version: 'bad', errorRate: 0.5 },
      fading: { version: 'fading' },
    },
  });
});

afterAll(() => stand?.close());

/** The shares that the route had, whole percents. */
const wholeShares = (app: App) => sharesOf(trajectoryOf(app).map((point) => ({ ...point, share: Math.round(point.share) })));

describe.concurrent('a release behind Envoy Gateway', () => {
  test.for(['envoy-gateway', 'envoy-gateway-merged'] as const)(
    'a good release is promoted without a failed request: %s',
    async (gateway) => {
      const app = await stand.app({ name: `good-${gateway}`, gateway, rps: 40 });
      const beganMs = Date.now();
      await app.release();
      await app.untilPhase('Promoted');
      expect(wholeShares(app)).toEqual([0, 20, 50, 100]);
      expect(app.badAnswers(beganMs)).toEqual([]);
      await expectNothingLeft(app);
    },
  );

  test('a bad release goes home, and only the canary has failed requests', async () => {
    const app = await stand.app({ name: 'bad', gateway: 'envoy-gateway', services: { v1: 'one', v2: 'bad' }, rps: 40 });
    const beganMs = Date.now();
    await app.release({ stages: [{ weight: 20, duration: '5m' }] });
    await app.untilPhase('RolledBack');
    expect(app.status?.rejected).toHaveLength(1);
    expect(wholeShares(app)).toEqual([0, 20, 0]);
    expect(app.badAnswers(beganMs).filter(({ version }) => version !== 'bad')).toEqual([]);
    await expectNothingLeft(app);
  });

  test('a canary that loses its last pod goes home, and serving answers all the time', async () => {
    const app = await stand.app({ name: 'fading', gateway: 'envoy-gateway', services: { v1: 'one', v2: 'fading' }, rps: 40 });
    const beganMs = Date.now();
    await app.release({ stages: [{ weight: 20, duration: '5m' }] });
    await app.untilPhase('Analyzing');
    await stand.behave('fading', { unready: 1 });
    const status = await app.untilPhase('RolledBack');
    expect(status.release?.reason).toBe('CanaryEmpty');
    const bad = app.badAnswers(beganMs);
    expect(bad.filter(({ status: code }) => code === 500)).toEqual([]);
    await expectNothingLeft(app);
  });

  test('no release begins where all backends of a rule are counted together', async () => {
    const app = await stand.app({ name: 'plain', gateway: 'envoy-gateway-plain', rps: 20 });
    const beganMs = Date.now();
    await app.release();
    const status = await app.until('the layout', ({ message = '' }) => message.includes('BackendsCountedTogether'));
    expect(status.message).toMatch(/rules\[0\] of HTTPRoute plain: .*BackendTrafficPolicy/);
    expect(sharesOf(trajectoryOf(app))).toEqual([0]);
    expect(app.badAnswers(beganMs)).toEqual([]);
  });
});
