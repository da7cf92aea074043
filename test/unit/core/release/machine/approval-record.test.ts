import { describe, expect, test } from 'vitest';
import { nameApprovers, noteApproval } from '../../../../../src/core/release/machine/approval-record.ts';
import { after, aStatus, timeAfter } from '../../../../fixtures/builders.ts';

const { release: _release, ...none } = aStatus();

describe('approvals', () => {
  test('approvals are kept with verb, stage, giver and time, each once', () => {
    const once = noteApproval(aStatus(), { verb: 'approve', by: 'ada' }, 1, after(5));
    const twice = noteApproval(once, { verb: 'approve', by: 'ada' }, 1, after(6));
    const more = noteApproval(twice, { verb: 'advance' }, 1, after(7));
    expect(more.release?.approvals).toEqual([
      { verb: 'approve', stage: 1, by: 'ada', at: timeAfter(5) },
      { verb: 'advance', stage: 1, at: timeAfter(7) },
    ]);
  });

  test('a pause or an undo is no approval, and without a release there is none', () => {
    expect(noteApproval(aStatus(), { verb: 'pause', by: 'ada' }, 1, after(5))).toEqual(aStatus());
    expect(noteApproval(none, { verb: 'approve', by: 'ada' }, 1, after(5))).toEqual(none);
  });

  test('approvals never outgrow the status', () => {
    const givers = Array.from({ length: 40 }, (_, index) => `person-${index}`);
    const { release } = givers.reduce((status, by) => noteApproval(status, { verb: 'approve', by }, 1, after(5)), aStatus());
    expect([release?.approvals?.length, release?.approvals?.at(-1)?.by]).toEqual([32, 'person-39']);
    expect(nameApprovers(release ?? {}).approvedBy).toHaveLength(8);
  });

  test('approvals give the history each name once, and nothing where there is none', () => {
    const approvals = ['ada', 'bob', 'ada'].map((by, index) => ({ verb: 'approve' as const, stage: index + 1, by, at: timeAfter(0) }));
    expect(nameApprovers({ approvals })).toEqual({ approvedBy: ['ada', 'bob'] });
    expect(nameApprovers({ approvals: [{ verb: 'approve', stage: 1, at: timeAfter(0) }] })).toEqual({});
    expect(nameApprovers({})).toEqual({});
  });
});
