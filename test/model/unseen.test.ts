// What Glidepath cannot see is said before it matters: failures that a metrics source does not count, and versions whose pods look alike.

import { describe, expect, test } from 'vitest';
import { buildRoute, buildRule } from '../fakes/memory/gateway.ts';
import { MemoryWorld } from '../fakes/memory/world.ts';
import { buildStore, specWith, untilState } from '../fixtures/story.ts';

function conditionOf(world: MemoryWorld, type: string) {
  return world.status('web')?.conditions?.find((condition) => condition.type === type);
}

describe('a GRPCRoute behind Contour, which does not see the status of a call', () => {
  async function startGrpc(change: Parameters<typeof specWith>[0] = {}) {
    const world = new MemoryWorld();
    world.setService('v1', {});
    world.setService('v2', {});
    world.api.create({ ...buildRoute('store', [buildRule({ v1: 1, v2: 0 })]), kind: 'GRPCRoute' }, 'kubectl');
    world.startOperator();
    await world.run(2_000);
    world.createRelease('web', specWith({ routeRefs: [{ kind: 'GRPCRoute', name: 'store' }], ...change }));
    return world;
  }

  test('a GRPCRoute behind Contour is refused before the first write, with what would see the status of a call', async () => {
    const world = await startGrpc();
    await world.run(60_000);
    expect(world.status('web')).toMatchObject({
      phase: 'Blocked',
      message: expect.stringMatching(
        /^blocked: NotSupported: metrics source Contour does not see every failure of a GRPCRoute: .*OpenTelemetry/,
      ),
    });
    expect(world.api.get({ kind: 'GRPCRoute', namespace: 'shop', name: 'store' })?.metadata.generation).toBe(1);
  });

  test.each([
    ['is observed', { analysis: { mode: 'Observe' } }],
    ["has a check of the user's own", { analysis: { checks: [{ name: 'calls', query: 'sum(calls)', min: '0' }] } }],
  ] as const)('a GRPCRoute behind Contour is released where it %s, and the gap is a condition', async (_how, change) => {
    const world = await startGrpc(structuredClone(change) as Parameters<typeof specWith>[0]);
    await untilState(world, 'stage.analyzing');
    expect(conditionOf(world, 'MetricsHazards')).toMatchObject({
      status: 'True',
      reason: 'FailuresUnseen',
      message: expect.stringContaining('GrpcStatusUnseen'),
    });
  });
});

test('a GRPCRoute behind Traefik is refused in every mode that judges, although a check of its own could act', async () => {
  const world = new MemoryWorld();
  world.gateway.controllerName = 'traefik.io/gateway-controller';
  world.setService('v1', {});
  world.setService('v2', {});
  world.api.create({ ...buildRoute('store', [buildRule({ v1: 1, v2: 0 })]), kind: 'GRPCRoute' }, 'kubectl');
  world.startOperator();
  await world.run(2_000);
  const checks = [
    { name: 'calls', query: 'sum(calls)', min: '0' },
    { name: 'errors', metric: 'ErrorRatio' as const, max: '1%' },
  ];
  world.createRelease('web', specWith({ routeRefs: [{ kind: 'GRPCRoute', name: 'store' }], analysis: { mode: 'Observe', checks } }));
  await world.run(60_000);
  expect(world.status('web')).toMatchObject({
    phase: 'Blocked',
    message: expect.stringMatching(/^blocked: NotSupported: Traefik cannot judge a GRPCRoute: .*OpenTelemetry or PrometheusClient/),
  });
});

describe('pods without a template hash', () => {
  test('pods without a template hash are said to hide new versions, until spec.revision names them', async () => {
    const world = buildStore();
    world.setService('v2', { hashes: [] });
    await world.run(2_000);
    world.createRelease('web', specWith({}));
    await untilState(world, 'promoted');
    expect(conditionOf(world, 'RevisionVisible')).toMatchObject({ status: 'False', message: expect.stringContaining('Service v2') });
    world.editSpec('web', (spec) => ({ ...spec, revision: '2' }));
    await world.run(1_000);
    expect(conditionOf(world, 'RevisionVisible')).toBeUndefined();
  });
});
