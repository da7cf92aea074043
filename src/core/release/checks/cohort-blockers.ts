// What stands in the way of a cohort: a rule of ours for it has to win the requests that it is meant for and no others, must not escape
// a policy that holds for one rule alone, and what it sends to the canary has to be judged.

import type { CanaryReleaseSpec, CanaryReleaseStatus, Cohort } from '../../../api/release.ts';
import type { Route } from '../../../api/routes.ts';
import { isSameCohort } from '../../routing/cohort.ts';
import { type DrivenRoute, findCohortProblem, refuseKind } from '../../routing/cohort-fit.ts';
import { findRuleTargets, mayMeanRules } from '../../routing/route-policies.ts';
import { asksForCohort } from '../facts/cohort-rules.ts';
import type { Known } from '../facts/known.ts';
import type { Blocker, BlockerCheck } from './types.ts';

/** What holds before the first write and in mid-release alike. */
export const COHORT: readonly BlockerCheck[] = [noCheckJudgesTheCohort, findCohortFault, aPolicyIsNotKnown];

function listDriven({ scans, standings }: Known): readonly DrivenRoute[] {
  const before = scans.map(({ route, scan }) => ({ route, managed: scan.rules, ours: [] }));
  const later = standings.flatMap(({ route, rules, ours }): readonly DrivenRoute[] => {
    const managed = rules.flatMap((rule) => (rule.kind === 'found' ? [rule.now] : []));
    return route === undefined ? [] : [{ route, managed, ours: ours.map(({ index }) => index) }];
  });
  return standings.length > 0 ? later : before;
}

/** Each cohort of the stages once. */
function listCohorts({ stages }: CanaryReleaseSpec): readonly Cohort[] {
  const all = stages.flatMap(({ cohort }) => (cohort === undefined ? [] : [cohort]));
  return all.filter((cohort, index) => all.findIndex((other) => isSameCohort(other, cohort)) === index);
}

/** Why a rule of ours would do something else than it is for, or nothing. */
export function findCohortFault(known: Known): Blocker | undefined {
  return asksForCohort(known.spec) ? (theCohortDoesNotFit(known) ?? aPolicyWouldBeEscaped(known)) : undefined;
}

function theCohortDoesNotFit(known: Known): Blocker | undefined {
  const { spec, observation } = known;
  const all = listDriven(known);
  for (const cohort of listCohorts(spec))
    for (const driven of all) {
      const problem = findCohortProblem(driven, cohort, all, observation.routes);
      if (problem !== undefined) return refuse(driven.route, problem.rule, problem.message);
    }
  return undefined;
}

function refuse({ kind, metadata: { name } }: Route, rule: string, message: string): Blocker {
  return {
    reason: 'CohortNotPossible',
    about: `${kind} ${name} ${rule}`,
    message: `spec.stages[].cohort: ${kind} ${name}, rule ${rule}: ${message}`,
  };
}

/** Why a cohort cannot be in a route of these kinds, by the spec alone; undefined where it can, or where no route is listed. */
export function refuseCohortKind(spec: Pick<CanaryReleaseSpec, 'stages' | 'routeRefs'>): string | undefined {
  for (const { cohort } of spec.stages)
    for (const { kind, name } of cohort === undefined ? [] : spec.routeRefs) {
      const refused = cohort === undefined ? undefined : refuseKind(kind, cohort);
      if (refused !== undefined) return `spec.stages[].cohort: ${kind} ${name}: ${refused}`;
    }
  return undefined;
}

function aPolicyWouldBeEscaped(known: Known): Blocker | undefined {
  const { observation } = known;
  for (const { route, managed } of listDriven(known)) {
    const [target] = findRuleTargets(route, managed, observation.routePolicies?.objects ?? []);
    if (target !== undefined)
      return refuse(
        route,
        target.rule,
        `${target.kind} ${target.name} holds for this rule alone (sectionName), and requests of the cohort would escape it: aim it at the whole route, or remove the cohort`,
      );
  }
  return undefined;
}

const GRANT = 'let the operator list them: kubectl apply --server-side -k config/cohort';

/** Not known is not harmless: a policy that was not seen may be there. */
function aPolicyIsNotKnown(known: Known, { release }: CanaryReleaseStatus): Blocker | undefined {
  const { observation, spec } = known;
  const driven = listDriven(known).flatMap(({ managed }) => managed);
  const all = (observation.routePolicies?.unread ?? []).filter(({ kind }) => mayMeanRules(kind, driven));
  // The API server may be away for a moment: in mid-release what was known a moment ago will do.
  const unread = release?.cohort === undefined ? all : all.filter(({ why }) => why === 'forbidden');
  const [first] = unread;
  if (first === undefined || !asksForCohort(spec)) return undefined;
  const why = first.why === 'forbidden' ? `${first.message}; ${GRANT}` : `${first.message}; it is tried again`;
  return {
    reason: 'PoliciesUnknown',
    about: unread.map(({ kind }) => kind).join(','),
    message: `spec.stages[].cohort: it is not known whether a ${nameKinds(unread.map(({ kind }) => kind))} holds for one rule of the routes: ${why}`,
  };
}

const MOST_NAMED = 2;

function nameKinds(kinds: readonly string[]): string {
  const named = kinds.slice(0, MOST_NAMED).join(' or ');
  return kinds.length <= MOST_NAMED ? named : `${named} or one of ${kinds.length - MOST_NAMED} other kinds`;
}

/** Where its requests are counted with the others, or are all that there is, the comparison is silent, and checks have to judge. */
function noCheckJudgesTheCohort({ spec, observation }: Known): Blocker | undefined {
  const { metrics } = observation;
  const together = metrics.kind !== 'ready' || metrics.scope !== 'routeRule';
  const message = refuseUnjudged(spec, together);
  return message === undefined ? undefined : { reason: 'InvalidSpec', about: 'cohort', message };
}

/** @param together the source counts requests of the cohort with the others */
export function refuseUnjudged(
  { stages, analysis }: Pick<CanaryReleaseSpec, 'stages' | 'analysis'>,
  together: boolean,
): string | undefined {
  const { mode, checks } = analysis;
  if (mode !== 'Enforce' || checks.some(({ onBreach }) => onBreach !== 'Observe')) return undefined;
  const first = stages.findIndex(({ cohort }) => cohort !== undefined);
  const isSilent = first >= 0 && (together || stages.slice(first).some(({ weight }) => weight === 0));
  if (!isSilent) return undefined;
  return 'spec.stages[].cohort: requests of a cohort are not compared with those of serving, and no check may act; add a check, such as {name: errors, metric: ErrorRatio, max: "1%"}';
}
