// The canary is compared with what serves in the same seconds, by a real Prometheus over a real gateway: an incident of both is
// nobody's fault, a worse version goes home although no limit is broken, and a gateway that splits otherwise is noticed.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { CanaryReleaseStatus } from '../../src/api/release.ts';
import { startLoad } from '../lab/load.ts';
import { type PlainObject, SAMPLE_PORT, sampleNamespace, sampleRoute } from '../lab/sample.ts';
import { waitFor } from '../fixtures/cluster/cluster.ts';
import { API_VERSION, KIND } from '../../src/api/names.ts';
import { Stand } from '../fixtures/cluster/stand.ts';
import { expectNothingAfterHome, expectNothingLeft, sharesOf, trajectoryOf } from '../fixtures/cluster/trajectory.ts';

let stand: Stand;
let elsewhere: string;

beforeAll(async () => {
  stand = await Stand.open({
    name: 'comparison',
    versions: {
      one: { version: 'v1' },
      two: { version: 'v2' },
      fair: { version: 'fair', errorRate: 0.005 },
      worse: { version: 'worse', errorRate: 0.03 },
      slow: { version: 'slow', delayMs: 400 },
    },
  });
  elsewhere = `${stand.namespace}-elsewhere`;
  await stand.cluster.create(sampleNamespace(elsewhere));
});

afterAll(async () => {
  if (elsewhere !== undefined) await stand.cluster.remove({ kind: 'Namespace', name: elsewhere });
  await stand?.close();
});

/** A route of another namespace that gives everything to a Service of the stand. */
function bypassRoute(hostname: string, service: string): PlainObject {
  const route = sampleRoute({ namespace: elsewhere, name: 'bypass', hostname, weights: {} });
  const backendRefs = [{ name: service, namespace: stand.namespace, port: SAMPLE_PORT, weight: 1 }];
  return { ...route, spec: { ...(route['spec'] as object), rules: [{ backendRefs }] } };
}

const ANALYSIS = { interval: '1s', window: '10s', minRequests: 10 } as const;
const PATIENCE_MS = 180_000;

/** In percent. */
function measuredShare(status: CanaryReleaseStatus | undefined): number {
  return Number.parseFloat(status?.measured?.share ?? '');
}

describe.concurrent('the comparison', () => {
  test('an incident of both versions for a minute holds the release and does not roll it back', async () => {
    const app = await stand.app({ name: 'incident', rps: 40 });
    const stages = [
      { weight: 30, duration: '15s' },
      { weight: 60, duration: '3s' },
    ];
    await app.release({
      stages,
      analysis: {
        ...ANALYSIS,
        comparison: { mode: 'Enforce', riskBudget: '10%' },
        checks: [{ name: 'errors', metric: 'ErrorRatio', max: '5%' }],
      },
    });
    await app.untilPhase('Analyzing');
    const began = Date.now();
    await Promise.all(['one', 'two'].map((name) => stand.behave(name, { errorRate: 0.2 })));
    const held = await app.until('the broken limit', ({ checks }) => checks?.find(({ name }) => name === 'errors')?.verdict === 'Fail');
    expect(held.phase).toBe('Analyzing');
    await waitFor('a minute of it', async () => Date.now() - began >= 60_000 && app.answers(began).bad > 300, {
      lastSeen: () => app.answers(began).bad,
    });
    expect(app.status?.phase, app.status?.message).toBe('Analyzing');
    expect(measuredShare(app.status), JSON.stringify(app.status?.measured)).toSatisfy((share: number) => share > 20 && share < 40);
    expect(sharesOf(trajectoryOf(app)).every((share) => share <= 30)).toBe(true);
    await Promise.all(['one', 'two'].map((name) => stand.behave(name, { errorRate: 0 })));
    const status = await app.untilPhase('Promoted', PATIENCE_MS);
    expect(status.history?.[0]?.outcome).toBe('Promoted');
    await expectNothingLeft(app);
  });

  test('a canary that fails 3% where serving fails 0.5% goes home, although no limit is broken', async () => {
    const app = await stand.app({ name: 'worse', services: { v1: 'fair', v2: 'worse' }, rps: 80 });
    await app.release({
      stages: [{ weight: 50, duration: '5m' }],
      analysis: { ...ANALYSIS, comparison: { mode: 'Enforce' }, checks: [{ name: 'errors', metric: 'ErrorRatio', max: '20%' }] },
    });
    const status = await app.untilPhase('RolledBack', PATIENCE_MS);
    expect(status.release).toMatchObject({ reason: 'ErrorRatio', failedCheck: { name: 'comparison' } });
    expect(status.release?.reasonMessage).toMatch(/worse than serving: canary [0-9.]+% errors, serving [0-9.]+%, over .* requests/);
    expectNothingAfterHome(trajectoryOf(app));
    await expectNothingLeft(app);
  });

  test('a canary that takes 400 ms longer than serving goes home for its latency, with a manifest that names the two Services only', async () => {
    const app = await stand.app({ name: 'slow', services: { v1: 'one', v2: 'slow' }, rps: 80 });
    const services = [{ name: app.service('v1') }, { name: app.service('v2') }];
    await stand.cluster.apply({
      apiVersion: API_VERSION,
      kind: KIND,
      metadata: { name: app.name, namespace: stand.namespace },
      // The namespace has the routes of other tests as well.
      spec: { services, routeRefs: [{ name: app.name }] },
    });
    const status = await app.untilPhase('RolledBack', PATIENCE_MS);
    expect(status.release).toMatchObject({ reason: 'Latency', failedCheck: { name: 'comparison' } });
    // A service without history shows its second and third time of evidence half a minute later, which may be in the second stage.
    expect(status.release?.maxWeight).toBeLessThanOrEqual(25);
    expect(status.release?.reasonMessage).toMatch(/worse than serving: canary p\d\d [0-9.]+m?s, serving [0-9.]+m?s, over .* requests/);
    const events = await stand.untilEvents(app.name, 'VerdictFailed', 'RolledBack');
    expect(events.find(({ reason }) => reason === 'VerdictFailed')?.note).toMatch(/p\d\d [0-9.]+m?s against [0-9.]+m?s of serving/);
    expectNothingAfterHome(trajectoryOf(app));
    await expectNothingLeft(app);
  });

  test('a gateway that gives the canary more than its weight is held with TrafficSplitMismatch', async () => {
    const app = await stand.app({ name: 'split', rps: 30 });
    // A second way to the canary, past the weights, from a namespace whose routes the release does not see: what a gateway that
    // ignores the weights looks like in the metrics.
    const host = `bypass.${stand.namespace}.test`;
    await stand.cluster.apply({
      apiVersion: 'gateway.networking.k8s.io/v1beta1',
      kind: 'ReferenceGrant',
      metadata: { name: 'bypass', namespace: stand.namespace },
      spec: {
        from: [{ group: 'gateway.networking.k8s.io', kind: 'HTTPRoute', namespace: elsewhere }],
        to: [{ group: '', kind: 'Service' }],
      },
    });
    await stand.cluster.apply(bypassRoute(host, app.service('v2')));
    const bypass = startLoad({ url: process.env['GATEWAY_URL'] ?? '', host, rps: 20 });
    try {
      await waitFor('the second way', async () => bypass.records.at(-1)?.status === 200);
      await app.release({
        stages: [
          { weight: 10, duration: '2s' },
          { weight: 50, duration: '2s' },
        ],
        analysis: { ...ANALYSIS, comparison: { mode: 'Enforce' }, checks: [] },
      });
      // The share is measured without what was answered before the first weight, so it may come a look later.
      const status = await app.until(
        'the mismatch with its share',
        ({ conditions, measured }) =>
          measured !== undefined &&
          conditions?.some(({ type, status: holds }) => type === 'TrafficSplitMismatch' && holds === 'True') === true,
      );
      expect(status).toMatchObject({ phase: 'Analyzing', weight: 10, verdict: 'Inconclusive' });
      expect(measuredShare(status), JSON.stringify(status.measured)).toBeGreaterThan(20);
      const [event] = (await stand.untilEvents('split', 'TrafficSplitMismatch')).filter(({ reason }) => reason === 'TrafficSplitMismatch');
      expect(event?.note).toMatch(/the canary gets more than its share/);
      expect(sharesOf(trajectoryOf(app))).toEqual([0, 10]);
    } finally {
      await bypass.stop();
    }
  });
});
