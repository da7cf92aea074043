import { describe, expect, test } from 'vitest';
import { istio, istioWaypoint } from '../../../src/sources/istio.ts';

describe('answers that Istio reports as code 0', () => {
  test('answers that Istio reports as code 0 count for no one when the client hung up', () => {
    expect(istio.classify({ response_code: '0', response_flags: 'DC' })).toBe('ignore');
  });

  test('answers that Istio reports as code 0 count for the server with any other flag', () => {
    expect(istio.classify({ response_code: '0', response_flags: 'UC' })).toBe('serverError');
    expect(istio.classify({ response_code: '0' })).toBe('serverError');
  });
});

describe('gRPC answers inside HTTP 200', () => {
  test('gRPC answers inside HTTP 200 count by their gRPC status', () => {
    expect(istio.classify({ response_code: '200', grpc_response_status: '14' })).toBe('serverError');
    expect(istio.classify({ response_code: '200', grpc_response_status: '0' })).toBe('success');
  });

  test('gRPC answers inside HTTP 200 never hide an HTTP error', () => {
    expect(istio.classify({ response_code: '503', grpc_response_status: '0' })).toBe('serverError');
  });
});

test('a waypoint cannot be asked without a workload', () => {
  expect(() => istioWaypoint.requests({ namespace: 'shop', service: 'a', port: 80 }, 1_000)).toThrow(/workload/);
});
