// How a route differs from what its release wants of it: by a raise that is still to be written, or by somebody else's edit (rule 7).

import type { CanaryReleaseStatus, RecordedRoute } from '../../../api/release.ts';
import { compareShare, findUnproven } from '../../routing/canary-share.ts';
import type { RouteStanding } from '../../routing/standing.ts';

type Status = CanaryReleaseStatus;

/** How a route differs from what the release wants of it, by somebody else's hand. */
export type Edited = 'raised' | 'lowered';

/** What a release wants of its routes, and wanted before the raise under way. */
export interface Wants {
  readonly weight: number;
  readonly before: number;
}

/** The wants that a status stores. */
export function wantsOf(status: Status): Wants {
  const weight = status.weight ?? 0;
  return { weight, before: Math.min(status.release?.weightBefore ?? 0, weight) };
}

/**
 * The foreign edit that a route shows, if it shows one. A watch may still show a route as it was before our own last write:
 * a generation that is accounted for already is no edit.
 */
export function findEdit(standing: RouteStanding, { weight, before }: Wants): Edited | undefined {
  const { recorded, route, rules } = standing;
  if (route === undefined) return undefined;
  const known = isSame(recorded, route.metadata.uid) ? (recorded.generation ?? -1) : -1;
  const generation = route.metadata.generation ?? 0;
  if (generation > known && isAbove(standing, weight)) return 'raised';
  if (recorded.raising === true) return generation > known && isBelow(rules, before) ? 'lowered' : undefined;
  return generation >= known && isBelow(rules, weight) ? 'lowered' : undefined;
}

/** A raise of this route is still to be written, and no edit lowered it meanwhile. */
export function waitsForRaise(standing: RouteStanding, wants: Wants): boolean {
  return standing.recorded.raising === true && findEdit(standing, wants) !== 'lowered';
}

/** A rule of the release gives the canary less than that. */
export function isBelow(rules: RouteStanding['rules'], percent: number): boolean {
  return rules.some((rule) => compareShare(rule, percent) === 'below');
}

/** A rule of the release gives the canary more than that, or another one anything at all. */
export function isAbove(standing: RouteStanding, percent: number): boolean {
  return standing.rules.some((rule) => compareShare(rule, percent) === 'above') || findUnproven(standing).length > 0;
}

/** A route that was deleted and recreated counts its generations from 1. */
export function isSame(recorded: RecordedRoute, uid: string | undefined): boolean {
  return recorded.uid === (uid ?? '');
}
