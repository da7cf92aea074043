// What counts as a new revision, over a cluster in memory: changes of a template that look like nothing are held and tried like any
// other, and an operator that makes other hashes than the one before it takes no old template for a new one.

import { describe, expect, test } from 'vitest';
import { TEMPLATE_ANNOTATION } from '../../src/api/names.ts';
import type { PodTemplate } from '../../src/core/workload/objects.ts';
import { formerHashOf } from '../../src/core/workload/sameness/former-template.ts';
import { hashTemplate } from '../../src/core/workload/template.ts';
import { DeploymentStory } from '../fixtures/deployment-story.ts';
import { reasonsOf, untilState } from '../fixtures/story.ts';
import { NAMESPACE } from '../fakes/memory/world.ts';

type Fields = Readonly<Record<string, unknown>>;

/** Git changes some fields of the pods. */
function change(story: DeploymentStory, fields: Fields): void {
  story.edit('flux', (spec) => ({ ...spec, template: { ...spec.template, spec: { ...spec.template.spec, ...fields } } }));
}

/** A store whose pods have these fields serves, after a release. */
async function beginWith(fields: Fields): Promise<DeploymentStory> {
  const story = await DeploymentStory.begin();
  change(story, fields);
  await untilState(story.world, 'promoted');
  return story;
}

describe('a change of a template is held, and goes through a canary', () => {
  test.each<[string, Fields, Fields]>([
    [
      'that makes an init container a native sidecar',
      { initContainers: [{ name: 'proxy', image: 'proxy:1' }] },
      { initContainers: [{ name: 'proxy', image: 'proxy:1', restartPolicy: 'Always' }] },
    ],
    ['that spells service links out', { hostname: 'store' }, { hostname: 'store', enableServiceLinks: true }],
    [
      'that gives a CSI driver an attribute named like a field',
      { volumes: [{ name: 'data', csi: { driver: 'csi.example.com' } }] },
      { volumes: [{ name: 'data', csi: { driver: 'csi.example.com', volumeAttributes: { protocol: 'TCP' } } }] },
    ],
  ])('a change %s is held, and goes through a canary', async (_what, before, after) => {
    const story = await beginWith(before);
    const { world } = story;
    const first = world.status('web')?.release?.id;
    change(story, after);
    await untilState(world, 'stage.analyzing');
    expect([story.deployment.spec.paused, story.share]).toEqual([true, 10]);
    expect(world.status('web')?.release?.id).not.toBe(first);
    expect(story.deployment.spec.template.spec).toMatchObject(after);
    await untilState(world, 'promoted');
    expect(story.deployment.spec.paused).not.toBe(true);
    expect(story.leftovers()).toEqual([]);
  });
});

test('a template in other words rolls at once, without a canary: the Deployment controller starts no pod for it', async () => {
  const withLimit = (memory: string): Fields => ({
    containers: [{ name: 'app', image: 'store:1', resources: { limits: { memory } } }],
  });
  const story = await beginWith(withLimit('1Gi'));
  const { world } = story;
  const reasons = reasonsOf(world);
  change(story, withLimit('1073741824'));
  await world.until('the Deployment to be let go', () => story.deployment.spec.paused !== true, 60_000);
  await world.run(60_000);
  expect([world.status('web')?.state, reasonsOf(world)]).toEqual(['promoted', reasons]);
});

/** Containers whose former hash is not that of this version: the API server keeps the empty object. */
const withImage = (image: string): Fields => ({ containers: [{ name: 'app', image, securityContext: {} }] });

/** The operator ends; the next one finds what an earlier version would have left. */
function upgrade({ world }: DeploymentStory): void {
  for (const operator of world.operators) operator.kill();
  const stored = ['Deployment', 'ReplicaSet'].flatMap((kind) => world.api.list(kind));
  const templates = stored.map(({ spec }) => (spec as { readonly template: PodTemplate }).template);
  const formers = new Map(templates.map((template) => [hashTemplate(template), formerHashOf(template)]));
  const former = (_key: string, value: unknown) => (typeof value === 'string' ? (formers.get(value) ?? value) : value);
  const release = { kind: 'CanaryRelease', namespace: NAMESPACE, name: 'web' };
  world.api.update(
    release,
    'glidepath',
    (old) => {
      const status = JSON.parse(JSON.stringify(old['status']), former) as Fields;
      const { templateForm: _form, ...internal } = (status['internal'] ?? {}) as Fields;
      return { ...old, status: { ...status, internal } };
    },
    'status',
  );
  const canary = { kind: 'Deployment', namespace: NAMESPACE, name: 'store-canary' };
  if (world.api.get(canary) !== undefined)
    world.api.update(canary, 'glidepath', (old) => {
      const annotations = {
        ...old.metadata.annotations,
        [TEMPLATE_ANNOTATION]: former('', old.metadata.annotations?.[TEMPLATE_ANNOTATION]) as string,
      };
      return { ...old, metadata: { ...old.metadata, annotations } };
    });
  world.startOperator();
}

describe('an operator that is upgraded to other hashes', () => {
  test.each(['store:2', 'store:1'])(
    'an operator that is upgraded to other hashes takes no old template (%s) for a new one at rest, and reports nothing',
    async (image) => {
      // Of store:1 there is a ReplicaSet without the empty object, too: its template had the same hash.
      const story = await beginWith(withImage(image));
      const { world } = story;
      const [before, reasons] = [world.status('web')?.serving, reasonsOf(world)];
      upgrade(story);
      expect(world.status('web')?.serving?.template).not.toBe(before?.template);
      await world.run(60_000);
      expect(world.status('web')).toMatchObject({ state: 'promoted', serving: before, templateForm: 2 });
      expect(reasonsOf(world)).toEqual(reasons);
      expect(story.deployment.spec.paused).not.toBe(true);
    },
  );

  test('still knows what was proven: a revert rolls at once', async () => {
    const story = await beginWith(withImage('store:2'));
    const { world } = story;
    change(story, withImage('store:3'));
    await world.until('the second release', () => story.share === 10);
    await untilState(world, 'promoted');
    upgrade(story);
    await world.run(10_000);
    change(story, withImage('store:2'));
    await world.until('the revert to roll', () => (story.behindService()['store:2'] ?? 0) === 4, 120_000);
    expect(story.canary).toBeUndefined();
  });

  test.each(['preparing', 'stage.shifting', 'stage.analyzing', 'promoting.rollingOut', 'promoting.restoring'])(
    'an operator that is upgraded to other hashes in %s continues the same release to its end',
    async (state) => {
      const story = await beginWith(withImage('store:1'));
      const { world } = story;
      change(story, withImage('store:2'));
      await untilState(world, state);
      const id = world.status('web')?.release?.id;
      upgrade(story);
      await untilState(world, 'promoted');
      expect(world.status('web')?.release).toMatchObject({ id, outcome: 'Promoted' });
      expect(reasonsOf(world)).not.toContain('HoldBypassed');
      expect([story.behindService(), story.leftovers()]).toEqual([{ 'store:2': 4 }, []]);
    },
  );
});
