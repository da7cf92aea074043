import { describe, expect, test } from 'vitest';
import type { RouteBackendRef, RouteCondition } from '../../../../src/api/routes.ts';
import { judgeAcceptance } from '../../../../src/core/routing/acceptance.ts';
import { anAnswer, aRef, aRoute } from '../../../fixtures/builders.ts';

const CONTROLLER = 'projectcontour.io/gateway-controller';

function judge(conditions: readonly RouteCondition[] | undefined, generation = 3) {
  const { conditions: _answered, ...silent } = anAnswer(generation);
  return judgeAcceptance(aRoute({ metadata: { generation }, parents: [conditions === undefined ? silent : { ...silent, conditions }] }));
}

const accepted: RouteCondition = { type: 'Accepted', status: 'True', observedGeneration: 3 };

describe('a route is accepted', () => {
  test('a route is accepted when every parent has taken it at its generation', () => {
    expect(judgeAcceptance(aRoute({ metadata: { generation: 3 } }))).toEqual({ kind: 'accepted' });
    expect(judge([accepted])).toEqual({ kind: 'accepted' });
  });

  test('a route is accepted by a controller that writes no generation', () => {
    expect(judge([{ type: 'Accepted', status: 'True' }])).toEqual({ kind: 'accepted' });
  });

  test('a route is not accepted before a gateway has answered', () => {
    const message = 'HTTPRoute store: no gateway has answered yet; check its parentRefs';
    expect(judgeAcceptance(aRoute({ parents: [] }))).toEqual({ kind: 'waiting', unanswered: true, message });
    const { status: _status, ...silent } = aRoute();
    expect(judgeAcceptance(silent)).toEqual({ kind: 'waiting', unanswered: true, message });
    expect(judgeAcceptance({ ...aRoute({ parents: [] }), spec: {} }).kind).toBe('waiting');
  });

  test('a route is not accepted by an answer to an earlier generation, whatever it was', () => {
    for (const status of ['True', 'False']) {
      expect(judge([{ ...accepted, status, observedGeneration: 2 }])).toEqual({
        kind: 'waiting',
        message: `HTTPRoute store: ${CONTROLLER} has not taken the last change yet`,
      });
    }
  });

  test('a route is not accepted while a controller is undecided', () => {
    expect(judge([{ ...accepted, status: 'Unknown' }])).toEqual({
      kind: 'waiting',
      message: `HTTPRoute store: ${CONTROLLER} has not decided yet (Accepted=Unknown)`,
    });
  });

  test('a route is not accepted while a controller says nothing about it', () => {
    const message = `HTTPRoute store: ${CONTROLLER} has not answered`;
    expect(judge([{ type: 'ResolvedRefs', status: 'True', observedGeneration: 3 }])).toEqual({ kind: 'waiting', message });
    expect(judge(undefined)).toEqual({ kind: 'waiting', message });
  });

  test('a route is not accepted while a parent is missing', () => {
    const route = aRoute({ parentRefs: [{ name: 'gateway' }, { name: 'internal' }] });
    expect(judgeAcceptance(route)).toEqual({ kind: 'waiting', message: 'HTTPRoute store: 1 of 2 parents have answered' });
  });
});

describe('a route is refused', () => {
  test('a route is refused when a parent says so, in its words', () => {
    expect(
      judge([
        accepted,
        { type: 'ResolvedRefs', status: 'False', reason: 'BackendNotFound', message: 'no Service v2', observedGeneration: 3 },
      ]),
    ).toEqual({
      kind: 'rejected',
      about: 'refs',
      controller: CONTROLLER,
      reason: 'BackendNotFound',
      message: `HTTPRoute store: ${CONTROLLER} says ResolvedRefs=False, BackendNotFound: no Service v2`,
    });
  });

  test('a route is refused with the ReferenceGrant that is missing, where a ref to another namespace is not permitted', () => {
    const conditions = [{ type: 'ResolvedRefs', status: 'False', reason: 'RefNotPermitted', message: 'no grant', observedGeneration: 1 }];
    const { conditions: _answered, ...silent } = anAnswer(1);
    const refused = (...refs: readonly RouteBackendRef[]) =>
      judgeAcceptance(aRoute({ parents: [{ ...silent, conditions: [accepted, ...conditions] }], rules: [{ backendRefs: refs }] }));
    expect(refused(aRef('v1', 1), aRef('auth', 1, { namespace: 'idp' }))).toMatchObject({
      message: expect.stringContaining(
        'add a ReferenceGrant in namespace idp from {group: gateway.networking.k8s.io, kind: HTTPRoute, namespace: shop} to Service auth in namespace idp',
      ),
    });
    expect(refused(aRef('v1', 1))).toMatchObject({ message: expect.stringContaining('add a ReferenceGrant') });
  });

  test('a route is refused also without words', () => {
    expect(judge([{ ...accepted, status: 'False' }])).toMatchObject({ kind: 'rejected', reason: 'Accepted' });
  });

  test('a route is refused by one parent, whatever the others say and whoever is still missing', () => {
    const refusing = anAnswer(1, { conditions: [{ type: 'Accepted', status: 'False', reason: 'NotAllowed', observedGeneration: 1 }] });
    const { conditions: _conditions, ...silent } = anAnswer(1);
    expect(judgeAcceptance(aRoute({ parents: [anAnswer(1), silent, refusing] })).kind).toBe('rejected');
  });
});

describe('answers about parents that the spec does not have', () => {
  const NEW = { name: 'new' };
  const old = (conditions: readonly RouteCondition[]) => ({ parentRef: { name: 'old' }, controllerName: CONTROLLER, conditions });
  const judgeBeside = (conditions: readonly RouteCondition[]) =>
    judgeAcceptance(
      aRoute({ metadata: { generation: 7 }, parentRefs: [NEW], parents: [anAnswer(7, { parentRef: NEW }), old(conditions)] }),
    );

  test('hold nothing up that the present parents have taken', () => {
    expect(judgeBeside([{ type: 'Accepted', status: 'True', observedGeneration: 3 }])).toEqual({ kind: 'accepted' });
  });

  test('answers about parents that the spec does not have refuse nothing, either', () => {
    const refusal = { type: 'Accepted', status: 'False', reason: 'NoMatchingParent', observedGeneration: 7 };
    expect(judgeBeside([refusal])).toEqual({ kind: 'accepted' });
  });

  test('answers about parents that the spec does not have are no answer of the parent that is there', () => {
    const route = aRoute({ parentRefs: [NEW], parents: [old([{ type: 'Accepted', status: 'True', observedGeneration: 1 }])] });
    expect(judgeAcceptance(route)).toMatchObject({ kind: 'waiting', message: expect.stringContaining('no gateway has answered yet') });
  });
});
