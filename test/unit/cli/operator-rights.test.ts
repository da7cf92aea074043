// What `doctor` asks the API server about the operator's rights is what config/ gives it.

import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { DEPLOYMENT_RIGHTS, OPERATOR_RIGHTS, type Right } from '../../../src/cli/doctor/operator-rights.ts';

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
  readonly resourceNames?: readonly string[];
}

function readRules(file: string, name: string): readonly Rule[] {
  const text = readFileSync(new URL(`../../../config/${file}`, import.meta.url), 'utf8');
  const roles = parseAllDocuments(text).map((document) => document.toJS() as { kind: string; metadata: { name: string }; rules?: Rule[] });
  return roles.find(({ kind, metadata }) => kind === 'ClusterRole' && metadata.name === name)?.rules ?? [];
}

/** `group/resource name: verb`, one for each. */
const spread = (rights: readonly Right[]) =>
  rights
    .flatMap(({ group, resources, verbs, name = '' }) =>
      resources.flatMap((one) => verbs.map((verb) => `${group}/${one} ${name}: ${verb}`)),
    )
    .sort();
const toRights = (rules: readonly Rule[]): readonly Right[] =>
  rules.flatMap(({ apiGroups, resources, verbs, resourceNames = [undefined] }) =>
    apiGroups.flatMap((group) => resourceNames.map((name) => ({ group, resources, verbs, ...(name === undefined ? {} : { name }) }))),
  );

test.each([
  ['default/operator-role.yaml', 'glidepath', OPERATOR_RIGHTS],
  ['deployment-mode/role.yaml', 'glidepath-deployment-mode', DEPLOYMENT_RIGHTS],
] as const)('the rights of config/%s', (file, role, rights) => {
  const wanted = spread(toRights(readRules(file, role)));
  expect(wanted.length).toBeGreaterThan(10);
  expect(spread(rights)).toEqual(wanted);
});
