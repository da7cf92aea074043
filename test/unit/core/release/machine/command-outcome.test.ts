import { describe, expect, test } from 'vitest';
import { isObeyedBy, refuseForNow, whyNotNow } from '../../../../../src/core/release/machine/command-outcome.ts';
import type { Facts } from '../../../../../src/core/release/assess.ts';
import { after, anObservation, aSpec, aStatus } from '../../../../fixtures/builders.ts';
import { gatherFacts } from '../../../../fixtures/facts.ts';

const facts = gatherFacts(aSpec(), aStatus(), 'stage.analyzing', anObservation(), after(0));
const calm: Facts = { ...facts, blocker: undefined, rejection: undefined, acceptanceWait: undefined, canaryReady: true };

describe('a command', () => {
  test.each([
    ['advance', 'stage.shifting', 'paused'],
    ['promote', 'promoting.rollingOut', 'rollingBack.goingHome'],
    ['pause', 'paused', 'stage.shifting'],
    ['undo', 'rollingBack.goingHome', 'promoted'],
    ['retry', 'preparing', 'rolledBack'],
    ['resume', 'stage.analyzing', 'paused'],
    ['approve', 'stage.shifting', 'rollingBack.goingHome'],
  ] as const)('command %s is obeyed by the step to %s, and not by the one to %s', (verb, good, other) => {
    expect([isObeyedBy(verb, good), isObeyedBy(verb, other)]).toEqual([true, false]);
  });

  test('a text that is none is obeyed by no step', () => {
    expect(isObeyedBy('unreadable', 'stage.shifting')).toBe(false);
  });

  test('a command that does not fit the moment is refused with what stood in the way', () => {
    expect(whyNotNow(calm, 'stage.analyzing')).toBe('the release is stage.analyzing');
    expect(whyNotNow({ ...calm, canaryReady: false }, 'stage.analyzing')).toBe('the canary is not ready');
    expect(whyNotNow({ ...calm, acceptanceWait: 'waiting for Contour' }, 'stage.analyzing')).toBe('waiting for Contour');
    expect(whyNotNow({ ...calm, blocker: { reason: 'InvalidSpec', message: 'no' } }, 'blocked')).toBe('no');
    expect(refuseForNow(calm, 'stage.analyzing').message).toContain('by a person cannot be done now');
  });
});
