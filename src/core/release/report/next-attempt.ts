// What a rollback leaves of a revision, in words: is it rejected, does it begin again, or does it wait for a person?

import { MOST_ATTEMPTS } from '../../../api/names.ts';
import { fateOf } from '../../../api/reasons.ts';
import type { ReleaseStatus } from '../../../api/release.ts';
import { clockOf } from '../../../api/times.ts';
import type { Facts } from '../assess.ts';
import type { NextAttempt } from '../facts/next-attempt.ts';

const MOST_WHY = 400;

/** `revision 7 is rolled back`, or that it timed out. */
export function describeEnd({ revision, reason }: ReleaseStatus): string {
  if (reason === 'Completed') return `the experiment with revision ${revision} is completed`;
  return reason === 'DeadlineExceeded' ? `revision ${revision} timed out and is rolled back` : `revision ${revision} is rolled back`;
}

/** What may become of the revision now. It begins with `; ` or is empty. */
export function describeFate(release: ReleaseStatus): string {
  const { reason, rejects, retryAt, retries = 0, id } = release;
  const fate = rejects === true ? 'rejected' : fateOf(reason);
  switch (fate) {
    case 'rejected':
      return '; it is not tried again automatically (command retry)';
    case 'retried':
      return retryAt === undefined
        ? `; ${MOST_ATTEMPTS} attempts ended without a verdict: send command retry:${id}, or commit a new revision`
        : `; it is not rejected: attempt ${retries + 2} of ${MOST_ATTEMPTS} begins once the cause is gone`;
    case 'unjudged':
      return `; it is not rejected: command retry:${id} or a new revision begins again`;
    case 'completed':
      return `; to promote it, set spec.promotion.mode to Promote and send command retry:${id}`;
    case 'open':
      return '';
  }
}

/** When the next attempt begins and what it waits for; the words of the fate where none is due. It begins with `; `. */
export function describeNextAttempt(release: ReleaseStatus, { nextAttempt, spec, now }: Facts): string {
  if (nextAttempt === undefined) return release.retryAt === undefined ? describeFate(release) : '';
  return `; it is not rejected: attempt ${nextAttempt.number} of ${MOST_ATTEMPTS} begins ${describeStart(nextAttempt, spec.paused, now)}`;
}

function describeStart({ dueMs, waitsFor }: NextAttempt, paused: boolean, now: number): string {
  if (paused) return 'when spec.paused is false';
  const pods = waitsFor === undefined ? undefined : `when there are ${waitsFor}`;
  if (now >= dueMs) return pods ?? 'now';
  return pods === undefined ? `at ${clockOf(dueMs)}` : `${pods}, at ${clockOf(dueMs)} at the earliest`;
}

/** `attempt 2 of 3; the one before ended with CanaryEmpty: Service v2 has traffic and no ready endpoint`. */
export function describeAttempt(
  number: number,
  { reason = 'Unknown', reasonMessage = '' }: Pick<ReleaseStatus, 'reason' | 'reasonMessage'>,
): string {
  return `attempt ${number} of ${MOST_ATTEMPTS}; the one before ended with ${reason}: ${reasonMessage}`.slice(0, MOST_WHY);
}
