import { describe, expect, test } from 'vitest';
import type { Observation, ObservedBackend } from '../../../../../src/core/release/observation.ts';
import { gatherServingFacts } from '../../../../../src/core/release/facts/serving-facts.ts';
import type { ObservedWorkload } from '../../../../../src/core/workload/observed.ts';
import { hashTemplate } from '../../../../../src/core/workload/template.ts';
import { aBackend, anObservation, aReleaseStatus, aStatus, SIDES } from '../../../../fixtures/builders.ts';

const labels = { app: 'store' };
const template = { metadata: { labels }, spec: { containers: [{ name: 'app', image: 'store:1' }] } };
const serving = { service: 'v1', template: hashTemplate(template) };

function aWorkload(ready: number, selector: Readonly<Record<string, string>> | undefined, replicas = 2): ObservedWorkload {
  const replicaSet = { metadata: { name: 'store-a' }, spec: { replicas, template }, status: { readyReplicas: ready } };
  return {
    known: true,
    deployment: { metadata: { name: 'store' }, spec: { replicas, selector: { matchLabels: labels }, template } },
    replicaSets: [replicaSet],
    service: { metadata: { name: 'v1' }, spec: selector === undefined ? {} : { selector } },
    hold: { kind: 'proven' },
  };
}

function factsOf(backend: Partial<ObservedBackend>, workload?: ObservedWorkload, status = aStatus({ serving })) {
  const change: Partial<Observation> = { backends: { v1: aBackend('v1', backend), v2: aBackend('v2') } };
  const observation = anObservation({ ...change, ...(workload === undefined ? {} : { workload }) });
  return gatherServingFacts(status, 'stage.analyzing', observation, SIDES);
}

const EMPTY = { readyEndpoints: 0, unreadyEndpoints: 0 };

describe('why serving has no ready endpoint', () => {
  test('nothing is said while one is ready, or while nobody knows', () => {
    expect(factsOf({ readyEndpoints: 1, unreadyEndpoints: 3 }).servingEmpty).toBeUndefined();
    expect(factsOf({ ...EMPTY, known: false })).toMatchObject({ servingEndpoints: { kind: 'unknown' }, servingEmpty: undefined });
    expect(factsOf({ ...EMPTY, external: true }).servingEmpty).toBeUndefined();
    expect(gatherServingFacts(aStatus(), 'idle', anObservation(), undefined).servingEmpty).toBeUndefined();
  });

  test('the endpoints of serving are not ready, or there are none', () => {
    expect(factsOf({ readyEndpoints: 0, unreadyEndpoints: 2, unreadyPods: ['a', 'b'] }).servingEmpty).toEqual({
      kind: 'noneReady',
      count: 2,
      names: ['a', 'b'],
    });
    expect(factsOf(EMPTY).servingEmpty).toEqual({ kind: 'noEndpoints' });
  });

  test('the selector of serving misses the ready pods of the version that serves', () => {
    const changed = { app: 'store', tier: 'web' };
    expect(factsOf(EMPTY, aWorkload(2, changed)).servingEmpty).toEqual({
      kind: 'selectsNone',
      selector: 'app=store,tier=web',
      replicaSet: 'store-a',
    });
    // Endpoints lag behind, a Service without a selector has its endpoints from elsewhere, and pods that are not ready prove nothing.
    expect(factsOf(EMPTY, aWorkload(2, labels)).servingEmpty).toEqual({ kind: 'noEndpoints' });
    expect(factsOf(EMPTY, aWorkload(2, undefined)).servingEmpty).toEqual({ kind: 'noEndpoints' });
    expect(factsOf(EMPTY, aWorkload(0, changed)).servingEmpty).toEqual({ kind: 'noEndpoints' });
  });

  test('the Deployment is scaled to 0', () => {
    expect(factsOf(EMPTY, aWorkload(0, labels, 0)).servingEmpty).toEqual({ kind: 'scaledToZero', deployment: 'store' });
  });

  test('pods that a rollout of the release replaces are not missed', () => {
    const workload = { name: 'store', uid: '', canary: 'store-canary', template: 'b', servingTemplate: 'a', replicas: 2, rolls: true };
    const status = aStatus({ serving, release: aReleaseStatus({ workload }) });
    expect(factsOf(EMPTY, aWorkload(0, labels), status).servingEmpty).toBeUndefined();
  });
});

describe('nothing serves', () => {
  test('where neither the Service nor a ReplicaSet has a ready pod', () => {
    expect(factsOf(EMPTY, aWorkload(0, labels)).nothingServes).toBe(true);
  });

  test.each([
    ['a ReplicaSet has ready pods', factsOf(EMPTY, aWorkload(1, labels))],
    ['pods of somebody else are behind the Service', factsOf({ readyEndpoints: 1 }, aWorkload(0, labels))],
    ['endpoints are not known', factsOf({ ...EMPTY, known: false }, aWorkload(0, labels))],
    ['the watch of the endpoints fails', factsOf({ ...EMPTY, stale: true }, aWorkload(0, labels))],
    ['the watches are not synced', factsOf(EMPTY, { ...aWorkload(0, labels), known: false })],
    ['there is no Deployment', factsOf(EMPTY)],
  ])('no conclusion that nothing serves is drawn where %s', (_why, facts) => {
    expect(facts.nothingServes).toBe(false);
  });
});
