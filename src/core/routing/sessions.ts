// Rules that keep a user on the backend that answered first. Such a session takes precedence over the weights, even over weight 0
// (Gateway API, GEP-1619), so weights alone do not bring its user back.
import type { Route } from '../../api/routes.ts';
import type { RuleScan } from './rules.ts';
import type { RouteStanding } from './standing.ts';

/** A rule that keeps sessions: its route, and its key within it. */
export interface SessionRule {
  readonly route: Route;
  readonly key: string;
}

/** The rules of a route that a release would drive and that keep sessions. */
export function scanSessions(route: Route, { rules }: Pick<RuleScan, 'rules'>): readonly SessionRule[] {
  return rules.filter(({ index }) => keepsSessions(route, index)).map(({ key }) => ({ route, key }));
}

/** The rules of a recorded route that keep sessions now. */
export function findSessions({ route, rules }: RouteStanding): readonly SessionRule[] {
  if (route === undefined) return [];
  return scanSessions(route, { rules: rules.flatMap((rule) => (rule.kind === 'found' ? [rule.now] : [])) });
}

function keepsSessions({ spec }: Route, index: number): boolean {
  return spec.rules?.[index]?.sessionPersistence !== undefined;
}
