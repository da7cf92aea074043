// `spec.adopt`: a split that somebody made by hand is taken over at its weight and judged from then on.

import { describe, expect, test } from 'vitest';
import type { SpecInput } from '../../src/api/release.ts';
import type { CrashPlan } from '../fakes/memory/calls.ts';
import { buildRule } from '../fakes/memory/gateway.ts';
import { MemoryWorld } from '../fakes/memory/world.ts';
import { shareOf, specWith, untilState } from '../fixtures/story.ts';

interface Split {
  readonly weights?: Readonly<Record<string, number>>;
  readonly spec?: Partial<SpecInput>;
  readonly crash?: CrashPlan;
}

/** A route whose weights somebody set by hand, and a release that takes them over. */
async function adopt({ weights = { v1: 95, v2: 5 }, spec = {}, crash }: Split = {}): Promise<MemoryWorld> {
  const world = new MemoryWorld();
  world.setService('v1', {});
  world.setService('v2', {});
  world.createRoute('store', [buildRule(weights)]);
  world.startOperator(crash);
  await world.run(2_000);
  world.createRelease('web', specWith({ adopt: true, ...spec }));
  return world;
}

const raisesOf = (world: MemoryWorld) => world.guardian.raises.map(({ from, to }) => `${from} to ${to}`);
const percentsOf = (world: MemoryWorld) => [...new Set(world.guardian.shares.map(({ percent }) => percent))];

describe('a release that takes over a split', () => {
  test('a split at the weight of a stage goes on in that stage and is promoted with what both Services had', async () => {
    const stages = [5, 20].map((weight) => ({ weight, duration: '1m' }));
    const world = await adopt({ spec: { stages } });
    await untilState(world, 'stage.analyzing');
    expect(world.status('web')).toMatchObject({ weight: 5, release: { adoptedWeight: 5, stageIndex: 0 } });
    expect(world.weights('store')).toEqual({ v1: 95, v2: 5 });
    const started = world.journal.events.find(({ reason }) => reason === 'ReleaseStarted');
    expect(started?.note).toContain('v1 serves; it continues from the 5% that v2 already has');
    await untilState(world, 'promoted');
    expect(raisesOf(world)).toEqual(['5 to 20', '20 to 100']);
    expect(world.weights('store')).toEqual({ v1: 0, v2: 100 });
  });

  test('a split between two stages keeps its weight until that stage has passed', async () => {
    const world = await adopt({ weights: { v1: 70, v2: 30 } });
    await untilState(world, 'stage.analyzing');
    expect(world.status('web')).toMatchObject({ weight: 30, release: { stageIndex: 0, stage: '1' } });
    await untilState(world, 'promoted');
    expect(raisesOf(world)).toEqual(['30 to 50', '50 to 100']);
  });

  test('a split above the last stage is promoted by a Pass of that stage', async () => {
    const stages = [10, 20].map((weight) => ({ weight, duration: '1m' }));
    const world = await adopt({ weights: { v1: 60, v2: 40 }, spec: { stages } });
    await untilState(world, 'stage.analyzing');
    expect(world.status('web')).toMatchObject({ weight: 40, release: { stageIndex: 1 } });
    await untilState(world, 'promoted');
    expect(raisesOf(world)).toEqual(['40 to 100']);
  });

  test('the version with the larger weight serves, whichever is listed first', async () => {
    const world = await adopt({ weights: { v1: 40, v2: 60 } });
    await untilState(world, 'stage.analyzing');
    expect(world.status('web')).toMatchObject({ weight: 40, release: { canary: { service: 'v1' }, stageIndex: 0 } });
    await untilState(world, 'promoted');
    expect(world.weights('store')).toEqual({ v1: 100, v2: 0 });
  });

  test('a split below the first stage rises to it, as the first weight of any release does', async () => {
    const world = await adopt({ weights: { v1: 980, v2: 20 } });
    await untilState(world, 'stage.analyzing');
    expect(raisesOf(world)).toEqual(['2 to 10']);
  });

  test('a share that is no whole percent is lowered to one, and one below 1% is that of no stage', async () => {
    const thirds = await adopt({ weights: { v1: 2, v2: 1 } });
    await untilState(thirds, 'stage.analyzing');
    expect(shareOf(thirds)).toBe(33);
    const little = await adopt({ weights: { v1: 999, v2: 1 } });
    await untilState(little, 'stage.analyzing');
    // Where Prometheus answers after the claim, the share that is that of no stage is taken back first.
    expect(raisesOf(little)).toEqual([expect.stringMatching(/^0(\.1)? to 10$/)]);
  });

  test('a canary that fails goes home at once from the weight that it had, and what both had is on the serving version', async () => {
    const world = await adopt({ weights: { v1: 70, v2: 30 } });
    world.setVersion('v2', { errorRatio: 0.5 });
    await untilState(world, 'rolledBack', 60_000);
    expect(world.weights('store')).toEqual({ v1: 100, v2: 0 });
    expect(world.status('web')).toMatchObject({ weight: 0, release: { rejects: true } });
  });

  test('foreign backends of the rule keep their share throughout', async () => {
    const world = await adopt({ weights: { v1: 70, foreign: 100, v2: 30 } });
    const foreign = () => {
      const { v1 = 0, v2 = 0, foreign: other = 0 } = world.weights('store');
      return other / (v1 + v2 + other);
    };
    await world.until('50%', () => shareOf(world) === 50);
    expect(foreign()).toBe(0.5);
    await untilState(world, 'promoted');
    expect(world.weights('store')).toEqual({ v1: 0, foreign: 100, v2: 100 });
  });

  test('an abort before the first stage takes the split home', async () => {
    const world = await adopt({
      spec: { stages: [{ weight: 5, duration: '1m', gates: [{ name: 'smoke', http: { url: 'https://smoke.test/' } }] }] },
    });
    await world.until('the beginning', () => world.status('web')?.release !== undefined);
    world.abort('web');
    await untilState(world, 'rolledBack');
    expect(world.weights('store')).toEqual({ v1: 100, v2: 0 });
  });

  test('a split that somebody lowers before the first stage is taken over as it is then, and not raised without a Pass', async () => {
    const world = new MemoryWorld();
    world.setService('v1', {});
    world.setService('v2', { ready: 1, unready: 1 });
    world.createRoute('store', [buildRule({ v1: 60, v2: 40 })]);
    world.startOperator();
    world.createRelease('web', specWith({ adopt: true, stages: [5, 40].map((weight) => ({ weight, duration: '1m' })) }));
    await world.run(3_000);
    expect(world.status('web')).toMatchObject({ state: 'preparing', weight: 40, release: { stageIndex: 1 } });
    world.editWeights('store', 'kubectl-edit', { v1: 90, v2: 10 });
    await world.run(2_000);
    world.setService('v2', { ready: 2, unready: 0 });
    await untilState(world, 'stage.analyzing');
    expect(world.status('web')).toMatchObject({ weight: 10, release: { adoptedWeight: 10, stageIndex: 0 } });
    expect(raisesOf(world)).toEqual([]);
  });

  test('somebody who takes all traffic away makes it begin with its first stage, not with the weight that was taken over', async () => {
    const world = await adopt({ weights: { v1: 70, v2: 30 } });
    await untilState(world, 'stage.analyzing');
    world.editWeights('store', 'kubectl-edit', { v1: 1, v2: 0 });
    await world.until('the first stage', () => shareOf(world) > 0);
    expect(shareOf(world)).toBe(10);
  });

  test('a crash around any write ends in the same world', { timeout: 300_000 }, async () => {
    for (const errorRatio of [0, 0.5]) {
      const whole = await playWhole(errorRatio);
      const ending = [whole.status('web')?.state, whole.weights('store'), percentsOf(whole)];
      for (let write = 1; write <= 14; write += 1)
        for (const side of ['before', 'after'] as const) {
          const crashed = await playWhole(errorRatio, { write, side });
          expect([crashed.status('web')?.state, crashed.weights('store'), percentsOf(crashed)]).toEqual(ending);
        }
    }
  });
});

async function playWhole(errorRatio: number, crash?: CrashPlan): Promise<MemoryWorld> {
  const world = await adopt({ weights: { v1: 70, v2: 30 }, ...(crash === undefined ? {} : { crash }) });
  world.setVersion('v2', { errorRatio });
  const tend = () => {
    if (world.operators.length === 0) world.startOperator();
    world.clock.schedule(world.clock.now() + 4_000, tend);
  };
  tend();
  await world.until('the end', () => ['promoted', 'rolledBack'].includes(world.status('web')?.state ?? ''), 1_800_000);
  await world.run(12_000);
  return world;
}

describe('a split that cannot be taken over', () => {
  test('two rules with different shares are named, and nothing is written', async () => {
    const world = await adopt();
    const other = await (async () => {
      const two = new MemoryWorld();
      two.setService('v1', {});
      two.setService('v2', {});
      two.createRoute('store', [buildRule({ v1: 95, v2: 5 }, 'a'), buildRule({ v1: 1, v2: 0 }, 'b')]);
      two.startOperator();
      two.createRelease('web', specWith({ adopt: true }));
      await two.run(5_000);
      return two;
    })();
    expect(other.status('web')?.message).toContain(
      'CanaryAlreadyHasTraffic: Service v2 has 5% in rule a of HTTPRoute store and 0% in rule b of HTTPRoute store: spec.adopt continues from one weight',
    );
    expect(other.weights('store')).toEqual({ v1: 95, v2: 5 });
    await untilState(world, 'promoted');
  });

  test('without spec.adopt it is refused, and the message says what to set', async () => {
    const world = await adopt({ spec: { adopt: false } });
    await world.run(5_000);
    expect(world.status('web')?.message).toContain('set it to 0, or set spec.adopt: true to continue from that weight');
    expect(world.weights('store')).toEqual({ v1: 95, v2: 5 });
  });

  test('equal weights say nothing of the roles, and the message has the command that does', async () => {
    const world = await adopt({ weights: { v1: 50, v2: 50 } });
    await world.run(5_000);
    expect(world.status('web')?.message).toContain(
      `give the new one weight 0; if that is v2: kubectl patch httproute store -n shop --type json -p '[{"op":"replace","path":"/spec/rules/0/backendRefs/1/weight","value":0}]'`,
    );
  });
});
