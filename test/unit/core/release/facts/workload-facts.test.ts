// What the Deployment says, down to objects of which the API server has filled in nothing.

import { describe, expect, test } from 'vitest';
import { defaultSpec } from '../../../../../src/api/release.ts';
import { desireWorkload } from '../../../../../src/core/release/desired/workload.ts';
import { gatherFacts } from '../../../../fixtures/facts.ts';
import type { ObservedBackend } from '../../../../../src/core/release/observation.ts';
import type { StateName } from '../../../../../src/core/release/state.ts';
import { isRolledOut } from '../../../../../src/core/release/facts/workload-facts.ts';
import { buildCanary } from '../../../../../src/core/workload/canary-manifests.ts';
import type { DeploymentObject, PodTemplate, ReplicaSetObject } from '../../../../../src/core/workload/objects.ts';
import type { ObservedWorkload } from '../../../../../src/core/workload/observed.ts';
import { hashTemplate } from '../../../../../src/core/workload/template.ts';
import {
  aBackend,
  after,
  anObservation,
  aRecordedRoute,
  aRelease,
  aReleaseStatus,
  aRoute,
  aRule,
  aStatus,
} from '../../../../fixtures/builders.ts';

const templateOf = (image: string): PodTemplate => ({ spec: { containers: [{ name: 'app', image }] } });
const [OLD, NEW] = [hashTemplate(templateOf('a:1')), hashTemplate(templateOf('a:2'))];
const spec = defaultSpec({ targetRef: { name: 'store' }, service: { name: 'store' } });
const ownerReferences = [{ uid: 'uid-web' }];

/** A held Deployment at another template than the one that serves. */
function heldWith(change: Partial<DeploymentObject['spec']> = {}): DeploymentObject {
  return { metadata: { name: 'store' }, spec: { paused: true, selector: {}, template: templateOf('a:2'), ...change } };
}

function factsOf(workload: Partial<ObservedWorkload>, state: StateName, backend: Partial<ObservedBackend> = {}, rolls = false) {
  const names = { name: 'store', uid: 'uid-1', canary: 'store-canary', template: NEW, servingTemplate: OLD, ...(rolls ? { rolls } : {}) };
  const status = aStatus({ state, weight: 25, release: aReleaseStatus({ workload: names }) });
  const observation = anObservation({
    release: aRelease({ spec }),
    backends: { store: aBackend('store', backend) },
    workload: { known: true, replicaSets: [], hold: { kind: 'proven' }, ...workload },
  });
  return { status, facts: gatherFacts(spec, status, state, observation, after(0)) };
}

function wantedOf(workload: Partial<ObservedWorkload>, state: StateName) {
  const { status, facts } = factsOf(workload, state);
  return desireWorkload(status, state, facts);
}

describe('a Deployment has rolled out', () => {
  const status = { observedGeneration: 3, replicas: 1, updatedReplicas: 1, availableReplicas: 1 };
  const rolled = { ...heldWith({ paused: false }), metadata: { name: 'store', generation: 3 }, status };

  test('a Deployment has rolled out when all its pods are new and available', () => {
    expect(isRolledOut(rolled)).toBe(true);
    expect(isRolledOut({ ...rolled, metadata: { name: 'store' } })).toBe(true);
  });

  test('a Deployment has not rolled out while it is paused, not yet seen, or some pods are old or missing', () => {
    expect(isRolledOut({ ...rolled, spec: { ...rolled.spec, paused: true } })).toBe(false);
    expect(isRolledOut({ ...rolled, metadata: { name: 'store', generation: 4 } })).toBe(false);
    expect(isRolledOut({ metadata: { name: 'store' }, spec: rolled.spec })).toBe(false);
    expect(isRolledOut({ ...rolled, status: { observedGeneration: 3 } })).toBe(false);
    expect(isRolledOut({ ...rolled, status: { ...status, replicas: 2 } })).toBe(false);
  });
});

describe('a promotion is rolled out for gateways', () => {
  const setOf = (name: string, image: string): ReplicaSetObject => ({ metadata: { name }, spec: { template: templateOf(image) } });
  const long = `store-${'x'.repeat(80)}`;
  const replicaSets = [setOf('store-old', 'a:1'), setOf('store-new', 'a:2'), setOf(long, 'a:2')];
  const status = { observedGeneration: 3, replicas: 2, updatedReplicas: 2, availableReplicas: 2 };
  const deployment = { ...heldWith({ paused: false, replicas: 2 }), metadata: { name: 'store', generation: 3 }, status };
  const isRolled = (readyPods?: readonly string[]) =>
    factsOf({ deployment, replicaSets }, 'promoting.rollingOut', readyPods === undefined ? {} : { readyPods }).facts.workload?.rolledOut;

  test.each<[string, readonly string[]]>([
    ['all new pods are endpoints', ['store-new-abcde', 'store-new-fghij']],
    ['there are more of them', ['store-new-abcde', 'store-new-fghij', 'store-new-klmno']],
    ['others serve beside them', ['store-new-abcde', 'store-new-fghij', 'other-abcde', 'store-new-abcde-abcde']],
    ['the name of the ReplicaSet was cut', [`${long.slice(0, 58)}abcde`, 'store-new-fghij']],
    ['only others are endpoints, and nobody knows', ['10.0.0.1', '10.0.0.2']],
  ])('a promotion is rolled out for gateways when %s', (_what, pods) => {
    expect(isRolled(pods)).toBe(true);
  });

  test.each<[string, readonly string[]]>([
    ['an old pod is still one', ['store-new-abcde', 'store-new-fghij', 'store-old-abcde']],
    ['a new one is missing', ['store-new-abcde']],
    ['an old one stands for a new one', ['store-new-abcde', 'store-old-abcde']],
    ['there are none', []],
  ])('a promotion is not rolled out for gateways while %s', (_what, pods) => {
    expect(isRolled(pods)).toBe(false);
  });

  test('the Deployment decides whether a promotion is rolled out where no one has looked at endpoints', () => {
    expect(isRolled()).toBe(true);
  });
});

describe('what is wanted', () => {
  test('nothing is wanted where nothing is known, or the Deployment is not there', () => {
    expect(wantedOf({ known: false, deployment: heldWith() }, 'preparing')).toEqual([]);
    expect(wantedOf({}, 'preparing')).toEqual([]);
  });

  test('nothing is wanted beside a Deployment that was deleted while its canary has weight', () => {
    const { facts } = factsOf({}, 'stage.analyzing');
    expect(facts.workload).toMatchObject({
      template: undefined,
      rolledOut: false,
      rollsUnproven: false,
      enoughPods: false,
    });
    expect(facts.plan).toBeUndefined();
  });

  test('the serving ReplicaSet is scaled up first where it has no pods, and the last step is left to the Deployment controller', () => {
    const setOf = (image: string, replicas?: number): ReplicaSetObject => ({
      metadata: { name: image },
      spec: { template: templateOf(image), ...(replicas === undefined ? {} : { replicas }) },
    });
    const replicaSets = [setOf('a:0', 2), setOf('a:1'), setOf('a:3')];
    expect(wantedOf({ deployment: heldWith(), replicaSets }, 'stage.analyzing')).toMatchObject([
      { kind: 'scaleReplicaSet', name: 'a:1', replicas: 2 },
      { kind: 'scaleReplicaSet', name: 'a:0', replicas: 0 },
    ]);
    expect(wantedOf({ deployment: heldWith({ replicas: 4 }), replicaSets }, 'stage.analyzing')).toMatchObject([{ replicas: 3 }, {}]);
    expect(wantedOf({ deployment: heldWith(), replicaSets: [setOf('a:0', 2)] }, 'stage.analyzing')).toEqual([]);
  });

  test.each<[string, { old: number; young: number }, readonly object[]]>([
    ['down first where the serving ReplicaSet is the larger one: never a pod too many', { old: 3, young: 2 }, [{ 'a:2': 0 }]],
    ['down first, and up by as many', { old: 2, young: 3 }, [{ 'a:2': 1 }, { 'a:1': 4 }]],
    [
      'up first where it is the smaller one, or the Deployment controller starts new pods again',
      { old: 1, young: 4 },
      [{ 'a:1': 3 }, { 'a:2': 2 }],
    ],
  ])('a rollout is taken back %s', (_what, { old, young }, expected) => {
    const setOf = (image: string, replicas: number): ReplicaSetObject => ({
      metadata: { name: image },
      spec: { template: templateOf(image), replicas },
      status: { readyReplicas: replicas },
    });
    const workload = { deployment: heldWith({ replicas: 4 }), replicaSets: [setOf('a:1', old), setOf('a:2', young)] };
    const { status, facts } = factsOf(workload, 'rollingBack.draining', {}, true);
    const scales = desireWorkload(status, 'rollingBack.draining', facts).flatMap((intent) =>
      intent.kind === 'scaleReplicaSet' ? [{ [intent.name]: intent.replicas }] : [],
    );
    expect(scales).toEqual(expected);
  });

  test('the canary of another release is removed before the release makes its own, and left alone later', () => {
    const canaryDeployment: DeploymentObject = { ...heldWith(), metadata: { name: 'store-canary', ownerReferences } };
    const seen = { deployment: heldWith(), canaryDeployment };
    expect(wantedOf(seen, 'preparing')).toEqual([{ kind: 'deleteDeployment', name: 'store-canary', uid: '' }]);
    expect(wantedOf(seen, 'stage.analyzing')).toEqual([]);
  });

  test('the leftovers of a release are removed, the Deployment before the Service', () => {
    const [canaryDeployment, canaryService] = [
      { ...heldWith(), metadata: { name: 'store-canary', ownerReferences } },
      { metadata: { name: 'store-canary', ownerReferences }, spec: {} },
    ];
    expect(wantedOf({ canaryDeployment, canaryService }, 'promoted')).toMatchObject([{ kind: 'deleteDeployment' }]);
    expect(wantedOf({ canaryService }, 'promoted')).toMatchObject([{ kind: 'deleteService', uid: '' }]);
    expect(wantedOf({ canaryService: { metadata: { name: 'store-canary' }, spec: {} } }, 'promoted')).toEqual([]);
  });
});

test('a canary of objects with nothing but what is needed', () => {
  const deployment = heldWith({ selector: { matchLabels: { app: 'store' } } });
  const service = { metadata: { name: 'store' }, spec: { selector: { app: 'store', tier: 'web' } } };
  const plan = buildCanary({ deployment, service, owner: { name: 'web', uid: 'u' }, labels: {} });
  expect(plan).toMatchObject({
    kind: 'manifests',
    manifests: {
      deployment: { spec: { selector: { matchLabels: { app: 'store-canary' } } } },
      service: { spec: { selector: { app: 'store-canary', tier: 'web' }, ports: [] } },
    },
  });
  const bare = buildCanary({ deployment: heldWith({ template: {} }), service, owner: { name: 'web', uid: 'u' }, labels: {} });
  expect(bare.kind).toBe('impossible');
});

describe('rules keep users on the canary', () => {
  const readDrain = (state: StateName, readyEndpoints: number, keeps = true) => {
    const workload = { name: 'store', uid: 'uid-1', canary: 'store-canary', template: NEW, servingTemplate: OLD };
    const [serving, canary] = [{ service: 'store' }, { service: 'store-canary' }];
    const status = aStatus({ state, release: aReleaseStatus({ workload, serving, canary, routes: [aRecordedRoute()] }) });
    const rule = { ...aRule({ store: 1, 'store-canary': 0 }), ...(keeps ? { sessionPersistence: { type: 'Cookie' } } : {}) };
    const observation = anObservation({
      release: aRelease({ spec }),
      routes: [aRoute({ rules: [rule] })],
      backends: { store: aBackend('store', { readyEndpoints }) },
      workload: { known: true, replicaSets: [], hold: { kind: 'proven' } },
      drain: 'busy',
    });
    return gatherFacts(spec, status, state, observation, after(0)).workload?.drain;
  };

  test('a rollback does not wait for requests of kept sessions', () => {
    expect(readDrain('rollingBack.draining', 1)).toBe('sessionsStay');
    expect(readDrain('rollingBack.draining', 1, false)).toBe('busy');
  });

  test('a rollback waits for them while the serving Service has no ready endpoint, and a promotion always does', () => {
    expect(readDrain('rollingBack.draining', 0)).toBe('busy');
    expect(readDrain('promoting.restoring', 1)).toBe('busy');
  });
});
