// Rules that keep users on the version that answered them first: in Services mode a release does not begin, in Deployment mode a
// rollback ends the pods.

import { describe, expect, test } from 'vitest';
import type { Route } from '../../src/api/routes.ts';
import { buildRule } from '../fakes/memory/gateway.ts';
import { type MemoryWorld, NAMESPACE } from '../fakes/memory/world.ts';
import { GlidepathError } from '../../src/api/errors.ts';
import { DeploymentStory } from '../fixtures/deployment-story.ts';
import { buildStore, shareOf, SPEC, startStory, untilState } from '../fixtures/story.ts';

/** A person gives the first rule of the route sessions, or takes them away. */
function setSessions(world: MemoryWorld, wanted: boolean): void {
  world.editRoute('store', 'kubectl-edit', (route) => {
    const [first, ...others] = route.spec.rules ?? [];
    const { sessionPersistence: _before, ...rest } = first ?? {};
    const rule = wanted ? { ...rest, sessionPersistence: { type: 'Cookie' } } : rest;
    return { ...route, spec: { ...route.spec, rules: [rule, ...others] } } satisfies Route;
  });
}

/** @returns the milliseconds between the last share of the canary and the end of its pods */
async function timeToEnd(story: DeploymentStory): Promise<number> {
  const { world } = story;
  story.apply('store:2');
  await untilState(world, 'stage.analyzing');
  world.abort('web');
  await world.until('no share', () => story.share === 0);
  const left = world.clock.now();
  await world.until('the pods of the canary to end', () => (story.canary?.spec.replicas ?? 0) === 0);
  return world.clock.now() - left;
}

describe('a rule of a release in Services mode keeps sessions', () => {
  test('such a release does not begin, and writes nothing, until the rule keeps no sessions', async () => {
    const world = buildStore();
    setSessions(world, true);
    world.createRelease('web', SPEC);
    await world.run(60_000);
    expect(world.status('web')).toMatchObject({
      phase: 'Blocked',
      message: expect.stringContaining('SessionsPersist: HTTPRoute store, rule rules[0]'),
    });
    expect(world.journal.routeWrites()).toEqual([]);
    setSessions(world, false);
    await untilState(world, 'promoted');
  });

  test('a running release is not raised while its rule keeps sessions, and can go back', async () => {
    const world = await startStory();
    setSessions(world, true);
    await world.run(300_000);
    expect(world.status('web')).toMatchObject({ phase: 'Blocked' });
    expect(shareOf(world)).toBe(10);
    world.abort('web');
    await untilState(world, 'rolledBack');
    expect(shareOf(world)).toBe(0);
  });
});

describe('a policy keeps sessions for a Service', () => {
  const begin = async (kind: string, spec: object, prepare: (world: MemoryWorld) => void = () => undefined) => {
    const world = buildStore();
    world.api.create({ apiVersion: 'example.com/v1', kind, metadata: { name: 'sticky', namespace: NAMESPACE }, spec } as never, 'helm');
    prepare(world);
    await world.run(2_000);
    world.createRelease('web', SPEC);
    await world.run(20_000);
    return world;
  };
  const target = (name: string) => ({ group: '', kind: 'Service', name });

  test.each([
    [
      'XBackendTrafficPolicy',
      { targetRefs: [target('v2')], sessionPersistence: { type: 'Cookie' } },
      'for Service v2 has sessionPersistence',
    ],
    [
      'GCPBackendPolicy',
      { targetRef: target('v1'), default: { sessionAffinity: { type: 'GENERATED_COOKIE' } } },
      'for Service v1 has sessionAffinity GENERATED_COOKIE',
    ],
  ])('a policy keeps sessions and stops a release before its first write: %s', async (kind, spec, words) => {
    const world = await begin(kind, spec);
    const message = `SessionsPersist: ${kind} sticky ${words}`;
    expect(world.status('web')).toMatchObject({ phase: 'Blocked', message: expect.stringContaining(message) as string });
    expect(world.journal.routeWrites()).toEqual([]);
    world.api.delete({ kind, namespace: NAMESPACE, name: 'sticky' }, 'helm');
    await untilState(world, 'promoted');
  });

  test.each([
    ['XBackendTrafficPolicy', { targetRefs: [target('other')], sessionPersistence: { type: 'Cookie' } }],
    ['XBackendTrafficPolicy', { targetRefs: [target('v2')], retryConstraint: {} }],
    ['GCPBackendPolicy', { targetRef: target('v1'), default: { sessionAffinity: { type: 'NONE' } } }],
  ])('a policy keeps sessions of others, or none, and nothing stands in the way: %s %j', async (kind, spec) => {
    const world = await begin(kind, spec);
    expect(world.status('web')?.phase).not.toBe('Blocked');
  });

  test('a policy keeps sessions for all that is known where such policies may not be listed, and no release begins', async () => {
    const world = await begin('XBackendTrafficPolicy', {}, (it) => {
      const error = new GlidepathError('GLIDEPATH_E_FORBIDDEN', 'may not list');
      it.faults = ({ verb, target: kind }) =>
        verb === 'readPolicies' && kind === 'XBackendTrafficPolicy' ? { when: 'instead', error } : undefined;
    });
    expect(world.status('web')?.message).toContain('it is not known whether a XBackendTrafficPolicy keeps users');
    expect(world.status('web')?.message).toContain('kubectl apply --server-side -k config/default');
  });
});

test('a policy keeps sessions since the former release: one that begins as that one ends is asked about anew, and gets no weight', async () => {
  const world = await startStory();
  await world.run(30_000);
  const target = { group: '', kind: 'Service', name: 'v2' };
  const spec = { targetRefs: [target], sessionPersistence: { type: 'Cookie' } };
  const metadata = { name: 'sticky', namespace: NAMESPACE };
  world.api.create({ apiVersion: 'gateway.networking.x-k8s.io/v1alpha1', kind: 'XBackendTrafficPolicy', metadata, spec } as never, 'helm');
  const raised = world.guardian.raises.length;
  world.setService('v2', { hashes: ['v2-2'] });
  await world.until('the policy', () => world.status('web')?.message?.includes('SessionsPersist') === true, 120_000);
  expect([shareOf(world), world.guardian.raises.length]).toEqual([0, raised]);
});

test('policies that cannot be read while a release prepares block it, and it continues once they can be', async () => {
  const world = buildStore();
  world.createRelease('web', SPEC);
  const error = new GlidepathError('GLIDEPATH_E_SERVER', 'away', { retryable: true });
  const isAway = { now: false };
  world.faults = ({ verb }) => (verb === 'readPolicies' && isAway.now ? { when: 'instead', error } : undefined);
  world.setService('v2', { ready: 0, unready: 1 });
  await untilState(world, 'preparing');
  isAway.now = true;
  await world.until('the block', () => world.status('web')?.message?.includes('PoliciesUnknown') === true, 60_000);
  isAway.now = false;
  world.setService('v2', { ready: 1, unready: 0 });
  await untilState(world, 'stage.analyzing', 120_000);
});

test('a policy that another release has read does not block one that runs, which would never read it again', async () => {
  const world = await startStory();
  world.setService('w1', {});
  world.setService('w2', {});
  world.createRoute('beside', [{ ...buildRule({ w1: 1, w2: 0 }, 'beside'), matches: [{ path: { type: 'Exact', value: '/beside' } }] }]);
  const spec = { targetRefs: [{ group: '', kind: 'Service', name: 'v2' }], sessionPersistence: { type: 'Cookie' } };
  const metadata = { name: 'sticky', namespace: NAMESPACE };
  world.api.create({ apiVersion: 'gateway.networking.x-k8s.io/v1alpha1', kind: 'XBackendTrafficPolicy', metadata, spec } as never, 'helm');
  await world.run(15_000);
  world.createRelease('beside', { ...SPEC, services: [{ name: 'w1' }, { name: 'w2' }] });
  await untilState(world, 'promoted', 600_000);
});

test('policies that could not be read for a moment are read again within seconds, and the release begins', async () => {
  const world = buildStore();
  const awayUntilMs = world.clock.now() + 10_000;
  const error = new GlidepathError('GLIDEPATH_E_SERVER', 'away', { retryable: true });
  world.faults = ({ verb }) => (verb === 'readPolicies' && world.clock.now() < awayUntilMs ? { when: 'instead', error } : undefined);
  world.createRelease('web', SPEC);
  await world.run(6_000);
  expect(world.status('web')?.message).toContain('it is tried again');
  await untilState(world, 'stage.analyzing', 30_000);
});

describe('a rule of a release in Deployment mode keeps sessions', () => {
  test('a rollback ends the pods as soon as the serving version can answer; without sessions they have the drain time', async () => {
    const plain = await DeploymentStory.begin();
    expect(await timeToEnd(plain)).toBeGreaterThanOrEqual(10_000);
    const story = await DeploymentStory.begin();
    setSessions(story.world, true);
    expect(await timeToEnd(story)).toBeLessThan(1_000);
    await untilState(story.world, 'rolledBack');
    expect(story.leftovers()).toEqual([]);
  });

  test('a condition names the rule while the release runs, and the release is promoted', async () => {
    const story = await DeploymentStory.begin();
    const { world } = story;
    setSessions(world, true);
    story.apply('store:2');
    await untilState(world, 'stage.analyzing');
    const said = () => world.status('web')?.conditions?.find(({ type }) => type === 'SessionsPersist');
    expect(said()).toMatchObject({
      status: 'True',
      reason: 'RulesPersist',
      message: expect.stringMatching(/HTTPRoute store, rule rules\[0\] \(sessionPersistence\)$/),
    });
    await untilState(world, 'promoted');
    setSessions(world, false);
    await world.run(60_000);
    expect(said()).toBeUndefined();
  });
});
