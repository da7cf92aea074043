// The cluster of a simulated release, in memory: one route over two ready Services, and a gateway that accepts every write. Writes
// are the operator's own patches.

import { RELEASE_ANNOTATION } from '../../api/names.ts';
import type { CanaryRelease, CanaryReleaseSpec } from '../../api/release.ts';
import { withStagesFor } from '../../api/spec.ts';
import { GATEWAY_GROUP, type Route } from '../../api/routes.ts';
import { buildPatch } from '../../core/release/desired/patch.ts';
import type { RouteIntent } from '../../core/release/desired/route-intent.ts';
import type { ObservedBackend, Observation } from '../../core/release/observation.ts';
import { isOurName } from '../../core/routing/our-rules.ts';
import type { JsonPatchOperation } from '../../core/routing/patch.ts';

/** The pair of Services of a simulated release. */
export interface Pair {
  readonly serving: string;
  readonly canary: string;
}

/** Names of the two Services; in Deployment mode the canary's is made up. */
export function pairOf(spec: CanaryReleaseSpec): Pair {
  const [first, second] = (spec.services ?? []).map(({ name }) => name);
  const service = first ?? spec.service?.name ?? 'app';
  return { serving: service, canary: second ?? `${service}-canary` };
}

/** The release as it is simulated: two Services and one route, whoever runs the pods and whatever the routes are called. */
export function simulatedRelease(release: CanaryRelease): CanaryRelease {
  const { targetRef: _target, service: _service, canary: _canary, ...spec } = withoutGates(release.spec);
  const pair = pairOf(release.spec);
  const services = [{ name: pair.serving }, { name: pair.canary }];
  const { status: _status, unknownState: _unknown, ...rest } = release;
  const { name, namespace } = release.metadata;
  return { ...rest, metadata: { name, namespace, uid: 'simulated', generation: 1 }, spec: { ...spec, services, routeRefs: [] } };
}

/** Gates are taken to pass at once. */
function withoutGates({ stages, promotion, ...spec }: CanaryReleaseSpec): CanaryReleaseSpec {
  const { gates: _promotion, ...promoting } = promotion;
  const bare = stages.map(({ gates: _gates, ...stage }) => stage);
  return { ...spec, stages: bare, promotion: promoting };
}

/** The release with the stages that it has under this traffic, where they are not written. */
export function plannedFor(release: CanaryRelease, perSecond: number): CanaryRelease {
  return { ...release, spec: withStagesFor(release.spec, perSecond) };
}

/** The route before the release: everything to serving, taken by its gateway. */
export function freshRoute(namespace: string, { serving, canary }: Pair): Route {
  const ref = (name: string, weight: number) => ({ group: '', kind: 'Service', name, port: 80, weight });
  return takeRoute({
    apiVersion: `${GATEWAY_GROUP}/v1`,
    kind: 'HTTPRoute',
    metadata: { name: 'simulated', namespace, uid: 'simulated', generation: 1 },
    spec: { parentRefs: [{ name: 'gateway' }], rules: [{ backendRefs: [ref(serving, 1), ref(canary, 0)] }] },
  });
}

/** The route after the gateway has accepted it. */
export function takeRoute(route: Route): Route {
  const at = { status: 'True', observedGeneration: route.metadata.generation ?? 0 };
  const conditions = ['Accepted', 'ResolvedRefs'].map((type) => ({ type, reason: type, ...at }));
  return { ...route, status: { parents: [{ parentRef: { name: 'gateway' }, controllerName: 'simulated', conditions }] } };
}

/** Of all requests so many are taken to be of a cohort: how many there are only production knows. */
export const COHORT_SHARE = 0.01;

/** What the canary gets, as parts of all requests, 0..1. */
export interface CanaryTraffic {
  /** Requests: by weight, and of a cohort where the route has a rule for one. */
  readonly share: number;
  /** Copies of requests that serving answers. */
  readonly copies: number;
}

/** What the gateway sends to the canary by this route. */
export function trafficIn(route: Route, pair: Pair): CanaryTraffic {
  const share = shareIn(route, pair);
  const ours = (route.spec.rules ?? []).find(({ name }) => isOurName(name));
  if (ours === undefined) return { share, copies: 0 };
  const mirror = ours.filters?.find(({ requestMirror }) => requestMirror !== undefined)?.requestMirror;
  if (mirror !== undefined) return { share, copies: (mirror.percent ?? 100) / 100 };
  return { share: share + (1 - share) * COHORT_SHARE, copies: 0 };
}

/** The canary's share that the weights of the route ask for, 0..1. */
export function shareIn(route: Route, { canary }: Pair): number {
  const refs = route.spec.rules?.[0]?.backendRefs ?? [];
  const total = refs.reduce((sum, { weight }) => sum + (weight ?? 1), 0);
  return total === 0 ? 0 : (refs.find(({ name }) => name === canary)?.weight ?? 0) / total;
}

/** The simulated gateway copies the percentage that it is asked for. */
const SIMULATED_FEATURES = new Map([['simulated', new Set(['HTTPRouteRequestMirror', 'HTTPRouteRequestPercentageMirror'])]]);

/** What the operator observes in a healthy cluster. */
export function observe(release: CanaryRelease, route: Route, pair: Pair): Observation {
  return {
    release,
    routes: [route],
    routesFresh: true,
    servedKinds: ['HTTPRoute'],
    backends: { [pair.serving]: readyBackend(pair.serving, 'serving'), [pair.canary]: readyBackend(pair.canary, 'candidate') },
    looks: [],
    lastAnswers: 'silent',
    metrics: { kind: 'ready', source: 'simulated', scope: 'service' },
    routePolicies: { objects: [], unread: [], features: SIMULATED_FEATURES },
    driver: { kind: 'us' },
    writeProblems: [],
    oldSchema: false,
  };
}

function readyBackend(service: string, hash: string): ObservedBackend {
  const counts = { readyEndpoints: 2, unreadyEndpoints: 0, templateHashes: [hash], known: true, templatesKnown: true };
  return { service, exists: true, ports: [{ port: 80 }], ...counts };
}

/** The route after the operator's writes; the same object where nothing is written. */
export function writeIntents(route: Route, intents: readonly RouteIntent[]): Route {
  return intents.reduce((written, intent) => {
    if (intent.kind === 'claim') return withMark(written, intent.mark);
    const operations = buildPatch(intent).filter(({ op }) => op !== 'test');
    return operations.length === 0 ? written : patchRoute(written, operations);
  }, route);
}

function withMark(route: Route, mark: string): Route {
  const annotations = { ...route.metadata.annotations, [RELEASE_ANNOTATION]: mark };
  return { ...route, metadata: { ...route.metadata, annotations } };
}

/** A change of the spec is a new generation, which the gateway has not taken yet. */
function patchRoute(route: Route, operations: readonly JsonPatchOperation[]): Route {
  const patched = operations.reduce(applyOperation, route);
  const changed = operations.some(({ path }) => path.startsWith('/spec/'));
  const generation = (route.metadata.generation ?? 0) + (changed ? 1 : 0);
  return { ...patched, metadata: { ...patched.metadata, generation } };
}

/** JSON Patch as far as the operator's patches go: members are replaced, added and removed, entries of lists added at the end and removed. */
function applyOperation(route: Route, operation: JsonPatchOperation): Route {
  const keys = operation.path
    .split('/')
    .slice(1)
    .map((key) => key.replaceAll('~1', '/').replaceAll('~0', '~'));
  return operation.op === 'test' ? route : (change(route, keys, operation) as Route);
}

/** A copy with the change at the end of a path; what lies beside the path is shared. */
function change(node: unknown, [key = '', ...deeper]: readonly string[], operation: JsonPatchOperation): unknown {
  if (typeof node !== 'object' || node === null) throw new RangeError(`the simulated route has no ${operation.path}`);
  if (Array.isArray(node) && deeper.length === 0) return changeList(node, key, operation);
  const copy: object = Array.isArray(node) ? [...node] : { ...node };
  if (deeper.length > 0) Reflect.set(copy, key, change(Reflect.get(node, key), deeper, operation));
  else if (operation.op === 'remove') Reflect.deleteProperty(copy, key);
  else Reflect.set(copy, key, operation.value);
  return copy;
}

function changeList(list: readonly unknown[], key: string, operation: JsonPatchOperation): readonly unknown[] {
  if (operation.op === 'remove') return list.toSpliced(Number(key), 1);
  return key === '-' ? [...list, operation.value] : list.with(Number(key), operation.value);
}
