// What `doctor` asks the API server about the operator's rights is what config/ gives it.

import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { ROUTE_POLICY_KINDS } from '../../../src/core/routing/route-policies.ts';
import { COHORT_RIGHTS, DEPLOYMENT_RIGHTS, GATE_RIGHTS, OPERATOR_RIGHTS } from '../../../src/cli/doctor/rights.ts';
import { renderRights, RIGHTS_FILE } from '../../../tools/generate/operator-rights.ts';

test('the rights are those of the roles; else call npm run generate', () => {
  expect(readFileSync(RIGHTS_FILE, 'utf8')).toBe(renderRights());
});

test('each names a resource and its verbs', () => {
  expect(OPERATOR_RIGHTS).toContainEqual({
    group: 'gateway.networking.k8s.io',
    resource: 'httproutes',
    verbs: ['get', 'list', 'watch', 'patch'],
  });
  expect(OPERATOR_RIGHTS).toContainEqual(
    expect.objectContaining({ resource: 'customresourcedefinitions', name: 'canaryreleases.glidepath.dev' }),
  );
  expect(DEPLOYMENT_RIGHTS).toContainEqual({ group: 'apps', resource: 'replicasets/scale', verbs: ['patch'] });
  expect(GATE_RIGHTS).toContainEqual({ group: 'batch', resource: 'jobs', verbs: ['get', 'create', 'delete'] });
});

test('with cohorts the operator may list the kinds of policies that hold for single rules, and do nothing else with them', () => {
  const asked = COHORT_RIGHTS.map(({ group, resource, verbs }) => [group, resource, ...verbs].join(' '));
  const classes = 'gateway.networking.k8s.io gatewayclasses list';
  expect(asked.toSorted()).toEqual([classes, ...ROUTE_POLICY_KINDS.map(({ group, plural }) => `${group} ${plural} list`)].toSorted());
});
