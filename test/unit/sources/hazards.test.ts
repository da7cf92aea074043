import { describe, expect, test } from 'vitest';
import type { Check } from '../../../src/api/release.ts';
import { SOURCES } from '../../../src/sources/catalogue.ts';
import { contour } from '../../../src/sources/contour.ts';
import { hazardsOf, refuseBlind } from '../../../src/sources/hazards.ts';
import { istio } from '../../../src/sources/istio.ts';
import { aCheck, aSpecWithAnalysis } from '../../fixtures/builders.ts';

function analysisWith(mode: 'Enforce' | 'Observe' | 'Off', ...checks: readonly Check[]) {
  return { ...aSpecWithAnalysis({}).analysis, mode, checks };
}

const OWN = aCheck({ name: 'own', query: 'sum(up)', min: '1' });

describe('the hazards of a source', () => {
  test('the hazards of a source are those that concern the kinds of route at hand', () => {
    const codesOf = (...kinds: Parameters<typeof hazardsOf>[1]) => hazardsOf(contour, kinds).map(({ code }) => code);
    expect(codesOf('HTTPRoute')).toEqual(['RetriesHideFailures', 'LatencyLags']);
    expect(codesOf('HTTPRoute', 'GRPCRoute')).toEqual(['RetriesHideFailures', 'LatencyLags', 'GrpcStatusUnseen']);
  });
});

describe('a source that does not see the status of gRPC calls', () => {
  test('a source that does not see the status of gRPC calls is refused for a GRPCRoute, with what to do instead', () => {
    const refusal = refuseBlind(contour, ['HTTPRoute', 'GRPCRoute'], analysisWith('Enforce', aCheck()));
    expect(refusal).toMatchObject({
      reason: 'NotSupported',
      message: expect.stringMatching(
        /^metrics source Contour does not see every failure of a GRPCRoute: .*OpenTelemetry.*query of your own.*Observe/,
      ),
    });
  });

  test.each([
    ['where only HTTPRoutes are judged', ['HTTPRoute'], analysisWith('Enforce')],
    ['where nothing is enforced', ['GRPCRoute'], analysisWith('Observe')],
    ["where a query of the user's own may act", ['GRPCRoute'], analysisWith('Enforce', OWN)],
  ] as const)('a source that does not see the status of gRPC calls is not refused %s', (_where, kinds, analysis) => {
    expect(refuseBlind(contour, kinds, analysis)).toBeUndefined();
  });

  test("a source that does not see the status of gRPC calls is refused where the user's own query is only observed", () => {
    expect(refuseBlind(contour, ['GRPCRoute'], analysisWith('Enforce', { ...OWN, onBreach: 'Observe' }))).toBeDefined();
  });

  test('a source that reads the status of gRPC calls is not refused', () => {
    expect(refuseBlind(istio, ['GRPCRoute'], analysisWith('Enforce'))).toBeUndefined();
    const blind = SOURCES.filter((source) => refuseBlind(source, ['GRPCRoute'], analysisWith('Enforce')) !== undefined);
    expect(blind.map(({ name }) => name)).toEqual(['Contour', 'EnvoyGateway', 'EnvoyGatewayMerged', 'Kgateway', 'Cilium']);
  });
});

test.each([
  ['EmptyBackendUncounted', ['Traefik', 'EnvoyGateway', 'EnvoyGatewayMerged']],
  ['ChangesThrottled', ['Traefik']],
  ['LatencyLags', ['Contour', 'EnvoyGateway', 'EnvoyGatewayMerged', 'Kgateway', 'Cilium']],
] as const)('the hazard %s is told of the gateways that have it', (code, names) => {
  const told = SOURCES.filter((source) => hazardsOf(source, ['HTTPRoute']).some((hazard) => hazard.code === code));
  expect(told.map(({ name }) => name)).toEqual(names);
});
