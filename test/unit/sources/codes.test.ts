import { describe, expect, test } from 'vitest';
import { classifyGrpc, classifyHttp } from '../../../src/sources/codes.ts';

describe('HTTP codes', () => {
  test.each([
    ['200', 'success'],
    ['304', 'success'],
    ['2xx', 'success'],
    ['404', 'clientError'],
    ['499', 'clientError'],
    ['500', 'serverError'],
    ['503', 'serverError'],
    ['5XX', 'serverError'],
  ])('%s is a %s', (code, outcome) => {
    expect(classifyHttp(code)).toBe(outcome);
  });

  test('an upgrade is a success, another interim answer is no request', () => {
    expect(classifyHttp('101')).toBe('success');
    expect(classifyHttp('100')).toBe('ignore');
  });

  test('a text that is no code is ignored', () => {
    for (const code of [undefined, '', '0', '600', '5000', 'abc', ' 500']) {
      expect(classifyHttp(code)).toBe('ignore');
    }
  });
});

describe('gRPC codes', () => {
  test.each([
    ['0', 'OK', 'OK', 'success'],
    ['1', 'CANCELLED', 'Canceled', 'clientError'],
    ['4', 'DEADLINE_EXCEEDED', 'DeadlineExceeded', 'serverError'],
    ['5', 'NOT_FOUND', 'NotFound', 'clientError'],
    ['12', 'UNIMPLEMENTED', 'Unimplemented', 'serverError'],
    ['14', 'UNAVAILABLE', 'Unavailable', 'serverError'],
    ['16', 'UNAUTHENTICATED', 'Unauthenticated', 'clientError'],
  ])('%s, %s and %s are one and the same %s', (number, name, camel, outcome) => {
    expect([number, name, camel].map(classifyGrpc)).toEqual([outcome, outcome, outcome]);
  });

  test('each of the 17 codes counts, anything else is ignored', () => {
    const counted = Array.from({ length: 17 }, (_, code) => classifyGrpc(String(code)));
    expect(counted).not.toContain('ignore');
    expect([undefined, '', '17', '-1', 'x'].map(classifyGrpc)).toEqual(Array(5).fill('ignore'));
  });
});
