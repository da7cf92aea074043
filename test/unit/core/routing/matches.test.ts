import { describe, expect, test } from 'vitest';
import type { RouteMatch } from '../../../../src/api/routes.ts';
import { hashMatches } from '../../../../src/core/routing/matches.ts';

/** Only headers are in the type: everything else of a match is copied unread. */
const hash = (...matches: readonly object[]) => hashMatches(matches as readonly RouteMatch[]);

describe('the hash of matches', () => {
  test('the hash of matches is the same for matches that are left out and for those that the API server fills in', () => {
    expect(hashMatches(undefined)).toBe(hash());
    expect(hash({ path: { type: 'PathPrefix', value: '/' } })).toBe(hash());
    expect(hash({})).toBe(hash());
    expect(hash({ path: { value: '/api' } })).toBe(hash({ path: { type: 'PathPrefix', value: '/api' } }));
    expect(hash({ headers: [{ name: 'X-User', value: 'a' }] })).toBe(
      hash({ path: { type: 'PathPrefix', value: '/' }, headers: [{ type: 'Exact', name: 'x-user', value: 'a' }] }),
    );
  });

  test('the hash of matches does not depend on the order of matches, headers, parameters and fields', () => {
    const one = { path: { type: 'Exact', value: '/a' }, method: 'GET' };
    const two = {
      headers: [
        { name: 'a', value: '1' },
        { name: 'b', value: '2' },
      ],
      queryParams: [{ name: 'q', value: 'x' }],
    };
    const twoTurned = {
      queryParams: [{ value: 'x', name: 'q' }],
      headers: [
        { value: '2', name: 'B' },
        { value: '1', name: 'A' },
      ],
    };
    expect(hash(one, two)).toBe(hash(twoTurned, { method: 'GET', path: { value: '/a', type: 'Exact' } }));
  });

  test('the hash of matches is the same for a match that takes everything and for others beside it, which are idle', () => {
    expect(hash({ path: { value: '/api' } }, { path: { value: '/' } })).toBe(hash());
  });

  test.each([
    [{ path: { value: '/api' } }, { path: { value: '/api/' } }],
    [{ path: { type: 'Exact', value: '/' } }, {}],
    [{ path: { type: 'RegularExpression', value: '/api' } }, { path: { value: '/api' } }],
    [{ method: 'GET' }, { method: 'POST' }],
    [{ method: { service: 'shop.Store' } }, { method: { service: 'shop.Store', method: 'List' } }],
    [{ headers: [{ name: 'a', value: '1' }] }, { headers: [{ name: 'a', value: '2' }] }],
    [{ headers: [{ name: 'a', value: '1' }] }, { headers: [{ type: 'RegularExpression', name: 'a', value: '1' }] }],
    [{ queryParams: [{ name: 'a', value: '1' }] }, { queryParams: [{ name: 'A', value: '1' }] }],
    [{ queryParams: [{ name: 'a', value: '1' }] }, { headers: [{ name: 'a', value: '1' }] }],
  ])('the hash of matches tells %j from %j', (one, other) => {
    expect(hash(one)).not.toBe(hash(other));
  });

  test('the hash of matches reads a method of a GRPCRoute as it is defaulted', () => {
    expect(hash({ method: { service: 'shop.Store', method: 'List' } })).toBe(
      hash({ method: { type: 'Exact', method: 'List', service: 'shop.Store' } }),
    );
  });

  test('the hash of matches is short enough for the status', () => {
    expect(hash({ path: { value: '/api' } })).toMatch(/^[0-9a-f]{16}$/);
  });
});
