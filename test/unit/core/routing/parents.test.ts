import { describe, expect, test } from 'vitest';
import type { RouteParentRef, RouteParentStatus } from '../../../../src/api/routes.ts';
import { answeredParents, controllersOf, servingControllersOf } from '../../../../src/core/routing/parents.ts';
import { anAnswer, aRoute } from '../../../fixtures/builders.ts';

const CONTOUR = 'projectcontour.io/gateway-controller';
const ISTIO = 'istio.io/gateway-controller';

/** How many answers count for each parent of the spec. */
function countAnswers(parentRefs: readonly RouteParentRef[], parents: readonly RouteParentStatus[]): readonly number[] {
  return answeredParents(aRoute({ parentRefs, parents })).map(({ answers }) => answers.length);
}

function answerOf(parentRef: RouteParentRef, controllerName = CONTOUR, generation = 1): RouteParentStatus {
  return anAnswer(generation, { parentRef, controllerName });
}

describe('an answer names the parent of the spec', () => {
  test.each<readonly [string, RouteParentRef, RouteParentRef]>([
    ['written as in the spec', { name: 'edge' }, { name: 'edge' }],
    [
      'with the defaults filled in',
      { name: 'edge' },
      { group: 'gateway.networking.k8s.io', kind: 'Gateway', namespace: 'shop', name: 'edge' },
    ],
    ['with its section and port', { name: 'edge', sectionName: 'https', port: 443 }, { name: 'edge', sectionName: 'https', port: 443 }],
    [
      'as a Service by the name that Linkerd has for its group',
      { group: '', kind: 'Service', name: 'web' },
      { group: 'core', kind: 'Service', name: 'web' },
    ],
    ['without the section, where its controller writes none', { name: 'edge', sectionName: 'https' }, { name: 'edge' }],
  ])('an answer %s names the parent of the spec', (_how, wanted, answered) => {
    expect(countAnswers([wanted], [answerOf(answered)])).toEqual([1]);
  });

  test.each<readonly [string, RouteParentRef]>([
    ['of another name', { name: 'other' }],
    ['in another namespace', { name: 'edge', namespace: 'infra' }],
    ['of another kind', { name: 'edge', kind: 'ListenerSet' }],
    ['of another group', { name: 'edge', group: 'example.org' }],
  ])('an answer names the parent of the spec and not one %s', (_what, answered) => {
    expect(countAnswers([{ name: 'edge' }], [answerOf(answered)])).toEqual([0]);
  });

  test('an answer names the parent of the spec and not one of a section that the spec no longer has, beside the answer of the present one', () => {
    const stale = answerOf({ name: 'edge', sectionName: 'http' });
    expect(answeredParents(aRoute({ parentRefs: [{ name: 'edge' }], parents: [stale, answerOf({ name: 'edge' })] }))).toEqual([
      { parent: { name: 'edge' }, answers: [answerOf({ name: 'edge' })] },
    ]);
  });

  test('an answer names the parent of the spec and not one of another section of the spec', () => {
    const [http, https] = [
      { name: 'edge', sectionName: 'http' },
      { name: 'edge', sectionName: 'https' },
    ];
    expect(countAnswers([http, https], [answerOf(http)])).toEqual([1, 0]);
  });

  test('an answer names a default Gateway, which no spec names, where the route asks for them', () => {
    const route = aRoute({ parentRefs: [], parents: [answerOf({ name: 'edge' })] });
    expect(answeredParents(route)).toEqual([]);
    expect(answeredParents({ ...route, spec: { ...route.spec, useDefaultGateways: 'None' } })).toEqual([]);
    expect(answeredParents({ ...route, spec: { ...route.spec, useDefaultGateways: 'All' } })).toHaveLength(1);
  });
});

describe('a Gateway that another controller serves by now', () => {
  const edge = { name: 'edge' };

  test('the newest answer counts for a Gateway that another controller serves by now', () => {
    expect(controllersOf(aRoute({ parentRefs: [edge], parents: [answerOf(edge, CONTOUR, 3), answerOf(edge, ISTIO, 7)] }))).toEqual([ISTIO]);
  });

  test('both answers count for a Gateway that another controller serves by now where both are as new, or one writes no generation', () => {
    const silent = { ...answerOf(edge), conditions: [{ type: 'Accepted', status: 'True' }] };
    expect(controllersOf(aRoute({ parentRefs: [edge], parents: [answerOf(edge, CONTOUR, 7), answerOf(edge, ISTIO, 7)] }))).toHaveLength(2);
    expect(controllersOf(aRoute({ parentRefs: [edge], parents: [silent, answerOf(edge, ISTIO, 7)] }))).toHaveLength(2);
  });

  test('a Gateway that another controller serves by now is no Service: several meshes may serve that', () => {
    const web = { group: '', kind: 'Service', name: 'web' };
    const parents = [answerOf(web, ISTIO, 3), answerOf(web, 'linkerd.io/policy-controller', 7)];
    expect(controllersOf(aRoute({ parentRefs: [web], parents }))).toHaveLength(2);
  });
});

describe('the controllers of a route', () => {
  test('the controllers of a route are named once each', () => {
    const [one, two] = [{ name: 'one' }, { name: 'two' }];
    const route = aRoute({ parentRefs: [one, two], parents: [answerOf(one), answerOf(two), answerOf(two, ISTIO)] });
    expect(controllersOf(route)).toEqual([CONTOUR, ISTIO]);
    const { status: _status, ...silent } = aRoute();
    expect(controllersOf(silent)).toEqual([]);
  });

  test('the controllers of a route are not those of parents that the spec no longer has', () => {
    const route = aRoute({ parentRefs: [{ name: 'new' }], parents: [answerOf({ name: 'new' }), answerOf({ name: 'old' }, ISTIO)] });
    expect(controllersOf(route)).toEqual([CONTOUR]);
  });

  test('the controllers of a route are known by what they serve it for: a Gateway, or callers in a mesh', () => {
    const [edge, web] = [{ name: 'edge' }, { group: '', kind: 'Service', name: 'web' }];
    const route = aRoute({ parentRefs: [web, edge], parents: [answerOf(web, ISTIO), answerOf(edge, ISTIO), answerOf(edge)] });
    expect(servingControllersOf(route)).toEqual([
      { name: ISTIO, isMesh: false },
      { name: CONTOUR, isMesh: false },
      { name: ISTIO, isMesh: true },
    ]);
  });
});
