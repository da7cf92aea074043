// Who may steer: the real API server decides by RBAC and the policies of config/commands, for several people.

import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { PROJECT_FOLDER } from '../lab/settings.ts';
import { run } from '../lab/shell.ts';
import { type KubeObject, messageIn } from '../fixtures/cluster/api.ts';
import type { App } from '../fixtures/cluster/app.ts';
import { type Cluster, waitFor } from '../fixtures/cluster/cluster.ts';
import { Stand } from '../fixtures/cluster/stand.ts';
import { expectNothingLeft, sharesOf, trajectoryOf } from '../fixtures/cluster/trajectory.ts';

const STAMP = join(PROJECT_FOLDER, 'config/commands-stamp');
const RELEASES = { apiGroups: ['glidepath.dev'], resources: ['canaryreleases'] };
const ROUTES = { apiGroups: ['gateway.networking.k8s.io'], resources: ['httproutes'] };
const RBAC = 'rbac.authorization.k8s.io';

/** ada approves, eve edits releases and some routes, bob writes releases without any verb of a command. */
const PEOPLE = ['ada', 'eve', 'bob'] as const;
type Person = (typeof PEOPLE)[number];

/** The routes that eve may patch: as many as a release can name. */
const HERS = ['asking', 'stopped', ...Array.from({ length: 14 }, (_, index) => `hers-${index}`)].map((name) => ({ name }));

let stand: Stand;
let asking: App;
let people: Record<Person, Cluster>;

beforeAll(async () => {
  await run('kubectl', ['delete', '--ignore-not-found', '-k', STAMP]);
  stand = await Stand.open({ name: 'commands', versions: { one: { version: 'v1' }, two: { version: 'v2' } } });
  people = { ada: stand.cluster.as('ada'), eve: stand.cluster.as('eve'), bob: stand.cluster.as('bob') };
  await Promise.all([
    bind('ada', 'ClusterRole', 'glidepath-approver'),
    bind('eve', 'ClusterRole', 'glidepath-editor'),
    grant('eve', [
      { ...ROUTES, verbs: ['patch'], resourceNames: HERS.map(({ name }) => name) },
      { apiGroups: ['apps'], resources: ['deployments'], verbs: ['patch'], resourceNames: ['two'] },
    ]),
    grant('bob', [{ ...RELEASES, verbs: ['get', 'patch'] }]),
  ]);
  asking = await stand.app({ name: 'asking' });
  const isEnforced = async () => {
    const answer = await stand.cluster.tryCreate(withAnnotations(asking, { 'glidepath.dev/command': 'nonsense' }), { dryRun: true });
    return answer.code === 422;
  };
  await waitFor('the policies to be enforced', isEnforced);
});

afterAll(async () => {
  await run('kubectl', ['delete', '--ignore-not-found', '-k', STAMP]);
  await Promise.all(Object.values(people ?? {}).map((cluster) => cluster.close()));
  await stand?.close();
});

async function bind(person: Person, kind: 'Role' | 'ClusterRole', role: string): Promise<void> {
  await stand.cluster.create({
    apiVersion: `${RBAC}/v1`,
    kind: 'RoleBinding',
    metadata: { name: `${person}-${role}`, namespace: stand.namespace },
    roleRef: { apiGroup: RBAC, kind, name: role },
    subjects: [{ apiGroup: RBAC, kind: 'User', name: person }],
  });
}

async function grant(person: Person, rules: readonly object[]): Promise<void> {
  const metadata = { name: `only-${person}`, namespace: stand.namespace };
  await stand.cluster.create({ apiVersion: `${RBAC}/v1`, kind: 'Role', metadata, rules });
  await bind(person, 'Role', metadata.name);
}

function withAnnotations(app: App, annotations: Readonly<Record<string, string>>) {
  const manifest = app.manifest();
  return { ...manifest, metadata: { ...manifest.metadata, annotations } };
}

/** The value of a command for the release that runs. */
function order(app: App, verb: string, stage?: number): string {
  return `${verb}:${app.status?.release?.id}${stage === undefined ? '' : `/${stage}`}:${new Date().toISOString()}`;
}

/** As `kubectl annotate --overwrite`; null takes one away. */
function annotate(person: Person, app: App, annotations: Readonly<Record<string, string | null>>) {
  return people[person].patch(app.ref, { metadata: { annotations } }, { manager: 'kubectl-annotate' });
}

/** What the API server answers to a person who tries. */
async function refusal(trying: Promise<unknown>): Promise<string> {
  const outcome = await trying.then(
    () => 'it was accepted',
    (error: unknown) => error,
  );
  return outcome instanceof Error ? outcome.message : String(outcome);
}

/** Applies `config/commands-stamp`, and waits until a name that is refused without it is mended instead. */
async function installStamp(app: App): Promise<void> {
  await run('kubectl', ['apply', '--server-side', '-k', STAMP]);
  const annotations = {
    'glidepath.dev/command': `pause:0123456789:${new Date().toISOString()}`,
    'glidepath.dev/command-by': 'ada',
    'glidepath.dev/abort': '0123456789',
    'glidepath.dev/abort-by': 'ada',
  };
  const isStamped = async () => {
    const stored = await people.eve.patch(app.ref, { metadata: { annotations } }, { dryRun: true }).catch(() => undefined);
    const { 'glidepath.dev/command-by': commandBy, 'glidepath.dev/abort-by': abortBy } = stored?.metadata.annotations ?? {};
    return commandBy === 'eve' && abortBy === 'eve';
  };
  await waitFor('the stamp', isStamped);
}

async function noteOf(app: App, reason: string): Promise<string> {
  const events = await stand.untilEvents(app.name, reason);
  return events.findLast((event) => event.reason === reason)?.note ?? '';
}

/** The manifest of the asking app with these routes, tried out by eve. */
async function tryRelease(spec: object): Promise<{ readonly code: number; readonly message: string }> {
  const manifest = asking.manifest();
  const wanted = { ...manifest, metadata: { ...manifest.metadata, name: 'tried' }, spec: { ...(manifest['spec'] as object), ...spec } };
  const { code, body } = await people.eve.tryCreate(wanted, { dryRun: true });
  return { code, message: messageIn(body) };
}

test('the API server finds nothing wrong with the policies', async () => {
  for (const name of ['glidepath-commands', 'glidepath-authors']) {
    const path = `/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies/${name}`;
    const checked = await waitFor(`${name} to be checked`, async () => {
      const policy = await stand.cluster.api.get<KubeObject<unknown, { observedGeneration?: number; typeChecking?: object }>>(path);
      return policy?.status?.observedGeneration === policy?.metadata.generation && policy?.status;
    });
    expect(checked.typeChecking).toEqual({});
  }
});

describe('the author of a release', () => {
  test('the author of a release may name the routes that she may patch', async () => {
    expect(await tryRelease({ routeRefs: [{ name: 'asking' }, { name: 'stopped' }] })).toMatchObject({ code: 201 });
  });

  test('the author of a release may not name another, which is named with the fix', async () => {
    const { code, message } = await tryRelease({ routeRefs: [{ name: 'asking' }, { name: 'theirs' }] });
    expect(code).toBe(403);
    expect(message).toContain(
      `release tried names HTTPRoute theirs in spec.routeRefs, which eve may not patch; ask for the right to patch httproutes.gateway.networking.k8s.io in namespace ${stand.namespace}`,
    );
  });

  test('the author of a release may not name a route of another kind by the same name', async () => {
    const { code, message } = await tryRelease({ routeRefs: [{ kind: 'GRPCRoute', name: 'asking' }] });
    expect([code, message]).toEqual([403, expect.stringContaining('release tried names GRPCRoute asking in spec.routeRefs')]);
  });

  test('the author of a release needs the right for the last of sixteen routes as for the first', async () => {
    expect(await tryRelease({ routeRefs: HERS })).toMatchObject({ code: 201 });
    const { code, message } = await tryRelease({ routeRefs: [...HERS.slice(1), { name: 'theirs' }] });
    expect([code, message]).toEqual([403, expect.stringContaining('release tried names HTTPRoute theirs')]);
  });

  test('the author of a release may not take every route of the namespace', async () => {
    const { code, message } = await tryRelease({ routeRefs: [] });
    expect(code).toBe(403);
    expect(message).toContain(
      'release tried has no spec.routeRefs and claims every HTTPRoute that names its Services, which eve may not patch',
    );
    expect(message).toContain('list the routes in spec.routeRefs, or ask for');
  });

  test('the author of a release may not name a Deployment that she may not patch', async () => {
    const { code, message } = await tryRelease({
      services: undefined,
      service: { name: 'asking-v1' },
      targetRef: { kind: 'Deployment', name: 'one' },
    });
    expect(code).toBe(403);
    expect(message).toContain('release tried names Deployment one in spec.targetRef, which eve may not patch');
  });

  test('the author of a release may not name a Service that she may not patch, beside which the operator would make another one', async () => {
    const { code, message } = await tryRelease({
      services: undefined,
      service: { name: 'payments' },
      targetRef: { kind: 'Deployment', name: 'two' },
    });
    expect([code, message]).toEqual([
      403,
      expect.stringContaining('release tried names Service payments in spec.service, which eve may not patch'),
    ]);
  });

  test('the author of a release may not let it ignore policies where she may not patch its route', async () => {
    const manifest = asking.manifest({ paused: true });
    const spec = { ...(manifest['spec'] as object), routeRefs: [{ name: 'theirs' }] };
    await stand.cluster.create({ ...manifest, metadata: { ...manifest.metadata, name: 'others' }, spec });
    const ref = { ...asking.ref, name: 'others' };
    const ignore = { metadata: { annotations: { 'glidepath.dev/ignore-policy-parity': 'NetworkPolicy/*' } } };
    expect(await refusal(people.eve.patch(ref, ignore))).toContain(
      'release others names HTTPRoute theirs in spec.routeRefs, which eve may not patch',
    );
    await stand.cluster.remove(ref);
  });

  test('the author of a release may not put another route into a release that is there', async () => {
    await people.eve.create(asking.manifest({ paused: true }));
    const edit = { spec: { routeRefs: [{ name: 'theirs' }] } };
    expect(await refusal(people.eve.patch(asking.ref, edit))).toContain('release asking names HTTPRoute theirs');
    await people.eve.remove(asking.ref);
    await waitFor('the release to be gone', async () => (await stand.cluster.get(asking.ref)) === undefined);
  });
});

describe('a release that asks', () => {
  const stages = [
    { weight: 20, duration: '1s', approval: 'Required' as const },
    { weight: 50, duration: '1s', approval: 'Required' as const },
  ];

  beforeAll(async () => {
    await people.eve.create(asking.manifest({ stages }));
    await asking.untilPhase('AwaitingApproval');
  });

  test('a release is not approved by someone without the verb, and the message says what to ask for', async () => {
    expect(await refusal(annotate('bob', asking, { 'glidepath.dev/command': order(asking, 'approve', 1) }))).toMatch(
      new RegExp(
        `403.*you may not approve release asking: bob has no right to the verb "approve" on canaryreleases.glidepath.dev; ask for the role glidepath-approver in namespace ${stand.namespace}$`,
      ),
    );
  });

  test('a release is not aborted by someone without the verb', async () => {
    const { id = '' } = asking.status?.release ?? {};
    expect(await refusal(annotate('bob', asking, { 'glidepath.dev/abort': id }))).toContain('you may not abort release asking: bob has no');
  });

  test.each([
    ['a spec', { spec: { stages: [{ weight: 50, duration: '1s', approval: 'Automatic' }] } }],
    ['a pause in the spec', { spec: { paused: true } }],
    ['a label', { metadata: { labels: { team: 'mine' } } }],
    ['another annotation', { metadata: { annotations: { 'example.org/note': 'mine' } } }],
    ['the finalizer', { metadata: { finalizers: null } }],
    ['an owner', { metadata: { ownerReferences: [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'x', uid: 'y' }] } }],
  ])('a release is not edited by an approver: %s', async (_what, edit) => {
    expect(await refusal(people.ada.patch(asking.ref, edit))).toMatch(
      /403.*you may not edit release asking: ada has no right to update canaryreleases.glidepath.dev and may only give commands/,
    );
  });

  test('a release takes no command in a form that the operator cannot read', async () => {
    const written = refusal(annotate('ada', asking, { 'glidepath.dev/command': 'approve everything' }));
    expect(await written).toMatch(/422.*glidepath.dev\/command of release asking is "approve everything"; write <verb>:<release id>/);
    expect(await refusal(annotate('ada', asking, { 'glidepath.dev/abort': 'now' }))).toMatch(
      /422.*glidepath.dev\/abort of release asking is "now"; write the id/,
    );
  });

  test('a release takes no command under the name of another', async () => {
    const forged = { 'glidepath.dev/command': order(asking, 'approve', 1), 'glidepath.dev/command-by': 'eve' };
    expect(await refusal(annotate('ada', asking, forged))).toMatch(
      /403.*glidepath.dev\/command-by of release asking is "eve" and you are ada; change it only along with/,
    );
    expect(await refusal(annotate('ada', asking, { 'glidepath.dev/command-by': 'eve' }))).toContain('you are ada');
    const stopped = { 'glidepath.dev/abort': asking.status?.release?.id ?? '', 'glidepath.dev/abort-by': 'eve' };
    expect(await refusal(annotate('ada', asking, stopped))).toContain('glidepath.dev/abort-by of release asking is "eve" and you are ada');
  });

  test('a release continues when an approver says so under her own name, which is in the status and the event', async () => {
    expect(asking.status).toMatchObject({ phase: 'AwaitingApproval', weight: 20 });
    expect(asking.status).not.toHaveProperty('lastHandledCommand');
    await annotate('ada', asking, { 'glidepath.dev/command': order(asking, 'approve', 1), 'glidepath.dev/command-by': 'ada' });
    await asking.until('the approval', ({ lastHandledCommand }) => lastHandledCommand !== undefined);
    expect(asking.status?.lastHandledCommand).toMatchObject({ verb: 'approve', stage: 1, by: 'ada', result: 'Done' });
    expect(await noteOf(asking, 'Approved')).toBe('stage 1 is approved by ada');
    await asking.until('stage 2', ({ phase, weight }) => phase === 'AwaitingApproval' && weight === 50);
  });

  test('a release takes no command of another under the name that is still there', async () => {
    const written = refusal(annotate('eve', asking, { 'glidepath.dev/command': order(asking, 'approve', 2) }));
    expect(await written).toContain('glidepath.dev/command-by of release asking is "ada" and you are eve');
  });

  test('a release names who gave a command where the stamp is installed, and is promoted by an operator without exemption', async () => {
    await installStamp(asking);
    await annotate('eve', asking, { 'glidepath.dev/command': order(asking, 'approve', 2) });
    await asking.untilPhase('Promoted');
    expect(asking.status?.lastHandledCommand).toMatchObject({ verb: 'approve', stage: 2, by: 'eve', result: 'Done' });
    expect(sharesOf(trajectoryOf(asking))).toEqual([0, 20, 50, 100]);
    await expectNothingLeft(asking);
  });

  test('a release may lose all its annotations again, by an editor only', async () => {
    const cleaning = { metadata: { annotations: null } };
    expect(await refusal(people.ada.patch(asking.ref, cleaning))).toContain('you may not edit release asking');
    const { metadata } = await people.eve.patch(asking.ref, cleaning);
    expect(metadata.annotations).toBeUndefined();
  });
});

test('an abort is done, and tells whose it was', async () => {
  const app = await stand.app({ name: 'stopped' });
  await people.eve.create(app.manifest({ stages: [{ weight: 40, duration: '60s' }] }));
  await app.untilPhase('Analyzing');
  await installStamp(app);
  await annotate('ada', app, { 'glidepath.dev/abort': app.status?.release?.id ?? '' });
  const status = await app.untilPhase('RolledBack');
  expect(status.message).toContain('aborted by ada');
  expect(await noteOf(app, 'RollbackStarted')).toContain('aborted by ada (annotation glidepath.dev/abort)');
  await annotate('ada', app, { 'glidepath.dev/command': order(app, 'retry') });
  await app.untilPhase('Analyzing');
  expect(app.status?.lastHandledCommand).toMatchObject({ verb: 'retry', by: 'ada', result: 'Done' });
  // The finalizer comes and goes while the policies look on.
  await people.eve.remove(app.ref);
  await waitFor('the release to be gone', async () => (await stand.cluster.get(app.ref)) === undefined);
});
