import { describe, expect, test } from 'vitest';
import type { CanaryReleaseStatus } from '../../../../../src/api/release.ts';
import { describeStatus } from '../../../../../src/core/release/report/status.ts';
import type { Facts } from '../../../../../src/core/release/assess.ts';
import { gatherFacts } from '../../../../fixtures/facts.ts';
import { STATES } from '../../../../../src/core/release/state.ts';
import { aRelease, aReleaseStatus, aSpec, aStatus, after, anObservation, timeAfter } from '../../../../fixtures/builders.ts';

const spec = aSpec({ stages: [{ weight: 5 }, { weight: 50, approval: 'Required' }] });
const observation = anObservation({ release: aRelease({ spec }) });
const bareRelease = { id: '7c1f0e22ab', revision: 'x', startedAt: timeAfter(0), serving: { service: 'v1' }, canary: { service: 'v2' } };
const bare: CanaryReleaseStatus = { observedGeneration: 1, release: bareRelease };
const rich = aStatus({
  weight: 50,
  release: aReleaseStatus({
    stageIndex: 1,
    stage: 'half',
    stageEndsAt: timeAfter(90),
    bakeEndsAt: timeAfter(90),
    stageRequests: 7,
    reasonMessage: 'why',
    pausedBy: 'Command',
  }),
  checks: [
    { name: 'errors', verdict: 'Inconclusive', limit: '<= 1%', message: 'no traffic' },
    { name: 'p99', verdict: 'Pass', value: '20ms', limit: '<= 1s' },
  ],
});

describe('the words of a status', () => {
  test.each(STATES)('%s has a phase, a message and conditions, however little is known', (state) => {
    for (const status of [
      bare,
      rich,
      { ...rich, checks: [{ name: 'errors', verdict: 'Fail' as const, value: '5%', limit: '<= 1%', requests: 9 }] },
    ]) {
      const facts = gatherFacts(spec, status, state, observation, after(60));
      for (const variant of [
        facts,
        { ...facts, canaryReady: true },
        { ...facts, acceptanceWait: 'waits', canaryReady: true, candidate: undefined },
      ]) {
        const told = describeStatus(status, state, variant);
        expect(told.message).not.toMatch(/undefined|^$/);
        expect(told.phase).toBeDefined();
        expect(told.conditions?.find(({ type }) => type === 'Ready')?.observedGeneration).toBe(
          observation.release.metadata.generation ?? 0,
        );
      }
    }
  });

  test.each<[Partial<Facts>, string]>([
    [{ deleting: true }, 'Deleting'],
    [{ blocker: { reason: 'RouteContested', message: 'argocd' } }, 'RouteContested'],
    [{ blocker: { reason: 'Forbidden', message: 'no right' } }, 'Blocked'],
  ])('a blocked release with %j is told as %s', (change, reason) => {
    const facts = { ...gatherFacts(spec, rich, 'blocked', observation, after(60)), ...change };
    expect(describeStatus(rich, 'blocked', facts).conditions?.find(({ type }) => type === 'Ready')?.reason).toBe(reason);
  });

  test('the measured share is told while its weight stands, and not of the weight before or after the end', () => {
    const measured = (seconds: number) => ({ share: '4.9%', canaryRequests: 49, servingRequests: 951, at: timeAfter(seconds) });
    const told = (seconds: number, state: 'stage.analyzing' | 'rolledBack') => {
      const status = { ...rich, release: aReleaseStatus({ shiftedAt: timeAfter(30) }), measured: measured(seconds) };
      return describeStatus(status, state, gatherFacts(spec, status, state, observation, after(60))).measured;
    };
    expect(told(40, 'stage.analyzing')).toEqual(measured(40));
    expect(told(30, 'stage.analyzing')).toBeUndefined();
    expect(told(40, 'rolledBack')).toBeUndefined();
  });

  test('an analysis that is off, and one that only observes, say so', () => {
    for (const [mode, reason] of [
      ['Off', 'AnalysisOff'],
      ['Observe', 'Observing'],
    ] as const) {
      const other = aSpec({ analysis: { mode } });
      const told = describeStatus(rich, 'stage.analyzing', gatherFacts(other, rich, 'stage.analyzing', observation, after(60)));
      expect(told.conditions?.find(({ type }) => type === 'AnalysisEnforced')?.reason).toBe(reason);
    }
  });
});
