// What stands in the way of a release, each with the reason, what was found and what mends it: a chain of named checks.
// Before the first write a blocker keeps every route untouched; later it stops raises while home stays possible (rule 13).

import type { CanaryReleaseSpec, CanaryReleaseStatus } from '../../../api/release.ts';
import { MAX_RECORDED_RULES } from '../../../api/names.ts';
import type { Route } from '../../../api/routes.ts';
import type { Acceptance } from '../../routing/acceptance.ts';
import { judgeAcceptance } from '../../routing/acceptance.ts';
import { adviseManager } from '../../routing/gitops.ts';
import { isAtPort, namesService, portsOf, scanRules, type NamedService, type RuleProblem } from '../../routing/rules.ts';
import type { RouteStanding } from '../../routing/standing.ts';
import { pickFactor } from '../../routing/weights.ts';
import type { Observation } from '../observation.ts';
import { portOf, servicesOf, type CandidateKey, type Sides } from '../facts/revision.ts';
import { isMarked, routesInScope, wantedRules } from '../facts/scope.ts';
import { isPreparing, isRunning, type StateName } from '../state.ts';
import { WORKLOAD_ALWAYS, WORKLOAD_BEFORE, WORKLOAD_LATER } from './workload-blockers.ts';
import type { WorkloadFacts } from '../facts/workload-facts.ts';

/** Reason word, what was found, and what to do about it. */
export interface Blocker {
  readonly reason: string;
  readonly message: string;
}

export interface BlockerFacts {
  readonly spec: CanaryReleaseSpec;
  readonly status: CanaryReleaseStatus;
  readonly state: StateName;
  readonly observation: Observation;
  readonly sides: Sides | undefined;
  readonly standings: readonly RouteStanding[];
  readonly rejection: Extract<Acceptance, { kind: 'rejected' }> | undefined;
  readonly candidate: CandidateKey | undefined;
  readonly workload: WorkloadFacts | undefined;
  readonly now: number;
}

type Check = (facts: BlockerFacts) => Blocker | undefined;

const ALWAYS: readonly Check[] = [
  theOperatorIsTooNew,
  theSpecAsksForMoreThanIsBuilt,
  ...WORKLOAD_ALWAYS,
  anotherReleaseDrives,
  theGatewayApiIsMissing,
  aServiceIsMissing,
  noCheckMayAct,
];

const BEFORE_THE_FIRST_WRITE: readonly Check[] = [
  aRouteIsMissing,
  noRouteNamesTheServices,
  aRuleIsUnknown,
  aRuleLacksTheCanary,
  aRuleNamesAnotherPort,
  tooManyRules,
  connectionsCannotBeCounted,
  theRolesAreUndecided,
  theCanaryHasTrafficAlready,
  theServingWeightIsZero,
  weightsAreTooLarge,
  aGatewayRefusesARoute,
  ...WORKLOAD_BEFORE,
];

/** Of routes that a release has recorded and not claimed yet. */
const BEFORE_THE_CLAIM: readonly Check[] = [
  tooManyRules,
  aRuleNamesAnotherPort,
  theCanaryHasTrafficAlready,
  theServingWeightIsZero,
  weightsAreTooLarge,
];

const IN_MID_RELEASE: readonly Check[] = [
  aWriteWasRefused,
  aRecordedRouteWentAway,
  aGatewayRefusesNow,
  othersKeepEditing,
  ...WORKLOAD_LATER,
];

/** The first thing that stands in the way. Between releases only when a candidate waits or nothing was ever released. */
export function findBlocker(facts: BlockerFacts): Blocker | undefined {
  const running = isRunning(facts.state);
  const recorded = facts.status.release?.routes !== undefined && running;
  const later = recorded ? [...IN_MID_RELEASE, anUnclaimedRouteCannotBeClaimed] : [...BEFORE_THE_FIRST_WRITE, aWriteWasRefused];
  // The judge comes last: without routes there is no metrics source either, and the routes are what a person has to mend.
  for (const check of [...ALWAYS, ...later, theJudgeCannotBeAsked]) {
    const blocker = check(facts);
    if (blocker !== undefined) return blocker;
  }
  return undefined;
}

function theOperatorIsTooNew({ observation }: BlockerFacts): Blocker | undefined {
  if (!observation.oldSchema) return undefined;
  return {
    reason: 'OldSchema',
    message: 'the CRD is older than this operator needs; apply the CRD of the same version (kubectl apply --server-side -k config/crd)',
  };
}

function theSpecAsksForMoreThanIsBuilt({ spec }: BlockerFacts): Blocker | undefined {
  const asked = [
    spec.stages.some((stage) => stage.cohort !== undefined) ? 'spec.stages[].cohort' : undefined,
    spec.stages.some((stage) => stage.mirror !== undefined) ? 'spec.stages[].mirror' : undefined,
  ].find((field) => field !== undefined);
  if (asked === undefined) return undefined;
  return { reason: 'NotSupported', message: `${asked} is not built in this version; remove it` };
}

function anotherReleaseDrives({ observation }: BlockerFacts): Blocker | undefined {
  const { driver } = observation;
  if (driver.kind === 'us') return undefined;
  return {
    reason: 'AnotherRelease',
    message: `${driver.route} is driven by canaryrelease/${driver.name}; one release drives a route: delete one of them, or give each its own rules in its own route`,
  };
}

function theGatewayApiIsMissing({ spec, observation }: BlockerFacts): Blocker | undefined {
  const wanted = (spec.routeRefs ?? []).map((ref) => ref.kind).find((kind) => !observation.servedKinds.includes(kind));
  if (wanted === undefined && observation.servedKinds.length > 0) return undefined;
  return {
    reason: 'GatewayApiMissing',
    message: `the API server does not serve ${wanted ?? 'any kind of gateway.networking.k8s.io'}; install the Gateway API CRDs`,
  };
}

function aServiceIsMissing({ spec, observation }: BlockerFacts): Blocker | undefined {
  const missing = servicesOf(spec).find((service) => observation.backends[service]?.exists === false);
  if (missing === undefined) return undefined;
  const field = spec.services === undefined ? 'spec.service' : 'spec.services';
  return { reason: 'ServiceNotFound', message: `Service ${missing} is not there; create it or correct ${field}` };
}

function theJudgeCannotBeAsked({ spec, observation }: BlockerFacts): Blocker | undefined {
  if (spec.analysis.mode === 'Off' || observation.metrics.kind === 'ready') return undefined;
  return { reason: observation.metrics.reason, message: observation.metrics.message };
}

/** Enforce with nothing that could fail would be `Off` in disguise. */
function noCheckMayAct({ spec }: BlockerFacts): Blocker | undefined {
  const { mode, comparison, checks } = spec.analysis;
  if (mode !== 'Enforce' || comparison.mode === 'Enforce' || checks.some((check) => check.onBreach !== 'Observe')) return undefined;
  return {
    reason: 'InvalidSpec',
    message:
      "spec.analysis.mode is Enforce, but neither the comparison nor a check may act; set comparison.mode: Enforce, add a check with onBreach Auto, Rollback or Hold, or set mode: 'Off'",
  };
}

function aRouteIsMissing({ spec, observation }: BlockerFacts): Blocker | undefined {
  const missing = (spec.routeRefs ?? []).find(
    (ref) => !observation.routes.some((route) => route.kind === ref.kind && route.metadata.name === ref.name),
  );
  if (missing === undefined) return undefined;
  return {
    reason: 'RouteNotFound',
    message: `${missing.kind} ${missing.name} is not there; create it or correct spec.routeRefs`,
  };
}

function noRouteNamesTheServices({ spec, observation }: BlockerFacts): Blocker | undefined {
  const wanted = servicesOf(spec).map((name) => ({ name, port: portOf(spec, name) }));
  const names = wanted.map(({ name }) => name);
  const scope = routesInScope(spec, observation.routes, names);
  if (scope.some((route) => namesService(route, wanted))) return undefined;
  const where = spec.routeRefs.length > 0 ? 'spec.routeRefs' : 'this namespace';
  return {
    reason: 'BackendNotRouted',
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
function aRuleNamesAnotherPort(facts: BlockerFacts): Blocker | undefined {
  const { servingPort, canaryPort } = facts.sides ?? {};
  for (const { route, scan } of scans(facts)) {
    const refs = scan.rules.flatMap(({ key, serving, canary }) => [
      { key, ref: serving, port: servingPort },
      { key, ref: canary, port: canaryPort },
    ]);
    const other = refs.find(({ ref, port }) => !isAtPort(ref, port));
    if (other !== undefined)
      return {
        reason: 'BackendNotRouted',
        message: `${describe(route)}, rule ${other.key} names Service ${other.ref.name} with port ${other.ref.port ?? 'none'} and not ${other.port}; correct ${portField(facts.spec)}, or the rule`,
      };
  }
  return undefined;
}

function aRuleIsUnknown(facts: BlockerFacts): Blocker | undefined {
  for (const { route, scan } of scans(facts)) {
    if (scan.unknownRules.length > 0)
      return {
        reason: 'RuleNotFound',
        message: `${describe(route)} has no rule named ${scan.unknownRules[0]}; name one of its rules in spec.routeRefs[].rules`,
      };
  }
  return undefined;
}

function aRuleLacksTheCanary(facts: BlockerFacts): Blocker | undefined {
  if (facts.sides === undefined) return undefined;
  const found = scans(facts);
  for (const { route, scan } of found) {
    const problem = scan.problems[0];
    if (problem !== undefined) return { reason: 'BackendNotRouted', message: describeProblem(route, problem, facts.sides) };
  }
  if (found.some(({ scan }) => scan.rules.length > 0)) return undefined;
  const { serving, canary, adds, servingPort, canaryPort } = facts.sides;
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

function tooManyRules(facts: BlockerFacts): Blocker | undefined {
  const count = scans(facts).reduce((total, { scan }) => total + scan.rules.length, 0);
  if (count <= MAX_RECORDED_RULES) return undefined;
  return {
    reason: 'TooManyRules',
    message: `${count} rules name the Services; a release drives at most ${MAX_RECORDED_RULES}: choose with spec.routeRefs`,
  };
}

function connectionsCannotBeCounted(facts: BlockerFacts): Blocker | undefined {
  const layer4 = scans(facts).find(({ route }) => route.kind !== 'HTTPRoute' && route.kind !== 'GRPCRoute');
  if (layer4 === undefined || facts.spec.analysis.mode === 'Off') return undefined;
  if (facts.spec.analysis.checks.some((check) => check.query !== undefined)) return undefined;
  return {
    reason: 'InvalidSpec',
    message: `${describe(layer4.route)} carries connections, which gateways do not count by answer; add a check with your own query`,
  };
}

function theRolesAreUndecided({ sides, spec }: BlockerFacts): Blocker | undefined {
  if (sides !== undefined || spec.services === undefined) return undefined;
  const names = spec.services.map((service) => service.name).join(' and ');
  return {
    reason: 'CanaryAlreadyHasTraffic',
    message: `${names} have equal weights, so neither of them is the one that serves; give the new one weight 0`,
  };
}

function theCanaryHasTrafficAlready(facts: BlockerFacts): Blocker | undefined {
  for (const { route, scan } of scans(facts)) {
    const rule = scan.rules.find((one) => one.canary.weight > 0);
    if (rule !== undefined)
      return {
        reason: 'CanaryAlreadyHasTraffic',
        message: `${describe(route)}, rule ${rule.key} already gives Service ${rule.canary.name} weight ${rule.canary.weight}, and nothing is proven of it yet; set it to 0`,
      };
  }
  return undefined;
}

function theServingWeightIsZero(facts: BlockerFacts): Blocker | undefined {
  for (const { route, scan } of scans(facts)) {
    const rule = scan.rules.find((one) => one.serving.weight === 0);
    if (rule !== undefined)
      return {
        reason: 'BackendNotRouted',
        message: `${describe(route)}, rule ${rule.key} gives Service ${rule.serving.name} weight 0, so there is nothing to share; give it its weight`,
      };
  }
  return undefined;
}

function weightsAreTooLarge(facts: BlockerFacts): Blocker | undefined {
  for (const { route, scan } of scans(facts)) {
    const rule = scan.rules.find(
      (one) => pickFactor({ serving: one.serving.weight, canary: 0, others: one.others.map((ref) => ref.weight) }) === undefined,
    );
    if (rule !== undefined)
      return {
        reason: 'WeightsTooLarge',
        message: `${describe(route)}, rule ${rule.key}: its weights cannot be split into whole numbers up to 1,000,000; make them smaller`,
      };
  }
  return undefined;
}

function aGatewayRefusesARoute(facts: BlockerFacts): Blocker | undefined {
  for (const { route } of scans(facts)) {
    const acceptance = judgeAcceptance(route);
    if (acceptance.kind === 'rejected') return { reason: 'RouteNotAccepted', message: acceptance.message };
  }
  return undefined;
}

/** The API server may be away for a moment; a route that cannot be written for longer holds the others up half raised. */
const ERRORS_MAY_LAST_MS = 10_000;

function aWriteWasRefused({ observation, now }: BlockerFacts): Blocker | undefined {
  const problem = observation.writeProblems.find(({ kind, sinceMs }) => kind !== 'error' || now - (sinceMs ?? now) >= ERRORS_MAY_LAST_MS);
  if (problem === undefined) return undefined;
  if (problem.kind === 'error')
    return { reason: 'RouteWriteFailed', message: `${problem.route}: the API server has not taken our write for 10s: ${problem.message}` };
  return problem.kind === 'forbidden'
    ? { reason: 'Forbidden', message: `${problem.route}: ${problem.message}; grant the operator's ServiceAccount patch on it` }
    : { reason: 'RouteRefused', message: `${problem.route}: the API server refused our write: ${problem.message}` };
}

function aRecordedRouteWentAway({ standings, sides }: BlockerFacts): Blocker | undefined {
  for (const { recorded, route, rules } of standings) {
    if (route === undefined)
      return {
        reason: 'RouteNotFound',
        message: `${recorded.kind} ${recorded.name} went away in mid-release; bring it back, or abort the release`,
      };
    const gone = rules.find((rule) => rule.now === undefined);
    if (gone !== undefined)
      return {
        reason: 'BackendNotRouted',
        message: `${describe(route)}, rule ${gone.recorded.key} no longer names both Service ${sides?.serving} and Service ${sides?.canary}; put them back, or abort the release`,
      };
  }
  return undefined;
}

function anUnclaimedRouteCannotBeClaimed(facts: BlockerFacts): Blocker | undefined {
  const { observation, state, status } = facts;
  if (!isPreparing(state, status.release)) return undefined;
  const mark = `${observation.release.metadata.name}/${status.release?.id ?? ''}`;
  const unclaimed = { ...facts, observation: { ...observation, routes: observation.routes.filter((route) => !isMarked(route, mark)) } };
  for (const check of BEFORE_THE_CLAIM) {
    const blocker = check(unclaimed);
    if (blocker !== undefined) return blocker;
  }
  return undefined;
}

function aGatewayRefusesNow({ rejection }: BlockerFacts): Blocker | undefined {
  return rejection === undefined ? undefined : { reason: 'RouteNotAccepted', message: rejection.message };
}

function othersKeepEditing({ status, spec }: BlockerFacts): Blocker | undefined {
  const contested = status.release?.contestedBy;
  if (contested === undefined) return undefined;
  return {
    reason: 'RouteContested',
    message: `${contested} keeps undoing our weights; tell it to leave them: ${adviseManager(contested, spec.targetRef !== undefined)}; then command resume`,
  };
}

function scans(facts: BlockerFacts) {
  const { sides, spec, observation } = facts;
  if (sides === undefined) return [];
  return routesInScope(spec, observation.routes, [sides.serving, sides.canary]).map((route) => ({
    route,
    scan: scanRules(route, sides, wantedRules(spec, route)),
  }));
}

function describe(route: Route): string {
  return `${route.kind} ${route.metadata.name}`;
}
