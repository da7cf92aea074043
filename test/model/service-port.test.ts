// A Service with several ports: the rules that name it by the port of the spec are the release's, the others are nobody's business.

import { describe, expect, test } from 'vitest';
import { RELEASE_ANNOTATION } from '../../src/api/names.ts';
import type { RouteRule } from '../../src/api/routes.ts';
import { DeploymentStory } from '../fixtures/deployment-story.ts';
import { untilState } from '../fixtures/story.ts';

const ruleBy = (port: number): RouteRule => ({ backendRefs: [{ group: '', kind: 'Service', name: 'store', port, weight: 1 }] });

/** A release by port 80, while the route `admin` names the Service by both ports. */
async function start(): Promise<DeploymentStory> {
  const story = await DeploymentStory.begin({ service: { name: 'store', port: 80 } });
  story.world.createRoute('admin', [ruleBy(9090), ruleBy(80)]);
  story.world.createRoute('metrics', [ruleBy(9090)]);
  story.apply('store:2');
  await untilState(story.world, 'stage.analyzing');
  return story;
}

describe('a release by the port of its Service', () => {
  test('a release by the port of its Service adds the canary to the rules with that port, with that port, and leaves the others as they are', async () => {
    const { world } = await start();
    const [byAdmin, byPort] = world.route('admin').spec.rules ?? [];
    expect(byAdmin).toEqual(ruleBy(9090));
    expect(byPort?.backendRefs?.map(({ name, port }) => [name, port])).toEqual([
      ['store', 80],
      ['store-canary', 80],
    ]);
    expect(world.share('admin', 'store', 'store-canary', 1)).toBe(10);
    expect(world.route('metrics').spec.rules).toEqual([ruleBy(9090)]);
    expect(world.route('metrics').metadata.annotations).not.toHaveProperty(RELEASE_ANNOTATION);
    await untilState(world, 'promoted');
    expect(world.route('admin').spec.rules).toEqual([ruleBy(9090), ruleBy(80)]);
  });

  test('a release by the port of its Service is rolled back on a rule whose port was edited during the release', async () => {
    const { world } = await start();
    world.editRoute('admin', 'ada', (route) => ({
      ...route,
      spec: {
        ...route.spec,
        rules: (route.spec.rules ?? []).map((rule) => ({
          ...rule,
          backendRefs: (rule.backendRefs ?? []).map((ref) => (ref.name === 'store' ? { ...ref, port: 8443 } : ref)),
        })),
      },
    }));
    await world.run(2_000);
    world.abort('web');
    await untilState(world, 'rolledBack');
    expect(world.weights('admin', 1)).toEqual({ store: 1 });
  });
});
