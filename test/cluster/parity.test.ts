// Policies that cover the serving pods and not the canary, on a real API server: the release is blocked before any weight, the
// advice in its condition is pasted as it stands, and it goes on. What is no matter of security is only told.

import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import type { CanaryReleaseStatus } from '../../src/api/release.ts';
import { PROJECT_FOLDER } from '../lab/settings.ts';
import { type PlainObject, sampleDeployment } from '../lab/sample.ts';
import type { App } from '../fixtures/cluster/app.ts';
import type { KubeObject } from '../fixtures/cluster/api.ts';
import { waitFor } from '../fixtures/cluster/cluster.ts';
import { Stand } from '../fixtures/cluster/stand.ts';
import { expectNothingLeft, trajectoryOf } from '../fixtures/cluster/trajectory.ts';

type Workload = KubeObject<{ readonly paused?: boolean }, { readonly readyReplicas?: number; readonly replicas?: number }>;
type Role = KubeObject & { readonly rules: readonly { readonly resources: readonly string[] }[] };

const run = promisify(execFile);
const MODE = join(PROJECT_FOLDER, 'config/deployment-mode');
const ROLE = { kind: 'ClusterRole', name: 'glidepath-deployment-mode' } as const;
const SERVING = { matchLabels: { app: 'store' } };
let stand: Stand;
let app: App;

const spec = {
  services: undefined,
  targetRef: { kind: 'Deployment', name: 'store' },
  service: { name: 'store-api' },
  stages: [{ weight: 50, duration: '2s' }],
} as never;

beforeAll(async () => {
  stand = await Stand.open({ name: 'parity', versions: {} });
  await run('kubectl', ['apply', '--server-side', '--force-conflicts', '-k', MODE]);
  const binding = ['--clusterrole=glidepath-deployment-mode', '--serviceaccount=glidepath-system:glidepath'];
  await run('kubectl', ['create', 'rolebinding', 'glidepath-deployment-mode', '-n', stand.namespace, ...binding]);
  await apply('v1');
  const isReady = async () => (await deployment())?.status?.readyReplicas === 1;
  await waitFor('v1 to be ready', isReady);
  app = await stand.app({ name: 'store', services: { api: 'store' }, weights: { api: 1 } });
  await app.release(spec);
  await app.untilPhase('Idle');
});

afterAll(async () => {
  await stand?.close();
});

/** As a GitOps tool would apply it. */
async function apply(version: string): Promise<void> {
  const manifest = sampleDeployment({ version, namespace: stand.namespace, name: 'store' });
  await stand.cluster.apply({ ...manifest, spec: { ...(manifest['spec'] as object), paused: false } }, { manager: 'git' });
}

const deployment = (name = 'store') => stand.cluster.get<Workload>({ kind: 'Deployment', namespace: stand.namespace, name });

function policy(kind: string, apiVersion: string, name: string, policySpec: object): PlainObject {
  return { apiVersion, kind, metadata: { name, namespace: stand.namespace }, spec: policySpec };
}

const parityOf = ({ conditions = [] }: CanaryReleaseStatus) => conditions.find(({ type }) => type === 'PolicyParity');

/** What the condition says is to be written behind these words. */
function advice(message: string, words: string): object {
  const [, rest = ''] = message.split(words);
  const [end] = /^ \{.*?\}(?=; [A-Z]|$)/.exec(rest) ?? [''];
  return parse(end) as object;
}

test('security policies for the serving side alone block before any weight; each advice is pasted, and it goes on', async () => {
  const { cluster, namespace } = stand;
  const validation = { hostname: 'store.test', wellKnownCACertificates: 'System' };
  const target = { group: '', kind: 'Service', name: 'store-api' };
  const database = { podSelector: { matchLabels: { app: 'db' } }, ingress: [{ from: [{ podSelector: SERVING }] }] };
  await Promise.all([
    cluster.create(policy('NetworkPolicy', 'networking.k8s.io/v1', 'store', { podSelector: SERVING, ingress: [{}] })),
    cluster.create(policy('NetworkPolicy', 'networking.k8s.io/v1', 'db', database)),
    cluster.create(policy('BackendTLSPolicy', 'gateway.networking.k8s.io/v1', 'tls', { targetRefs: [target], validation })),
    cluster.create(policy('PodDisruptionBudget', 'policy/v1', 'store', { minAvailable: 1, selector: SERVING })),
  ]);
  await apply('v2');
  const blocked = await app.untilBlockedBy('PolicyParity');
  expect(blocked.message).toContain(
    'blocked: PolicyParity: BackendTLSPolicy tls targets Service store-api and not Service store-api-canary',
  );
  const message = parityOf(blocked)?.message ?? '';
  expect(parityOf(blocked)).toMatchObject({ status: 'False', reason: 'Different' });
  for (const named of ['BackendTLSPolicy tls', 'NetworkPolicy db', 'NetworkPolicy store', 'PodDisruptionBudget store'])
    expect(message).toContain(named);
  expect(await deployment('store-canary')).toBeUndefined();
  for (const { mark } of trajectoryOf(app, 'api', 'api-canary')) expect(mark).toBeUndefined();

  const add = (path: string, value: object) => [{ op: 'add', path, value }];
  const paste = (kind: 'BackendTLSPolicy' | 'NetworkPolicy', name: string, patch: object) =>
    cluster.patch({ kind, namespace, name }, patch);
  await paste('BackendTLSPolicy', 'tls', add('/spec/targetRefs/-', advice(message, 'add to its spec.targetRefs')));
  await paste('NetworkPolicy', 'db', add('/spec/ingress/0/from/-', advice(message, 'add to its spec.ingress[0].from')));
  await paste('NetworkPolicy', 'store', add('/spec/podSelector', advice(message, 'set its spec.podSelector to')));
  const running = await app.until('a weight', ({ weight }) => weight === 50);
  expect(parityOf(running)).toMatchObject({
    status: 'False',
    message: expect.stringMatching(/^PodDisruptionBudget store .*: add another PodDisruptionBudget like it with spec.selector/),
  });
  const promoted = await app.untilPhase('Promoted');
  expect(parityOf(promoted)).toBeUndefined();
  await expectNothingLeft(app);
  const events = await stand.untilEvents('store', 'Blocked', 'PolicyParity');
  expect(events.filter(({ reason }) => reason === 'PolicyParity').map(({ note }) => note)).toEqual([
    expect.stringContaining('PodDisruptionBudget store'),
  ]);
});

test('a kind that the operator may not list is told as not checked, and stops nothing', async () => {
  const { rules } = (await stand.cluster.get<Role>(ROLE)) ?? { rules: [] };
  const fewer = rules.filter(({ resources }) => !resources.includes('networkpolicies') && !resources.includes('poddisruptionbudgets'));
  await stand.cluster.patch(ROLE, [{ op: 'replace', path: '/rules', value: fewer }]);
  await apply('v3');
  const running = await app.until('a weight', ({ weight }) => weight === 50);
  const { message = '', ...word } = parityOf(running) ?? {};
  expect(word).toMatchObject({ status: 'Unknown', reason: 'NotChecked' });
  expect(message).toMatch(
    /NetworkPolicy not checked \(.*403.*\): let the operator list them: kubectl apply --server-side -k config\/deployment-mode/,
  );
  await app.untilPhase('Promoted');
});
