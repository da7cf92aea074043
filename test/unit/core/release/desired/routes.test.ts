import { describe, expect, test } from 'vitest';
import { type CanaryReleaseStatus, defaultSpec, type ReleaseStatus } from '../../../../../src/api/release.ts';
import type { Route } from '../../../../../src/api/routes.ts';
import { buildPatch } from '../../../../../src/core/release/desired/patch.ts';
import type { RouteIntent } from '../../../../../src/core/release/desired/route-intent.ts';
import { desireRoutes } from '../../../../../src/core/release/desired/routes.ts';
import { endOfDrain } from '../../../../../src/core/release/drain.ts';
import { gatherFacts } from '../../../../fixtures/facts.ts';
import type { StateName } from '../../../../../src/core/release/state.ts';
import {
  aRecordedRoute,
  aRecordedRule,
  aRelease,
  aReleaseStatus,
  aRoute,
  aRule,
  aSpec,
  aStatus,
  after,
  anObservation,
  HOME_MARK,
  MARK,
  marked,
} from '../../../../fixtures/builders.ts';

/** What is wanted of the routes in a state. */
function desire(state: StateName, route: Route, status: CanaryReleaseStatus = aStatus(), deleting = false): readonly RouteIntent[] {
  const release = aRelease(deleting ? { metadata: { deletionTimestamp: '2030-01-01T12:00:00Z' } } : {});
  return desireRoutes(status, state, gatherFacts(aSpec(), status, state, anObservation({ release, routes: [route] }), after(60)));
}

const patchesOf = (intents: readonly RouteIntent[]) => intents.map((intent) => buildPatch(intent).map(({ op, path }) => `${op} ${path}`));
const MARK_PATH = '/metadata/annotations/glidepath.dev~1release';

describe('a share that is too large', () => {
  const edited = aRoute({ rules: [aRule({ v1: 1_000, v2: 9_000 })], metadata: marked() });
  const WEIGHT_TEST = 'test /spec/rules/0/backendRefs/1/weight';

  test('a share that is too large is lowered to the one wanted only from the weights that were seen', () => {
    expect(patchesOf(desire('stage.analyzing', edited)).flat()).toContain(WEIGHT_TEST);
  });

  test('a share that is too large is taken to 0 from any weights', () => {
    expect(patchesOf(desire('rollingBack.goingHome', edited, aStatus({ weight: 0 }))).flat()).not.toContain(WEIGHT_TEST);
  });
});

describe('a claim', () => {
  const preparing = (rules: ReturnType<typeof aRecordedRule>[]) =>
    aStatus({ state: 'preparing', weight: 0, release: aReleaseStatus({ routes: [aRecordedRoute({ rules })] }) });

  test('a claim tests what was recorded, others included', () => {
    const route = aRoute({ rules: [aRule({ v1: 1, v2: 0, beta: 4 })], metadata: { annotations: { team: 'a' } } });
    const [claim] = desire('preparing', route, preparing([aRecordedRule({ others: [{ name: 'beta', weight: 4 }] })]));
    expect(claim).toMatchObject({ kind: 'claim', mark: MARK });
    expect(claim === undefined ? [] : buildPatch(claim)).toContainEqual({
      op: 'test',
      path: '/spec/rules/0/backendRefs/2/weight',
      value: 4,
    });
  });

  test('a claim is none while the rule names others than were recorded, or is gone', () => {
    for (const others of [undefined, [{ name: 'gamma', weight: 4 }]]) {
      const route = aRoute({ rules: [aRule({ v1: 1, v2: 0, beta: 4 })] });
      expect(patchesOf(desire('preparing', route, preparing([aRecordedRule(others === undefined ? {} : { others })])))).toEqual([[]]);
    }
    expect(patchesOf(desire('preparing', aRoute({ rules: [aRule({ v1: 1 })] }), preparing([aRecordedRule()])))).toEqual([[]]);
  });

  test('a claim comes again as a merge patch where someone took our mark away', () => {
    const status = aStatus({ release: aReleaseStatus({ routes: [aRecordedRoute({ raising: true })] }) });
    const [again] = desire('stage.shifting', aRoute(), status);
    expect(again?.kind).toBe('reclaim');
    expect(again === undefined ? undefined : buildPatch(again)).toEqual([]);
  });
});

describe('rule 7: a raise', () => {
  const route = aRoute({ rules: [aRule({ v1: 90, v2: 10 })], metadata: marked() });
  const status = (raising: boolean, puttingBack: boolean) =>
    aStatus({
      release: aReleaseStatus({
        weightBefore: 10,
        routes: [aRecordedRoute(raising ? { raising } : {})],
        ...(puttingBack ? { puttingBack } : {}),
      }),
    });

  test.each([
    ['stage.shifting', true, false, 1],
    ['promoting.rollingOut', true, false, 1],
    ['stage.shifting', false, false, 0],
    ['stage.analyzing', true, false, 0],
    ['stage.analyzing', false, true, 1],
    ['paused', true, true, 0],
    ['blocked', true, true, 0],
  ] as const)('a share in %s, to be written: %s, put back: %s', (state, raising, puttingBack, count) => {
    expect(desire(state, route, status(raising, puttingBack))).toHaveLength(count);
  });
});

describe('the last writes of a promoted Deployment', () => {
  const spec = defaultSpec({ targetRef: { name: 'store' }, service: { name: 'v1' } });
  const workload = { name: 'store', uid: 'uid-1', canary: 'store-canary', template: 'new', servingTemplate: 'old' };
  const recorded = aRecordedRule();
  const { canary: _added, ...rule } = recorded;
  const status = (change: Partial<ReleaseStatus> = {}) =>
    aStatus({
      state: 'promoting.restoring',
      weight: 0,
      release: aReleaseStatus({ workload, maxWeight: 50, routes: [aRecordedRoute({ rules: [rule] })], ...change }),
    });
  const wanted = (route: Route, now: CanaryReleaseStatus, seconds = 60) => {
    const observed = { known: true, replicaSets: [], hold: { kind: 'proven' } } as const;
    const observation = anObservation({ release: aRelease({ spec }), routes: [route], workload: observed });
    return desireRoutes(now, 'promoting.restoring', gatherFacts(spec, now, 'promoting.restoring', observation, after(seconds)));
  };
  const routeWith = (v1: number, v2: number) => aRoute({ rules: [aRule({ v1, v2 })], metadata: marked() });
  const drainEndsAt = endOfDrain(after(60));

  test.each([
    ['the share that it had', 5_000, 5_000],
    ['one that is too small to be told', 999_999, 1],
  ])('the last writes of a promoted Deployment take the share first, and nothing else: %s', (_what, v1, v2) => {
    const intents = wanted(routeWith(v1, v2), status());
    expect(intents.map(({ kind }) => kind)).toEqual(['withdraw']);
    expect(intents.flatMap((intent) => buildPatch(intent))).toEqual([
      { op: 'test', path: '/spec/rules/0/matches', value: null },
      { op: 'test', path: '/spec/rules/0/backendRefs/0/name', value: 'v1' },
      { op: 'replace', path: '/spec/rules/0/backendRefs/0/weight', value: 10_000 },
      { op: 'test', path: '/spec/rules/0/backendRefs/1/name', value: 'v2' },
      { op: 'replace', path: '/spec/rules/0/backendRefs/1/weight', value: 0 },
    ]);
  });

  test('the last writes of a promoted Deployment are none while it drains, but for a share that someone gives it again', () => {
    expect(wanted(routeWith(10_000, 0), status({ drainEndsAt }), 69)).toEqual([]);
    expect(wanted(routeWith(9_000, 1_000), status({ drainEndsAt }), 69)).toMatchObject([{ kind: 'lower' }]);
  });

  test('the last writes of a promoted Deployment give the route back when the requests have stopped', () => {
    const [restore] = wanted(routeWith(10_000, 0), status({ drainEndsAt }), 120);
    expect(restore?.kind).toBe('restore');
    expect(restore === undefined ? [] : buildPatch(restore)).toContainEqual({ op: 'remove', path: '/spec/rules/0/backendRefs/1' });
  });
});

describe('a mark of ours on a settled route', () => {
  const settled = aStatus({ state: 'rolledBack', weight: 0 });
  const home = aRoute({ rules: [aRule({ v1: 10_000, v2: 0 })], metadata: marked(HOME_MARK) });

  test('a mark of ours on a settled route is taken away, and with it the integers of a home patch', () => {
    expect(patchesOf(desire('rolledBack', home, settled))).toEqual([
      [
        'test /spec/rules/0/matches',
        'test /spec/rules/0/backendRefs/0/name',
        'test /spec/rules/0/backendRefs/0/weight',
        'replace /spec/rules/0/backendRefs/0/weight',
        'test /spec/rules/0/backendRefs/1/name',
        'test /spec/rules/0/backendRefs/1/weight',
        `test ${MARK_PATH}`,
        `remove ${MARK_PATH}`,
      ],
    ]);
  });

  test('a mark of ours on a settled route goes alone where the route says something else, or was none of the last release', () => {
    const alone = [[`test ${MARK_PATH}`, `remove ${MARK_PATH}`]];
    expect(patchesOf(desire('rolledBack', aRoute({ rules: [aRule({ v1: 7, v2: 3 })], metadata: marked(HOME_MARK) }), settled))).toEqual(
      alone,
    );
    expect(patchesOf(desire('promoted', aRoute({ metadata: marked() }), settled))).toEqual(alone);
    expect(patchesOf(desire('idle', { ...home, metadata: { ...home.metadata, name: 'other' } }, settled))).toEqual(alone);
  });

  test('a mark of ours on a settled route is left where it is another one’s, or where the object is being deleted', () => {
    expect(desire('rolledBack', aRoute({ metadata: marked('other/0123456789') }), settled)).toEqual([]);
    expect(desire('rolledBack', home, settled, true)).toEqual([]);
  });
});
