import { describe, expect, test } from 'vitest';
import { refuseTarget, resolveTarget } from '../../../../src/adapters/prometheus/targets.ts';
import type { TargetSettings } from '../../../../src/adapters/prometheus/targets.ts';
import type { MetricsTarget } from '../../../../src/ports/metrics.ts';

const SETTINGS: TargetSettings = {
  operatorUrl: new URL('http://prometheus.monitoring:9090/base/'),
  allow: [new URL('https://metrics.example/tenants/shop')],
  allowQueries: false,
};

function target(rest: Partial<MetricsTarget> = {}): MetricsTarget {
  return { namespace: 'shop', timeoutMs: 1_000, ...rest };
}

function resolve(rest: Partial<MetricsTarget>, settings: TargetSettings = SETTINGS): string {
  const resolution = resolveTarget(settings, target(rest));
  return resolution.ok ? `${resolution.identity} at ${resolution.url.href}` : resolution.reason;
}

describe('an address and an identity', () => {
  const url = 'https://metrics.example/tenants/shop';

  test.each([
    [{}, 'operator at http://prometheus.monitoring:9090/base/'],
    [{ secretName: 's' }, 'secret at http://prometheus.monitoring:9090/base/'],
    [{ url: 'http://prometheus.monitoring:9090/base' }, 'operator at http://prometheus.monitoring:9090/base/'],
    [{ url }, `anonymous at ${url}`],
    [{ url, secretName: 's' }, `secret at ${url}`],
  ])('%j: %s', (rest, expected) => {
    expect(resolve(rest)).toBe(expected);
  });

  test.each([
    ['http://prometheus.monitoring:9090/', 'PrometheusNotAllowed'],
    ['http://prometheus.monitoring:9090/base/../other', 'PrometheusNotAllowed'],
    ['https://metrics.example/tenants/bank', 'PrometheusNotAllowed'],
    ['https://metrics.example/tenants/shop/%2e%2e%2fbank', 'InvalidSpec'],
    ['https://metrics.example@evil.example/tenants/shop', 'InvalidSpec'],
    ['file:///etc/passwd', 'InvalidSpec'],
  ])('%s is refused: %s', (bad, reason) => {
    expect(resolve({ url: bad })).toBe(reason);
  });

  test('without an operator’s Prometheus there is only what releases may name', () => {
    const settings = { allow: SETTINGS.allow, allowQueries: false };
    expect(resolve({}, settings)).toBe('NotSupported');
    expect(resolve({ url }, settings)).toBe(`anonymous at ${url}`);
  });
});

describe('queries of a release’s own', () => {
  test('queries of a release’s own need the operator’s permission, or a Secret for another Prometheus that is allowed', () => {
    expect(refuseTarget(SETTINGS, target(), true)).toMatchObject({
      reason: 'QueryNotAllowed',
      message: expect.stringMatching(/prometheus\.url.*secretRef.*--allow-queries/),
    });
    // The operator's own Prometheus may ask for no credentials, so that any Secret would do.
    expect(refuseTarget(SETTINGS, target({ secretName: 's' }), true)?.reason).toBe('QueryNotAllowed');
    expect(refuseTarget(SETTINGS, target({ secretName: 's', url: SETTINGS.operatorUrl?.href ?? '' }), true)?.reason).toBe(
      'QueryNotAllowed',
    );
    const [allowed] = SETTINGS.allow;
    expect(refuseTarget(SETTINGS, target({ url: allowed?.href ?? '' }), true)?.reason).toBe('QueryNotAllowed');
    expect(refuseTarget(SETTINGS, target({ secretName: 's', url: allowed?.href ?? '' }), true)).toBeUndefined();
    expect(refuseTarget({ ...SETTINGS, allowQueries: true }, target(), true)).toBeUndefined();
    expect(refuseTarget(SETTINGS, target(), false)).toBeUndefined();
  });

  test('queries of a release’s own do not make an address allowed', () => {
    const refusal = refuseTarget({ ...SETTINGS, allowQueries: true }, target({ url: 'http://x', secretName: 's' }), true);
    expect(refusal?.message).toMatch(/--prometheus-allow http:\/\/x/);
  });
});
