// What of the routes stands in the way of a release: before the first write what is there has to be as a release needs it; in
// mid-release what was recorded has to be there still.

import type { CanaryReleaseSpec, CanaryReleaseStatus } from '../../../api/release.ts';
import { MAX_RECORDED_RULES } from '../../../api/names.ts';
import type { Route } from '../../../api/routes.ts';
import { toSeconds } from '../../../api/times.ts';
import { adviseManager } from '../../routing/gitops.ts';
import { isAtPort, namesService, type NamedService, portsOf } from '../../routing/refs.ts';
import { type RuleProblem, scanRules } from '../../routing/rules.ts';
import { weightLimitOf } from '../../routing/gateway-limits.ts';
import { originalOf } from '../../routing/identity.ts';
import { MAX_BACKEND_WEIGHT, pickFactor } from '../../routing/weights.ts';
import { findUnequalSplit, type UnequalSplit } from '../facts/adoption.ts';
import type { Known } from '../facts/known.ts';
import { isMarked, routesInScope, wantedRules } from '../facts/scope.ts';
import { portOf, servicesOf, sidesOf, type Sides } from '../facts/sides.ts';
import { isPreparing } from '../state.ts';
import { aRouteHasAnotherMark } from './route-marks.ts';
import type { Blocker, BlockerCheck } from './types.ts';

/** Before the first write of a release. */
export const ROUTES_BEFORE: readonly BlockerCheck[] = [
  aRouteIsMissing,
  noRouteNamesTheServices,
  aRuleIsUnknown,
  aRuleCannotBeDriven,
  noRuleNamesBoth,
  aRuleNamesAnotherPort,
  sessionsArePersistent,
  sessionPoliciesAreNotKnown,
  tooManyRules,
  theRolesAreUndecided,
  theCanaryHasTrafficAlready,
  theSplitIsUnequal,
  theServingWeightIsZero,
  weightsAreTooLarge,
  aGatewayRefusesARoute,
  aWriteWasRefused,
];

/** Of routes that a release has recorded and not claimed yet. */
const BEFORE_THE_CLAIM: readonly BlockerCheck[] = [
  aRuleCannotBeDriven,
  tooManyRules,
  aRuleNamesAnotherPort,
  sessionsArePersistent,
  sessionPoliciesAreNotKnown,
  theCanaryHasTrafficAlready,
  theSplitIsUnequal,
  theServingWeightIsZero,
  weightsAreTooLarge,
];

/** Of routes that a release drives. */
export const ROUTES_LATER: readonly BlockerCheck[] = [
  aRouteHasAnotherMark,
  aWriteWasRefused,
  aRecordedRouteWentAway,
  aGatewayRefusesNow,
  aGatewayDoesNotAnswer,
  sessionsArePersistent,
  othersKeepEditing,
  anUnclaimedRouteCannotBeClaimed,
];

function aRouteIsMissing({ spec, observation }: Known): Blocker | undefined {
  const missing = (spec.routeRefs ?? []).find(
    (ref) => !observation.routes.some((route) => route.kind === ref.kind && route.metadata.name === ref.name),
  );
  if (missing === undefined) return undefined;
  return {
    reason: 'RouteNotFound',
    about: `${missing.kind} ${missing.name}`,
    missing: true,
    message: `${missing.kind} ${missing.name} is not there; create it or correct spec.routeRefs`,
  };
}

function noRouteNamesTheServices({ spec, observation }: Known): Blocker | undefined {
  const wanted = servicesOf(spec).map((name) => ({ name, port: portOf(spec, name) }));
  const names = wanted.map(({ name }) => name);
  const scope = routesInScope(spec, observation.routes, names);
  if (scope.some((route) => namesService(route, wanted))) return undefined;
  const where = spec.routeRefs.length > 0 ? 'spec.routeRefs' : 'this namespace';
  return {
    reason: 'BackendNotRouted',
    ...(observation.routes.length === 0 ? { missing: true as const } : {}),
    message: `no route of ${where} names Service ${wanted.map(describeWanted).join(' or ')} in its backendRefs; ${adviseOtherPorts(spec, observation.routes) ?? `add ${names.length > 1 ? 'both' : 'it'} to a rule`}`,
  };
}

function describeWanted({ name, port }: NamedService): string {
  return port === undefined ? name : `${name} with port ${port}`;
}

/** Where the Service is named by other ports than that of the spec: those rules are none of the release. */
function adviseOtherPorts(spec: CanaryReleaseSpec, routes: readonly Route[]): string | undefined {
  for (const service of servicesOf(spec)) {
    const route = routes.find((one) => portsOf(one, service).length > 0);
    const [found] = route === undefined ? [] : portsOf(route, service);
    if (route !== undefined && portOf(spec, service) !== undefined)
      return `${describe(route)} names ${service} with port ${found ?? 'none'}: correct ${portField(spec)}, or the route`;
  }
  return undefined;
}

function portField(spec: CanaryReleaseSpec): string {
  return spec.services === undefined ? 'spec.service.port' : 'spec.services[].port';
}

/** A rule that names one of the two by the wanted port and the other one by another: half of it would be none of the release. */
function aRuleNamesAnotherPort(known: Known): Blocker | undefined {
  const { servingPort, canaryPort } = known.sides ?? {};
  for (const { route, scan } of known.scans) {
    const refs = scan.rules.flatMap(({ key, serving, canary }) => [
      { key, ref: serving, port: servingPort },
      { key, ref: canary, port: canaryPort },
    ]);
    const other = refs.find(({ ref, port }) => !isAtPort(ref, port));
    if (other !== undefined)
      return {
        reason: 'BackendNotRouted',
        about: `${describe(route)} ${other.key}`,
        message: `${describe(route)}, rule ${other.key} names Service ${other.ref.name} with port ${other.ref.port ?? 'none'} and not ${other.port}; correct ${portField(known.spec)}, or the rule`,
      };
  }
  return undefined;
}

function aRuleIsUnknown(known: Known): Blocker | undefined {
  for (const { route, scan } of known.scans) {
    if (scan.unknownRules.length > 0)
      return {
        reason: 'RuleNotFound',
        about: `${describe(route)} ${scan.unknownRules[0]}`,
        message: `${describe(route)} has no rule named ${scan.unknownRules[0]}; name one of its rules in spec.routeRefs[].rules`,
      };
  }
  return undefined;
}

/** A ref is missing, or is one of two. */
function aRuleCannotBeDriven({ sides, scans }: Known): Blocker | undefined {
  if (sides === undefined) return undefined;
  for (const { route, scan } of scans) {
    const problem = scan.problems[0];
    if (problem !== undefined)
      return { reason: 'BackendNotRouted', about: `${describe(route)} ${problem.key}`, message: describeProblem(route, problem, sides) };
  }
  return undefined;
}

function noRuleNamesBoth(known: Known): Blocker | undefined {
  if (known.sides === undefined || known.scans.some(({ scan }) => scan.rules.length > 0)) return undefined;
  const { serving, canary, adds, servingPort, canaryPort } = known.sides;
  const [served, candidate] = [describeWanted({ name: serving, port: servingPort }), describeWanted({ name: canary, port: canaryPort })];
  if (adds === true)
    return { reason: 'BackendNotRouted', message: `no rule that spec.routeRefs chooses names Service ${served}; add it to one` };
  return {
    reason: 'BackendNotRouted',
    message: `no rule names both Service ${served} and Service ${candidate}; add both to the backendRefs of a rule, ${canary} with weight 0`,
  };
}

function describeProblem(route: Route, problem: RuleProblem, sides: Sides): string {
  const where = `${describe(route)}, rule ${problem.key}`;
  return problem.kind === 'canaryMissing'
    ? `${where} names Service ${sides.serving} but not ${sides.canary}; add a backendRef {name: ${sides.canary}, port: ${sides.canaryPort ?? '…'}, weight: 0}`
    : `${where} names Service ${problem.service} twice; name it once`;
}

/** In Services mode both versions stay, and a session outlives the way home. */
function sessionsArePersistent({ sessions, spec }: Known): Blocker | undefined {
  const [first] = sessions;
  if (first === undefined || spec.targetRef !== undefined) return undefined;
  return {
    reason: 'SessionsPersist',
    about: first.who,
    message: `${first.who} has ${first.field}: users whom the canary has answered would stay with it after a rollback, whatever the weights are; remove it, or release with spec.targetRef, where a rollback ends the pods of the canary`,
  };
}

/** A policy that may not be read may be there. */
function sessionPoliciesAreNotKnown({ spec, observation: { sessionPolicies } }: Known): Blocker | undefined {
  const [first] = sessionPolicies?.unread ?? [];
  if (first === undefined || spec.targetRef !== undefined) return undefined;
  const then =
    first.why === 'forbidden' ? 'let the operator list them: kubectl apply --server-side -k config/default' : 'it is tried again';
  return {
    reason: 'PoliciesUnknown',
    about: first.kind,
    message: `it is not known whether a ${first.kind} keeps users on the version that answered first: ${first.message}; ${then}`,
  };
}

function tooManyRules(known: Known): Blocker | undefined {
  const count = known.scans.reduce((total, { scan }) => total + scan.rules.length, 0);
  if (count <= MAX_RECORDED_RULES) return undefined;
  return {
    reason: 'TooManyRules',
    message: `${count} rules name the Services; a release drives at most ${MAX_RECORDED_RULES}: choose with spec.routeRefs`,
  };
}

function theRolesAreUndecided({ sides, spec, observation }: Known): Blocker | undefined {
  if (sides !== undefined || spec.services === undefined) return undefined;
  const names = servicesOf(spec);
  return {
    reason: 'CanaryAlreadyHasTraffic',
    message: `${names.join(' and ')} have equal weights, so neither of them is the one that serves; give the new one weight 0${adviseZero(spec, observation.routes, names)}`,
  };
}

/** The command for the first rule that names both, as if the Service that is listed last were the new one. */
function adviseZero(spec: CanaryReleaseSpec, routes: readonly Route[], [serving = '', canary = '']: readonly string[]): string {
  const pair = sidesOf(spec, { serving, canary });
  for (const route of routesInScope(spec, routes, [serving, canary])) {
    const [rule] = scanRules(route, pair, wantedRules(spec, route)).rules;
    if (rule === undefined) continue;
    const patch = [{ op: 'replace', path: `/spec/rules/${rule.index}/backendRefs/${rule.canary.index}/weight`, value: 0 }];
    const { name, namespace } = route.metadata;
    return `; if that is ${canary}: kubectl patch ${route.kind.toLowerCase()} ${name} -n ${namespace} --type json -p '${JSON.stringify(patch)}'`;
  }
  return '';
}

function theCanaryHasTrafficAlready(known: Known): Blocker | undefined {
  for (const { route, scan } of known.scans) {
    const refs = scan.rules.flatMap(({ key, canary, extras }) =>
      [...(known.spec.adopt ? [] : [canary]), ...extras].map((one) => ({ key, ...one })),
    );
    const ref = refs.find(hasWeight);
    if (ref !== undefined)
      return {
        reason: 'CanaryAlreadyHasTraffic',
        about: `${describe(route)} ${ref.key}`,
        message: `${describe(route)}, rule ${ref.key} already gives Service ${ref.name} weight ${ref.weight}, and no verdict has passed it yet; set it to 0${known.spec.services === undefined || known.spec.adopt ? '' : ', or set spec.adopt: true to continue from that weight'}`,
      };
  }
  return undefined;
}

/** A release has one weight, so a split that it takes over is one split. */
function theSplitIsUnequal({ spec, scans }: Known): Blocker | undefined {
  const unequal = spec.adopt ? findUnequalSplit(scans.flatMap(({ scan }) => scan.rules)) : undefined;
  if (unequal === undefined) return undefined;
  const { most, least } = unequal;
  const where = ({ rule }: UnequalSplit['most']) => {
    const route = scans.find(({ scan }) => scan.rules.includes(rule))?.route;
    return `rule ${rule.key} of ${route === undefined ? 'a route' : describe(route)}`;
  };
  return {
    reason: 'CanaryAlreadyHasTraffic',
    about: 'split',
    message: `Service ${most.rule.canary.name} has ${Math.round(most.percent)}% in ${where(most)} and ${Math.round(least.percent)}% in ${where(least)}: spec.adopt continues from one weight; give it the same share in every rule, or weight 0`,
  };
}

function hasWeight({ weight }: { readonly weight: number }): boolean {
  return weight > 0;
}

function theServingWeightIsZero(known: Known): Blocker | undefined {
  for (const { route, scan } of known.scans) {
    const rule = scan.rules.find((one) => one.serving.weight === 0);
    if (rule !== undefined)
      return {
        reason: 'BackendNotRouted',
        about: `${describe(route)} ${rule.key}`,
        message: `${describe(route)}, rule ${rule.key} gives Service ${rule.serving.name} weight 0, so there is nothing to share; give it its weight`,
      };
  }
  return undefined;
}

function weightsAreTooLarge(known: Known, { internal }: CanaryReleaseStatus): Blocker | undefined {
  for (const { route, scan } of known.scans) {
    const limit = weightLimitOf(route, internal?.weightLimits ?? []);
    const rule = scan.rules.find((one) => pickFactor(originalOf(one), limit) === undefined);
    if (rule !== undefined)
      return {
        reason: 'WeightsTooLarge',
        about: `${describe(route)} ${rule.key}`,
        message: `${describe(route)}, rule ${rule.key}: its weights cannot be split into whole numbers up to ${describeLimit(limit)}; make them smaller`,
      };
  }
  return undefined;
}

function describeLimit(limit: number): string {
  return limit === MAX_BACKEND_WEIGHT ? '1,000,000' : `${limit}, which is the most that its gateway takes`;
}

function aGatewayRefusesARoute(known: Known): Blocker | undefined {
  for (const { route } of known.scans) {
    const acceptance = known.acceptances.get(route);
    if (acceptance?.kind === 'rejected') return { reason: 'RouteNotAccepted', about: describe(route), message: acceptance.message };
  }
  return undefined;
}

/** The API server may be away for a moment; a route that cannot be written for longer holds the others up half raised. */
const ERRORS_MAY_LAST_MS = 10_000;

function aWriteWasRefused({ observation, now }: Known): Blocker | undefined {
  const problem = observation.writeProblems.find(({ kind, sinceMs }) => kind !== 'error' || now - (sinceMs ?? now) >= ERRORS_MAY_LAST_MS);
  if (problem === undefined) return undefined;
  if (problem.kind === 'error')
    return {
      reason: 'RouteWriteFailed',
      about: problem.route,
      message: `${problem.route}: the API server has not taken our write for 10s: ${problem.message}`,
    };
  return problem.kind === 'forbidden'
    ? {
        reason: 'Forbidden',
        about: problem.route,
        message: `${problem.route}: ${problem.message}; grant the operator's ServiceAccount patch on it`,
      }
    : { reason: 'RouteRefused', about: problem.route, message: `${problem.route}: the API server refused our write: ${problem.message}` };
}

function aRecordedRouteWentAway({ standings, sides }: Known): Blocker | undefined {
  for (const { recorded, route, rules } of standings) {
    if (route === undefined)
      return {
        reason: 'RouteNotFound',
        about: `${recorded.kind} ${recorded.name}`,
        message: `${recorded.kind} ${recorded.name} went away in mid-release; bring it back, or abort the release`,
      };
    const cut = rules.find(({ kind }) => kind === 'lacksServing' || kind === 'lacksCanary');
    if (cut !== undefined) {
      const service = cut.kind === 'lacksServing' ? sides?.serving : sides?.canary;
      return {
        reason: 'BackendNotRouted',
        about: `${describe(route)} ${cut.recorded.key}`,
        message: `${describe(route)}, rule ${cut.recorded.key} no longer names Service ${service}; put it back, or abort the release`,
      };
    }
    if (!rules.some(({ kind }) => kind === 'found'))
      return {
        reason: 'BackendNotRouted',
        about: describe(route),
        message: `${describe(route)} has lost ${rules.length === 1 ? `rule ${rules[0]?.recorded.key}, which` : `all ${rules.length} rules that`} the release shifts; put ${rules.length === 1 ? 'it' : 'one'} back, or abort the release`,
      };
  }
  return undefined;
}

function anUnclaimedRouteCannotBeClaimed(known: Known, status: CanaryReleaseStatus): Blocker | undefined {
  if (!isPreparing(known.state, status.release)) return undefined;
  const unclaimed = { ...known, scans: known.scans.filter(({ route }) => !isMarked(route, known.mark)) };
  for (const check of BEFORE_THE_CLAIM) {
    const blocker = check(unclaimed, status);
    if (blocker !== undefined) return blocker;
  }
  return undefined;
}

function aGatewayRefusesNow({ rejection }: Known): Blocker | undefined {
  return rejection === undefined ? undefined : { reason: 'RouteNotAccepted', message: rejection.message };
}

/** It is not known what it gives the canary, and no raise is possible until it answers. */
function aGatewayDoesNotAnswer(
  { acceptanceWait, gatewaySilentTooLong, state, workload }: Known,
  { release }: CanaryReleaseStatus,
): Blocker | undefined {
  // Pods that roll need no gateway.
  const rolls = state === 'promoting.rollingOut' && workload?.bakes === false;
  if (acceptanceWait === undefined || !gatewaySilentTooLong || rolls) return undefined;
  const since = toSeconds(release?.gatewayWaitSince ?? '');
  const message = `${acceptanceWait}, since ${since}; check that its controller is running, and the parentRefs of the route`;
  return { reason: 'RouteNotAccepted', about: 'wait', message };
}

function othersKeepEditing({ spec }: Known, { release }: CanaryReleaseStatus): Blocker | undefined {
  const contested = release?.contestedBy;
  if (contested === undefined) return undefined;
  return {
    reason: 'RouteContested',
    about: contested,
    message: `${contested} keeps undoing our weights; make it ignore them: ${adviseManager(contested, spec.targetRef !== undefined)}; then command resume`,
  };
}

function describe(route: Route): string {
  return `${route.kind} ${route.metadata.name}`;
}
