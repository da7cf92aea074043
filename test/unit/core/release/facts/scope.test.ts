import { describe, expect, test } from 'vitest';
import type { Route } from '../../../../../src/api/routes.ts';
import { recordAgain, recordRoutes, routesInScope, wantedRules } from '../../../../../src/core/release/facts/scope.ts';
import type { StateName } from '../../../../../src/core/release/state.ts';
import { hashMatches } from '../../../../../src/core/routing/matches.ts';
import {
  aRecordedRoute,
  aRecordedRule,
  aReleaseStatus,
  anObservation,
  aRoute,
  aRule,
  aSpec,
  aStatus,
  HOME_MARK,
  MARK,
  marked,
  SIDES,
} from '../../../../fixtures/builders.ts';

const store = aRoute();
const other = aRoute({ metadata: { name: 'other' }, rules: [aRule({ third: 1 })] });
const grpc = aRoute({ kind: 'GRPCRoute', metadata: { uid: 'uid-grpc' } });

describe('the scope', () => {
  test('the scope is every route that names one of the Services', () => {
    expect(routesInScope(aSpec(), [other, store, grpc], ['v1', 'v2'])).toEqual([store, grpc]);
  });

  test('the scope is what routeRefs lists, by kind and name, whatever it names', () => {
    const spec = aSpec({
      routeRefs: [
        { name: 'other', rules: ['api'] },
        { kind: 'GRPCRoute', name: 'store' },
      ],
    });
    expect(routesInScope(spec, [other, store, grpc], ['v1', 'v2'])).toEqual([other, grpc]);
    expect(wantedRules(spec, other)).toEqual(['api']);
    expect(wantedRules(spec, grpc)).toBeUndefined();
    expect(wantedRules(spec, store)).toBeUndefined();
  });

  test('the scope leaves out a route that names the Services by another port than the spec', () => {
    const byPort = (port: number) => aSpec({ services: [{ name: 'v1', port }, { name: 'v2' }] });
    expect(routesInScope(byPort(80), [store], ['v1'])).toEqual([store]);
    expect(routesInScope(byPort(9090), [store], ['v1'])).toEqual([]);
  });
});

describe('rule 3: the record', () => {
  test('the record holds every weight of every rule of ours, defaults included, and the factor', () => {
    const route = aRoute({
      rules: [aRule({ third: 1 }), { name: 'api', backendRefs: [{ name: 'third', weight: 3 }, { name: 'v1' }, { name: 'v2', weight: 0 }] }],
    });
    expect(recordRoutes(aSpec(), [route], SIDES)).toEqual([
      {
        kind: 'HTTPRoute',
        name: 'store',
        uid: 'uid-store',
        rules: [
          {
            key: 'api',
            index: 1,
            matches: hashMatches(undefined),
            serving: 1,
            canary: 0,
            factor: 2_500,
            others: [{ name: 'third', weight: 3 }],
          },
        ],
      },
    ]);
  });

  test('the record leaves out routes without such a rule, and rules that were not chosen', () => {
    const both = aRoute({ rules: [aRule({ v1: 100, v2: 0 }, { name: 'api' }), aRule({ v1: 100, v2: 0 }, { name: 'web' })] });
    const spec = aSpec({ routeRefs: [{ name: 'store', rules: ['web'] }, { name: 'other' }] });
    expect(recordRoutes(spec, [both, other], SIDES)).toEqual([
      aRecordedRoute({ rules: [aRecordedRule({ key: 'web', index: 1, serving: 100, factor: 100 })] }),
    ]);
  });

  test('the record of weights that cannot be split has factor 1, so that they can at least be restored', () => {
    const { uid: _uid, ...metadata } = store.metadata;
    const [recorded] = recordRoutes(aSpec(), [{ ...aRoute({ rules: [aRule({ v1: 999_999, v2: 0 })] }), metadata }], SIDES);
    expect(recorded).toMatchObject({ uid: '', rules: [{ serving: 999_999, factor: 1 }] });
  });
});

describe('rule 3: until a route is claimed, what it says is what was there', () => {
  const edited = aRoute({ rules: [aRule({ v1: 7, v2: 0 })] });
  const preparing = aStatus({ state: 'preparing', weight: 0 });
  const again = (routes: readonly Route[], status = preparing, state: StateName = 'preparing') =>
    recordAgain(aSpec(), status, state, anObservation({ routes }));

  test('a route that is not claimed yet is recorded again', () => {
    expect(again([edited]).release?.routes).toMatchObject([{ name: 'store', rules: [{ serving: 7, canary: 0 }] }]);
    const paused = { ...preparing, release: aReleaseStatus({ returnTo: 'preparing' }) };
    expect(again([edited], paused, 'paused').release?.routes?.[0]?.rules[0]?.serving).toBe(7);
    expect(again([edited], again([edited]))).toEqual(again([edited]));
  });

  test('a route that is claimed, that went away, or that lost its rule keeps its record', () => {
    for (const mark of [MARK, HOME_MARK]) expect(again([{ ...edited, metadata: { ...edited.metadata, ...marked(mark) } }])).toBe(preparing);
    expect(again([])).toBe(preparing);
    expect(again([aRoute({ rules: [aRule({ v1: 1 })] })])).toBe(preparing);
  });

  test('a route that comes meanwhile joins a release that is about every route, unless it is marked', () => {
    const late: Route = { ...edited, kind: 'GRPCRoute', metadata: { ...edited.metadata, name: 'store-grpc', uid: 'late' } };
    const before = preparing.release?.routes ?? [];
    expect(again([late]).release?.routes).toEqual([
      ...before,
      expect.objectContaining({ kind: 'GRPCRoute', name: 'store-grpc', uid: 'late' }),
    ]);
    expect(again([late], again([late]))).toEqual(again([late]));
    expect(again([{ ...late, metadata: { ...late.metadata, ...marked(MARK) } }])).toBe(preparing);
    const crowd = Array.from({ length: 17 }, (_, index) => ({ ...late, metadata: { ...late.metadata, name: `store-${index}` } }));
    expect(again(crowd)).toBe(preparing);
    const chosen = aSpec({ routeRefs: [{ kind: 'HTTPRoute', name: 'store' }] });
    expect(recordAgain(chosen, preparing, 'preparing', anObservation({ routes: [late] }))).toBe(preparing);
  });

  test('nothing is recorded again later, without a record, or beyond what the status can hold', () => {
    expect(again([edited], preparing, 'stage.analyzing')).toBe(preparing);
    const { routes: _routes, ...bare } = aReleaseStatus();
    const unrecorded = aStatus({ release: bare });
    expect(again([edited], unrecorded)).toBe(unrecorded);
    expect(again([aRoute({ rules: Array.from({ length: 65 }, () => aRule({ v1: 1, v2: 0 })) })])).toBe(preparing);
  });
});
