// Objects for tests, whole and valid as they come; a test names only what it is about. The story behind the defaults: Service
// v1 serves, v2 is the canary, release `web` of namespace `shop` is in its first stage at 25% on route `store`.

import { API_VERSION, KIND } from '../../src/api/names.ts';
import {
  type CanaryRelease,
  type CanaryReleaseSpec,
  type CanaryReleaseStatus,
  type Check,
  defaultSpec,
  type RecordedRoute,
  type RecordedRule,
  type ReleaseStatus,
  type SpecInput,
} from '../../src/api/release.ts';
import { GATEWAY_GROUP, type Route, type RouteBackendRef, type RouteParentStatus, type RouteRule } from '../../src/api/routes.ts';
import type { LookReading, RequestCounts } from '../../src/core/analysis/reading.ts';
import type { ObservedBackend, Observation } from '../../src/core/release/observation.ts';
import type { ManagedRule } from '../../src/core/routing/rules.ts';
import { type BackendPair, scanRules } from '../../src/core/routing/rules.ts';

export const NAMESPACE = 'shop';
/** The roles of every default object. */
export const SIDES = { serving: 'v1', canary: 'v2' } as const satisfies BackendPair;
export const RELEASE_ID = '7c1f0e22ab';
/** What routes carry while the default release runs, and once it went home. */
export const MARK = `web/${RELEASE_ID}`;
export const HOME_MARK = `${MARK}/home`;
/** When the default release began, and its stage with it. */
export const START = Date.UTC(2030, 0, 1, 12);

/** A time so many seconds after the start, in milliseconds. */
export function after(seconds: number): number {
  return START + seconds * 1_000;
}

/** The same as the status has it. */
export function timeAfter(seconds: number): string {
  return new Date(after(seconds)).toISOString().replace('.000Z', 'Z');
}

/** A spec in Services mode with all defaults filled; stages 25% and 50%, one check on errors, and no comparison unless asked for. */
export function aSpec(change: Partial<SpecInput> = {}): CanaryReleaseSpec {
  return defaultSpec({
    services: [{ name: SIDES.serving }, { name: SIDES.canary }],
    stages: [
      { weight: 25, duration: '1m' },
      { weight: 50, duration: '2m' },
    ],
    ...change,
    analysis: { comparison: { mode: 'Off' }, ...change.analysis },
  });
}

/** A spec whose analysis is changed. */
export function aSpecWithAnalysis(analysis: SpecInput['analysis']): CanaryReleaseSpec {
  return aSpec({ analysis });
}

/** A check as people write it. */
export type CheckInput = NonNullable<NonNullable<SpecInput['analysis']>['checks']>[number];

/** A check with its defaults filled: errors at most 1%, where the test names neither metric nor limit. */
export function aCheck(check: Partial<CheckInput> = {}): Check {
  const metric = check.query === undefined ? { metric: 'ErrorRatio' as const } : {};
  const limit = check.max === undefined && check.min === undefined ? { max: '1%' } : {};
  const [filled] = aSpecWithAnalysis({ mode: 'Observe', checks: [{ name: 'errors', ...metric, ...limit, ...check }] }).analysis.checks;
  if (filled === undefined) throw new Error('the spec lost its check');
  return filled;
}

/** A CanaryRelease object. */
export function aRelease(
  change: Partial<Omit<CanaryRelease, 'metadata'>> & { readonly metadata?: Partial<CanaryRelease['metadata']> } = {},
): CanaryRelease {
  const { metadata, ...rest } = change;
  return {
    apiVersion: API_VERSION,
    kind: KIND,
    spec: aSpec(),
    ...rest,
    metadata: { name: 'web', namespace: NAMESPACE, uid: 'uid-web', generation: 1, ...metadata },
  };
}

/** `status.release` of a release in its first stage; the stage's clock runs from the start. */
export function aReleaseStatus(change: Partial<ReleaseStatus> = {}): ReleaseStatus {
  return {
    id: RELEASE_ID,
    revision: '2',
    templateHashes: ['v2-1'],
    attempt: 1,
    serving: { service: SIDES.serving },
    canary: { service: SIDES.canary },
    startedAt: timeAfter(0),
    shiftedAt: timeAfter(0),
    stageStartedAt: timeAfter(0),
    cleanSince: timeAfter(0),
    stageIndex: 0,
    stage: '1',
    routes: [aRecordedRoute()],
    ...change,
  };
}

/** A status in `stage.analyzing` at 25%. */
export function aStatus(change: Partial<CanaryReleaseStatus> = {}): CanaryReleaseStatus {
  return {
    observedGeneration: 1,
    stateVersion: 1,
    state: 'stage.analyzing',
    weight: 25,
    serving: { service: SIDES.serving },
    release: aReleaseStatus(),
    ...change,
  };
}

/** A rule of weight 1 as it was recorded before the first write. */
export function aRecordedRule(change: Partial<RecordedRule> = {}): RecordedRule {
  return { key: 'rules[0]', index: 0, serving: 1, canary: 0, factor: 10_000, ...change };
}

export function aRecordedRoute(change: Partial<RecordedRoute> = {}): RecordedRoute {
  return { kind: 'HTTPRoute', name: 'store', uid: 'uid-store', rules: [aRecordedRule()], ...change };
}

export function aRef(name: string, weight: number, change: Partial<RouteBackendRef> = {}): RouteBackendRef {
  return { group: '', kind: 'Service', name, port: 80, weight, ...change };
}

/** A rule with these weights by Service, in this order. */
export function aRule(weights: Readonly<Record<string, number>>, change: Partial<RouteRule> = {}): RouteRule {
  return { backendRefs: Object.entries(weights).map(([name, weight]) => aRef(name, weight)), ...change };
}

/** What a controller says that has taken the route at `generation`. */
export function anAnswer(generation: number, change: Partial<RouteParentStatus> = {}): RouteParentStatus {
  const conditions = ['Accepted', 'ResolvedRefs'].map((type) => ({ type, status: 'True', reason: type, observedGeneration: generation }));
  return { parentRef: { name: 'gateway' }, controllerName: 'projectcontour.io/gateway-controller', conditions, ...change };
}

/** The parts of a route that tests change. */
export interface RouteChange {
  readonly kind?: Route['kind'];
  readonly metadata?: Partial<Route['metadata']>;
  readonly rules?: readonly RouteRule[];
  readonly parentRefs?: Route['spec']['parentRefs'];
  readonly parents?: readonly RouteParentStatus[];
}

/** A route with one rule that gives everything to v1, accepted at its generation. */
export function aRoute({ kind = 'HTTPRoute', metadata = {}, rules, parentRefs, parents }: RouteChange = {}): Route {
  const generation = metadata.generation ?? 1;
  return {
    apiVersion: `${GATEWAY_GROUP}/v1`,
    kind,
    metadata: { name: 'store', namespace: NAMESPACE, uid: 'uid-store', generation, ...metadata },
    spec: { parentRefs: parentRefs ?? [{ name: 'gateway' }], rules: rules ?? [aRule({ v1: 1, v2: 0 })] },
    status: { parents: parents ?? [anAnswer(generation)] },
  };
}

/** Metadata of a route that carries the release's mark. */
export function marked(mark: string = MARK, others: Readonly<Record<string, string>> = {}): Partial<Route['metadata']> {
  return { annotations: { ...others, 'glidepath.dev/release': mark } };
}

/** The first managed rule of a route. */
export function managedRule(route: Route, pair: BackendPair = SIDES): ManagedRule {
  const [rule] = scanRules(route, pair, undefined).rules;
  if (rule === undefined) throw new Error('no rule of the route names both Services');
  return rule;
}

/** A Service with two ready endpoints and pods of one template. */
export function aBackend(service: string, change: Partial<ObservedBackend> = {}): ObservedBackend {
  return {
    service,
    exists: true,
    ports: [{ port: 80 }],
    readyEndpoints: 2,
    unreadyEndpoints: 0,
    templateHashes: [`${service}-1`],
    known: true,
    templatesKnown: true,
    ...change,
  };
}

/** Everything is well: both Services ready, the route accepted, Prometheus there. */
export function anObservation(change: Partial<Observation> = {}): Observation {
  return {
    release: aRelease(),
    routes: [aRoute()],
    servedKinds: ['HTTPRoute', 'GRPCRoute'],
    backends: { v1: aBackend('v1'), v2: aBackend('v2') },
    looks: [],
    metrics: { kind: 'ready', source: 'Contour' },
    driver: { kind: 'us' },
    writeProblems: [],
    oldSchema: false,
    ...change,
  };
}

/** A look `seconds` after the start whose newest sample was taken right before it: 1,000 good requests in 60 s. */
export function aLook(seconds: number, change: Partial<LookReading> = {}): LookReading {
  return {
    atMs: after(seconds),
    newestSampleMs: after(seconds) - 120,
    scrapeIntervalMs: 10_000,
    requests: someRequests(),
    newRequests: 100,
    own: {},
    ...change,
  };
}

/** Counts of a look. */
export function someRequests(change: Partial<RequestCounts> = {}): LookReading['requests'] {
  return { kind: 'facts', facts: { requests: 1_000, serverErrors: 0, clientErrors: 0, spanSeconds: 60, ...change } };
}
