// A store with two versions behind one route, and a release of the second one: what nearly every model test begins with.

import type { SpecInput } from '../../src/api/release.ts';
import { MemoryWorld, type WorldSettings } from './memory-world.ts';
import { buildRule } from './memory/gateway.ts';

/** Two short stages, looks every 10 s. */
export const SPEC = {
  services: [{ name: 'v1' }, { name: 'v2' }],
  stages: [
    { weight: 10, duration: '1m' },
    { weight: 50, duration: '2m' },
  ],
  // Most stories are about one look; those of the comparison switch it on.
  analysis: { minRequests: 20, comparison: { mode: 'Off' } },
} satisfies SpecInput;

/** Spec fields over the default ones; `analysis` is merged. */
export function specWith(change: Partial<SpecInput>): SpecInput {
  return { ...SPEC, ...change, analysis: { ...SPEC.analysis, ...change.analysis } };
}

/** A world with Services v1 and v2, the route `store` that gives everything to v1, and an operator. No release yet. */
export function buildStore(settings: WorldSettings = {}): MemoryWorld {
  const world = new MemoryWorld(settings);
  world.setService('v1', {});
  world.setService('v2', {});
  world.createRoute('store', [buildRule({ v1: 1, v2: 0 })]);
  world.startOperator();
  return world;
}

/** The store with the release `web`, at the moment when the canary has the first stage's weight and is judged. */
export async function startStory(change: Partial<SpecInput> = {}, settings: WorldSettings = {}): Promise<MemoryWorld> {
  const world = buildStore(settings);
  await world.run(2_000);
  world.createRelease('web', specWith(change));
  await untilState(world, 'stage.analyzing');
  return world;
}

/** Waits for a state of the release `web`. @returns the milliseconds that took */
export function untilState(world: MemoryWorld, state: string, mostMs?: number): Promise<number> {
  return world.until(state, () => world.status('web')?.state === state, mostMs);
}

/** Share of v2 beside v1 on the route `store`. */
export function shareOf(world: MemoryWorld): number {
  return world.share('store', 'v1', 'v2');
}

/** Reasons of the events so far. */
export function reasonsOf(world: MemoryWorld): readonly string[] {
  return world.journal.events.map(({ reason }) => reason);
}
