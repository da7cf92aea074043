import { expect, test } from 'vitest';
import { observeWorkload } from '../../../../src/app/observe/workload-observer.ts';
import type { World } from '../../../../src/app/world.ts';
import type { HoldStanding } from '../../../../src/core/workload/observed.ts';
import { aRelease, aSpec, aStatus } from '../../../fixtures/builders.ts';

const { services: _services, ...spec } = aSpec();
const release = aRelease({
  spec: { ...spec, targetRef: { group: 'apps', kind: 'Deployment', name: 'store' }, service: { name: 'store' } },
});

/** A world that sees the Deployment, and whose API server answers a probe with this, or never. */
function aWorld(answer: HoldStanding | undefined): World {
  const seen = { known: true, deployment: { metadata: { name: 'store' }, spec: {} }, replicaSets: [] };
  const proveHold = () => (answer === undefined ? new Promise<HoldStanding>(() => undefined) : Promise.resolve(answer));
  return { workloads: { observe: () => seen, proveHold } } as unknown as World;
}

const holdUnder = async (state: string, weight: number, answer?: HoldStanding) =>
  (await observeWorkload(aWorld(answer), release, aStatus({ state, weight })))?.hold;

test('rule 1: a release with weight, or on its way home, does not wait for the proof of the hold', async () => {
  for (const [state, weight] of [
    ['stage.analyzing', 25],
    ['paused', 25],
    ['rollingBack.goingHome', 0],
  ] as const)
    expect(await holdUnder(state, weight)).toEqual({ kind: 'asked' });
});

test('a proof that is known is told at once, with weight and without', async () => {
  for (const weight of [0, 25]) expect(await holdUnder('stage.analyzing', weight, { kind: 'proven' })).toEqual({ kind: 'proven' });
});

test('the hold is proven every ten minutes, while a release runs as well, and within a minute before one', async () => {
  const ages: number[] = [];
  const seen = { known: true, deployment: { metadata: { name: 'store' }, spec: { paused: true } }, replicaSets: [] };
  const proveHold = (_namespace: string, _name: string, maxAgeMs: number) => {
    ages.push(maxAgeMs);
    return Promise.resolve<HoldStanding>({ kind: 'proven' });
  };
  const world = { workloads: { observe: () => seen, proveHold } } as unknown as World;
  for (const state of ['stage.awaitingApproval', 'promoting.rollingOut', 'idle'])
    await observeWorkload(world, release, aStatus({ state, weight: 25 }));
  expect(ages).toEqual([600_000, 600_000, 60_000]);
});

test('before there is weight the answer is waited for, because nothing begins without it', async () => {
  expect(await holdUnder('idle', 0, { kind: 'unavailable' })).toEqual({ kind: 'unavailable' });
});

test('a Deployment that is kept paused at rest is its own proof, and the API server is not asked', async () => {
  const { targetRef, service } = release.spec;
  if (targetRef === undefined || service === undefined) throw new Error('no target');
  const resting = { ...release, spec: { ...release.spec, targetRef: { ...targetRef, hold: 'PausedAtRest' as const } } };
  const holdOf = async (paused: boolean) => {
    const seen = { known: true, deployment: { metadata: { name: 'store' }, spec: { paused } }, replicaSets: [] };
    const proveHold = () => Promise.reject(new Error('asked'));
    const world = { workloads: { observe: () => seen, proveHold } } as unknown as World;
    return (await observeWorkload(world, resting, aStatus({ state: 'idle', weight: 0 })))?.hold;
  };
  expect([await holdOf(true), await holdOf(false)]).toEqual([{ kind: 'proven' }, { kind: 'awaited' }]);
});
