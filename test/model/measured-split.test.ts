// What is counted says when a weight is in effect, where a gateway's status says so too early or never.

import { describe, expect, test } from 'vitest';
import type { SpecInput } from '../../src/api/release.ts';
import type { MemoryWorld } from '../fakes/memory/world.ts';
import { buildStore, reasonsOf, shareOf, specWith, startStory, untilState } from '../fixtures/story.ts';

const COMPARED: Partial<SpecInput> = { analysis: { comparison: { mode: 'Enforce' }, metrics: { source: 'Contour' } } };
const AT_ITS_END = 1_800_000;

/** When the release came into this state for the first time, milliseconds. */
function timeOf({ journal: { transitions } }: MemoryWorld, state: string, nth = 0): number {
  return transitions.filter(({ to }) => to === state)[nth]?.atMs ?? Number.NaN;
}

/** The condition that says how requests split; its message. */
function saidOfSplit(world: MemoryWorld): string | undefined {
  return world.status('web')?.conditions?.find(({ type }) => type === 'TrafficSplitMismatch')?.message;
}

describe('a gateway that sends by a weight later than its status says', () => {
  test('a release is promoted when requests to what served before have stopped', async () => {
    const world = await startStory(COMPARED);
    await world.until('the second stage', () => world.status('web')?.release?.seenSplit === 'Present' && shareOf(world) === 50, AT_ITS_END);
    world.gateway.lagMs = 45_000;
    await untilState(world, 'promoting.rollingOut', AT_ITS_END);
    const askedMs = world.clock.now();
    await world.until(
      'the message',
      () => world.status('web')?.message?.includes('waits until requests to Service v1 have stopped') === true,
    );
    await untilState(world, 'promoted', AT_ITS_END);
    expect(world.clock.now() - askedMs).toBeGreaterThan(45_000);
    expect(world.clock.now() - askedMs).toBeLessThan(62_000);
  });

  test('a stage starts again while requests split as before it, and is passed as soon as they split as asked for its duration', async () => {
    const world = await startStory(COMPARED);
    world.gateway.lagMs = 50_000;
    await world.until('the second stage', () => shareOf(world) === 50, AT_ITS_END);
    const askedMs = world.clock.now();
    await world.until(
      'the message',
      () => saidOfSplit(world)?.includes('requests still split as before the raise to 50%, by weight 10%') === true,
    );
    expect(world.status('web')?.message).toContain('by weight 10%: the gateway has not taken it');
    await world.until('the split as asked', () => world.status('web')?.release?.seenSplit === 'Present');
    expect(saidOfSplit(world)).toBeUndefined();
    await untilState(world, 'promoting.rollingOut', AT_ITS_END);
    // Two minutes of the stage, from when traffic followed.
    expect(timeOf(world, 'promoting.rollingOut') - askedMs).toBeGreaterThanOrEqual(50_000 + 120_000 - 10_000);
    expect(reasonsOf(world)).not.toContain('TrafficSplitMismatch');
  });

  test('one that never sends by it is a mismatch, and the stage ends at its timeout without proof', async () => {
    const stages = [
      { weight: 10, duration: '1m' },
      { weight: 50, duration: '1m', timeout: '5m' },
    ];
    const world = await startStory({ ...COMPARED, stages });
    world.gateway.lagMs = 86_400_000;
    await untilState(world, 'paused', AT_ITS_END);
    expect(shareOf(world)).toBe(50);
    expect(reasonsOf(world)).toContain('TrafficSplitMismatch');
    expect(world.status('web')?.message).toContain('by weight 10%: the gateway has not taken it');
  });
});

describe('a gateway that does not say that it has taken a change', () => {
  test.each(['a former generation', 'nothing'] as const)('a release behind one that says %s rises by what is counted', async (says) => {
    const world = buildStore();
    world.gateway.says = says;
    await world.run(60_000);
    world.createRelease('web', specWith(COMPARED));
    await untilState(world, 'stage.analyzing', 120_000);
    const accepted = world.status('web')?.conditions?.find(({ type }) => type === 'RoutesAccepted');
    expect([accepted?.status, accepted?.reason]).toEqual(['Unknown', 'Measured']);
    expect(accepted?.message).toContain('requests show that it serves the route');
    await untilState(world, 'promoted', AT_ITS_END);
    expect(reasonsOf(world)).not.toContain('Blocked');
  });

  test('without requests nothing shows it: the release waits at its first weight, and is blocked', async () => {
    const world = buildStore({ rps: 0 });
    await world.run(2_000);
    world.gateway.says = 'a former generation';
    world.createRelease('web', specWith(COMPARED));
    await world.run(1_200_000);
    expect(timeOf(world, 'stage.analyzing')).toBeNaN();
    expect(world.status('web')?.message).toMatch(/^blocked: RouteNotAccepted: HTTPRoute store: .* has not taken the last change yet/);
  });
});

describe('errors that gateways answer themselves', () => {
  /** Requests without a cluster, as one listener of the gateway has counted them by then. */
  function countErrors(world: MemoryWorld, valueAt: (atMs: number) => number, labels: Record<string, string> = {}): void {
    const name = { __name__: 'envoy_http_no_cluster', envoy_http_conn_manager_prefix: 'http-80' };
    world.prometheus.others.push({ labels: { ...name, ...labels }, valueAt });
  }

  test('those soon after a raise are counted and told once, and the canary is promoted', async () => {
    const world = await startStory(COMPARED);
    const raisedMs = { at: Number.POSITIVE_INFINITY };
    countErrors(world, (atMs) => (atMs > raisedMs.at + 1_000 ? 47 : 40));
    countErrors(world, (atMs) => (atMs > raisedMs.at ? 1_000 : 0), { instance: 'another gateway' });
    await world.until('the second stage', () => shareOf(world) === 50, AT_ITS_END);
    raisedMs.at = world.clock.now();
    await untilState(world, 'promoted', AT_ITS_END);
    expect(world.status('web')?.release?.gatewayErrors).toBe(7);
    const told = world.journal.events.filter(({ reason }) => reason === 'GatewayErrors').map(({ note }) => note);
    expect(told).toEqual([expect.stringContaining('gateways of the release answered 7 requests with an error of their own')]);
    expect(world.status('web')?.release?.failedRequests).toBe(0);
  });

  test('those of another time are not looked for', async () => {
    const world = await startStory({ ...COMPARED, stages: [{ weight: 10, duration: '5m' }] });
    const beganMs = world.clock.now();
    countErrors(world, (atMs) => (atMs > beganMs + 120_000 ? 9 : 0));
    await untilState(world, 'promoted', AT_ITS_END);
    expect(world.status('web')?.release?.gatewayErrors).toBeUndefined();
  });
});
