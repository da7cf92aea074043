// Rule 5 for gates: kill the operator before or after each of its writes, and in the middle of each kind of gate. A gate is never run a
// second time unless it says `idempotent`; where nobody can say what became of it the release pauses.

import { describe, expect, test } from 'vitest';
import { GlidepathError } from '../../src/api/errors.ts';
import type { CrashPlan } from '../fakes/memory/calls.ts';
import { buildRule } from '../fakes/memory/gateway.ts';
import { MemoryWorld } from '../fakes/memory/world.ts';
import { specWith } from '../fixtures/story.ts';

const AWAY_MS = 4_000;
const TIMEOUT_MS = 600_000;

const JOB = { spec: { template: { spec: { restartPolicy: 'Never', containers: [{ name: 'test', image: 'test' }] } } } };

function specOf(idempotent: boolean) {
  return specWith({
    stages: [
      { weight: 10, duration: '1m', gates: [{ name: 'smoke', job: JOB, idempotent }] },
      {
        weight: 50,
        duration: '2m',
        gates: [
          { name: 'qa', http: { url: 'http://qa.example' }, idempotent },
          { name: 'load', job: JOB, during: 'stage', idempotent },
        ],
      },
    ],
  });
}

/** Runs a release through its gates; an operator that waits at a gate without a result is told to continue without it. */
async function play(idempotent: boolean, crash?: CrashPlan) {
  const world = new MemoryWorld();
  world.setService('v1', {});
  world.setService('v2', {});
  world.createRoute('store', [buildRule({ v1: 1, v2: 0 })]);
  world.gates.behaviours.set('load', { ms: 0, ends: 'never' });
  // The first request is answered with 503, so that there is a repetition.
  world.gates.answer = ({ attempt }) => ({ afterMs: 1_500, answer: { kind: 'answered', status: attempt === 1 ? 503 : 200 } });
  const first = world.startOperator(crash);
  await world.run(1_000);
  world.createRelease('web', specOf(idempotent));
  let restartAt: number | undefined;
  let unknown = 0;
  const beat = () => {
    if (world.operators.length > 0) restartAt = undefined;
    else restartAt ??= world.clock.now() + AWAY_MS;
    if (restartAt !== undefined && world.clock.now() >= restartAt) world.startOperator();
    const { state, release } = world.status('web') ?? {};
    if (state === 'paused' && release?.pausedBy === 'GateHeld' && unknown === 0) {
      unknown += 1;
      expect(release.gates?.filter((gate) => gate.state === 'Unknown')).toHaveLength(1);
      world.command('web', 'advance');
    }
    world.clock.schedule(world.clock.now() + 500, beat);
  };
  beat();
  const settled = () => world.status('web')?.state === 'promoted' && world.operators.length > 0;
  await world.until(`promoted after ${JSON.stringify(crash)}`, settled, 1_800_000);
  await world.run(3 * AWAY_MS);
  return { world, writes: first.gate.writes, unknown };
}

const countOf = (list: readonly string[], name: string) => list.filter((one) => one === name).length;

describe('a gate and a crash', () => {
  test('rule 5: no gate runs twice after a crash around any write', { timeout: TIMEOUT_MS }, async () => {
    const whole = await play(false);
    expect(whole.unknown).toBe(0);
    expect(whole.world.gates.requests.map(({ attempt }) => attempt)).toEqual([1, 2]);
    let interrupted = 0;
    for (let write = 1; write <= whole.writes; write += 1) {
      for (const side of ['before', 'after'] as const) {
        const { world, unknown } = await play(false, { write, side });
        expect(countOf(world.gates.started, 'smoke')).toBe(1);
        expect(countOf(world.gates.started, 'load')).toBe(1);
        const attempts = world.gates.requests.map(({ attempt }) => attempt);
        expect(new Set(attempts).size, `attempts ${attempts.join()}`).toBe(attempts.length);
        expect(world.gates.running).toEqual([]);
        interrupted += unknown;
      }
    }
    // Only from the commit of a request to that of its answer.
    expect(interrupted).toBeGreaterThan(1);
    expect(interrupted).toBeLessThanOrEqual(12);
  });

  test('rule 5: a gate that says idempotent is run again, and the release needs no person', { timeout: TIMEOUT_MS }, async () => {
    const { writes } = await play(true);
    for (let write = 1; write <= writes; write += 1) {
      for (const side of ['before', 'after'] as const) {
        const { world, unknown } = await play(true, { write, side });
        expect(unknown).toBe(0);
        expect(world.gates.running).toEqual([]);
      }
    }
  });

  test('an operator that is killed while a Job runs finds its result', async () => {
    const world = await startAt('smoke');
    world.operators[0]?.kill();
    await world.run(10_000);
    world.startOperator();
    await world.until('the first weight', () => world.share('store', 'v1', 'v2') === 10);
    expect(world.gates.started).toEqual(['smoke']);
  });

  test('an operator that is killed while a request is under way pauses the release, and says so', async () => {
    const world = await startAt('qa');
    world.operators[0]?.kill();
    await world.run(10_000);
    world.startOperator();
    await world.until('paused', () => world.status('web')?.state === 'paused');
    await world.run(600_000);
    expect(world.gates.requests).toHaveLength(1);
    expect(world.share('store', 'v1', 'v2')).toBe(10);
    expect(world.status('web')?.message).toContain('gate qa of stage 2 has no known result: an operator ended after the request of');
    expect(world.journal.events.map(({ reason }) => reason)).toContain('GateInterrupted');
  });

  test('a Job that somebody deletes is not created again, and the release pauses', async () => {
    const world = await startAt('smoke');
    await world.run(3_000);
    world.api.delete({ kind: 'Job', namespace: 'shop', name: world.gates.running[0] ?? '' }, 'kubectl');
    await world.until('paused', () => world.status('web')?.state === 'paused');
    expect(world.gates.started).toEqual(['smoke']);
    expect(world.status('web')?.message).toContain('was deleted before it ended');
  });
});

describe('a commit that fails', () => {
  test.each(['instead', 'afterwards'] as const)(
    'a request leaves once, and is not taken for one of another operator (%s)',
    async (when) => {
      const world = await startAt('qa', (started) => {
        let failing = 3;
        started.faults = ({ verb, body }) => {
          const isAsked = verb === 'status' && JSON.stringify(body).includes('sentAt');
          if (!isAsked || failing === 0) return undefined;
          failing -= 1;
          return { when, error: new GlidepathError('GLIDEPATH_E_TIMEOUT', 'no answer', { retryable: true }) };
        };
      });
      await world.until('50%', () => world.share('store', 'v1', 'v2') === 50);
      const attempts = world.gates.requests.map(({ attempt }) => attempt);
      expect(new Set(attempts).size).toBe(attempts.length);
    },
  );
});

/** A release at the moment when a gate runs and has done so for a second. */
async function startAt(gate: 'smoke' | 'qa', before: (world: MemoryWorld) => void = () => undefined): Promise<MemoryWorld> {
  const world = new MemoryWorld();
  world.setService('v1', {});
  world.setService('v2', {});
  world.createRoute('store', [buildRule({ v1: 1, v2: 0 })]);
  before(world);
  world.gates.answer = () => ({ afterMs: 3_000, answer: { kind: 'answered', status: 200 } });
  world.gates.behaviours.set('load', { ms: 0, ends: 'never' });
  world.startOperator();
  await world.run(1_000);
  world.createRelease('web', specOf(false));
  const isRunning = () => world.status('web')?.release?.gates?.some(({ name, state }) => name === gate && state === 'Running') === true;
  await world.until(`gate ${gate}`, isRunning);
  await world.run(1_000);
  return world;
}
