import { describe, expect, test } from 'vitest';
import type { RouteMatch } from '../../../../src/api/routes.ts';
import { comparePrecedence, findRegex, mayOverlap } from '../../../../src/core/routing/precedence.ts';

const prefix = (value: string): RouteMatch => ({ path: { type: 'PathPrefix', value } });
const exact = (value: string): RouteMatch => ({ path: { type: 'Exact', value } });
const header = (name: string, value = '1') => ({ name, value });

describe('a gateway takes of two matches', () => {
  test.each<readonly [string, RouteMatch, RouteMatch]>([
    ['the exact path', exact('/a'), prefix('/a/b/c')],
    ['the longer prefix', prefix('/a/b'), prefix('/a')],
    ['the one with a method', { ...prefix('/a'), method: 'GET' }, { ...prefix('/a'), headers: [header('x'), header('y')] }],
    [
      'the one with more headers',
      { ...prefix('/a'), headers: [header('x')] },
      { ...prefix('/a'), queryParams: [header('q'), header('r')] },
    ],
    ['the one with more query parameters', { ...prefix('/a'), queryParams: [header('q')] }, prefix('/a')],
    ['the longer gRPC service', { method: { service: 'shop.Cart' } }, { method: { service: 'shop' } }],
    ['the gRPC method', { method: { service: 'shop', method: 'Add' } }, { method: { service: 'shop' }, headers: [header('x')] }],
  ])('a gateway takes of two matches %s', (_which, winner, loser) => {
    expect(comparePrecedence(winner, loser)).toBeGreaterThan(0);
    expect(comparePrecedence(loser, winner)).toBeLessThan(0);
    expect(comparePrecedence(winner, winner)).toBe(0);
  });
});

describe('one request may be taken by two matches', () => {
  test.each<readonly [boolean, RouteMatch, RouteMatch]>([
    [true, prefix('/a'), prefix('/a/b')],
    [false, prefix('/a'), prefix('/ab')],
    [true, exact('/a/b'), prefix('/a')],
    [false, exact('/b'), prefix('/a')],
    [false, exact('/a'), exact('/b')],
    [true, prefix('/'), {}],
    [true, { path: { type: 'RegularExpression', value: '/x.*' } }, exact('/a')],
    [false, { method: 'GET' }, { method: 'POST' }],
    [true, { headers: [header('x')] }, { headers: [header('y')] }],
    [false, { headers: [header('X', '1')] }, { headers: [header('x', '2')] }],
    [false, { queryParams: [header('q', '1')] }, { queryParams: [header('q', '2')] }],
    [true, { queryParams: [header('Q', '1')] }, { queryParams: [header('q', '2')] }],
    [false, { method: { service: 'a' } }, { method: { service: 'b', method: 'c' } }],
    [true, { method: { service: 'a' } }, { method: { method: 'c' } }],
  ])('one request may be taken by two matches: %s of %j and %j', (expected, a, b) => {
    expect([mayOverlap(a, b), mayOverlap(b, a)]).toEqual([expected, expected]);
  });
});

test('a regular expression decides the rank of a path and of a gRPC method, not that of a header', () => {
  const type = 'RegularExpression';
  expect(findRegex({ path: { type, value: '/v[12]' } })).toBe('the path /v[12]');
  expect(findRegex({ method: { type, service: 'shop.*' } })).toBe('the method shop.*/');
  expect(
    findRegex({ ...prefix('/'), headers: [{ name: 'x', value: '.*', type }], queryParams: [{ name: 'q', value: '.*', type }] }),
  ).toBeUndefined();
});
