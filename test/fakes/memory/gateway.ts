// A gateway in memory: takes a route's weights after a while and says so at the route's generation, or refuses it.

import { GATEWAY_GROUP, type Route, type RouteParentRef, type RouteParentStatus, type RouteRule } from '../../../src/api/routes.ts';
import { ROUTE_KINDS } from '../../../src/api/names.ts';
import type { Clock } from '../../../src/ports/clock.ts';
import { type MemoryApiServer, nameOf, type ObjectKey } from './api-server.ts';

export const CONTOUR = 'projectcontour.io/gateway-controller';
export const ENVOY_GATEWAY = 'gateway.envoyproxy.io/gatewayclass-controller';
export const TRAEFIK = 'traefik.io/gateway-controller';

interface Served {
  readonly rules: readonly RouteRule[];
  readonly controllers: readonly string[];
}

export class MemoryGateway {
  /** How long the gateway takes for a change. `Infinity`: it hangs until it is set to something else and `wake` is called. */
  delayMs = 40;
  /** How much later than its status says so traffic follows a change. */
  lagMs = 0;
  /** What the status says of a change that traffic follows. `nothing`: no status is ever written. */
  says: 'its generation' | 'a former generation' | 'nothing' = 'its generation';
  /** Routes that are refused, by name, with the reason. */
  readonly refused = new Map<string, string>();
  /** The condition that is False for a route that is refused. */
  refusedType: 'Accepted' | 'ResolvedRefs' = 'Accepted';
  /** The controller that answers. */
  controllerName = CONTOUR;
  /** Those that answer for parents of these names instead. */
  readonly controllers = new Map<string, string>();
  /** Larger weights are refused. */
  maxWeight = Number.POSITIVE_INFINITY;
  /** Answers that stay in the status of every route, whatever its spec says. */
  leftBehind: readonly RouteParentStatus[] = [];
  readonly #clock: Clock;
  readonly #api: MemoryApiServer;
  readonly #served = new Map<string, Served>();
  readonly #onServed: () => void;

  /** @param onServed called before the served weights change */
  constructor(clock: Clock, api: MemoryApiServer, onServed: () => void) {
    this.#clock = clock;
    this.#api = api;
    this.#onServed = onServed;
    api.onChange(({ kind, namespace, name, old, now }) => {
      if (!(ROUTE_KINDS as readonly string[]).includes(kind)) return;
      if (now === undefined) this.#forget({ kind, namespace, name });
      else if (old?.metadata.generation !== now.metadata.generation) this.#plan({ kind, namespace, name });
    });
  }

  /** The rules that traffic follows now, of every route that the controller serves. */
  served(controllerName = this.controllerName): readonly (readonly RouteRule[])[] {
    return [...this.#served.values()].flatMap(({ rules, controllers }) => (controllers.includes(controllerName) ? [rules] : []));
  }

  #controllerOf({ name }: RouteParentRef): string {
    return this.controllers.get(name) ?? this.controllerName;
  }

  /** Looks at every route again: after `refused` or `delayMs` changed. */
  wake(): void {
    for (const kind of ROUTE_KINDS) for (const { metadata } of this.#api.list(kind)) this.#plan({ kind, ...metadata });
  }

  #refusalOf(route: Route): string | undefined {
    const weights = (route.spec.rules ?? []).flatMap(({ backendRefs = [] }) => backendRefs.map(({ weight = 1 }) => weight));
    return weights.some((weight) => weight > this.maxWeight) ? 'UnsupportedValue' : undefined;
  }

  #forget(key: ObjectKey): void {
    this.#onServed();
    this.#served.delete(nameOf(key));
  }

  #plan(key: ObjectKey): void {
    if (Number.isFinite(this.delayMs)) this.#clock.schedule(this.#clock.now() + this.delayMs, () => this.#take(key));
  }

  #take(key: ObjectKey): void {
    const stored = this.#api.get(key);
    if (stored === undefined || !Number.isFinite(this.delayMs)) return;
    const route = stored as unknown as Route;
    const why = this.refused.get(key.name) ?? this.#refusalOf(route);
    if (why === undefined) this.#serve(key, route);
    if (this.says === 'nothing') return;
    const said = this.says === 'its generation' ? stored.metadata.generation : 1;
    const at = { observedGeneration: said, lastTransitionTime: stored.metadata.creationTimestamp };
    const conditions = ['Accepted', 'ResolvedRefs'].map((type) =>
      why !== undefined && type === this.refusedType
        ? { type, status: 'False', reason: why, message: 'refused by the test', ...at }
        : { type, status: 'True', reason: type, message: '', ...at },
    );
    const parents = (route.spec.parentRefs ?? []).map((parentRef) => ({
      parentRef,
      controllerName: this.#controllerOf(parentRef),
      conditions,
    }));
    this.#api.update(key, 'contour', (old) => ({ ...old, status: { parents: [...this.leftBehind, ...parents] } }), 'status');
  }

  #serve(key: ObjectKey, route: Route): void {
    const serve = () => {
      this.#onServed();
      const controllers = (route.spec.parentRefs ?? []).map((parent) => this.#controllerOf(parent));
      this.#served.set(nameOf(key), { rules: route.spec.rules ?? [], controllers });
    };
    if (this.lagMs === 0) serve();
    else this.#clock.schedule(this.#clock.now() + this.lagMs, serve);
  }
}

/** An HTTPRoute on the gateway `edge`. */
export function buildRoute(name: string, rules: readonly RouteRule[], namespace = 'shop') {
  return {
    apiVersion: `${GATEWAY_GROUP}/v1`,
    kind: 'HTTPRoute',
    metadata: { name, namespace, annotations: { 'example.org/team': 'shop' } },
    spec: { parentRefs: [{ name: 'edge' }], hostnames: ['shop.example'], rules },
  };
}

/** A rule over backends with weights, each on port 80. */
export function buildRule(weights: Readonly<Record<string, number>>, name?: string): RouteRule {
  const backendRefs = Object.entries(weights).map(([backend, weight]) => ({ group: '', kind: 'Service', name: backend, port: 80, weight }));
  return { ...(name === undefined ? {} : { name }), backendRefs };
}
