// Random clusters and random happenings for property tests: every value comes from fast-check, so that a failure shrinks to
// the shortest story that still breaks a rule.

import fc from 'fast-check';
import { GlidepathError } from '../../src/api/errors.ts';
import type { SpecInput } from '../../src/api/release.ts';
import { buildRule } from './memory/gateway.ts';
import { MemoryWorld } from './memory-world.ts';
import { specWith } from './story.ts';

/** One thing that happens, then some time. */
export type Happening =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'edit'; readonly route: number; readonly weights: readonly [number, number] }
  | { readonly kind: 'endpoints'; readonly ready: number; readonly unready: number }
  | { readonly kind: 'errors'; readonly ratio: number }
  | { readonly kind: 'prometheus'; readonly mode: 'up' | 'down' | 'hangs' | 'warns' }
  | { readonly kind: 'traffic'; readonly rps: number }
  | { readonly kind: 'scrapes'; readonly outage: boolean }
  | { readonly kind: 'gateway'; readonly mood: 'quick' | 'slow' | 'stuck' | 'refuses' }
  | { readonly kind: 'command'; readonly verb: string }
  | { readonly kind: 'paused'; readonly paused: boolean }
  | { readonly kind: 'stages'; readonly weights: readonly number[] }
  | { readonly kind: 'revision'; readonly hash: number }
  | { readonly kind: 'faults'; readonly every: number; readonly code: number }
  | { readonly kind: 'restart'; readonly awayMs: number };

export interface Scene {
  readonly lagMs: number;
  readonly scrapeMs: number;
  readonly routes: readonly (readonly { readonly serving: number; readonly others: readonly number[] }[])[];
  readonly spec: SpecInput;
  readonly happenings: readonly (readonly [Happening, number])[];
}

const weights = fc
  .uniqueArray(fc.integer({ min: 1, max: 99 }), { minLength: 1, maxLength: 4 })
  .map((list) => [...list].sort((a, b) => a - b));

const happening: fc.Arbitrary<Happening> = fc.oneof(
  { weight: 6, arbitrary: fc.constant({ kind: 'nothing' as const }) },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('edit' as const), route: fc.nat(1), weights: fc.tuple(fc.nat(100), fc.nat(100)) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('endpoints' as const), ready: fc.nat(2), unready: fc.nat(1) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('errors' as const), ratio: fc.constantFrom(0, 0.005, 0.05, 1) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('prometheus' as const),
      mode: fc.constantFrom('up' as const, 'up' as const, 'down' as const, 'hangs' as const, 'warns' as const),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('traffic' as const), rps: fc.constantFrom(0, 1, 50) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('scrapes' as const), outage: fc.boolean() }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('gateway' as const),
      mood: fc.constantFrom('quick' as const, 'slow' as const, 'stuck' as const, 'refuses' as const),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('command' as const),
      verb: fc.constantFrom('approve', 'advance', 'promote', 'pause', 'resume', 'retry', 'undo'),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('paused' as const), paused: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('stages' as const), weights }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('revision' as const), hash: fc.nat(2) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('faults' as const), every: fc.integer({ min: 2, max: 5 }), code: fc.nat(3) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('restart' as const), awayMs: fc.constantFrom(0, 100, 5_000, 90_000) }) },
);

const rule = fc.record({ serving: fc.integer({ min: 1, max: 200 }), others: fc.array(fc.nat(150), { maxLength: 2 }) });

function buildSpec(parts: {
  readonly weights: readonly number[];
  readonly approval: boolean;
  readonly bake: boolean;
  readonly onInconclusive: 'Pause' | 'Approve' | 'Promote' | 'Rollback';
  readonly compares: boolean;
  readonly then: 'Pause' | 'Reduce' | 'Rollback';
}): SpecInput {
  return specWith({
    stages: stagesOf(parts.weights, parts.approval),
    promotion: { bake: parts.bake ? '1m' : '0s' },
    onBlocked: { after: '5m', then: parts.then === 'Rollback' ? 'Rollback' : 'Pause' },
    analysis: {
      minRequests: 5,
      window: '30s',
      onInconclusive: parts.onInconclusive,
      onUnavailable: { after: '3m', then: parts.then },
      comparison: { mode: parts.compares ? 'Enforce' : 'Off', riskBudget: '10%' },
    },
  });
}

function stagesOf(list: readonly number[], approval: boolean): NonNullable<SpecInput['stages']> {
  return list.map((weight, index) => ({
    weight,
    duration: '40s',
    timeout: '4m',
    ...(approval && index === 0 ? { approval: 'Required' as const } : {}),
  }));
}

/** A random scene of up to `most` happenings. */
export function anyScene(most: number): fc.Arbitrary<Scene> {
  const wait = fc.constantFrom(0, 5, 700, 4_000, 21_000, 65_000, 200_000);
  return fc.record({
    lagMs: fc.constantFrom(0, 0, 30, 900),
    scrapeMs: fc.constantFrom(1_000, 5_000, 15_000),
    routes: fc.array(fc.array(rule, { minLength: 1, maxLength: 2 }), { minLength: 1, maxLength: 2 }),
    spec: fc
      .record({
        weights,
        approval: fc.boolean(),
        bake: fc.boolean(),
        onInconclusive: fc.constantFrom('Pause' as const, 'Approve' as const, 'Promote' as const, 'Rollback' as const),
        compares: fc.boolean(),
        then: fc.constantFrom('Pause' as const, 'Reduce' as const, 'Rollback' as const),
      })
      .map(buildSpec),
    happenings: fc.array(fc.tuple(happening, wait), { maxLength: most }),
  });
}

/** The world of a scene, with its release, at the beginning. */
export async function setScene(scene: Scene): Promise<MemoryWorld> {
  const world = new MemoryWorld({ lagMs: scene.lagMs, scrapeMs: scene.scrapeMs });
  world.setService('v1', {});
  world.setService('v2', {});
  scene.routes.forEach((rules, route) => {
    world.createRoute(
      `route-${route}`,
      rules.map(({ serving, others }) =>
        buildRule({ v1: serving, ...Object.fromEntries(others.map((weight, index) => [`x${index}`, weight])), v2: 0 }),
      ),
    );
  });
  world.startOperator();
  await world.run(1_000);
  world.createRelease('web', scene.spec);
  await world.run(0);
  return world;
}

/** The two Services by role, as the status has them. */
export function rolesOf(world: MemoryWorld): { readonly serving: string; readonly canary: string } {
  const release = world.status('web')?.release;
  return { serving: release?.serving.service ?? 'v1', canary: release?.canary.service ?? 'v2' };
}

/** Lets one thing happen. */
export async function happen(world: MemoryWorld, scene: Scene, event: Happening): Promise<void> {
  const { canary } = rolesOf(world);
  switch (event.kind) {
    case 'nothing':
      return;
    case 'edit':
      return editWeights(world, scene, event);
    case 'endpoints':
      return world.setService(canary, { ready: event.ready, unready: event.unready });
    case 'errors':
      return world.setVersion(canary, { errorRatio: event.ratio });
    case 'prometheus':
      world.prometheus.mode = event.mode;
      return;
    case 'traffic':
      return world.setTraffic(event.rps);
    case 'scrapes':
      return world.setScrapeOutage(event.outage);
    case 'gateway':
      return changeMood(world, event.mood);
    case 'command':
      return void world.command('web', event.verb, event.verb === 'approve' ? 1 : undefined);
    case 'paused':
      return world.editSpec('web', (spec) => ({ ...spec, paused: event.paused }));
    case 'stages':
      return world.editSpec('web', (spec) => ({ ...spec, stages: stagesOf(event.weights, false) }));
    case 'revision':
      return world.setService(canary, { hashes: [`${canary}-${event.hash}`] });
    case 'faults':
      return makeFaults(world, event.every, event.code);
    case 'restart':
      for (const operator of world.operators) operator.kill();
      await world.run(event.awayMs);
      world.startOperator();
  }
}

function editWeights(world: MemoryWorld, scene: Scene, { route, weights: [a, b] }: Extract<Happening, { kind: 'edit' }>): void {
  if (a + b > 0) world.editWeights(`route-${route % scene.routes.length}`, 'somebody', { v1: a, v2: b });
}

function changeMood(world: MemoryWorld, mood: 'quick' | 'slow' | 'stuck' | 'refuses'): void {
  world.gateway.refused.clear();
  if (mood === 'refuses') world.gateway.refused.set('route-0', 'UnsupportedValue');
  world.gateway.delayMs = mood === 'slow' ? 8_000 : mood === 'stuck' ? Number.POSITIVE_INFINITY : 40;
  world.gateway.wake();
}

const CODES = ['GLIDEPATH_E_SERVER', 'GLIDEPATH_E_NETWORK', 'GLIDEPATH_E_FORBIDDEN', 'GLIDEPATH_E_CONFLICT'] as const;

/** Every n-th write fails, half of them although they were carried out. */
function makeFaults(world: MemoryWorld, every: number, code: number): void {
  let calls = 0;
  world.faults = ({ verb }) => {
    calls += 1;
    if (calls % every !== 0) return undefined;
    const wanted = CODES[code] ?? 'GLIDEPATH_E_SERVER';
    const fits = wanted !== 'GLIDEPATH_E_CONFLICT' || verb === 'status';
    const when =
      wanted === 'GLIDEPATH_E_FORBIDDEN' || wanted === 'GLIDEPATH_E_CONFLICT' || calls % (2 * every) === 0 ? 'instead' : 'afterwards';
    return { when, error: new GlidepathError(fits ? wanted : 'GLIDEPATH_E_SERVER', 'a fault of the test', { retryable: true }) };
  };
}

/** Everything works again: what comes next is the operator's own doing. */
export async function mend(world: MemoryWorld): Promise<void> {
  world.faults = () => undefined;
  changeMood(world, 'quick');
  world.prometheus.mode = 'up';
  world.setScrapeOutage(false);
  world.setTraffic(50);
  if (world.operators.length === 0) world.startOperator();
  await world.run(0);
}
