// Routes that a GitOps tool applies: Flux is held off them while a release runs and finds everything as it was, Argo CD without
// its recipe contests the release at once, and people are told before the first weight is written.

import { describe, expect, test } from 'vitest';
import type { Route } from '../../src/api/routes.ts';
import { DeploymentStory } from '../fixtures/deployment-story.ts';
import { buildStore, reasonsOf, shareOf, SPEC, specWith, untilState } from '../fixtures/story.ts';
import type { MemoryWorld } from '../fakes/memory/world.ts';

const RECONCILE = 'kustomize.toolkit.fluxcd.io/reconcile';
const FLUX_LABELS = { 'kustomize.toolkit.fluxcd.io/name': 'shop', 'kustomize.toolkit.fluxcd.io/namespace': 'flux-system' };
const LONG = specWith({ stages: [{ weight: 20, duration: '1h' }] });

function buildMarkedStore(mark: (route: Route) => Route): MemoryWorld {
  const world = buildStore();
  world.editRoute('store', 'kustomize-controller', mark);
  return world;
}

const markFlux =
  (annotations: Readonly<Record<string, string>> = {}) =>
  (route: Route): Route => ({
    ...route,
    metadata: { ...route.metadata, labels: FLUX_LABELS, annotations: { ...route.metadata.annotations, ...annotations } },
  });

const markArgo = (route: Route): Route => ({
  ...route,
  metadata: { ...route.metadata, annotations: { ...route.metadata.annotations, 'argocd.argoproj.io/tracking-id': 'shop:store' } },
});

/** Flux applies the route as Git has it, every minute, unless the route that is there says no. */
function runFlux(world: MemoryWorld): void {
  const git = structuredClone(world.route('store'));
  const apply = () => {
    if (world.route('store').metadata.annotations?.[RECONCILE] !== 'disabled')
      world.editRoute('store', 'kustomize-controller', (route) => ({ ...route, spec: git.spec }));
    world.clock.schedule(world.clock.now() + 60_000, apply);
  };
  world.clock.schedule(world.clock.now() + 60_000, apply);
}

/** What the GitOpsManaged events say. */
const told = (world: MemoryWorld) => world.journal.events.filter(({ reason }) => reason === 'GitOpsManaged').map(({ note }) => note);

describe('a route that Flux applies', () => {
  test.each([
    ['no annotation', {}],
    ['one that says enabled', { [RECONCILE]: 'enabled' }],
  ])('Flux leaves a route alone from the first write of a release to the last, with %s before and after', async (_what, annotations) => {
    const world = buildMarkedStore(markFlux(annotations));
    const before = structuredClone(world.route('store').metadata.annotations);
    world.createRelease('web', LONG);
    runFlux(world);
    await untilState(world, 'stage.analyzing');
    expect(world.route('store').metadata.annotations?.[RECONCILE]).toBe('disabled');
    await world.run(200_000);
    expect(shareOf(world)).toBe(20);
    expect(reasonsOf(world)).not.toContain('RouteDrift');
    world.setVersion('v2', { errorRatio: 1 });
    await untilState(world, 'rolledBack');
    await world.run(2_000);
    expect(world.route('store').metadata.annotations).toEqual(before);
    expect(world.weights('store')).toEqual({ v1: 1, v2: 0 });
    world.assertSound();
  });

  test('a route that Flux applies has its annotations as they were after a promotion, and the message says beforehand what that means for the weights', async () => {
    const world = buildMarkedStore(markFlux());
    const before = structuredClone(world.route('store').metadata.annotations);
    world.createRelease('web', SPEC);
    await untilState(world, 'promoted');
    await world.run(2_000);
    expect(world.route('store').metadata.annotations).toEqual(before);
    expect(told(world)).toEqual([expect.stringContaining('commit the new weights')]);
    expect(world.status('web')?.conditions?.map(({ type }) => type)).not.toContain('GitOpsManaged');
  });

  test('a route that Flux applies keeps a hold of its owner’s own, and nothing is reported', async () => {
    const world = buildMarkedStore(markFlux({ [RECONCILE]: 'disabled' }));
    const before = structuredClone(world.route('store').metadata.annotations);
    world.createRelease('web', SPEC);
    await untilState(world, 'promoted');
    await world.run(2_000);
    expect(world.route('store').metadata.annotations).toEqual(before);
    expect(told(world)).toEqual([]);
  });

  test('rule 5: an operator that is killed around any of its writes leaves the annotations as they were', async () => {
    for (let write = 1; write <= 24; write += 1) {
      const world = buildMarkedStore(markFlux());
      const before = structuredClone(world.route('store').metadata.annotations);
      for (const operator of world.operators) operator.kill();
      world.startOperator({ write, side: write % 2 === 0 ? 'before' : 'after' });
      world.createRelease('web', SPEC);
      await world.run(20_000);
      for (const operator of world.operators) operator.kill();
      world.startOperator();
      await untilState(world, 'promoted');
      await world.run(2_000);
      expect(world.route('store').metadata.annotations).toEqual(before);
    }
  });

  test('a route that Flux applies is clean after the release was deleted during its stages', async () => {
    const world = buildMarkedStore(markFlux());
    const before = structuredClone(world.route('store').metadata.annotations);
    world.createRelease('web', LONG);
    await untilState(world, 'stage.analyzing');
    world.deleteRelease('web');
    await world.until('gone', () => world.release('web') === undefined, 120_000);
    expect(world.route('store').metadata.annotations).toEqual(before);
  });
});

describe('a route that Argo CD applies', () => {
  test('a route that Argo CD applies is noticed before the first weight is written: a condition and one event have the recipe', async () => {
    const world = buildMarkedStore(markArgo);
    world.setService('v2', { unready: 1 });
    world.createRelease('web', SPEC);
    await world.run(5_000);
    expect(world.status('web')?.state).toBe('preparing');
    const condition = world.status('web')?.conditions?.find(({ type }) => type === 'GitOpsManaged');
    expect(condition).toMatchObject({
      status: 'True',
      reason: 'ArgoCD',
      message: expect.stringContaining('RespectIgnoreDifferences=true'),
    });
    expect(world.guardian.raises).toEqual([]);
    world.setService('v2', { unready: 0 });
    await untilState(world, 'promoted');
    expect(told(world)).toEqual([condition?.message]);
    expect(world.status('web')?.conditions?.map(({ type }) => type)).not.toContain('GitOpsManaged');
  });

  test('rule 7: a controller that takes the first weight away at once contests the route, because no look could ever prove it', async () => {
    const world = buildMarkedStore(markArgo);
    world.api.onChange((change) => {
      if (change.kind !== 'HTTPRoute' || change.manager !== 'glidepath' || shareOf(world) === 0) return;
      world.clock.schedule(world.clock.now() + 500, () => world.editWeights('store', 'argocd-controller', { v1: 1, v2: 0 }));
    });
    world.createRelease('web', specWith({ stages: [{ weight: 20, duration: '1h' }], onBlocked: { after: '2h', then: 'Pause' } }));
    await untilState(world, 'blocked', 60_000);
    await world.run(600_000);
    expect(world.guardian.raises).toHaveLength(1);
    expect(shareOf(world)).toBe(0);
    expect(world.status('web')?.message).toContain('ignoreDifferences');
    expect(reasonsOf(world).filter((reason) => reason === 'RouteContested')).toHaveLength(1);
  });

  test('rule 7: a person who takes everything away contests nothing', async () => {
    const world = buildMarkedStore(markArgo);
    world.createRelease('web', LONG);
    await untilState(world, 'stage.analyzing');
    world.editWeights('store', 'kubectl-edit', { v1: 1, v2: 0 });
    await world.run(3_000);
    expect(world.status('web')?.state).toBe('stage.analyzing');
    expect(reasonsOf(world)).toContain('RouteDrift');
  });
});

describe('a Deployment that Argo CD applies', () => {
  test('a Deployment that Argo CD applies is noticed before the first weight is written: a condition and one event say what to leave out of Git', async () => {
    const story = await DeploymentStory.begin();
    const { world } = story;
    const key = { kind: 'Deployment', namespace: 'shop', name: 'store' };
    world.api.update(key, 'argocd-controller', (old) => ({
      ...old,
      metadata: { ...old.metadata, annotations: { ...old.metadata.annotations, 'argocd.argoproj.io/tracking-id': 'shop:store' } },
    }));
    story.commit('store:2');
    await world.until('a condition', () => world.status('web')?.conditions?.some(({ type }) => type === 'GitOpsManaged') === true);
    expect(world.guardian.raises).toEqual([]);
    await untilState(world, 'promoted');
    expect(told(world)).toEqual([expect.stringContaining('Deployment store is applied by Argo CD: leave spec.paused out of Git')]);
  });
});
