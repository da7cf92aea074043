// One route behind Contour and Envoy Gateway: both count, each in its own words, and the release sees the sum.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { App } from '../fixtures/cluster/app.ts';
import { waitFor } from '../fixtures/cluster/cluster.ts';
import { type RouteSpec, Stand } from '../fixtures/cluster/stand.ts';
import { expectNothingLeft, sharesOf, trajectoryOf } from '../fixtures/cluster/trajectory.ts';
import { LAB_GATEWAYS } from '../lab/gateways/gateways.ts';
import { isBad, type Load, startLoad } from '../lab/load.ts';

let stand: Stand;

beforeAll(async () => {
  stand = await Stand.open({
    name: 'several',
    versions: { one: { version: 'v1' }, two: { version: 'v2' }, bad: { version: 'bad', errorRate: 0.5 } },
  });
});

afterAll(() => stand?.close());

/** The same route at a second Gateway. */
function atBoth(spec: RouteSpec): RouteSpec {
  const parents = [LAB_GATEWAYS.contour, LAB_GATEWAYS['envoy-gateway']].map(({ gateway }) => ({ name: gateway, namespace: 'default' }));
  return { ...spec, parentRefs: parents };
}

/** Requests by way of Envoy Gateway, beside those by way of Contour. */
async function sendByEnvoyGateway(app: App, rps: number): Promise<Load> {
  const load = startLoad({ url: LAB_GATEWAYS['envoy-gateway'].url, host: app.host, rps });
  await waitFor('Envoy Gateway to serve', async () => load.records.at(-1)?.status === 200, { lastSeen: () => load.records.at(-1) });
  return load;
}

const wholeShares = (app: App) => sharesOf(trajectoryOf(app).map((point) => ({ ...point, share: Math.round(point.share) })));

describe.concurrent('a release behind two gateways', () => {
  test('a good release is promoted by what both have counted, and neither fails a request', async () => {
    const app = await stand.app({ name: 'good', route: atBoth, rps: 25 });
    const load = await sendByEnvoyGateway(app, 25);
    const beganMs = Date.now();
    await app.release();
    const measured = await app.until('both sources', ({ measured: seen }) => {
      const counted = (seen?.sources ?? []).filter(({ canaryRequests }) => canaryRequests > 0).map(({ source }) => source);
      return counted.toSorted().join() === 'Contour,EnvoyGateway';
    });
    const { canaryRequests = 0, sources = [] } = measured.measured ?? {};
    expect(sources.reduce((sum, one) => sum + one.canaryRequests, 0)).toBe(canaryRequests);
    await app.untilPhase('Promoted');
    expect(wholeShares(app)).toEqual([0, 20, 50, 100]);
    expect(app.badAnswers(beganMs)).toEqual([]);
    expect((await load.stop()).filter((one) => one.sentAtMs >= beganMs && isBad(one))).toEqual([]);
    await expectNothingLeft(app);
  });

  test('a bad release goes home although one of the gateways has no requests at all', async () => {
    const app = await stand.app({ name: 'bad', services: { v1: 'one', v2: 'bad' }, route: atBoth, rps: 0 });
    const load = await sendByEnvoyGateway(app, 40);
    const beganMs = Date.now();
    await app.release({ stages: [{ weight: 20, duration: '5m' }] });
    const status = await app.untilPhase('RolledBack');
    expect(status.rejected).toHaveLength(1);
    expect(wholeShares(app)).toEqual([0, 20, 0]);
    const failed = (await load.stop()).filter((one) => one.sentAtMs >= beganMs && isBad(one));
    expect(failed.filter(({ version }) => version !== 'bad')).toEqual([]);
    await expectNothingLeft(app);
  });
});
