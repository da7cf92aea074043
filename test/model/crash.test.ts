// Rule 5: kill the operator before or after each of its writes; the next one ends in the same world. The stories run without
// a crash first, then once for every write and side, each time with a fresh operator over the same cluster.

import { describe, expect, test } from 'vitest';
import { FIELD_MANAGER, FINALIZER } from '../../src/api/names.ts';
import type { SpecInput } from '../../src/api/release.ts';
import type { RouteKey } from '../../src/ports/routes.ts';
import type { JsonPatchOperation } from '../../src/core/routing/patch.ts';
import { isGlidepathError } from '../../src/api/errors.ts';
import type { CrashPlan } from '../fakes/memory/calls.ts';
import { buildRule } from '../fakes/memory/gateway.ts';
import { COHORT_HEADER, ourRulesOf } from '../fakes/memory/our-rules.ts';
import { patchRoute } from '../fakes/memory/session.ts';
import { MemoryWorld, NAMESPACE } from '../fakes/memory/world.ts';
import { SPEC, specWith } from '../fixtures/story.ts';

const AWAY_MS = 4_000;
/** Some hundred whole releases, one for every write. */
const TIMEOUT_MS = 600_000;

interface Scenario {
  readonly name: string;
  readonly ending: 'promoted' | 'rolledBack' | 'gone' | 'tried again';
  readonly spec?: Partial<SpecInput>;
  /** The API server keeps no names of rules. */
  readonly dropsRuleNames?: boolean;
  /** What happens besides; called whenever the world moved. */
  readonly happen: (world: MemoryWorld) => void;
}

const at = (world: MemoryWorld, percent: number) => world.share('store', 'v1', 'v2') === percent;

/** Does something once, as soon as it holds. */
function once(holds: (world: MemoryWorld) => boolean, act: (world: MemoryWorld) => void): (world: MemoryWorld) => void {
  let done = false;
  return (world) => {
    if (done || !holds(world)) return;
    done = true;
    act(world);
  };
}

/** Testers first, then the stages of the other stories. */
const WITH_COHORT: Partial<SpecInput> = {
  stages: [{ weight: 0, duration: '30s', cohort: { headers: [{ name: COHORT_HEADER, value: 'true' }] } }, ...SPEC.stages],
};

const hasCohort = (world: MemoryWorld) => ourRulesOf(world.route('store')).length > 0;

const SCENARIOS: readonly (() => Scenario)[] = [
  () => ({ name: 'promoted', ending: 'promoted', happen: () => undefined }),
  () => ({
    name: 'failed at 50%',
    ending: 'rolledBack',
    // The cause is gone with the traffic: only the mark on the route and the status remember it.
    happen: (() => {
      const spoil = once(
        (world) => at(world, 50),
        (world) => world.setVersion('v2', { errorRatio: 1 }),
      );
      const heal = once(
        (world) => world.guardian.shares.some(({ percent }) => percent === 0),
        (world) => world.setVersion('v2', { errorRatio: 0 }),
      );
      return (world) => {
        spoil(world);
        heal(world);
      };
    })(),
  }),
  () => ({
    name: 'aborted',
    ending: 'rolledBack',
    happen: once(
      (world) => at(world, 50),
      (world) => world.abort('web'),
    ),
  }),
  () => ({
    name: 'deleted',
    ending: 'gone',
    happen: once(
      (world) => at(world, 50),
      (world) => world.deleteRelease('web'),
    ),
  }),
  () => ({ name: 'promoted with a cohort', ending: 'promoted', spec: WITH_COHORT, happen: () => undefined }),
  () => ({
    name: 'aborted with a cohort alone, where rules have no names',
    ending: 'rolledBack',
    spec: WITH_COHORT,
    dropsRuleNames: true,
    happen: once(
      (world) => hasCohort(world) && world.status('web')?.state === 'stage.analyzing',
      (world) => world.abort('web'),
    ),
  }),
  () => ({
    name: 'deleted with a cohort and a weight',
    ending: 'gone',
    spec: WITH_COHORT,
    happen: once(
      (world) => at(world, 10),
      (world) => world.deleteRelease('web'),
    ),
  }),
];

/** Runs a scenario; each operator in turn is killed by the next of the crashes, the last one lives. */
async function play(build: () => Scenario, ...crashes: readonly CrashPlan[]) {
  const scenario = build();
  const world = new MemoryWorld();
  world.api.dropsRuleNames = scenario.dropsRuleNames ?? false;
  world.setService('v1', {});
  world.setService('v2', {});
  world.createRoute('store', [buildRule({ v1: 1, v2: 0 })]);
  world.createRoute('other', [buildRule({ v1: 3, foreign: 2, v2: 0 })]);
  const plans = [...crashes];
  const first = world.startOperator(plans.shift());
  await world.run(1_000);
  world.createRelease('web', specWith({ promotion: { bake: '30s' }, ...scenario.spec }));
  let restartAt: number | undefined;
  const tend = () => {
    if (world.operators.length > 0) restartAt = undefined;
    else restartAt ??= world.clock.now() + AWAY_MS;
    if (restartAt !== undefined && world.clock.now() >= restartAt) world.startOperator(plans.shift());
  };
  const settled = () => {
    scenario.happen(world);
    tend();
    return stateOf(world) === scenario.ending && world.operators.length > 0;
  };
  // A heartbeat, so that the world is looked at also while no operator lives, and the last words of one have a successor, too.
  const beat = () => {
    tend();
    world.clock.schedule(world.clock.now() + 500, beat);
  };
  beat();
  await world.until(`${scenario.name} after ${JSON.stringify(crashes)}`, settled, 1_800_000);
  await world.run(3 * AWAY_MS);
  return { world, writes: first.gate.writes, scenario };
}

function stateOf(world: MemoryWorld): string | undefined {
  if (world.release('web') === undefined) return 'gone';
  const { state, release } = world.status('web') ?? {};
  return state === 'stage.analyzing' && (release?.attempt ?? 1) > 1 ? 'tried again' : state;
}

function expectSameEnding(world: MemoryWorld, { ending }: Scenario): void {
  const promoted = ending === 'promoted';
  expect(world.weights('store')).toEqual(promoted ? { v1: 0, v2: 1 } : { v1: 1, v2: 0 });
  expect(world.weights('other')).toEqual(promoted ? { v1: 0, foreign: 2, v2: 3 } : { v1: 3, foreign: 2, v2: 0 });
  for (const name of ['store', 'other']) {
    expect(world.route(name).spec.rules).toHaveLength(1);
    const { annotations, managedFields } = world.route(name).metadata;
    expect(annotations).toEqual({ 'example.org/team': 'shop' });
    expect(managedFields?.map(({ manager }) => manager)).not.toContain(FIELD_MANAGER);
  }
  const release = world.release('web');
  expect(release === undefined).toBe(ending === 'gone');
  expect(release?.metadata.finalizers ?? []).not.toContain(FINALIZER);
  if (release === undefined) return;
  expect(release.status).toMatchObject({ state: ending, weight: 0 });
  expect(release.status?.history).toHaveLength(1);
  expect(release.status?.rejected ?? []).toHaveLength(ending === 'rolledBack' ? 1 : 0);
}

/** No stage is left early: the first stage of a minute, the second of two, whatever crashed in between. */
function expectStagesServed(world: MemoryWorld): void {
  const raises = world.guardian.raises.filter(({ route }) => route === 'store');
  const timeOf = (to: number) => raises.find((raise) => raise.to === to)?.atMs;
  const [ten, fifty, all] = [timeOf(10), timeOf(50), timeOf(100)];
  if (ten !== undefined && fifty !== undefined) expect(fifty - ten).toBeGreaterThanOrEqual(60_000);
  if (fifty !== undefined && all !== undefined) expect(all - fifty).toBeGreaterThanOrEqual(120_000);
  expect(raises.map(({ to }) => to)).toEqual([10, 50, 100].slice(0, raises.length));
}

/** What a whole run announces, but for looks: a failed one that was not committed is known by the mark of the route alone. */
function reasonsOf(world: MemoryWorld): readonly string[] {
  return world.journal.events.map(({ reason }) => reason).filter((reason) => reason !== 'VerdictFailed');
}

/** Rule 5: whatever an operator was about to announce when it was killed is announced by the next one, under the same id. */
function expectAnnounced(world: MemoryWorld, reasons: readonly string[]): void {
  const { events, notifications } = world.journal;
  let from = 0;
  for (const reason of reasons) {
    const found = events.findIndex((event, index) => index >= from && event.reason === reason);
    expect(found, `${reason} of ${reasons.join(' ')} in ${events.map((event) => event.reason).join(' ')}`).toBeGreaterThanOrEqual(0);
    from = found + 1;
  }
  expect(new Set(notifications.map(({ id }) => id))).toEqual(new Set(events.map(({ id }) => id)));
}

/** A deposed leader sends its raises late: after the end every one of them fails its guards. */
function expectRaisesFenced(world: MemoryWorld): void {
  const raises = world.journal.calls.filter(({ verb, lane, outcome }) => verb === 'patch' && lane === 'normal' && outcome === 'ok');
  expect(raises.length).toBeGreaterThan(0);
  for (const { target, body } of raises) {
    const operations = body as readonly JsonPatchOperation[];
    // A claim that comes late leaves a mark at most, which is cleaned when it is seen.
    if (!operations.some(({ op, path }) => op !== 'test' && (path.endsWith('/weight') || path.startsWith('/spec/rules/-')))) continue;
    const key: RouteKey = { kind: 'HTTPRoute', namespace: NAMESPACE, name: target.split(' ')[1] ?? '' };
    let refusal: unknown;
    try {
      patchRoute(world.api, key, operations, FIELD_MANAGER);
    } catch (thrown) {
      refusal = thrown;
    }
    expect(isGlidepathError(refusal, 'GLIDEPATH_E_GUARD')).toBe(true);
  }
}

/** Behind an event comes nothing that its own answer is needed for: being killed behind it is being killed before the next write. */
function sidesOf({ journal }: MemoryWorld, write: number): readonly CrashPlan['side'][] {
  const call = journal.calls.filter(({ verb }) => !verb.startsWith('read'))[write - 1];
  return call?.verb === 'event' ? ['before'] : ['before', 'after'];
}

describe.each(SCENARIOS.map((build) => ({ name: build().name, build })))('a release that is $name', ({ build }) => {
  test('rules 1 to 5: ends the same after a crash around any write', { timeout: TIMEOUT_MS }, async () => {
    const { world, writes, scenario } = await play(build);
    expectSameEnding(world, scenario);
    expect(writes).toBeGreaterThan(10);
    const reasons = reasonsOf(world);
    for (let write = 1; write <= writes; write += 1) {
      for (const side of sidesOf(world, write)) {
        const crashed = await play(build, { write, side });
        expectSameEnding(crashed.world, scenario);
        expectStagesServed(crashed.world);
        expectRaisesFenced(crashed.world);
        expectAnnounced(crashed.world, reasons);
      }
    }
  });

  test('rule 5: ends the same after two crashes in a row', async () => {
    const { world: whole, writes, scenario } = await play(build);
    const reasons = reasonsOf(whole);
    for (let write = 3; write <= writes; write += 5) {
      const { world } = await play(build, { write, side: 'after' }, { write: 1 + (write % 3), side: write % 2 === 0 ? 'before' : 'after' });
      expectSameEnding(world, scenario);
      expectStagesServed(world);
      expectAnnounced(world, reasons);
    }
  });
});

/** The cause is gone as soon as traffic is: the route alone remembers that the revision was not to blame. */
const LOST_FOR_A_MOMENT = (): Scenario => {
  const lose = once(
    (world) => at(world, 10) && world.status('web')?.state === 'stage.analyzing',
    (world) => world.setService('v2', { ready: 0 }),
  );
  const find = once(
    (world) => world.guardian.shares.some(({ percent }) => percent === 0),
    (world) => world.setService('v2', { ready: 2 }),
  );
  const happen = (world: MemoryWorld) => {
    lose(world);
    find(world);
  };
  return { name: 'lost for a moment', ending: 'tried again', happen };
};

test('rule 5: a canary that lost its endpoints for a moment is tried again and not rejected, whatever write an operator is killed at', async () => {
  const { writes } = await play(LOST_FOR_A_MOMENT);
  expect(writes).toBeGreaterThan(10);
  for (let write = 1; write <= writes; write += 1) {
    for (const side of ['before', 'after'] as const) {
      const { world } = await play(LOST_FOR_A_MOMENT, { write, side });
      expect(world.status('web')?.rejected).toBeUndefined();
      expect(world.status('web')?.history).toMatchObject([{ outcome: 'RolledBack', reason: 'CanaryEmpty' }]);
    }
  }
});

describe('looks and crashes', () => {
  test('rule 5: no look is counted twice: requests of the stage and failed looks are the same after a crash', async () => {
    const count = async (killAtMs: number | undefined) => {
      const world = new MemoryWorld();
      world.setService('v1', {});
      world.setService('v2', {});
      world.createRoute('store', [buildRule({ v1: 1, v2: 0 })]);
      const first = world.startOperator();
      await world.run(1_000);
      const checks = [{ name: 'errors', metric: 'ErrorRatio' as const, max: '1%', consecutive: 90 }];
      world.createRelease('web', specWith({ stages: [{ weight: 10, duration: '1h' }], analysis: { minRequests: 20, checks } }));
      await world.run(60_000);
      world.setVersion('v2', { errorRatio: 0.5 });
      if (killAtMs !== undefined) {
        await world.run(killAtMs);
        first.kill();
        await world.run(20_000);
        world.startOperator();
      }
      await world.run(241_000 - (killAtMs === undefined ? 0 : killAtMs + 20_000));
      const release = world.status('web')?.release;
      return { failing: release?.failing, requests: release?.stageRequests, lookGridAt: release?.lookGridAt };
    };
    const whole = await count(undefined);
    expect(whole.failing?.[0]?.count).toBeGreaterThan(15);
    for (const killAtMs of [500, 9_000, 33_000, 61_500, 100_000]) expect(await count(killAtMs)).toEqual(whole);
  });
});
