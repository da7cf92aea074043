// Who let a release go, kept for an audit months later: the last command alone would be forgotten with the next one.

import { MAX_APPROVALS, MAX_APPROVERS } from '../../../api/names.ts';
import type { CanaryReleaseStatus, HistoryEntry, ReleaseStatus } from '../../../api/release.ts';
import type { FreshCommand } from '../commands/read.ts';
import { edit } from './change.ts';
import { toTime } from '../../../api/times.ts';

type Status = CanaryReleaseStatus;

/** Commands by which a person, and not the evidence, lets a release continue. */
function letsGo(verb: FreshCommand['verb']): verb is 'approve' | 'advance' | 'promote' {
  return verb === 'approve' || verb === 'advance' || verb === 'promote';
}

/** Keeps a command that was obeyed. @param stage number of the stage that it lets go @param now Unix milliseconds */
export function noteApproval(status: Status, { verb, by }: Pick<FreshCommand, 'verb' | 'by'>, stage: number, now: number): Status {
  const { release } = status;
  if (release === undefined || !letsGo(verb)) return status;
  const given = release.approvals ?? [];
  if (given.some((one) => one.verb === verb && one.stage === stage && one.by === by)) return status;
  const approval = { verb, stage, ...(by === undefined ? {} : { by }), at: toTime(now) };
  return { ...status, release: { ...release, approvals: [...given, approval].slice(-MAX_APPROVALS) } };
}

/** The names for the history, each once; nothing where no approval was asked for or no name was given. */
export function nameApprovers({ approvals = [] }: Pick<ReleaseStatus, 'approvals'>): Pick<HistoryEntry, 'approvedBy'> {
  const names = [...new Set(approvals.flatMap(({ by }) => (by === undefined ? [] : [by])))];
  return names.length === 0 ? {} : { approvedBy: names.slice(0, MAX_APPROVERS) };
}

/** Marks a stage as let go by a person. */
export function approve(status: Status, stage: number): Status {
  const approved = status.release?.approvedStages ?? [];
  return approved.includes(stage) ? status : edit(status, { approvedStages: [...approved, stage] });
}
