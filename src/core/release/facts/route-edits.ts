// How a route differs from what its release wants of it: by a raise that is still to be written, or by somebody else's edit (rule 7).

import type { CanaryReleaseStatus, Cohort, RecordedRoute } from '../../../api/release.ts';
import { compareShare, findUnproven } from '../../routing/canary-share.ts';
import type { OurRule } from '../../routing/our-rules.ts';
import { compareOurs } from '../../routing/wanted-rules.ts';
import type { RouteStanding } from '../../routing/standing.ts';

type Status = CanaryReleaseStatus;

/** How a route differs from what the release wants of it, by somebody else's hand. */
export type Edited = 'raised' | 'lowered';

/** What a release wants of its routes, and wanted before the raise under way. */
export interface Wants {
  readonly weight: number;
  readonly before: number;
  readonly cohort: Cohort | undefined;
  readonly cohortBefore: Cohort | undefined;
}

/** The wants that a status stores. */
export function wantsOf(status: Status): Wants {
  const weight = status.weight ?? 0;
  const { weightBefore = 0, cohort, cohortBefore } = status.release ?? {};
  return { weight, before: Math.min(weightBefore, weight), cohort, cohortBefore };
}

/**
 * The foreign edit that a route shows, if it shows one. A watch may still show a route as it was before our own last write:
 * a generation that is accounted for already is no edit.
 */
export function findEdit(standing: RouteStanding, wants: Wants): Edited | undefined {
  const { recorded, route } = standing;
  if (route === undefined) return undefined;
  const known = isSame(recorded, route.metadata.uid) ? (recorded.generation ?? -1) : -1;
  const generation = route.metadata.generation ?? 0;
  if (generation > known && isAbove(standing, wants)) return 'raised';
  if (recorded.raising === true)
    return generation > known && isBelow(standing, { weight: wants.before, cohort: wants.cohortBefore }) ? 'lowered' : undefined;
  return generation >= known && isBelow(standing, wants) ? 'lowered' : undefined;
}

/** A raise of this route is still to be written, and no edit lowered it meanwhile. */
export function waitsForRaise(standing: RouteStanding, wants: Wants): boolean {
  return standing.recorded.raising === true && findEdit(standing, wants) !== 'lowered';
}

/** A rule of the release gives the canary less than that, or a rule of ours is missing. */
export function isBelow(standing: RouteStanding, { weight, cohort }: Pick<Wants, 'weight' | 'cohort'>): boolean {
  return standing.rules.some((rule) => compareShare(rule, weight) === 'below') || compareOurs(standing, cohort).missing.length > 0;
}

/** A rule of the release gives the canary more than that, a rule of ours is none that is wanted, or another one gives it anything at all. */
export function isAbove(standing: RouteStanding, wants: Wants): boolean {
  const { rules } = standing;
  if (rules.some((rule) => compareShare(rule, wants.weight) === 'above') || findUnproven(standing).length > 0) return true;
  return findStrayOurs(standing, wants).length > 0;
}

/** Rules of ours that are not wanted as they are. While a raise is to be written, those from before it may still be there. */
export function findStrayOurs(standing: RouteStanding, { cohort, cohortBefore }: Wants): readonly OurRule[] {
  const { surplus } = compareOurs(standing, cohort);
  if (standing.recorded.raising !== true || surplus.length === 0) return surplus;
  const before = compareOurs(standing, cohortBefore).surplus;
  return surplus.filter((one) => before.includes(one));
}

/** A route that was deleted and recreated counts its generations from 1. */
export function isSame(recorded: RecordedRoute, uid: string | undefined): boolean {
  return recorded.uid === (uid ?? '');
}
