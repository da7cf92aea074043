// Policies that cover what serves and not the canary, over a cluster in memory: told before anything is written, blocking where
// security depends on it, and read only when a release is about to begin.

import { describe, expect, test } from 'vitest';
import { GlidepathError } from '../../src/api/errors.ts';
import { IGNORE_PARITY_ANNOTATION } from '../../src/api/names.ts';
import { DeploymentStory } from '../fixtures/deployment-story.ts';
import { reasonsOf, untilState } from '../fixtures/story.ts';
import type { MemoryWorld } from '../fakes/memory/world.ts';

const SERVING = { matchLabels: { app: 'store' } };
const BOTH = { matchExpressions: [{ key: 'app', operator: 'In', values: ['store', 'store-canary'] }] };

function addPolicy(world: MemoryWorld, kind: string, spec: object, name = 'store'): void {
  world.api.create({ apiVersion: 'example.org/v1', kind, metadata: { name, namespace: 'shop' }, spec }, 'git');
}

function changePolicy(world: MemoryWorld, kind: string, spec: object): void {
  world.api.update({ kind, namespace: 'shop', name: 'store' }, 'git', (old) => ({ ...old, spec }));
}

const callsOf = (world: MemoryWorld, verb: string, target?: string) =>
  world.journal.calls.filter((call) => call.verb === verb && (target === undefined || call.target === target));
const readingsOf = (world: MemoryWorld) => callsOf(world, 'readPolicies', 'NetworkPolicy').length;
const conditionOf = (world: MemoryWorld) => world.status('web')?.conditions?.find(({ type }) => type === 'PolicyParity');
const untilBlocked = (world: MemoryWorld) => world.until('a block', () => world.status('web')?.phase === 'Blocked', 5_000);

/** Kinds that cannot be read. */
function failToRead(world: MemoryWorld, kind: string, code: 'GLIDEPATH_E_FORBIDDEN' | 'GLIDEPATH_E_SERVER'): void {
  const error = new GlidepathError(code, `LIST ${kind} was refused`);
  world.faults = ({ verb, target }) => (verb === 'readPolicies' && target === kind ? { when: 'instead', error } : undefined);
}

describe('a NetworkPolicy for the serving pods alone', () => {
  test('blocks before anything is written, says what to paste, and lets the release go on when it is mended', async () => {
    const story = await DeploymentStory.begin();
    const { world } = story;
    addPolicy(world, 'NetworkPolicy', { podSelector: SERVING });
    story.apply('store:2');
    await untilBlocked(world);
    const advice = 'set its spec.podSelector to {matchExpressions: [{key: app, operator: In, values: [store, store-canary]}]}';
    expect(world.status('web')?.message).toContain(`blocked: PolicyParity: NetworkPolicy store selects the serving pods and not`);
    expect(world.status('web')?.message).toContain(advice);
    expect(conditionOf(world)).toMatchObject({ status: 'False', reason: 'Different', message: expect.stringContaining(advice) });
    expect(world.status('web')?.conditions).toContainEqual(expect.objectContaining({ type: 'Stalled', status: 'True' }));
    expect([story.canary, callsOf(world, 'patch'), callsOf(world, 'annotate'), callsOf(world, 'workload')]).toEqual([
      undefined,
      [],
      [],
      [],
    ]);
    changePolicy(world, 'NetworkPolicy', { podSelector: BOTH });
    await untilState(world, 'stage.analyzing', 120_000);
    expect(conditionOf(world)).toMatchObject({ status: 'True', reason: 'Alike' });
    await untilState(world, 'promoted');
    expect([conditionOf(world), story.leftovers()]).toEqual([undefined, []]);
  });

  test('a NetworkPolicy for the serving pods alone is evaluated again at a slow pace, and reported once', async () => {
    const story = await DeploymentStory.begin();
    const { world } = story;
    addPolicy(world, 'NetworkPolicy', { podSelector: SERVING });
    story.apply('store:2');
    await untilBlocked(world);
    // Within a minute the status is written once more, without the announcement that was delivered.
    await world.run(75_000);
    const [readings, writes] = [readingsOf(world), callsOf(world, 'status').length];
    await world.run(600_000);
    expect(readingsOf(world) - readings).toBe(40);
    expect(callsOf(world, 'status').length).toBe(writes);
    expect(reasonsOf(world).filter((reason) => ['Blocked', 'PolicyParity'].includes(reason))).toEqual(['Blocked']);
  });

  test('a NetworkPolicy for the serving pods alone does not block a release that says it need not cover the canary', async () => {
    const story = await DeploymentStory.begin();
    const { world } = story;
    addPolicy(world, 'NetworkPolicy', { podSelector: SERVING });
    story.apply('store:2');
    await untilBlocked(world);
    expect(world.status('web')?.message).toContain(`${IGNORE_PARITY_ANNOTATION}='NetworkPolicy/store'`);
    world.annotate('web', { [IGNORE_PARITY_ANNOTATION]: 'PodMonitor/*, NetworkPolicy/store' });
    await untilState(world, 'preparing', 1_000);
    expect(conditionOf(world)).toMatchObject({
      status: 'True',
      reason: 'Ignored',
      message: expect.stringContaining('NetworkPolicy/store'),
    });
  });

  test('a NetworkPolicy for the serving pods alone that comes during a release is found before the next release', async () => {
    const story = await DeploymentStory.begin();
    const { world } = story;
    story.apply('store:2');
    await untilState(world, 'stage.analyzing');
    expect(conditionOf(world)).toMatchObject({ status: 'True', reason: 'Alike' });
    addPolicy(world, 'NetworkPolicy', { podSelector: SERVING });
    await world.run(30_000);
    expect(story.share).toBe(10);
    const first = world.status('web')?.release?.id;
    story.apply('store:3');
    await world.until('a block', () => world.status('web')?.phase === 'Blocked');
    expect(world.status('web')).toMatchObject({ state: 'rolledBack', release: { id: first } });
    expect(story.leftovers()).toEqual([]);
    changePolicy(world, 'NetworkPolicy', { podSelector: {} });
    await untilState(world, 'promoted');
    expect(story.behindService()).toEqual({ 'store:3': 4 });
  });

  test('a NetworkPolicy for the serving pods alone stops a retry as it stops any release', async () => {
    const story = await DeploymentStory.begin();
    const { world } = story;
    world.setVersion('store-canary', { errorRatio: 0.5 });
    story.apply('store:2');
    await untilState(world, 'rolledBack');
    addPolicy(world, 'NetworkPolicy', { podSelector: SERVING });
    await world.run(120_000);
    world.command('web', 'retry');
    await world.run(5_000);
    expect(world.status('web')).toMatchObject({
      state: 'rolledBack',
      lastHandledCommand: { result: 'Refused', message: expect.stringContaining('NetworkPolicy store selects') },
    });
    changePolicy(world, 'NetworkPolicy', { podSelector: BOTH });
    await world.run(61_000);
    world.setVersion('store-canary', { errorRatio: 0 });
    world.command('web', 'retry');
    await untilState(world, 'promoted');
  });
});

test('a database that would not let the canary in blocks, too', async () => {
  const story = await DeploymentStory.begin();
  const { world } = story;
  addPolicy(world, 'NetworkPolicy', { podSelector: { matchLabels: { app: 'db' } }, ingress: [{ from: [{ podSelector: SERVING }] }] }, 'db');
  story.apply('store:2');
  await untilBlocked(world);
  expect(world.status('web')?.message).toContain(
    "NetworkPolicy db lets in traffic from the serving pods and not from the canary's pods (app: store-canary): add to its spec.ingress[0].from {podSelector: {matchLabels: {app: store-canary}}}",
  );
});

test('what is no matter of security is told once and stops nothing', async () => {
  const story = await DeploymentStory.begin();
  const { world } = story;
  addPolicy(world, 'PodDisruptionBudget', { selector: SERVING, minAvailable: 1 });
  story.apply('store:2');
  await untilState(world, 'stage.analyzing');
  const advice = 'add another PodDisruptionBudget like it with spec.selector {matchLabels: {app: store-canary}}';
  const told = () => world.journal.events.filter(({ reason }) => reason === 'PolicyParity');
  expect(told().map(({ note }) => note)).toEqual([expect.stringContaining(advice)]);
  expect(conditionOf(world)).toMatchObject({ status: 'False', reason: 'Different', message: expect.stringContaining(advice) });
  await untilState(world, 'promoted');
  expect([told().length, readingsOf(world), conditionOf(world)]).toEqual([1, 1, undefined]);
});

test('a cluster at rest is not asked, and a release asks once', async () => {
  const story = await DeploymentStory.begin();
  const { world } = story;
  await world.run(1_200_000);
  expect(readingsOf(world)).toBe(0);
  story.apply('store:2');
  await untilState(world, 'promoted');
  await world.run(1_200_000);
  expect(readingsOf(world)).toBe(1);
});

test('after a rollback the held template is not asked about', async () => {
  const story = await DeploymentStory.begin();
  const { world } = story;
  world.setVersion('store-canary', { errorRatio: 0.5 });
  story.apply('store:2');
  await untilState(world, 'rolledBack');
  await world.run(1_200_000);
  expect(readingsOf(world)).toBe(1);
});

describe('a kind that cannot be read', () => {
  test('a kind that cannot be read for want of a right is reported as not checked, and stops nothing', async () => {
    const story = await DeploymentStory.begin();
    const { world } = story;
    failToRead(world, 'AuthorizationPolicy', 'GLIDEPATH_E_FORBIDDEN');
    story.apply('store:2');
    await untilState(world, 'stage.analyzing');
    expect(conditionOf(world)).toMatchObject({
      status: 'Unknown',
      reason: 'NotChecked',
      message: expect.stringContaining(
        'AuthorizationPolicy not checked (LIST AuthorizationPolicy was refused): let the operator list them',
      ),
    });
  });

  test('a kind that the API server does not answer for holds the release until it does, where security depends on it', async () => {
    const story = await DeploymentStory.begin();
    const { world } = story;
    failToRead(world, 'NetworkPolicy', 'GLIDEPATH_E_SERVER');
    story.apply('store:2');
    await untilBlocked(world);
    expect(world.status('web')?.message).toContain('blocked: PolicyParity: NetworkPolicy not checked: LIST NetworkPolicy was refused');
    await world.run(60_000);
    expect(world.status('web')?.phase).toBe('Blocked');
    world.faults = () => undefined;
    await untilState(world, 'stage.analyzing', 120_000);
  });

  test('a kind that cannot be read stops nothing where security does not depend on it', async () => {
    const story = await DeploymentStory.begin();
    const { world } = story;
    failToRead(world, 'PodMonitor', 'GLIDEPATH_E_SERVER');
    story.apply('store:2');
    await untilState(world, 'stage.analyzing');
    expect(conditionOf(world)).toMatchObject({ status: 'Unknown', message: expect.stringContaining('PodMonitor not checked') });
  });
});

describe('another Service that selects the canary', () => {
  test('another Service that selects the canary is reported before the first weight with the label to choose, and stops nothing', async () => {
    const story = await DeploymentStory.begin();
    const { world } = story;
    const pods = { ready: 0, unready: 0, hashes: [] };
    const metadata = { name: 'everything', namespace: 'shop' };
    world.api.create(
      { apiVersion: 'v1', kind: 'Service', metadata, spec: { selector: { tier: 'web' }, ports: [{ port: 80 }], ...pods } },
      'git',
    );
    const labels = { app: 'store', tier: 'web' };
    story.edit('flux', (spec) => ({ ...spec, template: { ...spec.template, metadata: { labels } } }));
    await world.until('a condition', () => conditionOf(world) !== undefined, 60_000);
    expect(world.guardian.raises).toEqual([]);
    expect(conditionOf(world)).toMatchObject({
      status: 'False',
      message:
        "Service everything selects the canary's pods (app: store-canary), too: they get its traffic unweighted from the moment they are ready; set spec.canary.labels to {tier: canary}, or let it select by a label that the canary does not share",
    });
    await untilState(world, 'promoted');
    expect(reasonsOf(world).filter((reason) => reason === 'PolicyParity')).toHaveLength(1);
  });
});
