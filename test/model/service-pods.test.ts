// Services mode: pods behind the canary Service that cannot run end a release in seconds, and are told with pod, container and exit.

import { describe, expect, test } from 'vitest';
import type { PodObject } from '../../src/core/workload/pods.ts';
import { aPod, crashing, homeless, running, statusWith, waiting } from '../fixtures/pods.ts';
import { buildStore, SPEC, shareOf, specWith, startStory, untilState } from '../fixtures/story.ts';

type Status = NonNullable<PodObject['status']>;

const podsOf = (hash: string, ...statuses: readonly Status[]) =>
  statuses.map((status, index) => aPod(`${hash}-${index + 1}`, status, { labels: { 'pod-template-hash': hash } }));
const CRASHED = statusWith(crashing(2, 137, 'OOMKilled', 'no memory left'));

describe('while it prepares', () => {
  test('a crash loop behind the canary Service ends the release in seconds, with pod, container and exit', async () => {
    const world = buildStore();
    world.setService('v2', { ready: 0, unready: 2, pods: podsOf('v2-1', CRASHED, statusWith(running())) });
    world.createRelease('web', SPEC);
    await untilState(world, 'rolledBack', 5_000);
    const { release, rejected } = world.status('web') ?? {};
    expect(release).toMatchObject({ reason: 'CanaryCrashLooping' });
    expect(release?.reasonMessage).toContain('pod v2-1-1, container app: CrashLoopBackOff, exited with 137 (OOMKilled), 2 restarts');
    expect(release?.reasonMessage).toContain('no memory left');
    expect(rejected).toMatchObject([{ templateHashes: ['v2-1'] }]);
    expect(world.guardian.raises).toEqual([]);
  });

  test('a revision that crashes is rejected once, also when its pods came after the release began', async () => {
    const world = buildStore();
    world.setService('v2', { ready: 0, unready: 0, hashes: [] });
    world.createRelease('web', SPEC);
    await untilState(world, 'preparing');
    world.setService('v2', { unready: 2, hashes: ['v2-1'], pods: podsOf('v2-1', CRASHED) });
    await untilState(world, 'rolledBack', 5_000);
    await world.run(600_000);
    expect(world.status('web')?.history).toHaveLength(1);
    world.setService('v2', { ready: 2, unready: 0, hashes: ['v2-2'], pods: [] });
    await untilState(world, 'promoted');
  });

  test('an image that cannot be pulled has a minute, because it may come late', async () => {
    const world = buildStore();
    world.setService('v2', { ready: 0, unready: 1, pods: podsOf('v2-1', statusWith(waiting('ImagePullBackOff', 'no such image'))) });
    world.createRelease('web', SPEC);
    await world.run(50_000);
    expect(world.status('web')).toMatchObject({ state: 'preparing', message: expect.stringContaining('no such image') });
    await untilState(world, 'rolledBack', 20_000);
    expect(world.status('web')?.release?.reason).toBe('ImageNotPulled');
  });

  test('pods without a node are told and reject nothing', async () => {
    const world = buildStore();
    world.setService('v2', { ready: 0, unready: 0, hashes: [], pods: podsOf('v2-1', homeless('2030-01-01T00:00:00Z')) });
    world.createRelease('web', SPEC);
    await world.run(600_000);
    expect(world.status('web')).toMatchObject({ state: 'preparing', message: expect.stringContaining('Insufficient cpu') });
    expect(world.status('web')?.rejected ?? []).toEqual([]);
  });

  test('a pod of the former revision that crashes while the new one rolls out says nothing of the new one', async () => {
    const world = await startStory();
    world.abort('web');
    await untilState(world, 'rolledBack');
    const former = podsOf('v2-1', CRASHED);
    world.setService('v2', { ready: 1, unready: 1, hashes: ['v2-1', 'v2-2'], pods: [...former, ...podsOf('v2-2', statusWith(running()))] });
    await untilState(world, 'preparing', 60_000);
    await world.run(60_000);
    expect(world.status('web')?.state).toBe('preparing');
    world.setService('v2', { ready: 2, unready: 0, hashes: ['v2-2'], pods: [] });
    await untilState(world, 'promoted');
  });

  test('restarts of other days are no crash loop', async () => {
    const world = buildStore();
    const long = { exitCode: 1, startedAt: '2029-12-01T00:00:00Z', finishedAt: '2030-01-01T00:00:00Z' };
    const restarted = { name: 'app', restartCount: 5, state: { terminated: long } };
    world.setService('v2', { ready: 1, unready: 1, pods: podsOf('v2-1', statusWith(restarted)) });
    world.createRelease('web', SPEC);
    await world.run(60_000);
    expect(world.status('web')?.state).toBe('preparing');
  });
});

test('a canary with weight and a crash loop is rolled back, and the words of the pod are in the reason', async () => {
  const world = await startStory(specWith({ stages: [{ weight: 20, duration: '1h' }] }));
  world.setService('v2', { ready: 1, unready: 1, pods: podsOf('v2-1', CRASHED, statusWith(running())) });
  await untilState(world, 'rolledBack', 5_000);
  expect(shareOf(world)).toBe(0);
  expect(world.status('web')?.release?.reason).toBe('CanaryCrashLooping');
  expect(world.journal.events.find(({ reason }) => reason === 'RollbackStarted')?.note).toContain('no memory left');
});
