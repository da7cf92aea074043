// Gateways whose backends come and go with their weight: a release leaves a backend in use the least weight there is.

import { describe, expect, test } from 'vitest';
import type { SpecInput } from '../../src/api/release.ts';
import type { Route } from '../../src/api/routes.ts';
import { buildRule, ENVOY_GATEWAY } from '../fakes/memory/gateway.ts';
import { ourRulesOf } from '../fakes/memory/our-rules.ts';
import { MemoryWorld } from '../fakes/memory/world.ts';
import { specWith, untilState } from '../fixtures/story.ts';

/** The metrics of the memory world are Contour's. */
const ANALYSIS = { metrics: { source: 'Contour' } } as const;

interface Written {
  readonly atMs: number;
  /** Backend weights in the order of the refs. */
  readonly weights: string;
}

/** A store behind such a gateway, and every change of its route's weights. */
async function openStore(weights: Readonly<Record<string, number>> = { v1: 100, v2: 0 }) {
  const world = new MemoryWorld({});
  world.gateway.controllerName = ENVOY_GATEWAY;
  world.setService('v1', {});
  world.setService('v2', {});
  world.createRoute('store', [buildRule(weights)]);
  const written: Written[] = [{ atMs: world.clock.now(), weights: Object.values(weights).join(' ') }];
  world.api.onChange(({ kind, now }) => {
    if (kind !== 'HTTPRoute' || now === undefined) return;
    const { spec } = now as unknown as {
      readonly spec: { readonly rules: readonly { readonly backendRefs: readonly { readonly weight: number }[] }[] };
    };
    const text = spec.rules[0]?.backendRefs.map(({ weight }) => weight).join(' ') ?? '';
    if (written.at(-1)?.weights !== text) written.push({ atMs: world.clock.now(), weights: text });
  });
  world.startOperator();
  await world.run(2_000);
  return { world, written };
}

function release(world: MemoryWorld, change: Partial<SpecInput> = {}): void {
  world.createRelease('web', specWith({ ...change, analysis: { ...ANALYSIS, ...change.analysis } }));
}

/** Time from each change to the next, milliseconds. */
function pausesIn(written: readonly Written[]): readonly number[] {
  return written.slice(1).map(({ atMs }, index) => atMs - (written[index]?.atMs ?? 0));
}

describe('a gateway that forgets a backend of weight 0', () => {
  test('a good release is raised over the least weight, and what served before keeps it for three seconds', async () => {
    const { world, written } = await openStore();
    release(world);
    await untilState(world, 'promoted');
    expect(written.map(({ weights }) => weights)).toEqual(['100 0', '999999 1', '900000 100000', '500000 500000', '1 999999', '0 100']);
    expect(pausesIn(written)[1]).toBeGreaterThanOrEqual(2_500);
    expect(pausesIn(written).at(-1)).toBeGreaterThanOrEqual(3_000);
    expect(world.guardian.violations).toEqual([]);
  });

  test('a bad release goes to the least weight at once, and to 0 three seconds later', async () => {
    const { world, written } = await openStore();
    release(world);
    await untilState(world, 'stage.analyzing');
    world.traffic.setVersion('v2', { errorRatio: 1 });
    await untilState(world, 'rolledBack');
    expect(written.map(({ weights }) => weights)).toEqual(['100 0', '999999 1', '900000 100000', '999999 1', '100 0']);
    const last = pausesIn(written).at(-1) ?? 0;
    expect(last).toBeGreaterThanOrEqual(3_000);
    expect(last).toBeLessThan(5_000);
    expect(world.guardian.violations).toEqual([]);
  });

  test('a release that ends before its first weight writes no weight', async () => {
    const { world, written } = await openStore();
    world.setService('v2', { ready: 0 });
    release(world);
    await untilState(world, 'preparing');
    await world.run(5_000);
    world.annotate('web', { 'glidepath.dev/abort': world.status('web')?.release?.id ?? '' });
    await untilState(world, 'rolledBack');
    // The way home writes every weight, on the scale of the release.
    expect(written.map(({ weights }) => weights)).toEqual(['100 0', '1000000 0', '100 0']);
    expect(world.guardian.violations).toEqual([]);
  });

  test('foreign shares stay exact, and a rule whose least weight would be a share is raised from 0', async () => {
    const { world, written } = await openStore({ v1: 1, v2: 0, other: 999 });
    release(world);
    await untilState(world, 'stage.analyzing');
    world.annotate('web', { 'glidepath.dev/abort': world.status('web')?.release?.id ?? '' });
    await untilState(world, 'rolledBack');
    expect(written.map(({ weights }) => weights)).toEqual(['1 0 999', '90 10 99900', '100 0 99900', '1 0 999']);
    expect(world.guardian.violations).toEqual([]);
  });

  test('a share that somebody took is given again over the least weight', async () => {
    const { world, written } = await openStore();
    release(world);
    await untilState(world, 'stage.analyzing');
    world.editWeights('store', 'kubectl', { v1: 100, v2: 0 });
    await world.run(1_000);
    await untilState(world, 'stage.analyzing');
    expect(written.map(({ weights }) => weights).slice(2)).toEqual(['900000 100000', '100 0', '999999 1', '900000 100000']);
    expect(pausesIn(written).at(-1)).toBeGreaterThanOrEqual(2_500);
    expect(world.guardian.violations).toEqual([]);
  });

  test('a canary that loses its last pod is left with the least weight, then with none', async () => {
    const { world, written } = await openStore();
    release(world);
    await untilState(world, 'stage.analyzing');
    world.setService('v2', { ready: 0 });
    await world.until('home', () => written.at(-1)?.weights === '100 0');
    expect(written.map(({ weights }) => weights).slice(2)).toEqual(['900000 100000', '999999 1', '100 0']);
    expect(world.guardian.violations).toEqual([]);
  });

  test('a cohort is sent to the canary when the gateway has known it for a while, and gone before the canary is', async () => {
    const { world, written } = await openStore();
    const rules: { readonly atMs: number; readonly weights: string; readonly count: number }[] = [];
    world.api.onChange(({ kind, now }) => {
      if (kind !== 'HTTPRoute' || now === undefined) return;
      const count = ourRulesOf(now as unknown as Route).length;
      if (rules.at(-1)?.count !== count) rules.push({ atMs: world.clock.now(), weights: written.at(-1)?.weights ?? '', count });
    });
    const cohort = { headers: [{ name: 'X-Canary-User', value: 'true' }] };
    release(world, {
      stages: [
        { weight: 0, duration: '30s', cohort },
        { weight: 10, duration: '5m' },
      ],
    });
    await world.until('10%', () => written.at(-1)?.weights === '900000 100000');
    await world.run(20_000);
    world.traffic.setVersion('v2', { errorRatio: 1 });
    await untilState(world, 'rolledBack');
    expect(written.map(({ weights }) => weights)).toEqual(['100 0', '999999 1', '900000 100000', '999999 1', '100 0']);
    // It comes with the least weight there, and goes in the very write that leaves the canary with it.
    expect(rules.map(({ weights, count }) => `${weights}: ${count}`)).toEqual(['100 0: 0', '999999 1: 1', '999999 1: 0']);
    expect((rules[1]?.atMs ?? 0) - (written[1]?.atMs ?? 0)).toBeGreaterThanOrEqual(2_500);
    expect(rules[2]?.atMs).toBe(written[3]?.atMs);
    expect(world.guardian.violations).toEqual([]);
  });
});
