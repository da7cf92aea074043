// Gateways whose status says that a change is accepted before it is in effect: a release takes a weight for effective when it may be.

import { expect, test } from 'vitest';
import { buildRule } from '../fakes/memory/gateway.ts';
import { MemoryWorld } from '../fakes/memory/world.ts';
import { specWith, untilState } from '../fixtures/story.ts';

const TRAEFIK = 'traefik.io/gateway-controller';

/** A release of v2 behind the gateways of this controller; the metrics of the memory world are Contour's. */
async function promoteBehind(controllerName: string): Promise<MemoryWorld> {
  const world = new MemoryWorld({});
  world.gateway.controllerName = controllerName;
  world.setService('v1', {});
  world.setService('v2', {});
  world.createRoute('store', [buildRule({ v1: 1, v2: 0 })]);
  world.startOperator();
  await world.run(2_000);
  world.createRelease('web', specWith({ analysis: { metrics: { source: 'Contour' } } }));
  await untilState(world, 'promoted');
  return world;
}

/** Milliseconds for which the release waited for its gateways before each stage. */
function waitsOf({ journal: { transitions } }: MemoryWorld): readonly number[] {
  return transitions.flatMap(({ atMs, to }, index) => {
    const next = transitions[index + 1];
    return next !== undefined && to === 'stage.shifting' ? [next.atMs - atMs] : [];
  });
}

test('a weight behind Traefik is effective two seconds after it was asked for, at each stage', async () => {
  const waits = waitsOf(await promoteBehind(TRAEFIK));
  expect(waits).toHaveLength(2);
  for (const ms of waits) expect([ms >= 2_000, ms <= 3_200]).toEqual([true, true]);
});

test('a weight behind other gateways is effective as soon as they say so', async () => {
  for (const ms of waitsOf(await promoteBehind('projectcontour.io/gateway-controller'))) expect(ms).toBeLessThan(1_000);
});
