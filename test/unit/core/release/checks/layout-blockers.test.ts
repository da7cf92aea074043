// What is known of how a gateway counts the backends of a rule, and what of it blocks a release.

import { describe, expect, test } from 'vitest';
import type { CanaryReleaseStatus, SpecInput } from '../../../../../src/api/release.ts';
import { findBlocker } from '../../../../../src/core/release/checks/blockers.ts';
import type { BackendLayout, Observation } from '../../../../../src/core/release/observation.ts';
import { after, anObservation, aSpec } from '../../../../fixtures/builders.ts';
import { gatherFacts } from '../../../../fixtures/facts.ts';

const IDLE: CanaryReleaseStatus = { observedGeneration: 1 };
const READY = { kind: 'ready', source: 'EnvoyGateway' } as const;
const about = 'rules[0] of HTTPRoute store';

/** What stands in the way of a first release. */
function blockedBy(layout: BackendLayout, metrics: Observation['metrics'] = READY, spec: Partial<SpecInput> = {}) {
  return findBlocker(gatherFacts(aSpec(spec), IDLE, 'idle', anObservation({ layout, metrics }), after(0)), IDLE);
}

describe('a release before its first weight', () => {
  test('a release is not blocked where backends are counted apart, nor while that is being asked', () => {
    for (const layout of [{ kind: 'byBackend', about }, { kind: 'byService', about }, { kind: 'unasked' }] as const)
      expect(blockedBy(layout)).toBeUndefined();
  });

  test('a release is blocked where all backends are counted together, whoever judges', () => {
    const together = { kind: 'together', about } as const;
    for (const metrics of [READY, { kind: 'ready', source: 'PrometheusClient' } as const])
      expect(blockedBy(together, metrics)).toMatchObject({ reason: 'BackendsCountedTogether', about });
    expect(blockedBy(together, READY, { analysis: { mode: 'Off' } })).toMatchObject({ reason: 'BackendsCountedTogether' });
  });

  test('a release is blocked where Prometheus does not show it', () => {
    expect(blockedBy({ kind: 'unseen', about })).toMatchObject({ reason: 'BackendsNotSeen', about });
    expect(blockedBy({ kind: 'unknown', why: 'timeout' })).toMatchObject({
      reason: 'BackendsNotSeen',
      message: expect.stringContaining('timeout'),
    });
  });

  test('a release is not blocked by what Prometheus does not show where an application counts, or nothing is judged', () => {
    const unseen = { kind: 'unseen', about } as const;
    expect(blockedBy(unseen, { kind: 'ready', source: 'PrometheusClient' })).toBeUndefined();
    expect(blockedBy(unseen, READY, { analysis: { mode: 'Off' } })).toBeUndefined();
  });
});
