import { describe, expect, test } from 'vitest';
import { TEMPLATE_ANNOTATION } from '../../../../../src/api/names.ts';
import { defaultSpec, type ReleaseStatus } from '../../../../../src/api/release.ts';
import { findBlocker } from '../../../../../src/core/release/checks/blockers.ts';
import { fateOf } from '../../../../../src/api/reasons.ts';
import { notePods } from '../../../../../src/core/release/machine/notes.ts';
import { gatherFacts } from '../../../../fixtures/facts.ts';
import { describeNotReady, thePodsAreNotReady } from '../../../../../src/core/release/checks/canary-pods.ts';
import type { Endpoints } from '../../../../../src/core/release/facts/endpoints.ts';
import { findRollback } from '../../../../../src/core/release/checks/rollback-reasons.ts';
import type { StateName } from '../../../../../src/core/release/state.ts';
import type { DeploymentObject, WorkloadCondition } from '../../../../../src/core/workload/objects.ts';
import { judgePods, type PodObject } from '../../../../../src/core/workload/pods.ts';
import { aBackend, after, anObservation, aRelease, aReleaseStatus, aStatus, timeAfter } from '../../../../fixtures/builders.ts';
import { aPod, crashing, homeless, PLACED, READY, running, statusWith, waiting } from '../../../../fixtures/pods.ts';

const workload = { name: 'store', uid: 'uid-store', canary: 'store-canary', template: 'released', servingTemplate: 'old' };
const spec = defaultSpec({ targetRef: { name: 'store' }, service: { name: 'store' } });
const template = { spec: { containers: [{ name: 'app', image: 'store:1' }] } };
const deployment: DeploymentObject = { metadata: { name: 'store' }, spec: { paused: true, selector: {}, template } };
const STUCK = { type: 'Progressing', status: 'False', reason: 'ProgressDeadlineExceeded', message: 'no progress' };
const REFUSED = { type: 'ReplicaFailure', status: 'True', message: 'exceeded quota' };

const UNASKED = { revisionChanged: false, abortRequested: false, abortBy: undefined, canaryEmpty: false };

interface Case {
  readonly pods?: readonly PodObject[];
  readonly state?: StateName;
  readonly release?: Partial<ReleaseStatus>;
  readonly conditions?: readonly WorkloadCondition[];
  readonly seconds?: number;
  /** Template of the canary Deployment; by default the one that is released. */
  readonly of?: string;
  readonly progressDeadlineSeconds?: number;
  readonly replicas?: number;
}

function factsOf({ pods, state = 'preparing', release, conditions = [], seconds = 0, of = 'released', ...own }: Case) {
  const metadata = { name: 'store-canary', annotations: { [TEMPLATE_ANNOTATION]: of }, ownerReferences: [{ uid: 'uid-web' }] };
  const canaryDeployment = { metadata, spec: { ...deployment.spec, ...own }, status: { replicas: 1, conditions } };
  const observation = anObservation({
    release: aRelease({ spec }),
    backends: { store: aBackend('store'), 'store-canary': aBackend('store-canary') },
    workload: {
      known: true,
      deployment,
      replicaSets: [],
      hold: { kind: 'proven' },
      canaryDeployment,
      ...(pods === undefined ? {} : { canaryPods: pods }),
    },
  });
  // Nothing but the pods shall have a say.
  const same = { ...workload, template: 'x' };
  const status = aStatus({ state, weight: 0, release: aReleaseStatus({ workload: { ...same, template: 'released' }, ...release }) });
  const facts = gatherFacts(spec, status, state, observation, after(seconds));
  return { facts: { ...facts, standings: [], ...UNASKED }, status };
}

function reasonOf(one: Case) {
  const { facts, status } = factsOf(one);
  const found = findRollback(facts, status).rollback;
  return found === undefined ? undefined : [found.reason, fateOf(found.reason)];
}

const crashed = [aPod('p-1', statusWith(crashing(2)))];
const unpulled = [aPod('p-1', statusWith(waiting('ImagePullBackOff')))];

describe('a crash loop takes the release home', () => {
  test.each<StateName>([
    'preparing',
    'stage.shifting',
    'stage.analyzing',
    'stage.awaitingApproval',
    'paused',
    'blocked',
    'promoting.rollingOut',
  ])('a crash loop rolls the release back in %s', (state) => {
    expect(reasonOf({ pods: crashed, state })).toEqual(['CanaryCrashLooping', 'rejected']);
  });

  test.each<StateName>(['promoting.restoring', 'rollingBack.draining', 'rolledBack', 'idle'])(
    'a crash loop does not roll the release back in %s',
    (state) => {
      expect(reasonOf({ pods: crashed, state })).toBeUndefined();
    },
  );

  test('a crash loop of the canary that an earlier release left does not roll the release back', () => {
    expect(reasonOf({ pods: crashed, of: 'another' })).toBeUndefined();
  });

  test('the reason is in words that say what the pods say', () => {
    const { facts, status } = factsOf({ pods: crashed });
    expect(findRollback(facts, status).rollback?.message).toMatch(/^the canary crashes again and again: pod p-1, container app: /);
  });
});

describe('what may still come gets a minute', () => {
  test('the wait begins at the moment at which it was first missing', () => {
    const { facts, status } = factsOf({ pods: unpulled, seconds: 5 });
    const noted = notePods(status, facts);
    expect(noted.release?.podsFailingSince).toBe(timeAfter(5));
    const since = { podsFailingSince: timeAfter(5) };
    const later = factsOf({ pods: unpulled, seconds: 30, release: since });
    expect(notePods(later.status, later.facts)).toBe(later.status);
    expect(reasonOf({ pods: unpulled, seconds: 5 })).toBeUndefined();
    expect(reasonOf({ pods: unpulled, seconds: 64, release: since })).toBeUndefined();
    expect(reasonOf({ pods: unpulled, seconds: 65, release: since })).toEqual(['ImageNotPulled', 'rejected']);
    const unconfigured = [aPod('p-1', statusWith(waiting('CreateContainerConfigError')))];
    expect(reasonOf({ pods: unconfigured, seconds: 65, release: since })).toEqual(['CanaryNotConfigured', 'rejected']);
  });

  test('a wait for what may still come begins again when it came and went again', () => {
    const { facts, status } = factsOf({ pods: [aPod('p-1', statusWith(running()))], release: { podsFailingSince: timeAfter(5) } });
    expect(notePods(status, facts).release).not.toHaveProperty('podsFailingSince');
  });

  test('a name that no image can have is rejected at once', () => {
    const pods = [aPod('p-1', statusWith(waiting('InvalidImageName')))];
    expect(reasonOf({ pods })).toEqual(['ImageNotPulled', 'rejected']);
    const { facts, status } = factsOf({ pods });
    expect(notePods(status, facts)).toBe(status);
  });

  test('a wait is not noted where there is no release, or no pods are watched', () => {
    const { facts } = factsOf({ pods: unpulled });
    expect(notePods({ observedGeneration: 1 }, facts)).toEqual({ observedGeneration: 1 });
    const blind = factsOf({});
    expect(notePods(blind.status, blind.facts)).toBe(blind.status);
  });
});

describe('pods without a node', () => {
  const pods = [aPod('p-1', homeless(timeAfter(0)))];
  const blockerFor = (one: Case) => {
    const { facts, status } = factsOf(one);
    return findBlocker(facts, status);
  };
  const blockerOf = (one: Case) => blockerFor(one)?.reason;

  test('pods without a node are reported after half a minute, and reject nothing', () => {
    expect(blockerOf({ pods, seconds: 29 })).not.toBe('PodsUnschedulable');
    expect(blockerOf({ pods, seconds: 30 })).toBe('PodsUnschedulable');
    expect(reasonOf({ pods, seconds: 3_000 })).toBeUndefined();
    expect(blockerFor({ pods, seconds: 30 })?.message).toContain('pod p-1: 0/3 nodes: Insufficient cpu; make room');
  });

  test('pods without a node do not delay a promotion, which needs no more pods of the canary', () => {
    expect(blockerOf({ pods, seconds: 30, state: 'promoting.rollingOut' })).not.toBe('PodsUnschedulable');
    expect(blockerOf({ pods, seconds: 30, state: 'blocked', release: { returnTo: 'promoting.rollingOut' } })).not.toBe('PodsUnschedulable');
    expect(blockerOf({ pods, seconds: 30, state: 'blocked', release: { returnTo: 'stage.analyzing' } })).toBe('PodsUnschedulable');
  });

  test('pods without a node are reported in a promotion that bakes first: the canary grows to full size for it', () => {
    const release = { workload: { ...workload, bakes: true } };
    expect(blockerOf({ pods, seconds: 30, state: 'promoting.rollingOut', release })).toBe('PodsUnschedulable');
  });
});

describe('the progress deadline', () => {
  // Pods of the builder got their node at this time.
  const placed = (seconds: number) => ({ ...PLACED, lastTransitionTime: timeAfter(seconds) });
  const pods = [aPod('p-1', statusWith(running(1), { conditions: [placed(0)] }))];
  const conditions = [STUCK];

  test('the progress deadline decides where pods that have had their time on a node are not ready', () => {
    expect(reasonOf({ pods, conditions, seconds: 600 })).toEqual(['CanaryNotReady', 'rejected']);
    expect(reasonOf({ pods, conditions, seconds: 20, progressDeadlineSeconds: 20 })).toEqual(['CanaryNotReady', 'rejected']);
  });

  test('the progress deadline decides alone where pods are not watched', () => {
    expect(reasonOf({ conditions })).toEqual(['CanaryNotReady', 'rejected']);
    expect(reasonOf({ pods })).toBeUndefined();
  });

  test('the progress deadline is not held against a version whose pods had no node, or got it late', () => {
    expect(reasonOf({ pods: [aPod('p-1', homeless(timeAfter(0)))], conditions, seconds: 700 })).toBeUndefined();
    expect(reasonOf({ pods, conditions, seconds: 599 })).toBeUndefined();
    expect(
      reasonOf({ pods: [aPod('p-1', statusWith(running(), { conditions: [placed(0), READY] }))], conditions, seconds: 700 }),
    ).toBeUndefined();
  });

  test('the progress deadline is not held against a version whose pods a quota refuses', () => {
    expect(reasonOf({ pods: [], conditions: [STUCK, REFUSED], seconds: 700 })).toBeUndefined();
    expect(reasonOf({ conditions: [STUCK, REFUSED], seconds: 700 })).toBeUndefined();
    // The refusal is over, and the second pod is about to be made.
    expect(reasonOf({ conditions, seconds: 700, replicas: 2 })).toBeUndefined();
  });

  test('the progress deadline decides where no pod was made, though none was refused', () => {
    expect(reasonOf({ pods: [], conditions: [{ ...STUCK, reason: 'ReplicaSetCreateError' }] })).toEqual(['CanaryNotReady', 'rejected']);
  });

  test('the progress deadline is reported in the words of the pods, where these say anything', () => {
    const messageOf = (one: Case) => {
      const { facts, status } = factsOf(one);
      return findRollback(facts, status).rollback?.message;
    };
    expect(messageOf({ conditions })).toBe('the pods of Deployment store-canary do not get ready: no progress');
    expect(messageOf({ pods, conditions, seconds: 600 })).toContain('exited with 1 (Error), 1 restart');
  });
});

describe('a canary with weight and no ready pod goes home with what its pods say', () => {
  const reasonOfEmpty = (pods: readonly PodObject[], seconds = 0) => {
    const { facts, status } = factsOf({ pods, seconds, state: 'stage.analyzing' });
    return findRollback({ ...facts, canaryEmpty: true, observedWeight: 25 }, status).rollback;
  };
  const ended = { exitCode: 137, reason: 'OOMKilled' };
  const isBack = (finishedAt: string) => ({ ...running(1), lastState: { terminated: { ...ended, finishedAt } } });

  test('a canary with weight and no ready pod is rejected where all of them crashed', () => {
    const pods = [aPod('p-1', statusWith(crashing(1)))];
    expect(reasonOfEmpty(pods)).toMatchObject({
      reason: 'CanaryCrashed',
      message: expect.stringContaining('pods crashed: pod p-1, container app: CrashLoopBackOff, exited with 1'),
    });
    const killed = [aPod('p-1', statusWith({ name: 'app', restartCount: 0, state: { terminated: ended } }))];
    expect(reasonOfEmpty(killed)?.reason).toBe('CanaryCrashed');
  });

  test('a canary with weight and no ready pod is rejected where they started again a moment ago, and are not ready yet', () => {
    expect(reasonOfEmpty([aPod('p-1', statusWith(isBack(timeAfter(0))))], 30)?.reason).toBe('CanaryCrashed');
    expect(reasonOfEmpty([aPod('p-1', statusWith(isBack(timeAfter(0))))], 90)?.reason).toBe('CanaryEmpty');
  });

  test('a canary with weight and no ready pod is not rejected for a crash of one pod while another is not ready for another reason', () => {
    const pods = [aPod('p-1', statusWith(crashing(1))), aPod('p-2', statusWith(running()))];
    expect(reasonOfEmpty(pods)?.reason).toBe('CanaryEmpty');
    expect(reasonOfEmpty([aPod('p-1', statusWith(crashing(1))), aPod('p-2', homeless(timeAfter(0)))])?.reason).toBe('CanaryEmpty');
  });

  test('a canary with weight and no ready pod is not rejected where they were drained, evicted, or went with their node', () => {
    const drained = { conditions: [PLACED, { type: 'DisruptionTarget', status: 'True', reason: 'EvictionByEvictionAPI' }] };
    expect(reasonOfEmpty([aPod('p-1', statusWith(crashing(1), drained))])?.reason).toBe('CanaryEmpty');
    expect(reasonOfEmpty([aPod('p-1', statusWith(crashing(1), { phase: 'Failed' }))])?.reason).toBe('CanaryEmpty');
    const lost = {
      ...running(1),
      lastState: { terminated: { exitCode: 137, reason: 'ContainerStatusUnknown', finishedAt: timeAfter(0) } },
    };
    expect(reasonOfEmpty([aPod('p-1', statusWith(lost))])?.reason).toBe('CanaryEmpty');
    expect(reasonOfEmpty([])?.reason).toBe('CanaryEmpty');
  });
});

describe('a raise that waits for pods', () => {
  const waits = { canaryReady: false, podsMissingTooLong: true, stageProven: true };
  const seen = { kind: 'seen', current: true, ready: 4, unready: 5, unreadyNames: ['p-1', 'p-2', 'p-3', 'p-4', 'p-5'] } as const;
  const blockerOf = (one: Case, change: object = {}) => {
    const { facts, status } = factsOf(one);
    return thePodsAreNotReady({ ...facts, pods: undefined, canaryEndpoints: seen, ...waits, ...change }, status);
  };

  test('a raise that waits for pods is blocked when it has waited long enough, with the pods and since when', () => {
    const release = { podsWaitSince: timeAfter(4) };
    expect(blockerOf({ state: 'stage.analyzing', release })).toEqual({
      reason: 'PodsNotReady',
      message: `5 of 9 endpoints of Service v2 are not ready since ${timeAfter(4)}: p-1, p-2, p-3 and 2 more; the raise waits for ready pods`,
    });
    const pods = judgePods([aPod('p-1', statusWith(crashing(1))), aPod('p-2', statusWith(running(), { conditions: [PLACED, READY] }))]);
    expect(blockerOf({ state: 'stage.analyzing', release }, { pods })?.message).toContain('pod p-1, container app: CrashLoopBackOff');
  });

  test('a raise that waits for pods is not blocked before that, while all are ready, and where no raise wants to come', () => {
    expect(blockerOf({ state: 'stage.analyzing' }, { podsMissingTooLong: false })).toBeUndefined();
    expect(blockerOf({ state: 'stage.analyzing' }, { canaryReady: true })).toBeUndefined();
    expect(blockerOf({ state: 'stage.analyzing' }, { stageProven: false })).toBeUndefined();
    for (const state of ['preparing', 'paused', 'promoting.baking', 'promoting.restoring', 'rollingBack.goingHome'] as const)
      expect(blockerOf({ state })).toBeUndefined();
  });

  test('a raise that waits for pods stays blocked while evidence comes and goes', () => {
    const release = { returnTo: 'stage.analyzing', blockedReason: 'PodsNotReady' };
    expect(blockerOf({ state: 'blocked', release }, { stageProven: false })?.reason).toBe('PodsNotReady');
    expect(blockerOf({ state: 'blocked', release: { ...release, blockedReason: 'Forbidden' } }, { stageProven: false })).toBeUndefined();
  });

  test('a raise under way is blocked where it has too few pods, and not where a Deployment only rolls', () => {
    const { workload: found } = factsOf({}).facts;
    const few = { workload: { ...found, enoughPods: false, bakes: false } };
    expect(blockerOf({ state: 'stage.shifting' }, few)?.reason).toBe('PodsNotReady');
    expect(blockerOf({ state: 'promoting.rollingOut' }, few)).toBeUndefined();
    expect(blockerOf({ state: 'promoting.rollingOut' }, { workload: { ...few.workload, bakes: true } })?.reason).toBe('PodsNotReady');
    expect(blockerOf({ state: 'stage.shifting' }, { workload: { ...few.workload, enoughPods: true } })).toBeUndefined();
  });

  test('a raise that waits for pods is reported in words that fit what is known', () => {
    const { facts, status } = factsOf({});
    const say = (canaryEndpoints: Endpoints) =>
      status.release === undefined ? '' : describeNotReady({ ...facts, pods: undefined, canaryEndpoints }, status.release);
    expect(say({ kind: 'unknown' })).toBe('the endpoints of Service v2 are not known');
    expect(say({ kind: 'seen', current: false, ready: 2, unready: 0, unreadyNames: [] })).toBe(
      'the endpoints of Service v2 are not known now, their watch fails',
    );
    expect(say({ kind: 'seen', current: true, ready: 0, unready: 0, unreadyNames: [] })).toBe('Service v2 has no endpoint');
    expect(say({ kind: 'seen', current: true, ready: 1, unready: 0, unreadyNames: [] })).toBe(
      'Service v2 has endpoints of another revision',
    );
    expect(say({ kind: 'seen', current: true, ready: 1, unready: 1, unreadyNames: ['p-2'] })).toBe(
      '1 of 2 endpoints of Service v2 is not ready: p-2',
    );
  });
});
