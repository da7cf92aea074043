// Which template serves, when nobody recorded it and when something went past the hold.

import { describe, expect, test } from 'vitest';
import { defaultSpec, type CanaryReleaseStatus } from '../../../../../src/api/release.ts';
import { adoptServing } from '../../../../../src/core/release/machine/adopt-serving.ts';
import type { DeploymentObject, PodTemplate, ReplicaSetObject } from '../../../../../src/core/workload/objects.ts';
import type { ObservedWorkload } from '../../../../../src/core/workload/observed.ts';
import { hashTemplate } from '../../../../../src/core/workload/template.ts';
import { aRelease, anObservation } from '../../../../fixtures/builders.ts';

const templateOf = (image: string): PodTemplate => ({ spec: { containers: [{ name: 'app', image }] } });

function deploymentOf(image: string, paused: boolean, uid = 'uid-1'): DeploymentObject {
  return { metadata: { name: 'store', uid }, spec: { paused, selector: {}, template: templateOf(image) } };
}

function setOf(image: string, ready?: number): ReplicaSetObject {
  const status = ready === undefined ? {} : { status: { readyReplicas: ready } };
  return { metadata: { name: `set-${image}` }, spec: { template: templateOf(image) }, ...status };
}

const release = aRelease({ spec: defaultSpec({ targetRef: { name: 'store' }, service: { name: 'store' } }) });

function adopt(workload: Partial<ObservedWorkload>, status: CanaryReleaseStatus = { observedGeneration: 1 }) {
  const whole: ObservedWorkload = { known: true, replicaSets: [], hold: { kind: 'proven' }, ...workload };
  return adoptServing(status, 'idle', anObservation({ release, workload: whole }));
}

const servingOf = (image: string, change: object = {}): CanaryReleaseStatus => ({
  observedGeneration: 1,
  serving: { service: 'store', revision: image, template: hashTemplate(templateOf(image)), uid: 'uid-1', ...change },
});

const templateIn = ({ status }: { readonly status: CanaryReleaseStatus }) => status.serving?.template;

describe('at first contact', () => {
  test('what is not paused serves', () => {
    const adopted = adopt({ deployment: deploymentOf('a:2', false), replicaSets: [setOf('a:1', 4), setOf('a:2')] });
    expect(adopted.status.serving).toMatchObject({ service: 'store', replicaSet: 'set-a:2', uid: 'uid-1' });
    expect(templateIn(adopted)).toBe(hashTemplate(templateOf('a:2')));
    expect(adopted.events).toEqual([]);
  });

  test('the ReplicaSet with the most ready pods serves at first contact of what is held', () => {
    const replicaSets = [setOf('a:0'), setOf('a:1', 3), setOf('a:2', 1), setOf('a:3')];
    expect(templateIn(adopt({ deployment: deploymentOf('a:4', true), replicaSets }))).toBe(hashTemplate(templateOf('a:1')));
  });

  test('nothing serves that could be protected where no pod is ready', () => {
    const held = deploymentOf('a:2', true);
    expect(templateIn(adopt({ deployment: held, replicaSets: [setOf('a:1', 0)] }))).toBe(hashTemplate(templateOf('a:2')));
    expect(templateIn(adopt({ deployment: held }))).toBe(hashTemplate(templateOf('a:2')));
  });

  test('nothing is concluded before the watches are synced, and nothing of a Deployment that is not there', () => {
    const status: CanaryReleaseStatus = { observedGeneration: 1 };
    expect(adopt({ known: false, deployment: deploymentOf('a:1', false) }, status).status).toBe(status);
    expect(adopt({}, status).status).toBe(status);
  });
});

describe('later', () => {
  test('what was recorded serves as long as the Deployment is held, whatever has more pods', () => {
    const replicaSets = [setOf('a:1', 1), setOf('a:2', 9)];
    const adopted = adopt({ deployment: deploymentOf('a:3', true), replicaSets }, servingOf('a:1'));
    expect(templateIn(adopted)).toBe(hashTemplate(templateOf('a:1')));
    expect(adopted.events).toEqual([]);
  });

  test('the same status comes back when nothing is new', () => {
    const status = servingOf('a:1');
    expect(adopt({ deployment: deploymentOf('a:1', false) }, status).status).toBe(status);
    expect(adopt({ deployment: deploymentOf('a:1', true) }, status).status).toBe(status);
  });

  test('what rolled past the hold serves, and it is told', () => {
    const { events, ...adopted } = adopt({ deployment: deploymentOf('a:2', false) }, servingOf('a:1'));
    expect(templateIn(adopted)).toBe(hashTemplate(templateOf('a:2')));
    expect(events).toMatchObject([{ reason: 'HoldBypassed', warning: true }]);
  });

  test('a Deployment that was made anew has no old pods: what it rolls serves', () => {
    const { events, ...adopted } = adopt({ deployment: deploymentOf('a:2', true, 'uid-2') }, servingOf('a:1'));
    expect(templateIn(adopted)).toBe(hashTemplate(templateOf('a:2')));
    expect(events).toMatchObject([{ reason: 'HoldBypassed' }]);
  });

  test('a proven template that rolled is good news', () => {
    const status = {
      ...servingOf('a:2'),
      proven: [{ revision: '1', at: '2030-01-01T00:00:00Z', templateHashes: [hashTemplate(templateOf('a:1'))] }],
    };
    expect(adopt({ deployment: deploymentOf('a:1', false) }, status).events).toMatchObject([{ reason: 'Promoted' }]);
  });

  test('another Service in the spec is first contact again', () => {
    const adopted = adopt({ deployment: deploymentOf('a:2', false) }, servingOf('a:1', { service: 'former' }));
    expect([adopted.status.serving?.service, adopted.events]).toEqual(['store', []]);
  });
});
