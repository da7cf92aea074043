// `spec.promotion.mode: None`: an experiment whose stages pass ends with all traffic on the serving version, and nothing is held against
// the revision.

import { describe, expect, test } from 'vitest';
import type { SpecInput } from '../../src/api/release.ts';
import type { CrashPlan } from '../fakes/memory/calls.ts';
import type { MemoryWorld } from '../fakes/memory/world.ts';
import { buildStore, shareOf, specWith, untilState } from '../fixtures/story.ts';

/** A/B: half of the users for a minute. */
const EXPERIMENT: Partial<SpecInput> = {
  stages: [{ weight: 50, duration: '1m' }],
  analysis: { checks: [{ name: 'errors', metric: 'ErrorRatio', max: '5%', onBreach: 'Rollback' }], comparison: { mode: 'Observe' } },
  promotion: { mode: 'None' },
};

async function begin(change: Partial<SpecInput> = {}, crash?: CrashPlan): Promise<MemoryWorld> {
  const world = buildStore();
  if (crash !== undefined) {
    world.operators[0]?.kill();
    world.startOperator(crash);
  }
  await world.run(2_000);
  world.createRelease('web', specWith({ ...EXPERIMENT, ...change }));
  return world;
}

const conditionOf = (world: MemoryWorld, type: string) => world.status('web')?.conditions?.find((one) => one.type === type);

describe('an experiment', () => {
  test('an experiment whose stages pass takes all traffic back in one write, and is Completed and Ready', async () => {
    const world = await begin();
    await untilState(world, 'rolledBack');
    expect(world.guardian.raises.map(({ from, to }) => `${from} to ${to}`)).toEqual(['0 to 50']);
    expect(world.weights('store')).toEqual({ v1: 1, v2: 0 });
    const { phase, message, checks, rejected = [], history } = world.status('web') ?? {};
    expect([phase, rejected]).toEqual(['Completed', []]);
    expect(message).toMatch(
      /^the experiment with revision v2-1 is completed: all stages have passed .*; to promote it, set spec.promotion.mode to Promote/,
    );
    expect(conditionOf(world, 'Ready')).toMatchObject({ status: 'True', reason: 'Completed' });
    expect(conditionOf(world, 'Stalled')?.status).not.toBe('True');
    expect(history?.[0]).toMatchObject({ outcome: 'Completed', maxWeight: 50 });
    // The report: what each check said of it last.
    expect(checks?.[0]).toMatchObject({ name: 'errors', verdict: 'Pass', value: '0%', serving: '0%' });
    const reasons = world.journal.events.map(({ reason }) => reason);
    expect(reasons).toContain('Completed');
    expect(reasons).not.toContain('RolledBack');
  });

  test('a version that fails in it is rolled back and rejected as in any release', async () => {
    const world = await begin();
    world.setVersion('v2', { errorRatio: 0.5 });
    await untilState(world, 'rolledBack', 60_000);
    expect(world.status('web')).toMatchObject({ phase: 'RolledBack', release: { rejects: true } });
  });

  test('an experiment does not begin again automatically; with mode Promote and the command retry the revision is promoted', async () => {
    const world = await begin();
    await untilState(world, 'rolledBack');
    await world.run(600_000);
    expect(world.status('web')?.phase).toBe('Completed');
    world.editSpec('web', (spec) => ({ ...spec, promotion: { mode: 'Promote' } }));
    world.command('web', 'retry');
    await untilState(world, 'promoted');
    expect(world.weights('store')).toEqual({ v1: 0, v2: 1 });
  });

  test('a person who orders the promotion in the middle of it gets the promotion', async () => {
    const world = await begin();
    await world.until('half', () => shareOf(world) === 50 && world.status('web')?.state === 'stage.analyzing');
    world.command('web', 'promote');
    await untilState(world, 'promoted');
  });

  test('a crash around any write ends in the same world', { timeout: 120_000 }, async () => {
    for (let write = 1; write <= 12; write += 1)
      for (const side of ['before', 'after'] as const) {
        const world = await begin({}, { write, side });
        const tend = () => {
          if (world.operators.length === 0) world.startOperator();
          world.clock.schedule(world.clock.now() + 4_000, tend);
        };
        tend();
        await world.until('the end', () => world.status('web')?.state === 'rolledBack', 600_000);
        await world.run(12_000);
        expect([write, side, world.status('web')?.phase, world.status('web')?.rejected ?? [], world.weights('store')]).toEqual([
          write,
          side,
          'Completed',
          [],
          { v1: 1, v2: 0 },
        ]);
      }
  });
});
