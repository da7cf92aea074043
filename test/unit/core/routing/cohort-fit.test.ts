import { describe, expect, test } from 'vitest';
import type { Cohort } from '../../../../src/api/release.ts';
import type { Route, RouteMatch } from '../../../../src/api/routes.ts';
import { findCohortProblem, refuseKind } from '../../../../src/core/routing/cohort-fit.ts';
import { scanRules } from '../../../../src/core/routing/rules.ts';
import { aRoute, aRule, SIDES } from '../../../fixtures/builders.ts';

const USERS = { name: 'X-Canary-User', value: 'true', type: 'Exact' as const };
const COHORT: Cohort = { headers: [USERS] };
const TESTERS = { name: 'x-tester', value: '1' };
const CART = { path: { type: 'PathPrefix', value: '/cart' } };
const ROOT = { path: { type: 'PathPrefix', value: '/' } };

/** What is wrong with the cohort in the first rule, beside a rule of somebody else with this match, in this route or in another one. */
function ask(own: RouteMatch, other: RouteMatch | undefined, cohort: Cohort = COHORT, where: 'behind' | 'before' | Route = 'behind') {
  const driven = aRule({ v1: 1, v2: 0 }, { name: 'api', matches: [own] });
  const foreign = other === undefined || typeof where === 'object' ? [] : [aRule({ other: 1 }, { name: 'other', matches: [other] })];
  const route = aRoute({ rules: where === 'before' ? [...foreign, driven] : [driven, ...foreign] });
  const entry = { route, managed: scanRules(route, SIDES, undefined).rules, ours: [] };
  return findCohortProblem(entry, cohort, [entry], typeof where === 'object' ? [where] : [])?.message;
}

describe('a cohort fits a rule', () => {
  test('a cohort fits a rule that is alone, and one beside rules for other requests', () => {
    expect(ask(CART, undefined)).toBeUndefined();
    expect(ask(CART, { path: { type: 'PathPrefix', value: '/login' } })).toBeUndefined();
    expect(ask(ROOT, CART)).toBeUndefined();
    expect(ask(ROOT, { ...ROOT, method: 'POST' }, { headers: [USERS], methods: ['GET'] })).toBeUndefined();
  });

  test('a cohort fits a rule whose headers are compared by regular expressions, because their number counts', () => {
    expect(ask({ ...CART, headers: [{ name: 'x', value: '.*', type: 'RegularExpression' }] }, undefined)).toBeUndefined();
  });

  test('a cohort would win nothing where a path or a gRPC method is a regular expression, or the rule takes its requests alone', () => {
    expect(ask({ path: { type: 'RegularExpression', value: '/a.*' } }, undefined)).toContain('up to the gateway');
    expect(ask({ ...CART, headers: [USERS] }, undefined)).toContain('takes requests with X-Canary-User: true alone already');
    expect(ask({ ...CART, headers: [{ ...USERS, value: 'false' }] }, undefined)).toContain('can meet its matches');
    expect(ask({ ...CART, method: 'GET' }, undefined, { methods: ['GET'] })).toContain('alone already');
  });

  test('a cohort would win nothing where another rule takes its requests', () => {
    expect(ask(CART, { ...CART, headers: [USERS] })).toContain(
      'rule other of HTTPRoute store takes requests with X-Canary-User: true already',
    );
  });

  test('a cohort would take requests from a rule that wins them today and would not any more', () => {
    const testers = { ...CART, headers: [TESTERS] };
    const two: Cohort = { headers: [USERS, { ...USERS, name: 'x-more' }] };
    expect(ask(CART, testers, two)).toContain('would take requests from rule other of HTTPRoute store');
    // Of as many headers the rule that comes first wins, as today.
    expect(ask(CART, testers, COHORT)).toBeUndefined();
    expect(ask(CART, CART, COHORT, 'before')).toContain('would take requests from rule other');
    expect(ask(CART, CART, COHORT, 'behind')).toBeUndefined();
  });

  test('a cohort is weighed against routes of the same parent and host name, by their age', () => {
    const beside = (created: string, hostnames?: readonly string[]): Route => {
      const metadata = { name: 'beside', uid: 'uid-beside', creationTimestamp: created };
      const route = aRoute({ metadata, rules: [aRule({ other: 1 }, { matches: [CART] })] });
      return hostnames === undefined ? route : { ...route, spec: { ...route.spec, hostnames } };
    };
    expect(ask(CART, CART, COHORT, beside(''))).toContain('would take requests from rule rules[0] of HTTPRoute beside');
    expect(ask(CART, CART, COHORT, beside('2031-01-01T00:00:00Z'))).toBeUndefined();
    expect(ask(CART, CART, COHORT, beside('', ['other.example.org']))).toBeUndefined();
    const elsewhere = beside('');
    expect(ask(CART, CART, COHORT, { ...elsewhere, spec: { ...elsewhere.spec, parentRefs: [{ name: 'internal' }] } })).toBeUndefined();
  });

  test('a cohort has no more conditions in one match than the Gateway API takes', () => {
    const headers = Array.from({ length: 16 }, (_one, index) => ({ name: `x-${index}`, value: '1' }));
    expect(ask({ ...CART, headers: headers.slice(1) }, undefined)).toBeUndefined();
    expect(ask({ ...CART, headers }, undefined)).toContain('more than 16 headers');
  });
});

describe('a kind of route that has no place for a cohort', () => {
  test.each(['TCPRoute', 'TLSRoute', 'UDPRoute'])('a kind of route that has no place for a cohort: %s', (kind) => {
    expect(refuseKind(kind, COHORT)).toContain('carries connections');
  });

  test('a kind of route that has no place for some cohorts: a GRPCRoute matches headers alone', () => {
    expect(refuseKind('GRPCRoute', COHORT)).toBeUndefined();
    expect(refuseKind('GRPCRoute', { methods: ['GET'] })).toContain('cohort.methods');
    expect(refuseKind('GRPCRoute', { queryParams: [USERS] })).toContain('cohort.queryParams');
    expect(refuseKind('HTTPRoute', { methods: ['GET'], queryParams: [USERS] })).toBeUndefined();
  });
});
