// What stands in the way of a cohort or a mirror: a rule of ours for it has to win the requests that it is meant for and no others, must not
// escape a policy that holds for one rule alone, and what it sends to the canary has to be judged.

import type { CanaryReleaseSpec, CanaryReleaseStatus, Cohort } from '../../../api/release.ts';
import type { Route } from '../../../api/routes.ts';
import { fieldOf, isSameCohort } from '../../routing/cohort.ts';
import { type DrivenRoute, findCohortProblem, refuseKind } from '../../routing/cohort-fit.ts';
import { forgetsBackends } from '../../routing/gateway-facts.ts';
import { findRuleTargets, mayMeanRules } from '../../routing/route-policies.ts';
import { asksForCohort } from '../facts/cohort-rules.ts';
import { cohortAt } from '../traffic.ts';
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

/** Each cohort and each mirror of the stages once. */
function listCohorts(spec: Pick<CanaryReleaseSpec, 'stages'>): readonly Cohort[] {
  const all = spec.stages.flatMap((_stage, index) => cohortAt(spec, index) ?? []);
  return all.filter((cohort, index) => all.findIndex((other) => isSameCohort(other, cohort)) === index);
}

/** Why a rule of ours would do something else than it is for, or nothing. */
export function findCohortFault(known: Known): Blocker | undefined {
  if (!asksForCohort(known.spec)) return undefined;
  return theCohortDoesNotFit(known) ?? theMirrorWouldLoseRequests(known, listDriven(known)) ?? aPolicyWouldBeEscaped(known);
}

function theCohortDoesNotFit(known: Known): Blocker | undefined {
  const { spec, observation } = known;
  const all = listDriven(known);
  for (const cohort of listCohorts(spec))
    for (const driven of all) {
      const problem = findCohortProblem(driven, cohort, all, observation.routes, observation.routePolicies);
      if (problem !== undefined) return refuse(driven.route, cohort, problem.rule, problem.message);
    }
  return undefined;
}

function refuse({ kind, metadata: { name } }: Route, cohort: Cohort, rule: string, message: string): Blocker {
  const field = fieldOf(cohort);
  return {
    reason: field === 'cohort' ? 'CohortNotPossible' : 'MirrorNotPossible',
    about: `${kind} ${name} ${rule}`,
    message: `spec.stages[].${field}: ${kind} ${name}, rule ${rule}: ${message}`,
  };
}

/**
 * Where clusters are named by the rule, those of the rule of ours are new when it comes and gone when it goes, and requests fail in
 * between. A cohort risks its own; a mirror would risk all requests with its methods.
 */
function theMirrorWouldLoseRequests({ spec, observation: { layout } }: Known, all: readonly DrivenRoute[]): Blocker | undefined {
  const mirror = listCohorts(spec).find((cohort) => fieldOf(cohort) === 'mirror');
  const isAsked = layout?.kind === 'unasked' && spec.analysis.mode !== 'Off';
  if (mirror === undefined || isAsked) return undefined;
  for (const { route, managed } of all.filter((one) => forgetsBackends(one.route))) {
    const key = managed[0]?.key ?? '';
    if (route.metadata.name.includes('.')) return refuse(route, mirror, key, CUT_AT_THE_DOT);
    if (layout?.kind !== 'byService') return refuse(route, mirror, key, LOSES_REQUESTS);
  }
  return undefined;
}

const CUT_AT_THE_DOT =
  'Envoy Gateway counts copies by the name of the route, and Envoy cuts that at its dot: rename the route, or remove the mirror';

const LOSES_REQUESTS =
  'Envoy Gateway names its clusters by the rules of the route here, so requests would fail when the rule of the mirror comes and when it goes: set mergeBackends: {} in the EnvoyProxy of the Gateway while no release runs, or remove the mirror';

/** Why a cohort or a mirror cannot be in a route of these kinds, by the spec alone; undefined where it can, or where no route is listed. */
export function refuseCohortKind(spec: Pick<CanaryReleaseSpec, 'stages' | 'routeRefs'>): string | undefined {
  for (const cohort of listCohorts(spec))
    for (const { kind, name } of spec.routeRefs) {
      const refused = refuseKind(kind, cohort);
      if (refused !== undefined) return `spec.stages[].${fieldOf(cohort)}: ${kind} ${name}: ${refused}`;
    }
  return undefined;
}

function aPolicyWouldBeEscaped(known: Known): Blocker | undefined {
  const { observation, spec } = known;
  const [cohort] = listCohorts(spec);
  if (cohort === undefined) return undefined;
  for (const { route, managed } of listDriven(known)) {
    const [target] = findRuleTargets(route, managed, observation.routePolicies?.objects ?? []);
    if (target !== undefined)
      return refuse(
        route,
        cohort,
        target.rule,
        `${target.kind} ${target.name} holds for this rule alone (sectionName), and requests of the ${fieldOf(cohort)} would escape it: aim it at the whole route, or remove the ${fieldOf(cohort)}`,
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
    message: `spec.stages: it is not known whether a ${nameKinds(unread.map(({ kind }) => kind))} holds for one rule of the routes: ${why}`,
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
  const advice = 'and no check may act; add a check, such as {name: errors, metric: ErrorRatio, max: "1%"}';
  if (stages.some(({ mirror }) => mirror !== undefined))
    return `spec.stages[].mirror: copies are not compared with the requests of serving, ${advice}`;
  const first = stages.findIndex(({ cohort }) => cohort !== undefined);
  const isSilent = first >= 0 && (together || stages.slice(first).some(({ weight }) => weight === 0));
  return isSilent ? `spec.stages[].cohort: requests of a cohort are not compared with those of serving, ${advice}` : undefined;
}
