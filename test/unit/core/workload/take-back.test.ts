// The steps of a rollout that is taken back, as the Deployment's own strategy bounds them.

import { describe, expect, test } from 'vitest';
import type { DeploymentObject, ReplicaSetObject } from '../../../../src/core/workload/objects.ts';
import { boundRollout, planTakeBack } from '../../../../src/core/workload/take-back.ts';

const template = { spec: { containers: [] } };
type Strategy = NonNullable<DeploymentObject['spec']['strategy']>;

function deploymentWith(strategy?: Strategy, replicas?: number): DeploymentObject {
  const spec = { selector: {}, template, ...(strategy === undefined ? {} : { strategy }), ...(replicas === undefined ? {} : { replicas }) };
  return { metadata: { name: 'store' }, spec };
}

/** A ReplicaSet with so many pods, of which so many are ready; undefined: the API server has not filled it in yet. */
function setWith(replicas?: number, readyReplicas?: number): ReplicaSetObject {
  return {
    metadata: { name: 'store-1' },
    spec: { template, ...(replicas === undefined ? {} : { replicas }) },
    ...(readyReplicas === undefined ? {} : { status: { readyReplicas } }),
  };
}

describe('the bounds of a rollout', () => {
  test.each<[Strategy | undefined, number, number, number]>([
    [undefined, 10, 3, 2],
    [{ type: 'RollingUpdate' }, 1, 1, 0],
    [{ rollingUpdate: { maxSurge: 2, maxUnavailable: 0 } }, 10, 2, 0],
    [{ rollingUpdate: { maxSurge: '0%', maxUnavailable: '0%' } }, 10, 0, 1],
    [{ rollingUpdate: { maxSurge: 0, maxUnavailable: 20 } }, 10, 0, 10],
    [{ rollingUpdate: { maxSurge: 'no percent', maxUnavailable: '30%' } }, 10, 0, 3],
  ])('the bounds of a rollout of %j with %i pods: %i more, %i fewer', (strategy, wanted, surge, unavailable) => {
    expect(boundRollout(deploymentWith(strategy), wanted)).toEqual({ surge, unavailable });
  });
});

describe('the next step', () => {
  test.each<[string, ReplicaSetObject, ReplicaSetObject, ReturnType<typeof planTakeBack>]>([
    ['brings up what the surge allows', setWith(0), setWith(20, 20), { serving: 10, rolled: 15 }],
    ['ends as many new pods as old ones are ready', setWith(10, 10), setWith(15, 15), { serving: 20, rolled: 5 }],
    ['keeps no new pod when enough old ones are ready', setWith(20, 15), setWith(5, 5), { serving: 25, rolled: 0 }],
    ['keeps no pod that is not ready', setWith(4, 4), setWith(16, 0), { serving: 25, rolled: 0 }],
    ['knows nothing of sets that are new', setWith(), setWith(), { serving: 25, rolled: 0 }],
  ])('the next step of a take-back %s', (_what, serving, rolled, expected) => {
    expect(planTakeBack(deploymentWith({ rollingUpdate: { maxSurge: 5, maxUnavailable: 5 } }, 20), serving, rolled)).toEqual(expected);
  });

  test('the next step is one of a single pod where nothing is said, and none with strategy Recreate', () => {
    expect(planTakeBack(deploymentWith(), setWith(0), setWith(1, 1))).toEqual({ serving: 1, rolled: 1 });
    expect(planTakeBack(deploymentWith({ type: 'Recreate' }, 4), setWith(0), setWith(4, 4))).toBeUndefined();
  });
});
