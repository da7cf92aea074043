// What is said of gates, in the condition and where they are waited for.

import { describe, expect, test } from 'vitest';
import type { GateStatus } from '../../../../../src/api/release.ts';
import { describeGates, describeGateWait, describeHeldGate, describeResult } from '../../../../../src/core/release/report/gate-words.ts';
import { aReleaseStatus, aSpec, aStatus, timeAfter } from '../../../../fixtures/builders.ts';

const JOB = { spec: { template: {} } };
const SPEC = aSpec({
  stages: [
    { weight: 25, duration: '1m' },
    {
      weight: 50,
      duration: '1m',
      gates: [
        { name: 'smoke', job: JOB },
        { name: 'qa', http: { url: 'http://qa.example' }, onFailure: 'Hold' },
      ],
    },
  ],
});

function withGates(...gates: readonly Partial<GateStatus>[]) {
  const entry = { name: 'smoke', stage: '2', kind: 'Job', state: 'Running', attempts: 1 } as const;
  return aStatus({ release: aReleaseStatus({ gates: gates.map((one) => ({ ...entry, ...one })) }) });
}
const CALL = { name: 'qa', kind: 'HTTP' } as const;

describe('a gate in words', () => {
  test('a Job that runs is named with its start, and a request with its number and what was said of it', () => {
    const wait = (one: Partial<GateStatus>) => describeGateWait(SPEC, withGates(one), 'stage.analyzing');
    expect(wait({ job: 'web-smoke-1', startedAt: timeAfter(0) })).toMatch(
      /^waits for gate smoke of stage 2 \(Job web-smoke-1, since .*Z\)$/,
    );
    expect(wait({})).toBe('waits for gate smoke of stage 2 (Job )');
    expect(wait({ ...CALL, attempts: 3, message: 'answered 500' })).toBe('waits for gate qa of stage 2 (request 3): answered 500');
    expect(wait({ state: 'Passed' })).toBeUndefined();
  });

  test('a gate that holds the release is named with its commands', () => {
    const held = (one: Partial<GateStatus>) => describeHeldGate(SPEC, withGates({ ...CALL, ...one }), 'paused');
    expect(describeHeldGate(SPEC, withGates({ ...CALL, state: 'Failed', message: 'answered 404' }), 'stage.analyzing')).toMatch(
      /^gate qa of stage 2 failed: answered 404; resume:\w+ runs it again, advance:\w+ continues without it$/,
    );
    expect(describeHeldGate(SPEC, withGates({ ...CALL, state: 'Unknown' }), 'stage.analyzing')).toContain('has no known result: ');
    expect(held({ state: 'Passed' })).toBeUndefined();
  });

  test('the condition says what failed, what runs, and that all have passed', () => {
    const condition = (...gates: readonly Partial<GateStatus>[]) => describeGates(SPEC, withGates(...gates), 'stage.analyzing');
    expect(condition({ state: 'Failed', message: 'exit 1', log: 'boom' })).toMatchObject({
      status: 'False',
      reason: 'GateFailed',
      message: 'gate smoke of stage 2: exit 1; log: boom',
    });
    expect(condition({ state: 'Unknown' })).toMatchObject({ status: 'False', reason: 'GateInterrupted' });
    expect(condition({})).toMatchObject({ status: 'Unknown', reason: 'GateRunning' });
    expect(condition({ state: 'Passed' })).toMatchObject({ status: 'True', reason: 'GatesPassed' });
    expect(condition()).toBeUndefined();
    expect(describeGates(aSpec(), withGates({}), 'stage.analyzing')).toBeUndefined();
    expect(describeGates(SPEC, withGates({}), 'idle')).toBeUndefined();
  });

  test('a result without words is empty', () => {
    expect(describeResult({ name: 'smoke', kind: 'Job', state: 'Failed', attempts: 1 })).toBe('');
  });
});
