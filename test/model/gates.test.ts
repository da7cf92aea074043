// Gates over the whole reconciler: a Job or an endpoint that has to say yes before a weight is written.

import { describe, expect, test } from 'vitest';
import type { SpecInput } from '../../src/api/release.ts';
import type { MemoryWorld } from '../fakes/memory/world.ts';
import { buildStore, reasonsOf, shareOf, specWith, untilState } from '../fixtures/story.ts';

type GateInput = NonNullable<NonNullable<SpecInput['stages']>[number]['gates']>[number];

const aJob = (change: Partial<GateInput> = {}): GateInput => ({
  name: 'smoke',
  job: { spec: { template: { spec: { restartPolicy: 'Never', containers: [{ name: 'test', image: 'test' }] } } } },
  ...change,
});
const anEndpoint = (change: Partial<GateInput> = {}): GateInput => ({ name: 'qa', http: { url: 'http://qa.example' }, ...change });

/** Stages of 10% and 50%, with gates before each and before the promotion. */
function withGates(
  first: readonly GateInput[],
  second: readonly GateInput[] = [],
  promotion: readonly GateInput[] = [],
): Partial<SpecInput> {
  return {
    stages: [
      { weight: 10, duration: '1m', gates: [...first] },
      { weight: 50, duration: '2m', gates: [...second] },
    ],
    promotion: { gates: [...promotion] },
  };
}

async function begin(change: Partial<SpecInput>): Promise<MemoryWorld> {
  const world = buildStore();
  await world.run(2_000);
  world.createRelease('web', specWith(change));
  return world;
}

const gatesOf = (world: MemoryWorld) => world.status('web')?.release?.gates ?? [];
const stateOfGate = (world: MemoryWorld, name: string) => gatesOf(world).find((gate) => gate.name === name)?.state;
const untilGate = (world: MemoryWorld, name: string, state: string) =>
  world.until(`gate ${name} is ${state}`, () => stateOfGate(world, name) === state);

describe('a gate before a weight', () => {
  test('a Job runs once before the first weight, which is written when it completes', async () => {
    const world = await begin(withGates([aJob()]));
    await untilGate(world, 'smoke', 'Running');
    expect(shareOf(world)).toBe(0);
    expect(world.status('web')?.message).toContain('waits for gate smoke of stage 1 (Job web-smoke-');
    expect(world.status('web')?.conditions).toContainEqual(expect.objectContaining({ type: 'GatesPassed', reason: 'GateRunning' }));
    await untilState(world, 'stage.analyzing');
    expect(shareOf(world)).toBe(10);
    expect(gatesOf(world)).toMatchObject([{ name: 'smoke', stage: '1', state: 'Passed', attempts: 1, log: 'the last line' }]);
    expect(reasonsOf(world)).toEqual(expect.arrayContaining(['GateStarted', 'GatePassed']));
    await untilState(world, 'promoted');
    expect(world.gates.started).toEqual(['smoke']);
  });

  test('gates of one stage run one after the other, those of the next stage once it is proven, and those of the promotion last', async () => {
    const world = await begin(
      withGates([aJob({ name: 'first' }), anEndpoint({ name: 'second' })], [aJob({ name: 'third' })], [anEndpoint({ name: 'last' })]),
    );
    await untilGate(world, 'first', 'Running');
    expect(stateOfGate(world, 'second')).toBe('Pending');
    await untilGate(world, 'third', 'Running');
    expect(shareOf(world)).toBe(10);
    await untilGate(world, 'last', 'Running');
    expect(shareOf(world)).toBe(50);
    await untilState(world, 'promoted');
    expect(gatesOf(world).map(({ name, state }) => [name, state])).toEqual([
      ['first', 'Passed'],
      ['second', 'Passed'],
      ['third', 'Passed'],
      ['last', 'Passed'],
    ]);
    expect(world.gates.requests.map(({ gate, stage, weight, nextWeight }) => [gate, stage, weight, nextWeight])).toEqual([
      ['second', '1', 0, 10],
      ['last', null, 50, null],
    ]);
  });

  test('a Job that fails rolls the release back, and the weight stays where it was', async () => {
    const world = await begin(withGates([], [aJob()]));
    world.gates.behaviours.set('smoke', { ms: 5_000, ends: 'fails' });
    await untilState(world, 'rolledBack');
    expect(Math.max(...world.guardian.shares.map(({ percent }) => percent))).toBe(10);
    expect(world.status('web')?.release).toMatchObject({ reason: 'GateFailed', rejects: true, maxWeight: 10 });
    expect(world.status('web')?.release?.reasonMessage).toContain('the last line');
  });

  test('an endpoint that answers 404 fails, and one that answers 503 is asked again until it says yes', async () => {
    const world = await begin(withGates([anEndpoint()]));
    world.gates.answer = ({ attempt }) => ({ afterMs: 500, answer: { kind: 'answered', status: attempt < 3 ? 503 : 200 } });
    await untilState(world, 'stage.analyzing');
    expect(world.gates.requests.map(({ attempt }) => attempt)).toEqual([1, 2, 3]);
    expect(new Set(world.gates.requests.map(({ id }) => id)).size).toBe(1);
    const other = await begin(withGates([anEndpoint()]));
    other.gates.answer = () => ({ afterMs: 500, answer: { kind: 'answered', status: 404, message: 'no such test' } });
    await untilState(other, 'rolledBack');
    expect(other.gates.requests).toHaveLength(1);
    expect(other.status('web')?.release).toMatchObject({ reason: 'GateFailed', maxWeight: 0 });
    expect(other.status('web')?.message).toContain('answered 404: no such test');
  });

  test('an endpoint that never says yes fails at its timeout, which is no verdict on the revision', async () => {
    const world = await begin(withGates([anEndpoint({ timeout: '1m' })]));
    world.gates.answer = () => ({ afterMs: 500, answer: { kind: 'unanswered', message: 'http://qa.example did not answer' } });
    await untilState(world, 'rolledBack');
    expect(world.status('web')?.release).toMatchObject({ reason: 'GateTimedOut', rejects: false });
    expect(world.gates.requests.length).toBeGreaterThan(3);
  });

  test('a Job that does not end is deleted at its timeout', async () => {
    const world = await begin(withGates([aJob({ timeout: '1m' })]));
    world.gates.behaviours.set('smoke', { ms: 0, ends: 'never' });
    await untilState(world, 'rolledBack');
    await world.run(10_000);
    expect(world.gates.running).toEqual([]);
    expect(world.status('web')?.release).toMatchObject({ reason: 'GateTimedOut' });
  });

  test('with an approval a person is asked first, and then the gates run', async () => {
    const world = await begin({
      stages: [
        { weight: 10, duration: '1m', approval: 'Required' },
        { weight: 50, duration: '2m', gates: [aJob()] },
      ],
    });
    await untilState(world, 'stage.awaitingApproval');
    expect(stateOfGate(world, 'smoke')).toBeUndefined();
    world.command('web', 'approve', 1);
    await untilGate(world, 'smoke', 'Running');
    expect(world.status('web')).toMatchObject({ state: 'stage.analyzing', weight: 10 });
    await world.until('50%', () => shareOf(world) === 50);
  });
});

describe('a gate that holds', () => {
  const HOLDS = withGates([], [aJob({ onFailure: 'Hold' })]);

  async function untilHeld(change = HOLDS): Promise<MemoryWorld> {
    const world = await begin(change);
    world.gates.behaviours.set('smoke', { ms: 5_000, ends: 'fails' });
    await untilState(world, 'paused');
    return world;
  }

  test('pauses the release where it was and says which commands there are', async () => {
    const world = await untilHeld();
    const { release, message } = world.status('web') ?? {};
    expect(release?.pausedBy).toBe('GateHeld');
    expect(message).toContain(`resume:${release?.id} runs it again, advance:${release?.id} continues without it`);
    await world.run(600_000);
    expect(shareOf(world)).toBe(10);
    expect(world.gates.started).toEqual(['smoke']);
  });

  test('runs again after resume, under another name, and the weight is written when it passes', async () => {
    const world = await untilHeld();
    const [before] = gatesOf(world);
    world.gates.behaviours.set('smoke', { ms: 5_000, ends: 'completes' });
    world.command('web', 'resume');
    await world.until('50%', () => shareOf(world) === 50);
    const [after] = gatesOf(world);
    expect(after).toMatchObject({ state: 'Passed', attempts: 2 });
    expect(after?.job).not.toBe(before?.job);
    expect(world.gates.started).toEqual(['smoke', 'smoke']);
  });

  test('a person continues without it by advance, and the status says who', async () => {
    const world = await untilHeld();
    world.command('web', 'advance');
    await world.until('50%', () => shareOf(world) === 50);
    expect(gatesOf(world)).toMatchObject([{ state: 'Skipped', by: 'ada' }]);
    expect(reasonsOf(world)).toContain('GateSkipped');
    expect(world.gates.started).toEqual(['smoke']);
  });

  test('lets the release continue by itself when it is removed from the spec', async () => {
    const world = await untilHeld();
    world.editSpec('web', (spec) => ({ ...spec, stages: (spec.stages ?? []).map(({ gates: _gates, ...stage }) => stage) }));
    await world.until('50%', () => shareOf(world) === 50);
  });
});

describe('a release that moves on without a gate', () => {
  test('advance before the first weight continues without a gate that runs, and its Job is deleted', async () => {
    const world = await begin(withGates([aJob()]));
    world.gates.behaviours.set('smoke', { ms: 0, ends: 'never' });
    await untilGate(world, 'smoke', 'Running');
    world.command('web', 'advance');
    await untilState(world, 'stage.analyzing');
    expect(gatesOf(world)).toMatchObject([{ state: 'Skipped', by: 'ada' }]);
    await world.run(5_000);
    expect(world.gates.running).toEqual([]);
  });

  test('promote leaves all gates out', async () => {
    const world = await begin(withGates([], [aJob()], [anEndpoint()]));
    await untilState(world, 'stage.analyzing');
    world.command('web', 'promote');
    await untilState(world, 'promoted');
    expect(world.gates.started).toEqual([]);
    expect(world.gates.requests).toEqual([]);
  });

  test.each(['Job', 'endpoint'])('rule 1: a rollback waits for no gate: the %s is under way, and traffic is home at once', async (kind) => {
    const world = await begin(withGates([], [kind === 'Job' ? aJob({ name: 'slow' }) : anEndpoint({ name: 'slow' })]));
    world.gates.behaviours.set('slow', { ms: 0, ends: 'never' });
    world.gates.answer = () => ({ afterMs: 500_000, answer: { kind: 'answered', status: 200 } });
    await untilGate(world, 'slow', 'Running');
    world.abort('web');
    expect(await world.until('home', () => shareOf(world) === 0)).toBeLessThan(100);
    await untilState(world, 'rolledBack');
    await world.run(10_000);
    expect(world.gates.running).toEqual([]);
    expect(stateOfGate(world, 'slow')).toBe('Stopped');
    expect(world.status('web')?.internal?.leavingJobs).toBeUndefined();
  });

  test('a Job that cannot be deleted now is deleted later, also by the next operator', async () => {
    const world = await begin(withGates([aJob()]));
    world.gates.behaviours.set('smoke', { ms: 0, ends: 'never' });
    await untilGate(world, 'smoke', 'Running');
    await world.run(1_000);
    world.faults = ({ verb }) => (verb === 'job' ? { when: 'never' } : undefined);
    world.abort('web');
    await untilState(world, 'rolledBack');
    world.operators[0]?.kill();
    world.faults = () => undefined;
    expect(world.gates.running).toHaveLength(1);
    world.startOperator();
    await world.until('the Job is gone', () => world.gates.running.length === 0);
  });
});

describe('a Job beside a stage', () => {
  test('runs from the weight on until the stage ends, and its success is nothing', async () => {
    const world = await begin(withGates([aJob({ name: 'load', during: 'stage' })]));
    world.gates.behaviours.set('load', { ms: 0, ends: 'never' });
    await untilGate(world, 'load', 'Running');
    expect(shareOf(world)).toBe(10);
    await world.until('50%', () => shareOf(world) === 50);
    await world.run(5_000);
    expect(stateOfGate(world, 'load')).toBe('Stopped');
    expect(world.gates.running).toEqual([]);
    expect(world.gates.started).toEqual(['load']);
  });

  test('takes the release back when it fails', async () => {
    const world = await begin(withGates([aJob({ name: 'load', during: 'stage' })]));
    world.gates.behaviours.set('load', { ms: 20_000, ends: 'fails' });
    await untilState(world, 'rolledBack');
    expect(world.status('web')?.release).toMatchObject({ reason: 'GateFailed', maxWeight: 10 });
  });
});

describe('a gate that cannot run', () => {
  test('blocks the release before its first weight, and it begins when the right is there', async () => {
    const world = buildStore();
    world.gates.trial = { kind: 'forbidden', message: 'jobs.batch is forbidden' };
    await world.run(2_000);
    world.createRelease('web', specWith(withGates([], [aJob()])));
    await world.until('blocked', () => world.status('web')?.phase === 'Blocked');
    expect(world.status('web')?.message).toContain('GateNotPermitted: gate smoke of stage 2 is a Job');
    expect(world.status('web')?.message).toContain('kubectl create rolebinding glidepath-gates -n shop');
    expect(world.route('store').metadata.annotations).toEqual({ 'example.org/team': 'shop' });
    world.gates.trial = { kind: 'ready' };
    await untilState(world, 'stage.analyzing');
  });

  test('an address that is not allowed blocks it, too', async () => {
    const world = buildStore();
    world.gates.refusal = 'its url is not on the allow-list';
    await world.run(2_000);
    world.createRelease('web', specWith(withGates([anEndpoint()])));
    await world.until('blocked', () => world.status('web')?.phase === 'Blocked');
    expect(world.status('web')?.message).toContain('GateNotAllowed: gate qa of stage 1: its url');
    expect(world.gates.requests).toEqual([]);
  });
});
