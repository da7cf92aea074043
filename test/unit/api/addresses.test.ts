import { describe, expect, test } from 'vitest';
import { isUnder, parseAddress, parseAllowList } from '../../../src/api/addresses.ts';

function under(address: string, prefix: string): boolean {
  const parsed = parseAddress(address);
  const [base] = parseAllowList([prefix]);
  return parsed.ok && base !== undefined && isUnder(parsed.url, base);
}

describe('addresses', () => {
  test.each([
    ['prometheus:9090', 'http'],
    ['not a url', 'no URL'],
    ['file:///etc/passwd', 'http'],
    ['http://user:hunter2@prometheus', 'Secret'],
    ['http://hunter2@prometheus', 'Secret'],
    ['http://prometheus/?token=hunter2', 'query'],
    ['http://prometheus/#hunter2', 'fragment'],
    ['http://prometheus/a/%2e%2e%2fb', 'encoded'],
    ['http://prometheus/a%5C..', 'encoded'],
  ])('%s is refused, and the message does not repeat it', (text, word) => {
    const parsed = parseAddress(text);
    expect(parsed).toHaveProperty('message', expect.stringContaining(word));
    expect(JSON.stringify(parsed)).not.toContain('hunter2');
  });
});

describe('an address is under a prefix', () => {
  test.each([
    ['http://prometheus:9090', 'http://prometheus:9090'],
    ['http://prometheus:9090/tenant', 'http://prometheus:9090/'],
    ['HTTP://Prometheus:80/', 'http://prometheus'],
    ['https://metrics.example/tenants/shop', 'https://metrics.example/tenants/shop/'],
    ['https://metrics.example/tenants/shop/api', 'https://metrics.example/tenants/shop'],
  ])('%s of %s', (address, prefix) => {
    expect(under(address, prefix)).toBe(true);
  });

  test.each([
    ['https://prometheus:9090', 'http://prometheus:9090'],
    ['http://prometheus:9091', 'http://prometheus:9090'],
    ['http://prometheus.evil.example', 'http://prometheus'],
    ['http://prometheus@evil.example', 'http://prometheus'],
    ['https://metrics.example/tenants/shop2', 'https://metrics.example/tenants/shop'],
    ['https://metrics.example/tenants/shop/../bank', 'https://metrics.example/tenants/shop'],
    ['https://metrics.example/tenants/shop/%2e%2e/bank', 'https://metrics.example/tenants/shop'],
    ['https://metrics.example/tenants/shop/..%2fbank', 'https://metrics.example/tenants/shop'],
    ['https://metrics.example\\@evil.example/', 'https://evil.example'],
    ['https://metrics.example/', 'https://metrics.example/tenants/shop'],
  ])('%s not of %s', (address, prefix) => {
    expect(under(address, prefix)).toBe(false);
  });

  test('a wrong entry of the allow-list is reported by its position', () => {
    expect(() => parseAllowList(['http://a', 'http://u:hunter2@b'])).toThrow(/^entry 2 of the allow-list must not contain/);
  });
});
