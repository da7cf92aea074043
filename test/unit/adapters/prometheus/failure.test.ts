// What a broken connection to Prometheus is called, and whether it is worth another try.
import { describe, expect, test } from 'vitest';
import { describeTransportError } from '../../../../src/adapters/prometheus/failure.ts';

function failWith(code: string, message = 'no words of its own'): Error {
  return Object.assign(new Error(message), { code });
}

describe('an error of the connection', () => {
  test.each(['ECONNRESET', 'ECONNREFUSED', 'EPIPE', 'UND_ERR_SOCKET', 'UND_ERR_CONNECT_TIMEOUT'])('%s is worth another try', (code) => {
    expect(describeTransportError(failWith(code))).toMatchObject({ code: 'GLIDEPATH_E_METRICS_UNAVAILABLE', retryable: true });
  });

  test.each(['ENOTFOUND', 'CERT_HAS_EXPIRED', 'UND_ERR_DESTROYED', 'HPE_INVALID_CONSTANT'])('%s is not worth another try', (code) => {
    expect(describeTransportError(failWith(code))).toMatchObject({ code: 'GLIDEPATH_E_METRICS_UNAVAILABLE', retryable: false });
  });

  test('every address of a name that refused is in the message', () => {
    const refusals = ['::1', '127.0.0.1'].map((host) => failWith('ECONNREFUSED', `connect ECONNREFUSED ${host}:9090`));
    const thrown = Object.assign(new AggregateError(refusals), { code: 'ECONNREFUSED' });
    expect(describeTransportError(thrown)).toMatchObject({
      message: 'cannot be reached: connect ECONNREFUSED ::1:9090; connect ECONNREFUSED 127.0.0.1:9090',
      retryable: true,
    });
  });
});
