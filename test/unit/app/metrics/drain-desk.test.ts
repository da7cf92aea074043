import { beforeEach, describe, expect, test } from 'vitest';
import { defaultSpec, type ReleaseStatus } from '../../../../src/api/release.ts';
import { DrainDesk } from '../../../../src/app/metrics/drain-desk.ts';
import type { World } from '../../../../src/app/world.ts';
import { endOfDrain } from '../../../../src/core/release/drain.ts';
import type { StateName } from '../../../../src/core/release/state.ts';
import type { MetricsAnswer } from '../../../../src/ports/metrics.ts';
import { after, anObservation, aRelease, aReleaseStatus, aRoute, aRule, aStatus } from '../../../fixtures/builders.ts';
import { VirtualClock } from '../../../fakes/virtual-clock.ts';

const workload = { name: 'store', uid: 'uid-1', canary: 'store-canary', template: 'a', servingTemplate: 'b' };
const KEY = 'shop/web';
const CONTROLLER = 'projectcontour.io/gateway-controller';

/** Counters of both backends by scrape, the same value at each. */
const still = (...seconds: readonly number[]): MetricsAnswer => ({
  ok: true,
  warnings: [],
  series: [{ labels: { envoy_response_code: '200' }, samples: seconds.map((second) => ({ atMs: after(second), value: 7 })) }],
});

let answer: MetricsAnswer | 'throws';
let asked: string[];
let told: string[];
let refusal: { reason: string; message: string } | undefined;
let desk: DrainDesk;

beforeEach(() => {
  [answer, asked, told, refusal] = [still(5, 10, 15), [], [], undefined];
  const query = async (_target: unknown, text: string) => {
    asked.push(text);
    if (answer === 'throws') throw new Error('a fault of our own');
    return answer;
  };
  const metrics = { query, refusal: () => refusal };
  desk = new DrainDesk({ metrics } as unknown as World, (key) => told.push(key));
});

async function consider(seconds: number, change: Partial<ReleaseStatus> = {}, state: StateName = 'rollingBack.draining', mode = 'Enforce') {
  const spec = defaultSpec({ targetRef: { name: 'store' }, service: { name: 'store' }, analysis: { mode } } as never);
  const release = aReleaseStatus({
    workload,
    maxWeight: 50,
    serving: { service: 'store' },
    canary: { service: 'store-canary' },
    drainEndsAt: endOfDrain(after(0)),
    ...change,
  });
  const parents = [{ controllerName: CONTROLLER, parentRef: { name: 'gateway' }, conditions: [] }];
  const route = { ...aRoute({ rules: [aRule({ store: 1 })] }), status: { parents } };
  const status = aStatus({ state, weight: 0, release });
  desk.consider(KEY, aRelease({ spec }), status, anObservation({ routes: [route as never] }), after(seconds));
  await new VirtualClock().runBy(0);
  return desk.read(KEY, release.id).drain;
}

describe('the question whether requests have stopped', () => {
  test('the question whether requests have stopped is asked once the drain time is over, of both backends, and not again when it was seen', async () => {
    expect(await consider(9)).toBeUndefined();
    expect(asked).toEqual([]);
    expect(await consider(15)).toBe('silent');
    expect(asked.map((text) => /shop_[a-z-]+_80/.exec(text)?.[0])).toEqual(['shop_store-canary_80', 'shop_store_80']);
    expect(told).toEqual([KEY]);
    await consider(30);
    expect(asked).toHaveLength(2);
  });

  test('the question whether requests have stopped is asked again every second until then', async () => {
    answer = still(5);
    expect(await consider(10)).toBe('waiting');
    expect(await consider(10.5)).toBe('waiting');
    expect(asked).toHaveLength(2);
    answer = still(5, 10);
    expect(await consider(11)).toBe('silent');
    expect(asked).toHaveLength(4);
  });

  test.each<[string, MetricsAnswer | 'throws']>([
    ['is away', { ok: false, kind: 'unavailable', message: 'refused' }],
    ['refuses the query', { ok: false, kind: 'badQuery', message: 'parse error' }],
    ['warns that the answer is not whole', { ok: true, series: [], warnings: ['partial response'] }],
    ['is asked wrongly', 'throws'],
  ])('the question whether requests have stopped has no answer where Prometheus %s', async (_what, said) => {
    answer = said;
    expect(await consider(10)).toBe('unavailable');
    expect(told).toEqual([KEY]);
  });

  test('the question whether requests have stopped is not asked where no one counts: analysis is off, or Prometheus may not be asked', async () => {
    expect(await consider(10, {}, 'rollingBack.draining', 'Off')).toBe('uncountable');
    desk.forget(KEY);
    refusal = { reason: 'InvalidSpec', message: 'no address' };
    expect(await consider(10)).toBe('uncountable');
    expect(asked).toEqual([]);
  });

  test('the question whether requests have stopped is about one release: the answer about another is none, and what is over is forgotten', async () => {
    expect(await consider(15)).toBe('silent');
    expect(desk.read(KEY, 'another')).toEqual({});
    answer = still(5);
    expect(await consider(15, { id: 'another' })).toBe('waiting');
    expect(await consider(16, { id: 'another' }, 'rolledBack')).toBeUndefined();
  });

  test('a question under way is forgotten with its release', async () => {
    const seen = consider(15);
    desk.forget(KEY);
    expect(await seen).toBeUndefined();
    expect(told).toEqual([]);
  });
});
