import { describe, expect, test } from 'vitest';
import type { SpecInput } from '../../../../../src/api/release.ts';
import { defaultSpec } from '../../../../../src/api/release.ts';
import { findBlocker } from '../../../../../src/core/release/checks/blockers.ts';
import { gatherFacts } from '../../../../fixtures/facts.ts';
import { findRollback } from '../../../../../src/core/release/checks/rollback-reasons.ts';
import type { StateName } from '../../../../../src/core/release/state.ts';
import type { DeploymentObject, ServiceObject, WorkloadCondition } from '../../../../../src/core/workload/objects.ts';
import type { ObservedWorkload } from '../../../../../src/core/workload/observed.ts';
import { aBackend, after, anObservation, aRelease, aRoute, aRule, aStatus } from '../../../../fixtures/builders.ts';

const serving: DeploymentObject = {
  metadata: { name: 'store', namespace: 'shop', uid: 'uid-store' },
  spec: {
    replicas: 2,
    selector: { matchLabels: { app: 'store' } },
    template: { metadata: { labels: { app: 'store' } }, spec: { containers: [{ name: 'app', image: 'store:1' }] } },
  },
};
const service: ServiceObject = { metadata: { name: 'store' }, spec: { selector: { app: 'store' }, ports: [{ port: 80 }] } };
const whole: ObservedWorkload = { known: true, deployment: serving, replicaSets: [], service, hold: { kind: 'proven' } };

function deploymentWith(spec: Partial<DeploymentObject['spec']>, conditions: readonly WorkloadCondition[] = []): DeploymentObject {
  return { ...serving, spec: { ...serving.spec, ...spec }, status: { conditions } };
}

function canaryWith(...conditions: readonly WorkloadCondition[]): DeploymentObject {
  const ownerReferences = [{ kind: 'CanaryRelease', name: 'web', uid: 'uid-web' }];
  return { ...serving, metadata: { ...serving.metadata, name: 'store-canary', ownerReferences }, status: { replicas: 2, conditions } };
}

function factsOf(change: Partial<ObservedWorkload>, spec: Partial<SpecInput> = {}, state: StateName = 'idle') {
  const whatIs = defaultSpec({ targetRef: { name: 'store' }, service: { name: 'store' }, ...spec });
  const observation = anObservation({
    release: aRelease({ spec: whatIs }),
    routes: [aRoute({ rules: [aRule({ store: 1 })] })],
    backends: { store: aBackend('store'), 'store-canary': aBackend('store-canary', { readyEndpoints: 0 }) },
    workload: { ...whole, ...change },
  });
  const running = aStatus({ state, weight: 0 });
  const status = state === 'idle' ? { observedGeneration: 1 } : running;
  return { ...gatherFacts(whatIs, status, state, observation, after(0)), status };
}

const blockerOf = (...args: Parameters<typeof factsOf>) => {
  const facts = factsOf(...args);
  return findBlocker(facts, facts.status);
};

test('nothing blocks a Deployment that is held, has a Service and can have a canary', () => {
  expect(blockerOf({})).toBeUndefined();
});

describe('a Deployment is not released', () => {
  test.each<[string, Partial<ObservedWorkload>, Partial<SpecInput>, string, string]>([
    ['that may not be watched', { known: false, problem: 'LIST deployments answered 403' }, {}, 'Forbidden', 'kubectl create rolebinding'],
    ['whose hold could not be asked for', { hold: { kind: 'unknown', message: 'no answer' } }, {}, 'HoldUnknown', 'no answer'],
    ['that nothing holds', { hold: { kind: 'unavailable' } }, {}, 'HoldUnavailable', '-k config/deployment-mode'],
    [
      'whose strategy leaves nothing running',
      { deployment: deploymentWith({ strategy: { type: 'Recreate' } }) },
      {},
      'NotSupported',
      'Recreate',
    ],
    ['that keeps no history', { deployment: deploymentWith({ revisionHistoryLimit: 0 }) }, {}, 'NotSupported', 'revisionHistoryLimit 0'],
    ['whose canary has the name of something else', { canaryDeployment: serving }, {}, 'NameTaken', 'Deployment store is not ours'],
    ['whose canary Service has the name of another', { canaryService: service }, {}, 'NameTaken', 'Service store is not ours'],
    ['without labels to tell a canary by', { deployment: deploymentWith({ selector: {} }) }, {}, 'NotSupported', 'matchLabels'],
  ])('a Deployment %s is not released', (_what, change, spec, reason, words) => {
    expect(blockerOf(change, spec)).toMatchObject({ reason, message: expect.stringContaining(words) });
  });

  test('a release of a Deployment that is not there is blocked', () => {
    const { deployment: _gone, ...rest } = whole;
    const { workload: _all, ...others } = factsOf({});
    const observation = { ...others.observation, workload: rest };
    expect(findBlocker({ ...others, workload: undefined, observation }, others.status)).toMatchObject({ reason: 'WorkloadNotFound' });
  });
});

test('Recreate is fine where the canary takes everything in the end', () => {
  const stages = [{ weight: 100, duration: '1m' }];
  expect(blockerOf({ deployment: deploymentWith({ strategy: { type: 'Recreate' } }) }, { stages })).toBeUndefined();
});

describe('in mid-release', () => {
  test('pods that a quota refuses hold the release, and what to do is said', () => {
    const refused = { type: 'ReplicaFailure', status: 'True', reason: 'FailedCreate', message: 'exceeded quota' };
    const facts = factsOf({ canaryDeployment: canaryWith(refused) }, {}, 'preparing');
    expect(findBlocker({ ...facts, standings: [] }, facts.status)).toMatchObject({
      reason: 'PodsRefused',
      message: expect.stringContaining('exceeded quota'),
    });
  });

  test('a rollout that makes no progress holds the promotion, the canary keeping its share', () => {
    const stuck = { type: 'Progressing', status: 'False', reason: 'ProgressDeadlineExceeded' };
    const facts = factsOf({ deployment: deploymentWith({}, [stuck]) }, {}, 'promoting.rollingOut');
    expect(findBlocker({ ...facts, standings: [] }, facts.status)).toMatchObject({ reason: 'PromotionStuck' });
    expect(findBlocker({ ...facts, standings: [], state: 'preparing' }, facts.status)?.reason).not.toBe('PromotionStuck');
  });

  describe('a canary that the Deployment controller has given up on', () => {
    const stuck = { type: 'Progressing', status: 'False', reason: 'ProgressDeadlineExceeded' };
    const refused = { type: 'ReplicaFailure', status: 'True', reason: 'FailedCreate', message: 'exceeded quota' };
    const reasonFor = (replicas: number, ...conditions: readonly WorkloadCondition[]) => {
      const canary = canaryWith(...conditions);
      const canaryDeployment = { ...canary, status: { ...canary.status, replicas } };
      const facts = factsOf({ canaryDeployment }, {}, 'preparing');
      const change = { abortRequested: false, abortBy: undefined, revisionChanged: false, canaryEmpty: false };
      return findRollback({ ...facts, ...change }, facts.status).rollback;
    };

    test('a canary that the Deployment controller has given up on is to blame', () => {
      expect(reasonFor(2, stuck)).toMatchObject({ reason: 'CanaryNotReady' });
      expect(reasonFor(0, { ...stuck, reason: 'ReplicaSetCreateError' })).toMatchObject({ reason: 'CanaryNotReady' });
    });

    test('a canary that the Deployment controller has given up on is not to blame, where its pods were refused or are about to be made', () => {
      expect(reasonFor(2, stuck, refused)).toBeUndefined();
      expect(reasonFor(1, stuck)).toBeUndefined();
    });
  });
});

test('a Deployment that is paused at rest is not blocked while it rolls', () => {
  const spec = { targetRef: { name: 'store', hold: 'PausedAtRest' } } as const;
  expect(blockerOf({ hold: { kind: 'awaited' } }, spec)).toBeUndefined();
});
