// The way back in Deployment mode: during the bake one weight write, after the promotion the Deployment's own old template.

import { describe, expect, test } from 'vitest';
import { BAKE, sharesOf, startIn } from '../fixtures/deployment-story.ts';
import { reasonsOf, untilState } from '../fixtures/story.ts';

describe('undo in the bake', () => {
  test('undo in the bake moves all traffic back with one weight write, and leaves the Deployment held at what was rejected', async () => {
    const story = await startIn('promoting.baking', BAKE);
    const { world } = story;
    const images = story.watchImages();
    const given = world.clock.now();
    world.command('web', 'undo');
    await world.until('home', () => story.share === 0);
    expect(world.clock.now() - given).toBeLessThan(1_000);
    await untilState(world, 'rolledBack');
    expect([sharesOf(story), images, story.leftovers()]).toEqual([[0, 10, 50, 100, 0, 0], [], []]);
    expect([story.deployment.spec.paused, story.behindService()]).toEqual([true, { 'store:1': 4 }]);
    expect(world.status('web')).toMatchObject({
      release: { reason: 'Undone', reasonMessage: 'undone by ada (command undo)' },
      rejected: [{ reason: 'Undone', revision: expect.stringMatching(/^2-/) }],
      lastHandledCommand: { verb: 'undo', result: 'Done', by: 'ada' },
      conditions: expect.arrayContaining([expect.objectContaining({ type: 'Stalled', status: 'True' })]),
    });
    // A sync of the same commit changes nothing.
    story.apply('store:2');
    await world.run(60_000);
    expect([world.status('web')?.state, story.behindService()]).toEqual(['rolledBack', { 'store:1': 4 }]);
  });

  test('works while the bake is paused, and while all is being given to the canary', async () => {
    for (const state of ['paused', 'promoting.rollingOut']) {
      const story = await startIn(state === 'paused' ? 'promoting.baking' : state, BAKE);
      const { world } = story;
      if (state === 'paused') {
        world.command('web', 'pause');
        await untilState(world, state);
        await world.run(1_000);
      }
      world.command('web', 'undo');
      await untilState(world, 'rolledBack');
      expect([world.status('web')?.release?.reason, story.behindService()]).toEqual(['Undone', { 'store:1': 4 }]);
    }
  });

  test('undo is refused before there is a promotion, and the message names the command that works', async () => {
    const story = await startIn('stage.analyzing', BAKE);
    const { world } = story;
    world.command('web', 'undo');
    await world.run(2_000);
    expect(world.status('web')?.lastHandledCommand).toMatchObject({
      verb: 'undo',
      result: 'Refused',
      message: expect.stringContaining('abort'),
    });
    expect(world.status('web')?.state).toBe('stage.analyzing');
  });
});

describe('undo after a promotion', () => {
  test('undo after a promotion lets the template that served before roll again, without a canary and without a weight', async () => {
    const story = await startIn('promoted');
    const { world } = story;
    const raises = world.guardian.raises.length;
    const shares = sharesOf(story).length;
    const pods = () => Object.values(story.behindService()).reduce((sum, count) => sum + count, 0);
    let fewest = pods();
    world.api.onChange(({ kind }) => {
      if (kind === 'ReplicaSet') fewest = Math.min(fewest, pods());
    });
    world.command('web', 'undo');
    await untilState(world, 'rolledBack', 60_000);
    expect([story.behindService(), story.deployment.spec.paused, fewest]).toEqual([{ 'store:1': 4 }, false, 4]);
    expect(story.deployment.spec.template).toEqual({
      metadata: { labels: { app: 'store' } },
      spec: { containers: [{ name: 'app', image: 'store:1' }] },
    });
    expect([world.guardian.raises.length, sharesOf(story).length]).toEqual([raises, shares]);
    expect(story.canary).toBeUndefined();
    await world.run(2_000);
    expect(story.leftovers()).toEqual([]);
    expect(world.status('web')).toMatchObject({
      serving: { revision: expect.stringMatching(/^1-/) },
      rejected: [{ reason: 'Undone' }],
      proven: [{ revision: expect.stringMatching(/^1-/) }],
      history: [{ outcome: 'RolledBack', reason: 'Undone' }, { outcome: 'Promoted' }],
      message: expect.stringMatching(/undone by ada .*back to revision 1-[0-9a-f]{7}; revert it in Git as well/),
    });
    expect(reasonsOf(world).slice(-2)).toEqual(['RollbackStarted', 'RolledBack']);
    expect(reasonsOf(world)).not.toContain('HoldBypassed');
  });

  test('undo after a promotion holds the undone template as a rejected one when Git puts it back', async () => {
    const story = await startIn('promoted');
    const { world } = story;
    world.command('web', 'undo');
    await untilState(world, 'rolledBack', 60_000);
    const images = story.watchImages();
    story.apply('store:2');
    await world.run(120_000);
    expect([world.status('web')?.state, story.deployment.spec.paused, story.behindService(), images]).toEqual([
      'rolledBack',
      true,
      { 'store:1': 4 },
      [],
    ]);
    expect(world.status('web')?.message).toContain('stays held at it, the old pods serve');
    expect(world.status('web')?.conditions).toContainEqual(expect.objectContaining({ type: 'Stalled', status: 'True' }));
    // Git is reverted; then comes a better one.
    story.apply('store:1');
    await world.run(30_000);
    expect([story.deployment.spec.paused, story.behindService()]).toEqual([false, { 'store:1': 4 }]);
    story.apply('store:3');
    await untilState(world, 'promoted');
    expect(story.behindService()).toEqual({ 'store:3': 4 });
    // Back from there goes past what was undone.
    world.command('web', 'undo');
    await untilState(world, 'rolledBack', 60_000);
    expect(story.behindService()).toEqual({ 'store:1': 4 });
  });

  test('undo after a promotion goes on when Git puts the undone template back while the former one rolls, and says who did', async () => {
    const story = await startIn('promoted');
    const { world } = story;
    const mark = { 'argocd.argoproj.io/tracking-id': 'shop:apps/Deployment:shop/store' };
    const key = { kind: 'Deployment', namespace: 'shop', name: 'store' };
    world.api.update(key, 'argocd-controller', (old) => ({
      ...old,
      metadata: { ...old.metadata, annotations: { ...old.metadata.annotations, ...mark } },
    }));
    let times = 0;
    world.api.onChange(({ kind, manager }) => {
      if (kind !== 'Deployment' || manager !== 'glidepath' || times >= 4) return;
      if (JSON.stringify(story.deployment.spec.template).includes('store:2')) return;
      times += 1;
      world.clock.schedule(world.clock.now() + 700, () => story.apply('store:2'));
    });
    world.command('web', 'undo');
    await untilState(world, 'rolledBack', 120_000);
    await world.run(60_000);
    expect(times).toBe(4);
    expect(story.behindService()).toEqual({ 'store:1': 4 });
    const told = world.journal.events.find(({ reason }) => reason === 'RollbackStarted')?.note;
    expect(told).toContain('Argo CD applies Deployment store from Git, so revert it there as well');
    story.apply('store:2');
    await world.run(5_000);
    const managed = world.status('web')?.conditions?.find(({ type }) => type === 'GitOpsManaged');
    expect(managed).toMatchObject({
      status: 'True',
      reason: 'ArgoCD',
      message: expect.stringContaining('where it is held: revert it in Git'),
    });
    expect(world.journal.events.at(-1)).toMatchObject({ reason: 'GitOpsManaged', note: managed?.message });
    story.apply('store:1');
    await world.run(5_000);
    expect(world.status('web')?.conditions?.some(({ type }) => type === 'GitOpsManaged')).toBe(false);
  });

  test('undo after a promotion leaves another commit that comes meanwhile held, and a release of it begins', async () => {
    const story = await startIn('promoted');
    const { world } = story;
    world.command('web', 'undo');
    await untilState(world, 'rollingBack.cleaning');
    await world.run(500);
    story.apply('store:3');
    await world.until('the release', () => world.status('web')?.state === 'stage.analyzing', 60_000);
    await world.run(5_000);
    expect(story.behindService()).toEqual({ 'store:1': 4 });
    await untilState(world, 'promoted');
    expect(story.behindService()).toEqual({ 'store:3': 4 });
  });

  test('undo after a promotion is refused when the ReplicaSet of the former template is gone, and says how to go back', async () => {
    const story = await startIn('promoted');
    const { world } = story;
    const [old] = world.deployments.replicaSets().filter(({ status }) => (status?.replicas ?? 0) === 0);
    world.api.delete({ kind: 'ReplicaSet', namespace: 'shop', name: old?.metadata.name ?? '' }, 'kube-controller-manager');
    await world.run(1_000);
    world.command('web', 'undo');
    await world.run(2_000);
    expect(world.status('web')).toMatchObject({
      state: 'promoted',
      lastHandledCommand: {
        result: 'Refused',
        message: expect.stringMatching(/revision 1-[0-9a-f]{7} is gone \(spec.revisionHistoryLimit.*revert the change in Git/),
      },
    });
  });

  test('undo after a promotion is refused when another revision already serves, or is held', async () => {
    const story = await startIn('promoted');
    const { world } = story;
    story.apply('store:1');
    await world.until('the old version', () => story.behindService()['store:1'] === 4);
    await world.run(1_000);
    world.command('web', 'undo');
    await world.run(2_000);
    expect(world.status('web')?.lastHandledCommand).toMatchObject({
      result: 'Refused',
      message: expect.stringContaining('does not serve any more'),
    });
    world.editSpec('web', (spec) => ({ ...spec, paused: true }));
    story.apply('store:2');
    await world.until('the version again', () => story.behindService()['store:2'] === 4);
    story.apply('store:3');
    await world.run(1_000);
    world.command('web', 'undo');
    await world.run(2_000);
    expect(world.status('web')?.lastHandledCommand).toMatchObject({
      result: 'Refused',
      message: expect.stringContaining('holds another change'),
    });
    expect(story.behindService()).toEqual({ 'store:2': 4 });
  });

  test('undo after a promotion cannot be given twice, and a retry waits until the undone template is there again', async () => {
    const story = await startIn('promoted');
    const { world } = story;
    world.command('web', 'undo');
    await untilState(world, 'rolledBack', 60_000);
    for (const verb of ['undo', 'retry']) {
      world.command('web', verb);
      await world.run(2_000);
      expect(world.status('web')).toMatchObject({ state: 'rolledBack', lastHandledCommand: { verb, result: 'Refused' } });
    }
    story.apply('store:2');
    await world.run(5_000);
    world.command('web', 'retry');
    await untilState(world, 'promoted');
    expect(story.behindService()).toEqual({ 'store:2': 4 });
  });

  test('undo after a promotion tells that the revision is marked irreversible', async () => {
    const story = await startIn('promoted');
    const { world } = story;
    const key = { kind: 'Deployment', namespace: 'shop', name: 'store' };
    world.api.update(key, 'git', (old) => ({
      ...old,
      metadata: { ...old.metadata, annotations: { ...old.metadata.annotations, 'glidepath.dev/irreversible': 'drops a column' } },
    }));
    await world.run(2_000);
    expect(world.status('web')?.release?.workload?.irreversible).toBe('drops a column');
    world.command('web', 'undo');
    await untilState(world, 'rolledBack', 60_000);
    expect(world.journal.events.find(({ reason }) => reason === 'RollbackStarted')?.note).toContain(
      'is marked irreversible (drops a column)',
    );
  });

  test('undo after a promotion goes on although the release is deleted, and lets the object go', async () => {
    const story = await startIn('promoted');
    const { world } = story;
    world.command('web', 'undo');
    await world.until('the former template', () => JSON.stringify(story.deployment.spec.template).includes('store:1'));
    world.deleteRelease('web');
    await world.until('the end', () => world.release('web') === undefined, 60_000);
    expect(story.deployment.spec.paused).toBe(false);
  });
});
