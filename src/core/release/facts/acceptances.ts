// What gateways say of a release's routes, and what requests show where they say nothing.

import { rateBefore } from '../../../api/planned.ts';
import type { CanaryReleaseStatus } from '../../../api/release.ts';
import { judgeAcceptance, type Acceptance } from '../../routing/acceptance.ts';
import { isOutgrown } from '../../routing/gateway-limits.ts';
import type { RouteStanding } from '../../routing/standing.ts';
import { isSplitAsAsked } from '../evidence/split-clock.ts';
import { endOfLastAnswers, givesAll } from '../last-answers.ts';
import { isPreparing, type StateName } from '../state.ts';
import type { Gathered } from './gather.ts';

/** What is known of whether gateways have taken the last change. */
export interface Answers {
  readonly rejection: Extract<Acceptance, { kind: 'rejected' }> | undefined;
  readonly wait: string | undefined;
  readonly unsaid: string | undefined;
  /** All have accepted all, or requests show it. */
  readonly isTaken: boolean;
  /** Of a promotion: when it continues although requests to what served before have not stopped; undefined where they have, or need not. */
  readonly lastAnswersEnd: number | undefined;
}

/** What the gateways say of the routes of a release. Where one says nothing, what is counted may say it. */
export function readAcceptances(
  standings: readonly RouteStanding[],
  gathered: Gathered,
  status: CanaryReleaseStatus,
  state: StateName,
): Answers {
  const found = standings.flatMap((standing) => acceptanceOf(standing, gathered.acceptances));
  const rejection = found.find((acceptance) => acceptance.kind === 'rejected');
  const waiting = found.find((acceptance) => acceptance.kind === 'waiting');
  const isAnswered = standings.length > 0 && rejection === undefined;
  const lastAnswersEnd = gathered.enforced ? endOfLastAnswers(status, state, gathered.observation.lastAnswers) : undefined;
  const said = { rejection, lastAnswersEnd };
  if (waiting === undefined) return { ...said, wait: undefined, unsaid: undefined, isTaken: isAnswered };
  const { message } = waiting;
  // Of several routes the sum of what is counted does not say which one has taken the change.
  const isMeasured = standings.length === 1 && isTakenByCounts(status, state, gathered);
  if (isMeasured) return { ...said, wait: undefined, unsaid: message, isTaken: isAnswered };
  const isServed = waiting.unanswered === true && isServedByCounts(status, state, gathered);
  return { ...said, wait: isServed ? undefined : message, unsaid: isServed ? message : undefined, isTaken: false };
}

/** Requests split as asked. Where everything is asked for the canary, none reaches what served before. */
function isTakenByCounts(status: CanaryReleaseStatus, state: StateName, { observation }: Gathered): boolean {
  return isSplitAsAsked(status.release) || (givesAll(status, state) && observation.lastAnswers === 'silent');
}

/** Before the first weight: a gateway that writes no status serves all the same, where the source that the user named counts requests. */
function isServedByCounts({ release }: CanaryReleaseStatus, state: StateName, { spec }: Gathered): boolean {
  return isPreparing(state, release) && spec.analysis.metrics.source !== 'Auto' && (rateBefore(release) ?? 0) > 0;
}

/** What gateways say of a route; about weights that are being made smaller nothing is said yet. */
function acceptanceOf(standing: RouteStanding, taken: Gathered['acceptances']): readonly Acceptance[] {
  const { route, recorded } = standing;
  if (route === undefined) return [];
  const acceptance = taken.get(route) ?? judgeAcceptance(route);
  if (acceptance.kind !== 'rejected' || !isOutgrown(standing)) return [acceptance];
  const message = `${route.kind} ${route.metadata.name}: trying weights up to ${recorded.weightLimit}, ${recorded.fitting} rejected larger ones`;
  return [{ kind: 'waiting', message }];
}
