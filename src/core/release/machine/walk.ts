// All steps that the machine takes in one decision, and what each was for.

import type { CanaryReleaseStatus } from '../../../api/release.ts';
import type { Facts } from '../assess.ts';
import type { ReleaseEvent } from '../report/events.ts';
import type { StateName } from '../state.ts';
import { noteApproval } from './approval-record.ts';
import { handled, isObeyedBy, refuseForNow, whyNotNow } from './command-outcome.ts';
import { step } from './machine.ts';

/** One edge that was taken. */
export interface Transition {
  readonly from: StateName;
  readonly to: StateName;
  readonly reason: string;
  readonly message: string;
}

export interface Walked {
  readonly state: StateName;
  readonly status: CanaryReleaseStatus;
  readonly transitions: readonly Transition[];
  readonly events: readonly ReleaseEvent[];
}

/** Steps that one decision may take; a chain of all states is shorter. */
const MOST_STEPS = 20;

/** Steps until nothing moves. A command is used up by the first step that it lets happen, or by the first that it does not. */
export function walk(
  start: CanaryReleaseStatus,
  from: StateName,
  assess: (status: CanaryReleaseStatus, state: StateName) => Facts,
): Walked {
  let [state, status] = [from, start];
  const transitions: Transition[] = [];
  const events: ReleaseEvent[] = [];
  for (let count = 0; count < MOST_STEPS; count += 1) {
    const facts = assess(status, state);
    const next = step(state, status, facts);
    if (next.moved) {
      events.push(...next.events);
      transitions.push(toTransition(state, next.state, next.events, facts));
    }
    const number = (status.release?.stageIndex ?? 0) + 1;
    [state, status] = [next.state, next.status];
    if (facts.command !== undefined && facts.command.refusal === undefined) {
      const done = next.moved && isObeyedBy(facts.command.verb, next.state);
      status = done
        ? noteApproval(handled(status, facts.command, 'Done'), facts.command, number, facts.now)
        : handled(status, facts.command, 'Refused', whyNotNow(facts, state));
      if (!done) events.push(refuseForNow(facts, state));
    } else if (!next.moved) break;
  }
  return { state, status, transitions, events };
}

function toTransition(from: StateName, to: StateName, events: readonly ReleaseEvent[], facts: Facts): Transition {
  const [first] = events;
  return {
    from,
    to,
    reason: facts.rollback?.reason ?? first?.reason ?? 'Observed',
    message: first?.message ?? `${from} is done`,
  };
}
