// A gateway that rejects the weights of a raise is asked again with smaller ones; what it then accepts is remembered for later releases.

import type { CanaryReleaseStatus, RecordedRoute } from '../../../api/release.ts';
import { fitRoute, isOutgrown, type LearnedLimit } from '../../routing/gateway-limits.ts';
import type { RouteStanding } from '../../routing/standing.ts';
import type { Facts } from '../assess.ts';
import type { ReleaseEvent } from '../report/events.ts';
import type { StateName } from '../state.ts';

type Status = CanaryReleaseStatus;

/** States in which weights of ours are on the routes, or on their way there. */
const WRITES: readonly StateName[] = [
  'stage.shifting',
  'stage.analyzing',
  'stage.awaitingApproval',
  'promoting.rollingOut',
  'promoting.baking',
];
/** `status.internal.weightLimits` holds so many. */
const MOST_LEARNED = 8;

/** Chooses smaller weights for the routes that a gateway rejects since our write. */
export function fitWeights(status: Status, facts: Facts): { readonly status: Status; readonly events: readonly ReleaseEvent[] } {
  if (!WRITES.includes(facts.state)) return { status, events: [] };
  const fitted = facts.standings.flatMap((standing) => fitRejected(standing, facts));
  if (fitted.length === 0) return { status, events: [] };
  const events = fitted.map(({ why, recorded }): ReleaseEvent => {
    return { reason: 'RouteNotAccepted', message: `${why}; trying weights up to ${recorded.weightLimit}`, warning: true };
  });
  return { status: editRoutes(status, (route) => fitted.find(({ former }) => former === route)?.recorded ?? route), events };
}

interface Fitted {
  readonly former: RecordedRoute;
  readonly recorded: RecordedRoute;
  /** What the gateway said. */
  readonly why: string;
}

function fitRejected(standing: RouteStanding, { acceptances }: Facts): readonly Fitted[] {
  const { route, recorded: former } = standing;
  const acceptance = route === undefined ? undefined : acceptances.get(route);
  // A ref that cannot be resolved has nothing to do with weights.
  if (acceptance?.kind !== 'rejected' || acceptance.about !== 'route') return [];
  const recorded = fitRoute(standing, acceptance.controller);
  return recorded === undefined ? [] : [{ former, recorded, why: acceptance.message }];
}

/** Remembers what was accepted after larger weights were rejected, and ends a try that was blocked or taken back. */
export function noteFitted(status: Status, facts: Facts, state: StateName): Status {
  const tried = facts.standings.filter(({ recorded }) => recorded.fitting !== undefined);
  const over = WRITES.includes(state) ? tried.filter((standing) => isTaken(standing, facts)) : tried;
  if (over.length === 0) return status;
  const ended = editRoutes(status, (route) => (over.some(({ recorded }) => recorded === route) ? withoutTry(route) : route));
  return WRITES.includes(state)
    ? learn(
        ended,
        over.flatMap(({ recorded }) => limitOf(recorded)),
      )
    : ended;
}

function isTaken(standing: RouteStanding, { acceptances }: Facts): boolean {
  const { route } = standing;
  return route !== undefined && acceptances.get(route)?.kind === 'accepted' && !isOutgrown(standing);
}

function withoutTry({ fitting: _fitting, rules, ...rest }: RecordedRoute): RecordedRoute {
  return { ...rest, rules: rules.map(({ formerFactor: _former, ...rule }) => rule) };
}

function limitOf({ fitting: controller, weightLimit: weight }: RecordedRoute): readonly LearnedLimit[] {
  return controller === undefined || weight === undefined ? [] : [{ controller, weight }];
}

function learn(status: Status, news: readonly LearnedLimit[]): Status {
  const { internal } = status;
  const known = (internal?.weightLimits ?? []).filter(({ controller }) => !news.some((one) => one.controller === controller));
  return { ...status, internal: { ...internal, weightLimits: [...news, ...known].slice(0, MOST_LEARNED) } };
}

function editRoutes(status: Status, edit: (route: RecordedRoute) => RecordedRoute): Status {
  const { release } = status;
  return release?.routes === undefined ? status : { ...status, release: { ...release, routes: release.routes.map(edit) } };
}
