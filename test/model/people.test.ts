// What people ask for in mid-release: approvals, commands, pauses, edits, abort, deletion.

import { describe, expect, test } from 'vitest';
import { COMMAND_ANNOTATION, FIELD_MANAGER, RELEASE_ANNOTATION } from '../../src/api/names.ts';
import { GlidepathError } from '../../src/api/errors.ts';
import { buildRule } from '../fakes/memory/gateway.ts';
import { buildStore, reasonsOf, shareOf, SPEC, specWith, startStory, untilState } from '../fixtures/story.ts';

const APPROVED_STAGES = [
  { weight: 10, duration: '1m', approval: 'Required' as const },
  { weight: 50, duration: '2m' },
];

describe('commands', () => {
  test('rule 2: advance skips the rest of a stage, and the event names who', async () => {
    const world = await startStory();
    world.command('web', 'advance');
    await world.until('50%', () => shareOf(world) === 50, 1_000);
    expect(world.journal.events.find(({ note }) => note.includes('50%'))?.note).toContain('advance by ada');
    expect(world.status('web')?.lastHandledCommand).toMatchObject({ verb: 'advance', result: 'Done', by: 'ada' });
  });

  test('rule 2: promote goes to 100% at once, bake and all', async () => {
    const world = await startStory({ promotion: { bake: '1m' } });
    world.command('web', 'promote');
    await untilState(world, 'promoting.baking', 1_000);
    expect(shareOf(world)).toBe(100);
    await untilState(world, 'promoted');
  });

  test('pause holds the weight and resume goes on in the same stage', async () => {
    const world = await startStory();
    world.command('web', 'pause');
    await untilState(world, 'paused', 1_000);
    await world.run(3_600_000);
    expect(shareOf(world)).toBe(10);
    world.command('web', 'resume');
    await untilState(world, 'stage.analyzing', 1_000);
    await untilState(world, 'promoted');
    expect(reasonsOf(world)).toContain('Resumed');
  });

  test('rule 13: a Fail while paused goes home', async () => {
    const world = await startStory();
    world.command('web', 'pause');
    await untilState(world, 'paused');
    world.setVersion('v2', { errorRatio: 1 });
    await untilState(world, 'rolledBack', 60_000);
  });

  test('retry tries a rejected revision again under a new id', async () => {
    const world = await startStory();
    const first = world.status('web')?.release?.id;
    world.abort('web');
    await untilState(world, 'rolledBack');
    world.command('web', 'retry');
    await untilState(world, 'stage.analyzing', 10_000);
    expect(world.status('web')?.release?.id).not.toBe(first);
    expect(world.status('web')?.release).toMatchObject({ attempt: 2 });
    await untilState(world, 'promoted');
  });

  test('a command that was handled is not obeyed again; an older one that comes back from Git is refused once, with both times', async () => {
    const world = await startStory();
    const pause = world.command('web', 'pause');
    await untilState(world, 'paused');
    await world.run(10_000);
    world.command('web', 'resume');
    await untilState(world, 'stage.analyzing');
    world.annotate('web', { [COMMAND_ANNOTATION]: pause });
    await world.run(10_000);
    expect(world.status('web')?.state).toBe('stage.analyzing');
    const last = world.status('web')?.lastHandledCommand;
    expect(last).toMatchObject({ verb: 'resume', result: 'Done', outdated: pause });
    const refusals = world.journal.events.filter(({ reason }) => reason === 'CommandRefused');
    expect(refusals).toHaveLength(1);
    expect(refusals[0]?.note).toContain(
      `pause by ada is refused: its time ${pause.split(':').slice(2).join(':')} is not later than ${last?.at}`,
    );
    world.command('web', 'pause');
    await untilState(world, 'paused', 2_000);
  });

  test('a command in the same second as another one is refused in words, never ignored', async () => {
    const world = await startStory();
    const id = world.status('web')?.release?.id ?? '';
    const second = '2030-01-01T00:00:01Z';
    world.annotate('web', { [COMMAND_ANNOTATION]: `pause:${id}:${second}` });
    await untilState(world, 'paused', 2_000);
    world.annotate('web', { [COMMAND_ANNOTATION]: `resume:${id}:${second}` });
    await world.run(20_000);
    expect(world.status('web')?.state).toBe('paused');
    expect(reasonsOf(world).filter((reason) => reason === 'CommandRefused')).toHaveLength(1);
  });

  test.each([
    ['promote:0000000000:2030-01-01T00:00:01Z', 'the present one is'],
    ['approve:ID/9:2030-01-01T00:00:01Z', 'there is no stage 9'],
    ['approve:ID:2030-01-01T00:00:01Z', 'needs the number'],
    ['resume:ID:2030-01-01T00:00:01Z', 'does not fit'],
    ['retry:ID:2030-01-01T00:00:01Z', 'does not fit'],
    ['undo:ID:2030-01-01T00:00:01Z', 'not promoted yet; abort it'],
    ['dance:ID:2030-01-01T00:00:01Z', 'not a verb'],
  ])('%s is refused with one event', async (text, words) => {
    const world = await startStory();
    world.annotate('web', { [COMMAND_ANNOTATION]: text.replace('ID', world.status('web')?.release?.id ?? '') });
    await world.run(20_000);
    const refusals = world.journal.events.filter(({ reason }) => reason === 'CommandRefused');
    expect(refusals).toHaveLength(1);
    expect(refusals[0]?.note).toContain(words);
    expect(world.status('web')?.lastHandledCommand).toMatchObject({ result: 'Refused', message: expect.stringContaining(words) });
    expect(shareOf(world)).toBe(10);
  });

  test('a command that could not be obeyed is refused with an event, never swallowed', async () => {
    const world = await startStory();
    world.setService('v2', { unready: 1 });
    await world.run(1_000);
    world.command('web', 'promote');
    await world.run(5_000);
    expect(shareOf(world)).toBe(10);
    expect(reasonsOf(world)).toContain('CommandRefused');
    expect(world.status('web')?.lastHandledCommand?.message).toBe('the canary is not ready');
  });

  test('rule 1: abort wins over everything and goes home at once', async () => {
    const world = await startStory({ paused: false });
    world.command('web', 'pause');
    await untilState(world, 'paused');
    world.command('web', 'resume');
    world.abort('web');
    await world.until('home', () => shareOf(world) === 0, 100);
    await untilState(world, 'rolledBack');
    expect(world.status('web')?.rejected?.[0]?.reason).toBe('Aborted');
  });

  test('an abort of another release, or of none, stops nothing and is refused once', async () => {
    const world = await startStory();
    world.annotate('web', { 'glidepath.dev/abort': '0000000000' });
    await untilState(world, 'promoted');
    const id = world.status('web')?.release?.id ?? '';
    world.annotate('web', { 'glidepath.dev/abort': 'now!', 'glidepath.dev/abort-by': 'ada' });
    await world.run(10_000);
    world.annotate('web', { 'glidepath.dev/abort': id });
    await world.run(60_000);
    expect(world.journal.events.filter(({ reason }) => reason === 'CommandRefused').map(({ note }) => note)).toEqual([
      `abort by a person is refused: it is for release 0000000000, and the present one is ${id}`,
      'abort by ada is refused: "now!" is no release id',
      `abort by ada is refused: release ${id} is promoted; the command undo takes it back`,
    ]);
    expect(world.status('web')?.state).toBe('promoted');
  });

  test('an abort that was obeyed is nobody’s mistake when the next release runs', async () => {
    const world = await startStory();
    world.abort('web');
    await untilState(world, 'rolledBack');
    world.setService('v2', { hashes: ['v2-2'] });
    await untilState(world, 'promoted');
    expect(reasonsOf(world)).not.toContain('CommandRefused');
  });
});

describe('spec.paused', () => {
  test('wins over resume, which is refused with an event; taking it away goes on', async () => {
    const world = await startStory();
    world.editSpec('web', (spec) => ({ ...spec, paused: true }));
    await untilState(world, 'paused', 1_000);
    world.command('web', 'resume');
    await world.run(60_000);
    expect(world.status('web')?.state).toBe('paused');
    expect(reasonsOf(world)).toContain('CommandRefused');
    world.editSpec('web', (spec) => ({ ...spec, paused: false }));
    await untilState(world, 'promoted');
  });

  test('spec.paused keeps a candidate from being started', async () => {
    const world = buildStore();
    world.createRelease('web', specWith({ paused: true }));
    await world.run(600_000);
    expect(world.guardian.raises).toEqual([]);
    expect(world.weights('store')).toEqual({ v1: 1, v2: 0 });
  });

  test('spec.paused during the raise to 100% holds it, and the raise comes to 100% before it is promoted', async () => {
    const world = await startStory({ promotion: { bake: '1m' } });
    await world.until('50%', () => shareOf(world) === 50);
    world.gateway.delayMs = Number.POSITIVE_INFINITY;
    await world.run(1_000);
    world.gateway.delayMs = 40;
    world.gateway.wake();
    await untilState(world, 'stage.analyzing');
    await world.run(110_000);
    world.gateway.delayMs = Number.POSITIVE_INFINITY;
    await untilState(world, 'promoting.rollingOut');
    world.editSpec('web', (spec) => ({ ...spec, paused: true }));
    await untilState(world, 'paused', 2_000);
    world.gateway.delayMs = 40;
    world.gateway.wake();
    world.editSpec('web', (spec) => ({ ...spec, paused: false }));
    await untilState(world, 'promoting.baking', 10_000);
    expect(shareOf(world)).toBe(100);
    await untilState(world, 'promoted');
  });
});

describe('edits in mid-release never raise', () => {
  const atFifty = async () => {
    const world = await startStory({
      stages: [
        { weight: 10, duration: '1m' },
        { weight: 50, duration: '10m' },
      ],
    });
    await world.until('50%', () => shareOf(world) === 50);
    await untilState(world, 'stage.analyzing');
    return world;
  };

  test('the present weight stays where the new stages hold it or more', async () => {
    const world = await atFifty();
    world.editSpec('web', (spec) => ({
      ...spec,
      stages: [
        { weight: 20, duration: '1m' },
        { weight: 80, duration: '1m' },
      ],
    }));
    await world.run(5_000);
    expect(shareOf(world)).toBe(50);
    await untilState(world, 'promoted');
    expect(world.guardian.raises.map(({ to }) => to)).toEqual([10, 50, 80, 100]);
  });

  test("a weight is lowered to the stage below where they do not, and that is nobody's drift", async () => {
    const world = await atFifty();
    world.editSpec('web', (spec) => ({
      ...spec,
      stages: [
        { weight: 5, duration: '1m' },
        { weight: 30, duration: '1m' },
      ],
    }));
    await world.until('30%', () => shareOf(world) === 30, 5_000);
    await world.run(5_000);
    expect(reasonsOf(world)).not.toContain('RouteDrift');
    await untilState(world, 'promoted');
    expect(world.guardian.raises.map(({ to }) => to)).toEqual([10, 50, 100]);
  });

  test('a first stage above the present weight is reached with proof only', async () => {
    const world = await startStory();
    world.editSpec('web', (spec) => ({
      ...spec,
      stages: [
        { weight: 40, duration: '3m' },
        { weight: 60, duration: '1m' },
      ],
    }));
    await world.run(60_000);
    expect(shareOf(world)).toBe(10);
    await untilState(world, 'promoted');
    expect(world.guardian.raises.map(({ to }) => to)).toEqual([10, 40, 60, 100]);
  });

  test('new checks apply at once', async () => {
    const world = await startStory();
    world.setVersion('v2', { slowRatio: 0.5 });
    await world.run(30_000);
    expect(shareOf(world)).toBe(10);
    world.editSpec('web', (spec) => ({
      ...spec,
      analysis: { ...SPEC.analysis, checks: [{ name: 'p90', metric: 'Latency', quantile: '0.9', max: '100ms' }] },
    }));
    await untilState(world, 'rolledBack', 60_000);
  });

  test('a removed route is taken home and cleaned by its recorded names', async () => {
    const world = buildStore();
    world.createRoute('other', [buildRule({ v1: 4, v2: 0 })]);
    world.createRelease('web', specWith({ routeRefs: [{ name: 'store' }, { name: 'other' }] }));
    await untilState(world, 'stage.analyzing');
    expect(world.share('other', 'v1', 'v2')).toBe(10);
    world.editSpec('web', (spec) => ({ ...spec, routeRefs: [{ name: 'store' }] }));
    await world.until('other is clean', () => world.route('other').metadata.annotations?.[RELEASE_ANNOTATION] === undefined, 10_000);
    expect(world.weights('other')).toEqual({ v1: 4, v2: 0 });
    await untilState(world, 'promoted');
    expect(world.weights('other')).toEqual({ v1: 4, v2: 0 });
    expect(world.weights('store')).toEqual({ v1: 0, v2: 1 });
  });
});

describe('deadline', () => {
  test('Rollback: waiting for people included, the release goes home', async () => {
    const world = await startStory({ stages: APPROVED_STAGES, deadline: { after: '1h', then: 'Rollback' } });
    await untilState(world, 'rolledBack', 3_610_000);
    expect(world.status('web')?.release?.reason).toBe('DeadlineExceeded');
  });

  test('Pause: it is held, and a resume gives it a new deadline', async () => {
    const world = await startStory({ stages: APPROVED_STAGES, deadline: { after: '1h', then: 'Pause' } });
    await untilState(world, 'paused', 3_610_000);
    world.command('web', 'resume');
    await untilState(world, 'stage.awaitingApproval', 1_000);
    await world.run(3_000_000);
    expect(world.status('web')?.state).toBe('stage.awaitingApproval');
  });
});

describe('deletion', () => {
  test('rule 11: Restore brings all traffic home, cleans up and lets the object go', async () => {
    const world = await startStory();
    world.deleteRelease('web');
    await world.until('gone', () => world.release('web') === undefined, 10_000);
    expect(world.weights('store')).toEqual({ v1: 1, v2: 0 });
    expect(world.route('store').metadata.annotations).toEqual({ 'example.org/team': 'shop' });
    expect(world.route('store').metadata.managedFields?.map(({ manager }) => manager)).not.toContain(FIELD_MANAGER);
  });

  test('rule 11: Retain keeps the weights, takes our mark away and lets the object go', async () => {
    const world = await startStory({ deletionPolicy: 'Retain' });
    world.deleteRelease('web');
    await world.until('gone', () => world.release('web') === undefined, 10_000);
    expect(shareOf(world)).toBe(10);
    expect(world.route('store').metadata.annotations).toEqual({ 'example.org/team': 'shop' });
  });

  test('rule 11: while it prepares, a route that was never written is left alone, also where nothing may be written to it', async () => {
    const world = buildStore();
    world.faults = ({ verb }) =>
      verb === 'patch'
        ? { when: 'instead', error: new GlidepathError('GLIDEPATH_E_FORBIDDEN', 'no RBAC on routes', { retryable: true }) }
        : undefined;
    world.createRelease('web', SPEC);
    await world.run(30_000);
    expect(world.status('web')?.phase).toBe('Blocked');
    world.deleteRelease('web');
    await world.until('gone', () => world.release('web') === undefined, 2_000);
    expect(world.journal.routeWrites()).toEqual([]);
  });

  test.each([0, 5_000])('rule 11: while it prepares, claimed routes are cleaned, seen %i ms late or not', async (lagMs) => {
    const world = buildStore({ lagMs: ({ kind }) => (kind === 'HTTPRoute' ? lagMs : 0) });
    world.createRoute('other', [buildRule({ v1: 1, v2: 0 })]);
    world.setService('v2', { unready: 1 });
    let failed = false;
    world.faults = ({ verb, target }) => {
      if (verb !== 'patch' || !target.endsWith('store') || failed) return undefined;
      failed = true;
      return { when: 'afterwards', error: new GlidepathError('GLIDEPATH_E_NETWORK', 'the answer was lost', { retryable: true }) };
    };
    await world.run(10_000);
    world.createRelease('web', SPEC);
    await world.until('claimed', () => failed, 20_000);
    world.deleteRelease('web');
    await world.until('gone', () => world.release('web') === undefined, 30_000);
    for (const name of ['store', 'other']) expect(world.route(name).metadata.annotations).toEqual({ 'example.org/team': 'shop' });
  });

  test('rule 11: a settled release has no finalizer and goes at once', async () => {
    const world = await startStory();
    await untilState(world, 'promoted');
    await world.run(1_000);
    world.deleteRelease('web');
    expect(world.release('web')).toBeUndefined();
    await world.run(10_000);
    expect(world.weights('store')).toEqual({ v1: 0, v2: 1 });
  });
});
