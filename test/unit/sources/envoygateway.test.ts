import { describe, expect, test } from 'vitest';
import { envoyGateway } from '../../../src/sources/envoygateway.ts';

const PLAIN = { hasFilters: false };
const FILTERED = { hasFilters: true };

describe('backends of a rule of Envoy Gateway', () => {
  test('backends of a rule of Envoy Gateway cannot be told apart by default, and the refusal says what to do', () => {
    const answer = envoyGateway.refuseRule?.({ routeName: 'store', backendRefs: [PLAIN, PLAIN] });
    expect(answer).toMatchObject({ reason: 'NotSupported' });
    expect(answer).toHaveProperty('message', expect.stringMatching(/RequestHeaderModifier.*mergeBackends.*OpenTelemetry/));
  });

  test('backends of a rule of Envoy Gateway are kept apart once one of them has a filter', () => {
    expect(envoyGateway.refuseRule?.({ routeName: 'store', backendRefs: [PLAIN, FILTERED] })).toBeUndefined();
  });

  test('backends of a rule of Envoy Gateway have no usable names when the route name has a dot, filter or not', () => {
    const answer = envoyGateway.refuseRule?.({ routeName: 'store.v1', backendRefs: [FILTERED, FILTERED] });
    expect(answer).toHaveProperty('message', expect.stringContaining('store.v1'));
  });

  test('backends of a rule of Envoy Gateway cannot be asked for without the rule', () => {
    expect(() => envoyGateway.requests({ namespace: 'shop', service: 'store-api', port: 80 }, 1_000)).toThrow(/needs the route and rule/);
  });
});
