import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readAnswer } from '../../../../src/adapters/prometheus/answer.ts';
import { isGlidepathError } from '../../../../src/api/errors.ts';

function success(resultType: string, result: unknown, rest: object = {}): string {
  return JSON.stringify({ status: 'success', data: { resultType, result }, ...rest });
}

function codeOf(status: number, body: string): string {
  try {
    readAnswer({ status, body });
    return 'read';
  } catch (thrown) {
    return isGlidepathError(thrown) ? thrown.code.replace('GLIDEPATH_E_METRICS_', '') : `not ours: ${String(thrown)}`;
  }
}

describe('samples', () => {
  test('samples of a vector and a matrix are read alike', () => {
    const metric = { __name__: 'm', a: 'b' };
    const vector = readAnswer({ status: 200, body: success('vector', [{ metric, value: [1.5, '2'] }]) });
    const matrix = readAnswer({ status: 200, body: success('matrix', [{ metric, values: [[1.5, '2']] }]) });
    expect(vector).toEqual({ series: [{ labels: metric, samples: [{ atMs: 1_500, value: 2 }] }], warnings: [] });
    expect(matrix).toEqual(vector);
  });

  test('samples have the very millisecond and value that Prometheus wrote', () => {
    const anyMs = fc.integer({ min: 1_500_000_000_000, max: 2_500_000_000_000 });
    fc.assert(
      fc.property(anyMs, fc.double(), (atMs, value) => {
        const text = value === Infinity ? '+Inf' : value === -Infinity ? '-Inf' : String(value);
        const body = success('vector', [{ metric: {}, value: [atMs / 1_000, text] }]);
        const [sample] = readAnswer({ status: 200, body }).series[0]?.samples ?? [];
        expect(sample?.atMs).toBe(atMs);
        expect(Object.is(sample?.value, value) || sample?.value === value).toBe(true);
      }),
    );
  });

  test.each([
    ['a value that is no number', [[1, 'twelve']]],
    ['an empty value', [[1, '']]],
    ['a value outside of quotes', [[1, 2]]],
    ['a time that is no number', [['1', '2']]],
    [
      'times that stand still',
      [
        [1, '2'],
        [1, '3'],
      ],
    ],
    [
      'times that go back',
      [
        [2, '2'],
        [1, '3'],
      ],
    ],
    ['no pair', [1]],
  ])('samples with %s are not used', (_, values) => {
    expect(codeOf(200, success('matrix', [{ metric: {}, values }]))).toBe('UNUSABLE');
  });
});

describe('warnings', () => {
  test('warnings are kept, cut to a length and number that a status can hold', () => {
    const warnings = Array.from({ length: 40 }, () => 'w'.repeat(5_000));
    const read = readAnswer({ status: 200, body: success('vector', [], { warnings }) }).warnings;
    expect(read).toHaveLength(10);
    expect(read.every((warning) => warning.length <= 301)).toBe(true);
  });
});

describe('who is at fault', () => {
  const error = (errorType: string) => JSON.stringify({ status: 'error', errorType, error: 'e' });

  test.each([
    [400, error('bad_data'), 'BAD_QUERY'],
    [422, error('execution'), 'BAD_QUERY'],
    [200, error('bad_data'), 'BAD_QUERY'],
    [503, error('timeout'), 'UNAVAILABLE'],
    [422, error('canceled'), 'UNAVAILABLE'],
    [429, error('too_many_requests'), 'UNAVAILABLE'],
    [403, error('forbidden'), 'UNAVAILABLE'],
    [404, error('not_found'), 'UNAVAILABLE'],
    [500, error('internal'), 'UNAVAILABLE'],
    [401, error('unauthorized'), 'UNAUTHORIZED'],
    [401, 'Unauthorized', 'UNAUTHORIZED'],
    [400, 'bad request, says the proxy', 'UNAVAILABLE'],
    [502, '<html>Bad Gateway</html>', 'UNAVAILABLE'],
    [200, ' \n<!DOCTYPE html>', 'UNAVAILABLE'],
    [302, '', 'UNAVAILABLE'],
    [200, '', 'UNUSABLE'],
    [200, '[]', 'UNUSABLE'],
    [200, 'null', 'UNUSABLE'],
    [200, '{"status":"success"}', 'UNUSABLE'],
    [200, '{"status":"success","data":null}', 'UNUSABLE'],
    [200, success('string', [1, 'x']), 'UNUSABLE'],
    [200, success('matrix', {}), 'UNUSABLE'],
    [200, success('matrix', [7]), 'UNUSABLE'],
    [200, success('matrix', [{ metric: {} }]), 'UNUSABLE'],
    [200, success('vector', [{ metric: {}, histogram: [1, {}] }]), 'UNUSABLE'],
  ])('%d with %s: %s', (status, body, code) => {
    expect(codeOf(status, body)).toBe(code);
  });

  test('the cause of a failed answer is always decided: no answer whatever throws anything else', () => {
    const anyBody = fc.oneof(
      fc.string(),
      fc.json(),
      fc.jsonValue().map((data) => JSON.stringify({ status: 'success', data })),
    );
    fc.assert(
      fc.property(fc.integer({ min: 100, max: 599 }), anyBody, (status, body) => {
        expect(codeOf(status, body)).toMatch(/^(read|BAD_QUERY|UNAVAILABLE|UNUSABLE|UNAUTHORIZED)$/);
      }),
    );
  });
});

describe('a querier over stores that are away', () => {
  const refuse = (error: string, errorType = 'execution') => codeOf(422, JSON.stringify({ status: 'error', errorType, error }));

  test.each([
    'expanding series: proxy Series(): rpc error: code = Unavailable desc = connection refused',
    'expanding series: rpc error: code = DeadlineExceeded desc = context deadline exceeded',
    'rpc error: code = Unknown desc = at least 2 live replicas required, could only find 1',
    'Get "http://store:10902": dial tcp: lookup store: no such host',
    'context canceled',
  ])('422 with "%s" is its outage, not the fault of the query', (error) => {
    expect(refuse(error)).toBe('UNAVAILABLE');
  });

  test.each([
    'query processing would load too many samples into memory in query execution',
    'expanding series: rpc error: code = ResourceExhausted desc = exceeded series limit',
    'found duplicate series for the match group',
  ])('422 with "%s" is the fault of the query', (error) => {
    expect(refuse(error)).toBe('BAD_QUERY');
  });

  test('words of a store in a query that cannot be parsed excuse nothing', () => {
    expect(refuse('rpc error', 'bad_data')).toBe('BAD_QUERY');
  });

  test('a partial answer of VictoriaMetrics is told as a warning', () => {
    const partial = readAnswer({ status: 200, body: success('vector', [], { isPartial: true }) });
    expect(partial.warnings).toEqual(['the answer is partial']);
    expect(readAnswer({ status: 200, body: success('vector', [], { isPartial: false }) }).warnings).toEqual([]);
    const told = readAnswer({ status: 200, body: success('vector', [], { isPartial: true, warnings: ['store a'] }) });
    expect(told.warnings).toEqual(['store a']);
  });
});
