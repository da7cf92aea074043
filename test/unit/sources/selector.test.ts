import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SOURCES } from '../../../src/sources/catalogue.ts';
import { equals, escapeRegex, matches, rangeSelector, withMatchers } from '../../../src/sources/selector.ts';
import { parseSelector, selects } from '../../fakes/prometheus/promql-selector.ts';

describe('range selectors', () => {
  test('hold metric, matchers and range', () => {
    expect(rangeSelector('up', [equals('job', 'a'), matches('pod', 'b-.+')], 90_000)).toBe('up{job="a",pod=~"b-.+"}[1m30s]');
  });

  test('range selectors keep milliseconds', () => {
    expect(rangeSelector('up', [], 1_500)).toBe('up{}[1s500ms]');
  });

  test('range selectors refuse a range that Prometheus would refuse', () => {
    for (const range of [0, -1, 0.2, Number.NaN]) {
      expect(() => rangeSelector('up', [], range)).toThrow(/at least 1 ms/);
    }
  });

  test('escape quotes, backslashes and line ends in values', () => {
    expect(rangeSelector('up', [equals('a', 'x"\\\n')], 1_000)).toBe('up{a="x\\"\\\\\\n"}[1s]');
  });

  test('pick any literal value and no other, exactly or through an escaped expression', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (value, other) => {
        fc.pre(value !== other);
        for (const matcher of [equals('l', value), matches('l', escapeRegex(value))]) {
          const selector = parseSelector(rangeSelector('m', [matcher], 1_000));
          if (selector === undefined) throw new Error('the selector cannot be read back');
          expect(selects(selector, { __name__: 'm', l: value })).toBe(true);
          expect(selects(selector, { __name__: 'm', l: other })).toBe(false);
        }
      }),
    );
  });
});

describe('matchers of the user', () => {
  const backend = {
    namespace: 'shop',
    service: 'web',
    port: 80,
    route: { kind: 'HTTPRoute', namespace: 'shop', name: 'r', ruleIndex: 0, backendIndex: 0 },
  } as const;
  const whole = { ...backend, workload: { name: 'web', templateHashes: ['1'] } };

  test('matchers are in every query of every source, besides its own and escaped', () => {
    for (const source of SOURCES) {
      const matched = withMatchers(source, { cluster: 'eu"1$&', env: '' });
      const added = ',cluster="eu\\"1$&",env=""}[1m]';
      expect(matched.requests(whole, 60_000)).toBe(source.requests(whole, 60_000).replace(/\}\[1m\]$/, () => added));
      const latency = source.latency?.(whole, 60_000);
      expect(matched.latency?.(whole, 60_000)).toEqual(
        latency === undefined ? undefined : { ...latency, query: latency.query.replace(/\}\[1m\]$/, () => added) },
      );
      expect(matched.classify).toBe(source.classify);
      expect(parseSelector(matched.requests(whole, 60_000))).toBeDefined();
    }
  });

  test('a source without matchers stays as it is', () => {
    for (const source of SOURCES) expect(withMatchers(source, {})).toBe(source);
  });
});
