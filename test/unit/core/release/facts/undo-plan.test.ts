// What undo would do to a promoted release, from what is still there; and what the author of a revision says of going back.

import { describe, expect, test } from 'vitest';
import { describeGit, describePutBack } from '../../../../../src/core/release/report/gitops.ts';
import { judgeUndo } from '../../../../../src/core/release/assess.ts';
import { planUndo } from '../../../../../src/core/release/facts/undo-plan.ts';
import { noteIrreversible } from '../../../../../src/core/release/machine/notes.ts';
import { keepsWeights } from '../../../../../src/core/release/facts/retain.ts';
import type { CanaryReleaseStatus } from '../../../../../src/api/release.ts';
import type { DeploymentObject, PodTemplate, ReplicaSetObject } from '../../../../../src/core/workload/objects.ts';
import type { ObservedWorkload } from '../../../../../src/core/workload/observed.ts';
import { hashTemplate } from '../../../../../src/core/workload/template.ts';
import { aBackend, anObservation, aReleaseStatus, aSpec, aStatus, timeAfter } from '../../../../fixtures/builders.ts';

const templateOf = (tag: number): PodTemplate => ({ spec: { containers: [{ name: 'app', image: `a:${tag}` }] } });
const hashOf = (tag: number) => hashTemplate(templateOf(tag));
const provenOf = (tag: number) => ({ revision: `${tag}`, at: timeAfter(tag), templateHashes: [hashOf(tag)] });
const setOf = (tag: number): ReplicaSetObject => ({ metadata: { name: `store-${tag}` }, spec: { template: templateOf(tag) } });

const WORKLOAD = { name: 'store', uid: 'u', canary: 'store-canary', template: hashOf(3), servingTemplate: hashOf(2) };

/** a:3 was promoted over a:2; a:1 was promoted before. */
function promoted(change: Partial<CanaryReleaseStatus> = {}): CanaryReleaseStatus {
  return aStatus({
    state: 'promoted',
    serving: { service: 'store', revision: '3', template: hashOf(3) },
    proven: [provenOf(3), provenOf(2), provenOf(1)],
    release: aReleaseStatus({ workload: WORKLOAD }),
    ...change,
  });
}

function deploymentAt(tag: number, metadata: Partial<DeploymentObject['metadata']> = {}): DeploymentObject {
  return { metadata: { name: 'store', ...metadata }, spec: { selector: {}, template: templateOf(tag) } };
}

function planOf(status: CanaryReleaseStatus, workload: Partial<ObservedWorkload> = {}) {
  const observed = {
    known: true,
    deployment: deploymentAt(3),
    replicaSets: [1, 2, 3].map(setOf),
    hold: { kind: 'proven' },
    ...workload,
  } as const;
  return planUndo(status, 'promoted', anObservation({ workload: observed }));
}

describe('undo of a Deployment', () => {
  test('undo of a Deployment goes back to what served when the release began', () => {
    expect(planOf(promoted())).toEqual({ kind: 'template', template: hashOf(2), revision: '2', replicaSet: 'store-2' });
  });

  test('undo of a Deployment goes past what was rejected since', () => {
    const rejected = [{ revision: '2', reason: 'Undone', at: timeAfter(9), templateHashes: [hashOf(2)] }];
    expect(planOf(promoted({ rejected }))).toMatchObject({ kind: 'template', revision: '1' });
  });

  test('undo of a Deployment never goes to something older because what it should go to is gone', () => {
    expect(planOf(promoted(), { replicaSets: [1, 3].map(setOf) })).toMatchObject({
      kind: 'refused',
      why: expect.stringMatching(/^the ReplicaSet of revision 2 is gone/),
    });
  });

  test.each([
    ['nothing was promoted before', promoted({ proven: [provenOf(3)] }), {}, 'no revision was promoted before'],
    ['the Deployment is gone', promoted(), { deployment: undefined as never }, 'Deployment store is gone'],
    ['it holds another change', promoted(), { deployment: deploymentAt(4) }, 'holds another change'],
    [
      'another revision serves',
      promoted({ serving: { service: 'store', revision: '2', template: hashOf(2) } }),
      {},
      'does not serve any more, 2 does',
    ],
  ])('undo of a Deployment is refused when %s', (_what, status, workload, words) => {
    expect(planOf(status, workload)).toMatchObject({ kind: 'refused', why: expect.stringContaining(words) });
  });

  test('undo of a Deployment waits while nothing is known, and is no question of a release that is not promoted', () => {
    expect(planOf(promoted(), { known: false })).toEqual({ kind: 'unknown' });
    expect(planUndo(promoted(), 'rolledBack', anObservation())).toBeUndefined();
  });
});

describe('undo in Services mode', () => {
  const status = aStatus({ state: 'promoted', release: aReleaseStatus({ routes: [] }) });
  const planWith = (change: Parameters<typeof anObservation>[0]) => planUndo(status, 'promoted', anObservation(change));

  test('undo in Services mode needs the former Service with a ready pod', () => {
    expect(planWith({ backends: { v1: aBackend('v1') } })).toMatchObject({ kind: 'traffic', routes: [] });
    for (const v1 of [aBackend('v1', { readyEndpoints: 0 }), aBackend('v1', { exists: false })])
      expect(planWith({ backends: { v1 } })).toMatchObject({ kind: 'refused', why: expect.stringContaining('no ready endpoint') });
    expect(planWith({ backends: { v1: aBackend('v1', { known: false }) } })).toEqual({ kind: 'unknown' });
  });

  test('undo in Services mode leaves routes alone that another release drives by now', () => {
    const driver = { kind: 'other', name: 'newer', shared: { kind: 'HTTPRoute', name: 'store' } } as const;
    expect(planWith({ driver, backends: { v1: aBackend('v1') } })).toMatchObject({
      kind: 'refused',
      why: expect.stringContaining('newer'),
    });
  });
});

test('a command is refused with the reason of its plan, and waits for what is not known yet', () => {
  const command = { verb: 'undo', release: 'x', at: timeAfter(1) } as const;
  expect(judgeUndo(command, { kind: 'refused', why: 'gone' })).toEqual({ ...command, refusal: 'gone' });
  expect(judgeUndo(command, { kind: 'unknown' })).toBeUndefined();
  expect(judgeUndo(command, undefined)).toBe(command);
  expect(judgeUndo({ ...command, verb: 'pause' }, { kind: 'unknown' })).toMatchObject({ verb: 'pause' });
});

describe('what the author says of going back', () => {
  const name = 'glidepath.dev/irreversible';
  const markOf = (deployment: DeploymentObject, status = promoted()) => {
    const workload = { known: true, replicaSets: [], hold: { kind: 'proven' }, deployment } as const;
    return noteIrreversible(status, anObservation({ workload })).release?.workload?.irreversible;
  };

  test('what the author says of going back is read from the Deployment, or from the template, which is the revision itself', () => {
    expect(markOf(deploymentAt(3))).toBeUndefined();
    expect(markOf(deploymentAt(3, { annotations: { [name]: ' drops a column ' } }))).toBe('drops a column');
    expect(markOf(deploymentAt(3, { annotations: { [name]: 'false' } }))).toBeUndefined();
    const template = { ...templateOf(3), metadata: { annotations: { [name]: 'true' } } };
    const marked = promoted({ release: aReleaseStatus({ workload: { ...WORKLOAD, template: hashTemplate(template) } }) });
    expect(markOf({ metadata: { name: 'store' }, spec: { selector: {}, template } }, marked)).toBe('true');
  });

  test('what the author says of going back counts for the revision that was released, not for another one, and may be taken back', () => {
    expect(markOf(deploymentAt(4, { annotations: { [name]: 'drops a column' } }))).toBeUndefined();
    const workload = {
      known: true,
      replicaSets: [],
      hold: { kind: 'proven' },
      deployment: deploymentAt(3, { annotations: { [name]: 'yes' } }),
    } as const;
    expect(markOf(deploymentAt(3), noteIrreversible(promoted(), anObservation({ workload })))).toBeUndefined();
  });
});

describe('Git', () => {
  test('Git is named by the tool that applies the Deployment', () => {
    const argo = deploymentAt(3, { annotations: { 'argocd.argoproj.io/tracking-id': 'x' } });
    const flux = deploymentAt(3, { labels: { 'kustomize.toolkit.fluxcd.io/name': 'shop' } });
    expect(describeGit(argo)).toContain('Argo CD puts the undone template back');
    expect(describeGit(flux)).toContain('Flux puts the undone template back');
    expect(describeGit(deploymentAt(3))).toContain('if it came from there');
    expect(describeGit(undefined)).toBe('');
  });

  test('Git is mentioned only where it has put back what was undone', () => {
    const status = aStatus({ release: aReleaseStatus({ undone: true, workload: WORKLOAD }) });
    const held = { ...deploymentAt(3, { labels: { 'kustomize.toolkit.fluxcd.io/name': 'shop' } }) };
    const workload = (deployment: DeploymentObject, template: string) => ({ workload: { deployment, template } }) as never;
    const paused = { ...held, spec: { ...held.spec, paused: true } };
    expect(describePutBack(status, 'rolledBack', workload(paused, hashOf(3)))).toMatchObject({ reason: 'Flux' });
    expect(describePutBack(status, 'rolledBack', workload(paused, hashOf(2)))).toBeUndefined();
    expect(describePutBack(status, 'rolledBack', workload(held, hashOf(3)))).toBeUndefined();
    expect(describePutBack(status, 'promoted', workload(paused, hashOf(3)))).toBeUndefined();
  });
});

test('Retain keeps weights; a canary of a Deployment without one has nothing to keep', () => {
  const spec = aSpec({ deletionPolicy: 'Retain' });
  expect([keepsWeights(aSpec(), promoted({ weight: 50 })), keepsWeights(spec, aStatus({ weight: 0 }))]).toEqual([false, true]);
  expect([0, 50].map((weight) => keepsWeights(spec, promoted({ weight })))).toEqual([false, true]);
});
