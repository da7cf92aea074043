// What rules of ours a route is to have, beside those that it has.

import type { Cohort } from '../../api/cohort.ts';
import type { RouteRule } from '../../api/routes.ts';
import { toSortedJson } from '../../api/sorted-json.ts';
import { hashMatches } from './matches.ts';
import { fieldOf } from './cohort.ts';
import { buildCohortRule, buildMirrorRule, type OurRule, type WantedRule } from './our-rules.ts';
import { type RouteStanding, weightsFor } from './standing.ts';

/** How the rules of ours in a route differ from what is wanted. */
export interface OursCompared {
  /** Not wanted, not any more, or not as somebody left them. */
  readonly surplus: readonly OurRule[];
  readonly missing: readonly WantedRule[];
}

/** What is there against what is wanted. @param cohort undefined: none of ours is wanted */
export function compareOurs(standing: RouteStanding, cohort: Cohort | undefined): OursCompared {
  const { ours } = standing;
  const wanted = wantRules(standing, cohort);
  const kept = new Set<OurRule>();
  const missing = wanted.filter((want) => {
    const found = ours.find((one) => !kept.has(one) && one.number === want.number && isAsWanted(one.rule, want.rule));
    if (found !== undefined) kept.add(found);
    return found === undefined;
  });
  return { surplus: ours.filter((one) => !kept.has(one)), missing };
}

/** The rules of ours that a route is to have: one for each rule that the release drives there. */
export function wantRules({ route, rules }: RouteStanding, cohort: Cohort | undefined): readonly WantedRule[] {
  if (route === undefined || cohort === undefined) return [];
  return rules.flatMap((standing, place): readonly WantedRule[] => {
    if (standing.kind !== 'found') return [];
    const [purpose, number] = [fieldOf(cohort), place + 1];
    const rule =
      purpose === 'cohort'
        ? buildCohortRule(route, standing.now, cohort, number)
        : buildMirrorRule(route, standing.now, weightsFor(standing, { kind: 'restored' }), cohort, number);
    if (rule === undefined) return [];
    const matches = hashMatches(rule.matches);
    const isRecorded = (standing.recorded.ours ?? []).some((one) => one.purpose === purpose && one.matches === matches);
    return [{ purpose, number, rule, matches, isRecorded }];
  });
}

/** But for the name, which some API servers drop. */
function isAsWanted({ name: _found, matches: found, ...rule }: RouteRule, { name: _wanted, matches: wanted, ...want }: RouteRule): boolean {
  return hashMatches(found) === hashMatches(wanted) && toSortedJson(rule) === toSortedJson(want);
}
