// What config/webhook installs: two objects that the operator fills, the rights to those two and to no others, and a Service in
// front of every replica.

import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { SYSTEM_NAMESPACE } from '../../src/api/names.ts';
import { CHANGED_OR_RELEASED, WEBHOOK_CONFIGURATION, WEBHOOK_NAME } from '../../src/core/hold/registration.ts';

interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly rules?: readonly {
    readonly apiGroups: readonly string[];
    readonly resources: readonly string[];
    readonly verbs: readonly string[];
    readonly resourceNames?: readonly string[];
  }[];
  readonly [field: string]: unknown;
}

const CONFIG = new URL('../../config/', import.meta.url);

function readFolder(folder: string): readonly Manifest[] {
  const files = readdirSync(new URL(folder, CONFIG)).filter((name) => name !== 'kustomization.yaml');
  return files.flatMap((name) => readDocuments(`${folder}${name}`));
}

function readDocuments(file: string): readonly Manifest[] {
  return parseAllDocuments(readFileSync(new URL(file, CONFIG), 'utf8')).map((document) => document.toJS() as Manifest);
}

const [kustomization] = readDocuments('webhook/kustomization.yaml') as readonly (Manifest & { readonly resources: readonly string[] })[];
const manifests = readFolder('webhook/');

function find(kind: string, name: string, all = manifests): Manifest {
  const found = all.find((manifest) => manifest.kind === kind && manifest.metadata.name === name);
  if (found === undefined) throw new Error(`config/webhook has no ${kind} ${name}`);
  return found;
}

test('the installation with a webhook is the operator with two replicas, and with nothing that needs Kubernetes 1.36', () => {
  const present = readdirSync(new URL('webhook/', CONFIG)).filter((name) => name !== 'kustomization.yaml');
  expect([...(kustomization?.resources ?? [])].toSorted()).toEqual(['../ha', ...present].toSorted());
});

test('the webhook asks the API server the same as the policy', () => {
  const policy = find(
    'MutatingAdmissionPolicy',
    'glidepath-hold',
    readFolder('deployment-mode/').filter(({ kind }) => kind !== 'Kustomization'),
  );
  const { matchConditions } = policy['spec'] as { readonly matchConditions: readonly { readonly expression: string }[] };
  const oneLine = (text: string | undefined) => text?.replaceAll(/\s+/g, ' ').trim();
  expect(oneLine(matchConditions[1]?.expression)).toBe(CHANGED_OR_RELEASED);
});

test('the webhook is installed without an entry and without a certificate: the operator fills both in, and applying again takes nothing away', () => {
  expect(find('MutatingWebhookConfiguration', WEBHOOK_CONFIGURATION)).not.toHaveProperty('webhooks');
  const secret = find('Secret', WEBHOOK_NAME);
  expect(secret).not.toHaveProperty('data');
  expect(secret).not.toHaveProperty('stringData');
});

test('the operator may read and write those two objects by name, and no others', () => {
  for (const [kind, name, right] of [
    ['Role', WEBHOOK_NAME, '/secrets'],
    ['ClusterRole', WEBHOOK_CONFIGURATION, 'admissionregistration.k8s.io/mutatingwebhookconfigurations'],
  ] as const) {
    const { rules } = find(kind, 'glidepath-webhook');
    const [group, resource] = right.split('/');
    expect(rules).toEqual([{ apiGroups: [group], resources: [resource], resourceNames: [name], verbs: ['get', 'patch'] }]);
  }
});

test('every replica of the webhook is reached, by the port that the Deployment is given', () => {
  expect(find('Service', WEBHOOK_NAME)).toMatchObject({
    metadata: { namespace: SYSTEM_NAMESPACE },
    spec: { selector: { 'app.kubernetes.io/component': 'operator' }, ports: [{ port: 443, targetPort: 'webhook' }] },
  });
  const patches = JSON.stringify(kustomization?.['patches']);
  expect(patches).toContain('--webhook-address=:9443');
  expect(patches).toContain('{name: webhook, containerPort: 9443}');
});
