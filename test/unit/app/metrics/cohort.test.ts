// What is counted of the requests of a cohort: checks judge them with the canary's others, the comparison leaves them out.

import { describe, expect, test } from 'vitest';
import { askLook } from '../../../../src/app/metrics/look-reading.ts';
import { LayoutDesk } from '../../../../src/app/metrics/layout-desk.ts';
import { canaryOf, isCompared, isSilencedByCohort } from '../../../../src/app/metrics/queries.ts';
import { buildQuestion } from '../../../../src/app/metrics/question.ts';
import type { Cohort, RecordedRoute } from '../../../../src/api/release.ts';
import type { Route } from '../../../../src/api/routes.ts';
import type { World } from '../../../../src/app/world.ts';
import type { MetricsReader } from '../../../../src/ports/metrics.ts';
import { contour } from '../../../../src/sources/contour.ts';
import { hashMatches } from '../../../../src/core/routing/matches.ts';
import {
  aBackend,
  anAnswer,
  aRecordedRoute,
  aRecordedRule,
  aRelease,
  aReleaseStatus,
  aRoute,
  aRule,
  aSpec,
  aStatus,
} from '../../../fixtures/builders.ts';
import { code, FakeReader, found, LOOK_AT, question, TARGET } from './looks.ts';

const COHORT = { headers: [{ name: 'X-Canary-User', value: 'true', type: 'Exact' as const }] };
const MATCHES = [{ path: { type: 'PathPrefix', value: '/' }, headers: [{ name: 'X-Canary-User', value: 'true' }] }];
const ENVOY_GATEWAY = anAnswer(1, { controllerName: 'gateway.envoyproxy.io/gatewayclass-controller' });
const COMPARED = { comparison: { mode: 'Enforce' } } as const;

/** The store with a rule for the cohort behind the driven one. */
const ROUTE = aRoute({
  parents: [ENVOY_GATEWAY],
  rules: [aRule({ v1: 90, v2: 10 }), aRule({ v2: 1 }, { name: 'glidepath-cohort-1', matches: MATCHES })],
});
const RECORDED = aRecordedRoute({ rules: [aRecordedRule({ ours: [{ purpose: 'cohort', matches: hashMatches(MATCHES) }] })] });

interface Scene {
  readonly route?: Route;
  readonly recorded?: RecordedRoute;
  readonly cohort?: Cohort;
}

function ask(weight: number, { route = ROUTE, recorded = RECORDED, cohort = COHORT }: Scene = {}) {
  const spec = aSpec({ analysis: COMPARED, stages: [{ weight: 0, cohort: COHORT }, { weight: 10 }] });
  const release = aReleaseStatus({ cohort, routes: [recorded] });
  const reader: MetricsReader = new FakeReader();
  const seen = { routes: [route], backends: { v1: aBackend('v1'), v2: aBackend('v2') }, layout: { kind: 'byBackend', about: '' } } as const;
  const asked = buildQuestion(reader, aRelease({ spec }), aStatus({ weight, release }), seen);
  if (asked === undefined) throw new Error('nothing is asked');
  return asked;
}

describe('requests of a cohort', () => {
  test('requests of a cohort are the canary’s in the rule that was added for them, and no others of it', () => {
    const [part, ...others] = ask(10).parts;
    if (part === undefined) throw new Error('no source is asked');
    expect([part.source.name, others]).toEqual(['EnvoyGateway', []]);
    const { canary, cohort = [], serving } = part;
    const places = (backends: typeof canary) =>
      backends.map(({ service, route }) => `${service} ${route?.ruleIndex}/${route?.backendIndex}`);
    expect([places(canary), places(cohort), places(serving)]).toEqual([['v2 0/1'], ['v2 1/0'], ['v1 0/0']]);
    expect(cohort[0]?.route?.isAlone).toBe(true);
    expect(canaryOf(part)).toEqual([...canary, ...cohort]);
  });

  test('requests of a cohort of which copies are sent are those of the filter of the rule', () => {
    const mirrorPercent = 10;
    const filters = [
      { type: 'RequestHeaderModifier' },
      { type: 'RequestMirror', requestMirror: { backendRef: { name: 'v2', port: 80 }, percent: mirrorPercent } },
    ];
    const rule = { ...aRule({ v1: 1 }, { name: 'glidepath-mirror-1' }), filters };
    const route = { ...ROUTE, spec: { ...ROUTE.spec, rules: [...(ROUTE.spec.rules ?? []).slice(0, 1), rule] } };
    const recorded = {
      ...RECORDED,
      rules: RECORDED.rules.map((one) => ({ ...one, ours: [{ purpose: 'mirror' as const, matches: 'any' }] })),
    };
    const [part] = ask(0, { route, recorded, cohort: { methods: ['GET'], mirrorPercent } }).parts;
    expect(part?.cohort).toMatchObject([{ service: 'v2', port: 80, route: { ruleIndex: 1, mirrorIndex: 1 } }]);
    expect(part?.canary.map(({ route: place }) => place?.ruleIndex)).toEqual([0]);
  });

  test('requests of a cohort that have series of their own are left out of the comparison, and judged by checks', async () => {
    const asked = { ...ask(10), target: TARGET };
    expect([isCompared(asked), isSilencedByCohort(asked)]).toEqual([true, false]);
    const reader = new FakeReader(
      ['rule/1(/backend/0)?', found(code('200', 1), code('503', 1))],
      ['rule/0/backend/1', found(code('200', 10))],
      ['rule/0/backend/0', found(code('200', 90))],
    );
    const { reading, arms } = await askLook(reader, asked, LOOK_AT);
    expect(reading.requests).toMatchObject({ facts: { requests: 72, serverErrors: 6 } });
    const compared = arms?.kind === 'arms' ? arms.canary.counts : [];
    expect(compared.map(({ labels }) => labels)).toEqual([{ envoy_response_code: '200' }]);
  });

  test('requests of a cohort that are counted with the others silence the comparison', async () => {
    const asked = question(COMPARED, {}, { cohort: COHORT });
    expect([isCompared(asked), isSilencedByCohort(asked)]).toEqual([false, true]);
    const { reading, arms } = await askLook(new FakeReader(), asked, LOOK_AT);
    expect([reading.silenced, arms]).toEqual(['cohort', undefined]);
  });

  test('requests of a cohort alone are compared with nothing, whoever counts them, and nothing is silenced at 100%', () => {
    expect(isSilencedByCohort(ask(0))).toBe(true);
    expect(isSilencedByCohort(question(COMPARED, {}, { cohort: COHORT }, { weight: 100 }))).toBe(false);
    expect(isSilencedByCohort(question(COMPARED))).toBe(false);
  });

  test('requests of a cohort behind several gateways silence the comparison, because one of them may count them with the others', () => {
    const asked = ask(10);
    const [part] = asked.parts;
    if (part === undefined) throw new Error('no source is asked');
    expect(isSilencedByCohort({ ...asked, parts: [part, { ...part, source: contour }] })).toBe(true);
  });
});

test('a rule for a cohort is not asked whether its backends are counted together: it has one', () => {
  const desk = new LayoutDesk({} as World, () => undefined);
  const release = aRelease();
  const both = desk.read('shop/web', release, [ROUTE]);
  expect(both).toEqual({ kind: 'unasked' });
  const [, cohort] = ROUTE.spec.rules ?? [];
  const alone = { ...ROUTE, spec: { ...ROUTE.spec, rules: cohort === undefined ? [] : [cohort] } };
  expect(desk.read('shop/web', release, [alone])).toBeUndefined();
});
