// What is written down of a state that was reached.

import { describe, expect, test } from 'vitest';
import { defaultSpec } from '../../../../../src/api/release.ts';
import { endOfDrain } from '../../../../../src/core/release/drain.ts';
import { noteDrain } from '../../../../../src/core/release/machine/notes.ts';
import type { StateName } from '../../../../../src/core/release/state.ts';
import {
  after,
  anObservation,
  aRecordedRoute,
  aRelease,
  aReleaseStatus,
  aRoute,
  aRule,
  aStatus,
  HOME_MARK,
  marked,
} from '../../../../fixtures/builders.ts';
import { gatherFacts } from '../../../../fixtures/facts.ts';

describe('the drain of a canary that is removed', () => {
  const spec = defaultSpec({ targetRef: { name: 'store' }, service: { name: 'v1' } });
  const workload = { name: 'store', uid: 'uid-1', canary: 'store-canary', template: 'new', servingTemplate: 'old' };
  const endAfter = (state: StateName, share: number, drainEndsAt: string | undefined) => {
    const release = aReleaseStatus({ workload, maxWeight: 50, routes: [aRecordedRoute()] });
    const status = aStatus({ state, weight: 0, release: { ...release, ...(drainEndsAt === undefined ? {} : { drainEndsAt }) } });
    const route = aRoute({ rules: [aRule({ v1: 100 - share, v2: share })], metadata: marked(HOME_MARK) });
    const observed = { known: true, replicaSets: [], hold: { kind: 'proven' } } as const;
    const observation = anObservation({ release: aRelease({ spec }), routes: [route], workload: observed });
    return noteDrain(status, gatherFacts(spec, status, state, observation, after(60)), state).release?.drainEndsAt;
  };
  const states = ['rollingBack.draining', 'rollingBack.cleaning', 'promoting.restoring'] as const;

  test.each(states)('the drain begins in %s as soon as no route gives the canary a share', (state) => {
    expect(endAfter(state, 0, undefined)).toBe(endOfDrain(after(60)));
    expect(endAfter(state, 0, endOfDrain(after(55)))).toBe(endOfDrain(after(55)));
  });

  test.each(states)('the drain begins again in %s where somebody gives the canary a share meanwhile', (state) => {
    expect(endAfter(state, 1, endOfDrain(after(55)))).toBeUndefined();
  });
});
