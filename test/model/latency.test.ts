// Latency through the whole reconciler with the manifests that people begin with: a slow canary goes home whatever buckets serving
// fills, and where buckets hide the difference the status says so.

import { describe, expect, test } from 'vitest';
import type { SpecInput } from '../../src/api/release.ts';
import type { MemoryWorld, WorldSettings } from '../fakes/memory/world.ts';
import { HEALTHY, type VersionBehaviour } from '../fakes/memory/traffic.ts';
import { buildStore, shareOf, untilState } from '../fixtures/story.ts';

const PAIR = { services: [{ name: 'v1' }, { name: 'v2' }] } satisfies SpecInput;
const SLOW = { fastMs: 2_000 } satisfies Partial<VersionBehaviour>;

/** README's first manifest, without its approval. */
const FIRST: SpecInput = {
  ...PAIR,
  stages: [
    { weight: 5, duration: '2m' },
    { weight: 50, duration: '10m' },
  ],
  analysis: {
    checks: [
      { name: 'errors', metric: 'ErrorRatio', max: '1%' },
      { name: 'p99', metric: 'Latency', quantile: '0.99', max: '500ms' },
    ],
  },
};

/** A store whose serving version has answered for 40 minutes when its release begins; returns when the canary has its first weight. */
async function startAfterHistory(
  versions: { readonly serving: Partial<VersionBehaviour>; readonly canary: Partial<VersionBehaviour> },
  { spec = PAIR, ...settings }: WorldSettings & { readonly spec?: SpecInput } = {},
): Promise<MemoryWorld> {
  const world = buildStore({ rps: 100, scrapeMs: 15_000, ...settings });
  world.setVersion('v1', { ...HEALTHY, ...versions.serving });
  world.setVersion('v2', { ...HEALTHY, ...versions.canary });
  await world.run(40 * 60_000);
  world.createRelease('web', spec);
  await world.until('weight', () => shareOf(world) > 0);
  return world;
}

const comparisonOf = (world: MemoryWorld) => world.status('web')?.checks?.find(({ name }) => name === 'comparison');

describe('a canary that is slow, with the default manifest', () => {
  test.each([
    ['all of it takes 2 s and serving 30 ms, in one bucket', { fastMs: 30 }, SLOW, 'envoy'],
    ['a fifth of it takes 2 s, and all of serving 8 ms', { fastMs: 8 }, { fastMs: 8, slowRatio: 0.2, slowMs: 2_000 }, 'envoy'],
    ['all of it takes 2 s, serving 4 ms, and a few of its requests less', { fastMs: 4, slowRatio: 0.05, slowMs: 0.8 }, SLOW, 'envoy'],
    ['all of it takes 2 s and serving 30 ms, in the first of few buckets', { fastMs: 30 }, SLOW, 'traefik'],
    ['it is above the largest bound', { fastMs: 30 }, { fastMs: 20_000 }, 'traefik'],
  ] as const)('a canary that is slow goes home: %s', async (_what, serving, canary, buckets) => {
    const world = await startAfterHistory({ serving, canary }, { buckets });
    const took = await world.until('home', () => shareOf(world) === 0);
    // The canary's first minute is not timed.
    expect(took).toBeGreaterThan(60_000);
    expect(took).toBeLessThanOrEqual(110_000);
    await untilState(world, 'rolledBack');
    expect(world.status('web')?.release?.reason).toBe('Latency');
    expect(world.status('web')?.rejected?.[0]?.reason).toBe('Latency');
  });

  test('what is told of a canary that is slow is told in seconds, and nothing of errors', async () => {
    const world = await startAfterHistory({ serving: { fastMs: 30 }, canary: SLOW });
    await untilState(world, 'rolledBack');
    const told = world.journal.events.filter(({ reason }) => ['VerdictFailed', 'RollbackStarted', 'RolledBack'].includes(reason));
    expect(told.map(({ reason }) => reason)).toEqual(['VerdictFailed', 'RollbackStarted', 'RolledBack']);
    expect(told[0]?.note).toMatch(/^check comparison fails: p\d\d \d\.?\d?s against \d\dms of serving \(limit <= \d\dms\) over \d+ canary/);
    for (const { note } of told) expect(note).not.toMatch(/points more|%\s*errors/);
  });
});

describe('a canary that becomes slow later, with the first manifest of the README', () => {
  test('a canary that becomes slow at half of the traffic is convicted by the comparison and goes home', async () => {
    const world = await startAfterHistory({ serving: { fastMs: 30 }, canary: { fastMs: 30 } }, { spec: FIRST });
    await world.until('50%', () => shareOf(world) === 50);
    world.setVersion('v2', { ...HEALTHY, ...SLOW });
    await world.until('home', () => shareOf(world) === 0, 5 * 60_000);
    await untilState(world, 'rolledBack');
    expect(world.status('web')?.release?.reason).toBe('Latency');
  });
});

describe('buckets that hide a difference', () => {
  test('buckets that hide a difference are told while all is well, and the release goes on', async () => {
    const world = await startAfterHistory({ serving: { fastMs: 30 }, canary: { fastMs: 90 } }, { buckets: 'traefik' });
    await world.run(100_000);
    expect(comparisonOf(world)).toMatchObject({ verdict: 'Pass' });
    expect(comparisonOf(world)?.message).toContain(
      'p50 to p99 of serving are in the bucket up to 100ms: only a canary slower than 100ms can be seen',
    );
    expect(world.status('web')?.conditions?.find(({ type }) => type === 'Stalled')?.status).not.toBe('True');
    await untilState(world, 'promoted');
  });

  test('buckets that hide no difference are not spoken of', async () => {
    const world = await startAfterHistory({ serving: { fastMs: 30 }, canary: { fastMs: 30 } });
    await world.run(100_000);
    expect(comparisonOf(world)?.message).not.toContain('bucket');
  });
});
