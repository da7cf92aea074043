// Recreate ends every pod at once, and endpoints tell of it a moment later: what stays is what the controllers say.

import { describe, expect, test } from 'vitest';
import { keepsPods } from '../../../../src/core/workload/keeps-pods.ts';
import type { DeploymentObject, PodTemplate, ReplicaSetObject } from '../../../../src/core/workload/objects.ts';

const templateOf = (image: string): PodTemplate => ({ spec: { containers: [{ name: 'app', image }] } });

/** At a:2, paused, as the Deployment controller has seen it. */
function aDeployment(change: Partial<DeploymentObject['spec']> = {}, observedGeneration = 7): DeploymentObject {
  const spec = { selector: {}, paused: true, strategy: { type: 'Recreate' }, template: templateOf('a:2'), ...change };
  return { metadata: { name: 'store', generation: 7 }, spec, status: { observedGeneration } };
}

function aSet(image: string, replicas: number, readyReplicas: number, observedGeneration = 3): ReplicaSetObject {
  return {
    metadata: { name: image, generation: 3 },
    spec: { replicas, template: templateOf(image) },
    status: { observedGeneration, replicas, readyReplicas },
  };
}

describe('strategy Recreate keeps a pod', () => {
  test.each<[string, DeploymentObject, readonly ReplicaSetObject[]]>([
    ['where a ReplicaSet of the paused Deployment has one ready', aDeployment(), [aSet('a:1', 2, 1)]],
    ['where the Deployment’s own template has one, paused or not', aDeployment({ paused: false }), [aSet('a:1', 0, 0), aSet('a:2', 2, 1)]],
    ['where a revert of the template rolls', aDeployment({ paused: false, template: templateOf('a:1') }), [aSet('a:1', 2, 2)]],
  ])('strategy Recreate keeps a pod %s', (_what, deployment, sets) => {
    expect(keepsPods(deployment, sets)).toBe(true);
  });

  test.each<[string, DeploymentObject, readonly ReplicaSetObject[]]>([
    ['while it rolls, though all old ones are ready', aDeployment({ paused: false }), [aSet('a:1', 2, 2)]],
    ['before its controller has seen the pause', aDeployment({}, 6), [aSet('a:1', 2, 2)]],
    ['of a ReplicaSet that was scaled to 0, whose pods may still look ready', aDeployment(), [aSet('a:1', 0, 2)]],
    ['of a ReplicaSet that has counted before it was scaled', aDeployment(), [aSet('a:1', 2, 2, 2)]],
    ['where none is ready', aDeployment(), [aSet('a:1', 2, 0), aSet('a:2', 0, 0)]],
    ['where there is no ReplicaSet', aDeployment(), []],
  ])('strategy Recreate does not keep a pod %s', (_what, deployment, sets) => {
    expect(keepsPods(deployment, sets)).toBe(false);
  });
});

test('other strategies always keep some', () => {
  expect(keepsPods(aDeployment({ paused: false, strategy: { type: 'RollingUpdate' } }), [])).toBe(true);
});
