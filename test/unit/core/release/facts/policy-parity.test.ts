import { describe, expect, test } from 'vitest';
import { IGNORE_PARITY_ANNOTATION } from '../../../../../src/api/names.ts';
import { type CanaryReleaseStatus, defaultSpec, type SpecInput } from '../../../../../src/api/release.ts';
import { findBlocker } from '../../../../../src/core/release/checks/blockers.ts';
import { gatherFacts } from '../../../../fixtures/facts.ts';
import type { Blocker } from '../../../../../src/core/release/checks/types.ts';
import { findStatusEvents } from '../../../../../src/core/release/report/condition-events.ts';
import { describeParity } from '../../../../../src/core/release/report/policy-parity.ts';
import { asksForPolicies } from '../../../../../src/core/release/policy-question.ts';
import type { StateName } from '../../../../../src/core/release/state.ts';
import type { DeploymentObject, PodTemplate, ServiceObject } from '../../../../../src/core/workload/objects.ts';
import type { PolicyReading, UnreadKind } from '../../../../../src/core/workload/policy-kinds.ts';
import { hashTemplate } from '../../../../../src/core/workload/template.ts';
import { aBackend, after, anObservation, aRelease, aRoute, aRule } from '../../../../fixtures/builders.ts';
import { aPolicy } from '../../../../fixtures/policies.ts';

const LABELS = { app: 'store', track: 'stable' };
const templateOf = (image: string): PodTemplate => ({ metadata: { labels: LABELS }, spec: { containers: [{ name: 'app', image }] } });
const held: DeploymentObject = {
  metadata: { name: 'store', namespace: 'shop', uid: 'uid-store' },
  spec: { paused: true, selector: { matchLabels: LABELS }, template: templateOf('store:2') },
};
const service: ServiceObject = { metadata: { name: 'store' }, spec: { selector: LABELS, ports: [{ port: 80 }] } };
const old = { metadata: { name: 'store-1' }, spec: { replicas: 2, template: templateOf('store:1') }, status: { readyReplicas: 2 } };
const serving = { service: 'store', revision: '1', template: hashTemplate(templateOf('store:1')), uid: 'uid-store' };
const idle: CanaryReleaseStatus = { observedGeneration: 1, serving };

interface Scene {
  readonly objects?: PolicyReading['objects'];
  readonly unread?: readonly UnreadKind[];
  readonly ignore?: string;
  readonly canary?: SpecInput['canary'];
  readonly services?: readonly ServiceObject[];
}

function observe({ objects = [], unread = [], ignore, canary, services = [] }: Scene) {
  const spec = defaultSpec({ targetRef: { name: 'store' }, service: { name: 'store' }, ...(canary === undefined ? {} : { canary }) });
  const release = aRelease({ spec });
  const annotations = ignore === undefined ? {} : { annotations: { [IGNORE_PARITY_ANNOTATION]: ignore } };
  return anObservation({
    release: { ...release, metadata: { ...release.metadata, ...annotations } },
    routes: [aRoute({ rules: [aRule({ store: 1 })] })],
    backends: { store: aBackend('store'), 'store-canary': aBackend('store-canary', { readyEndpoints: 0 }) },
    workload: {
      known: true,
      deployment: held,
      service,
      services,
      replicaSets: [old],
      hold: { kind: 'proven' },
      policies: { objects, unread },
    },
  });
}

function factsOf(scene: Scene, state: StateName = 'idle') {
  const observation = observe(scene);
  return gatherFacts(observation.release.spec, idle, state, observation, after(0));
}

const blockerOf = (scene: Scene) => findBlocker(factsOf(scene), idle);
const wordOf = (scene: Scene, status = idle, state: StateName = 'idle') => describeParity(status, state, factsOf(scene, state).parity);

const SELECTOR = { matchLabels: { app: 'store' } };
const NET = aPolicy('NetworkPolicy', { podSelector: SELECTOR }, 'allow');
const BUDGET = aPolicy('PodDisruptionBudget', { selector: SELECTOR });
const failed = (kind: string): UnreadKind => ({ kind, why: 'failed', message: 'no answer' });
const forbidden = (kind: string): UnreadKind => ({ kind, why: 'forbidden', message: 'answered 403' });

describe('what blocks', () => {
  test.each<[string, Scene, string | undefined]>([
    ['nothing, where all is alike', {}, undefined],
    ['a security policy', { objects: [NET] }, 'NetworkPolicy allow selects the serving pods'],
    ['no other policy', { objects: [BUDGET] }, undefined],
    ['a security kind that failed', { unread: [failed('AuthorizationPolicy')] }, 'AuthorizationPolicy not checked: no answer'],
    ['no other kind that failed', { unread: [failed('PodMonitor')] }, undefined],
    ['no kind for want of a right', { unread: [forbidden('NetworkPolicy')] }, undefined],
    ['nothing that is ignored by name', { objects: [NET], ignore: 'NetworkPolicy/allow' }, undefined],
    ['nothing whose kind is ignored', { objects: [NET], unread: [failed('Server')], ignore: ' Server/*,NetworkPolicy/* ' }, undefined],
    ['what another entry names', { objects: [NET], ignore: 'NetworkPolicy/other,allow' }, 'NetworkPolicy allow'],
  ])('a release is blocked by %s', (_what, scene, words) => {
    const blocker = blockerOf(scene);
    if (words === undefined) expect(blocker).toBeUndefined();
    else expect(blocker).toMatchObject({ reason: 'PolicyParity', message: expect.stringContaining(words) });
  });

  test('the message of what blocks says how to release all the same, for all of them at once', () => {
    const names = ['a', 'b', 'c', 'd'];
    const objects = names.map((name) => aPolicy('NetworkPolicy', NET.spec, name));
    const command = `kubectl annotate crel web -n shop --overwrite ${IGNORE_PARITY_ANNOTATION}=`;
    expect(blockerOf({ objects })?.message).toContain(`; and 2 more in condition PolicyParity. To release all the same: `);
    expect(blockerOf({ objects })?.message).toMatch(
      new RegExp(`${command}'NetworkPolicy/a,NetworkPolicy/b,NetworkPolicy/c,NetworkPolicy/d'$`),
    );
    const many = [...objects, aPolicy('NetworkPolicy', NET.spec, 'e')];
    expect(blockerOf({ objects: many, unread: [failed('Server')] })?.message).toMatch(/='NetworkPolicy\/\*,Server\/\*'$/);
  });

  test('what blocks is gone when the canary differs by another label, as the advice says', () => {
    expect(blockerOf({ objects: [NET] })?.message).toContain('spec.canary.labels {track: canary}');
    expect(blockerOf({ objects: [NET], canary: { labels: { track: 'canary' } } })).toBeUndefined();
  });
});

describe('the condition', () => {
  test.each<[string, Scene, string, string, string]>([
    ['is True where all is alike', {}, 'True', 'Alike', 'covers the canary as it covers the serving pods'],
    ['is False with all that differs', { objects: [NET, BUDGET] }, 'False', 'Different', '; PodDisruptionBudget store selects'],
    [
      'is False and tells what was not checked, too',
      { objects: [BUDGET], unread: [failed('PodMonitor')] },
      'False',
      'Different',
      'PodMonitor not',
    ],
    [
      'is Unknown where something was not checked',
      { unread: [forbidden('Server')] },
      'Unknown',
      'NotChecked',
      '(answered 403): let the operator',
    ],
    ['is True where the rest is ignored', { objects: [NET], ignore: 'NetworkPolicy/*' }, 'True', 'Ignored', 'NetworkPolicy/allow'],
  ])('the condition %s', (_what, scene, status, reason, words) => {
    expect(wordOf(scene)).toEqual({ status, reason, message: expect.stringContaining(words) });
  });

  test('the condition stays as it is while a release runs, and goes with it', () => {
    const condition = { type: 'PolicyParity', status: 'False', reason: 'Different', message: 'x', lastTransitionTime: 'then' } as const;
    const told = { ...idle, conditions: [condition] };
    expect(describeParity(told, 'stage.analyzing', undefined)).toEqual(condition);
    expect(describeParity(told, 'promoted', undefined)).toBeUndefined();
    expect(describeParity(idle, 'stage.analyzing', undefined)).toBeUndefined();
  });

  test('the condition is cut where it would be endless', () => {
    const objects = Array.from({ length: 100 }, (_, index) => aPolicy('PodMonitor', { selector: SELECTOR }, `monitor-${index}`));
    expect(wordOf({ objects })?.message).toHaveLength(4_001);
  });
});

describe('the event', () => {
  const statusWith = (
    status: 'True' | 'False' | 'Unknown',
    message: string,
    phase: 'Preparing' | 'Blocked' = 'Preparing',
    parity = 'NetworkPolicy/store',
  ) => ({
    ...idle,
    phase,
    internal: { told: { parity } },
    conditions: [{ type: 'PolicyParity', status, reason: 'Different', message, lastTransitionTime: 'then' }],
  });

  test('the event is reported once for each new finding, as a warning where something differs', () => {
    const tell = (before: CanaryReleaseStatus, next: CanaryReleaseStatus) => findStatusEvents(before, next, factsOf({}));
    expect(tell(idle, statusWith('False', 'x'))).toEqual([{ reason: 'PolicyParity', message: 'x', warning: true }]);
    expect(tell(idle, statusWith('Unknown', 'x'))).toMatchObject([{ warning: false }]);
    expect(tell(statusWith('False', 'x'), statusWith('False', 'in other words'))).toEqual([]);
    expect(tell(statusWith('False', 'x'), statusWith('False', 'y', 'Preparing', 'NetworkPolicy/other'))).toHaveLength(1);
  });

  test('the event is not written where all is alike, or where the block says it', () => {
    const blockedBy = (reason: Blocker['reason']) => ({ ...factsOf({}), blocker: { reason, message: 'x' } });
    expect(findStatusEvents(idle, statusWith('True', 'x'), factsOf({}))).toEqual([]);
    expect(findStatusEvents(idle, statusWith('False', 'x', 'Blocked'), blockedBy('PolicyParity'))).toEqual([]);
    expect(findStatusEvents(idle, statusWith('False', 'x', 'Blocked'), blockedBy('HoldUnavailable'))).toHaveLength(1);
  });
});

describe('policies are asked for', () => {
  const asks = (status: CanaryReleaseStatus, change: Partial<DeploymentObject['spec']> = {}) => {
    const observation = observe({});
    const workload = { ...observation.workload, deployment: { ...held, spec: { ...held.spec, ...change } } };
    return asksForPolicies(status, { ...observation, workload: workload as typeof observation.workload & object }, after(0));
  };

  test('policies are asked for when a held template waits for its release', () => {
    expect(asks(idle)).toBe(true);
  });

  test('policies are asked for at no other time', () => {
    expect(asks(idle, { paused: false })).toBe(false);
    expect(asks(idle, { template: templateOf('store:1') })).toBe(false);
    expect(asks({ ...idle, state: 'preparing' })).toBe(false);
    expect(asks({ ...idle, state: 'of a later version' })).toBe(false);
    const rejected = [
      { revision: '2', service: 'store-canary', reason: 'x', at: 'then', templateHashes: [hashTemplate(templateOf('store:2'))] },
    ];
    expect(asks({ ...idle, rejected })).toBe(false);
    expect(asksForPolicies(idle, anObservation({}), after(0))).toBe(false);
  });
});

test('another Service that selects the canary is told, stops nothing, and is left out by its name', () => {
  const services = [service, { metadata: { name: 'all' }, spec: { selector: { app: 'store' } } }];
  const shared = { services, canary: { labels: { track: 'canary' } } };
  expect(wordOf({ services })).toMatchObject({ status: 'True', reason: 'Alike' });
  expect(wordOf(shared)).toMatchObject({ status: 'False', message: expect.stringContaining("Service all selects the canary's pods") });
  expect(blockerOf(shared)).toBeUndefined();
  expect(wordOf({ ...shared, ignore: 'Service/all' })).toMatchObject({ status: 'True', reason: 'Ignored' });
});
