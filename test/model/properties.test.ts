// Random clusters, random happenings: the guardian checks rules 1 to 4 and 11 at every write, and these properties check that
// home is always reached when it must be, and that a world that works again comes to an end.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FIELD_MANAGER, FINALIZER, RELEASE_ANNOTATION } from '../../src/api/names.ts';
import { anyScene, happen, mend, rolesOf, setScene, type Scene } from '../fixtures/random-world.ts';
import type { MemoryWorld } from '../fakes/memory/world.ts';

const SETTLED = ['idle', 'promoted', 'rolledBack'];
const WAITS_FOR_PEOPLE = ['paused', 'blocked', 'stage.awaitingApproval'];

async function play(scene: Scene): Promise<MemoryWorld> {
  const world = await setScene(scene);
  for (const [event, waitMs] of scene.happenings) {
    await happen(world, scene, event);
    await world.run(waitMs);
  }
  return world;
}

/** The canary's largest share over all rules of these routes. */
function largestShare(world: MemoryWorld, scene: Scene, routes: readonly number[]): number {
  const { serving, canary } = rolesOf(world);
  return Math.max(
    0,
    ...routes.flatMap((route) => (scene.routes[route] ?? []).map((_, rule) => world.share(`route-${route}`, serving, canary, rule))),
  );
}

/** Routes that a release has written to. What others wrote to the rest before its claim is none of its business. */
function claimedRoutes(world: MemoryWorld, scene: Scene): readonly number[] {
  const markOf = (route: number) => world.route(`route-${route}`).metadata.annotations?.[RELEASE_ANNOTATION];
  return [...scene.routes.keys()].filter((route) => markOf(route)?.startsWith('web/') === true);
}

/** So few requests that errors among them prove nothing soon. */
async function isHardlyUsed(world: MemoryWorld): Promise<boolean> {
  const { canary } = rolesOf(world);
  const before = world.traffic.countsOf(canary).requests;
  await world.run(20_000);
  world.traffic.advanceTo(world.clock.now());
  return world.traffic.countsOf(canary).requests - before < 20;
}

/** Always the same worlds; `MODEL_SEED` and `MODEL_RUNS` try others. */
const RUNS = { numRuns: Number(process.env['MODEL_RUNS'] ?? 30), seed: Number(process.env['MODEL_SEED'] ?? 20_300_101) };

describe('random worlds', () => {
  test('rules 1 to 4 hold at every write, whatever happens', async () => {
    await fc.assert(
      fc.asyncProperty(anyScene(14), async (scene) => {
        const world = await play(scene);
        await mend(world);
        await world.run(300_000);
      }),
      RUNS,
    );
  });

  test('a world that works again comes to an end or waits for people, and leaves nothing of ours on a settled route', async () => {
    await fc.assert(
      fc.asyncProperty(anyScene(8), async (scene) => {
        const world = await play(scene);
        await mend(world);
        world.setVersion(rolesOf(world).canary, { errorRatio: 0 });
        world.setService(rolesOf(world).canary, { ready: 2, unready: 0 });
        await world.until('settled', () => [...SETTLED, ...WAITS_FOR_PEOPLE].includes(world.status('web')?.state ?? ''), 7_200_000);
        await world.run(70_000);
        if (!SETTLED.includes(world.status('web')?.state ?? '')) return;
        const refused = scene.happenings.some(([{ kind }]) => kind === 'faults');
        expect(world.release('web')?.metadata.finalizers ?? []).not.toContain(FINALIZER);
        for (const index of scene.routes.keys()) {
          const { annotations, managedFields } = world.route(`route-${index}`).metadata;
          expect(annotations?.[RELEASE_ANNOTATION]).toBeUndefined();
          // Giving the fields back is tried in earnest, but holds nothing up when the API server refuses it.
          if (!refused) expect(managedFields?.map(({ manager }) => manager)).not.toContain(FIELD_MANAGER);
        }
      }),
      RUNS,
    );
  });

  const CAUSES: Readonly<Record<string, (world: MemoryWorld) => void>> = {
    abort: (world) => world.abort('web'),
    'every answer an error': (world) => world.setVersion(rolesOf(world).canary, { errorRatio: 1 }),
    'no endpoint': (world) => world.setService(rolesOf(world).canary, { ready: 0, unready: 0 }),
    deletion: (world) => world.deleteRelease('web'),
    'a new revision': (world) => world.setService(rolesOf(world).canary, { hashes: ['brand-new'], unready: 1 }),
  };

  test.each(Object.keys(CAUSES))('rule 1: home is reached from everywhere: %s', async (cause) => {
    await fc.assert(
      fc.asyncProperty(anyScene(6), async (scene) => {
        const world = await play(scene);
        const state = world.status('web')?.state ?? 'idle';
        const id = world.status('web')?.release?.id;
        if (SETTLED.includes(state) || id === undefined) return;
        // Before the first weight a release takes the pods as they come: there is nothing to bring home.
        if (cause === 'a new revision' && state === 'preparing') return;
        const routes = claimedRoutes(world, scene);
        const share = largestShare(world, scene, routes);
        const { serving } = rolesOf(world);
        // While nothing has weight a release takes the pods as they are.
        if (cause === 'a new revision' && state === 'preparing') return;
        CAUSES[cause]?.(world);
        await mend(world);
        // Errors are seen only where requests go; the others at once. What was promoted meanwhile is over.
        if (share < 1 && (cause === 'every answer an error' || cause === 'no endpoint')) return;
        if (cause === 'every answer an error' && routes.length < scene.routes.length) return;
        if (cause === 'every answer an error' && (await isHardlyUsed(world))) return;
        // Weight that others gave to an empty canary and that was taken back is as good as home.
        const isEmptyAndUnused = () => cause === 'no endpoint' && largestShare(world, scene, routes) === 0;
        const over = () =>
          world.release('web') === undefined ||
          world.status('web')?.release?.id !== id ||
          world.status('web')?.release?.finishedAt !== undefined;
        await world.until(`home because of ${cause}`, () => over() || isEmptyAndUnused(), 120_000);
        const promoted = world.status('web')?.history?.find((entry) => entry.id === id)?.outcome === 'Promoted';
        if (!promoted) for (const index of routes) expect(world.weights(`route-${index}`)[serving]).toBeGreaterThan(0);
        if (!promoted && world.release('web') === undefined) expect(largestShare(world, scene, routes)).toBe(0);
      }),
      { ...RUNS, numRuns: Math.ceil(RUNS.numRuns / 2) },
    );
  });
});
