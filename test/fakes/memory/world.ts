// A whole cluster in memory with one or more operators over it: API server, gateway, traffic, Prometheus, people. Time is
// virtual and nothing is left to chance, so every run of a test is the same run.

import {
  ABORT_ANNOTATION,
  API_VERSION,
  COMMAND_ANNOTATION,
  COMMAND_BY_ANNOTATION,
  KIND,
  ROUTE_KINDS,
  type RouteKind,
} from '../../../src/api/names.ts';
import type { CanaryRelease, SpecInput } from '../../../src/api/release.ts';
import type { Route, RouteRule } from '../../../src/api/routes.ts';
import { parseCached } from '../../../src/app/parsed.ts';
import { Operator } from '../../../src/app/operator.ts';
import { MemoryApiServer, type StoredChange, type StoredObject } from './api-server.ts';
import { CallGate, type CrashPlan, type FaultPlan } from './calls.ts';
import { MemoryDeployments } from './deployments.ts';
import { buildRoute, ENVOY_GATEWAY, MemoryGateway, TRAEFIK } from './gateway.ts';
import { MemoryGates } from './gates.ts';
import { MemoryGatewayCounters } from './gateway-counters.ts';
import { Guardian } from './guardian.ts';
import { Journal } from './journal.ts';
import { MemoryPrometheus } from './prometheus.ts';
import { MemorySession, type ServiceSpec } from './session.ts';
import { percentOf, weightsOf } from './shares.ts';
import { type BUCKETS_MS, MemoryTraffic, type VersionBehaviour } from './traffic.ts';
import { VirtualClock } from '../virtual-clock.ts';

export const NAMESPACE = 'shop';

/** One running operator. */
export interface RunningOperator {
  readonly name: string;
  readonly session: MemorySession;
  readonly gate: CallGate;
  readonly kill: () => void;
}

export interface WorldSettings {
  readonly rps?: number;
  readonly scrapeMs?: number;
  readonly scrapePhaseMs?: number;
  /** Layout of the gateway's latency histogram. */
  readonly buckets?: keyof typeof BUCKETS_MS;
  /** A Traefik beside the gateway `edge`, with traffic and scrapes of its own. */
  readonly traefik?: { readonly rps: number; readonly scrapeMs: number };
  /** The operator reads the gateways' own counters. */
  readonly sentinel?: boolean;
  /** How late watches show a change. */
  readonly lagMs?: number | ((change: StoredChange) => number);
  readonly maxConcurrent?: number;
  /** Images whose pods never get ready. */
  readonly broken?: readonly string[];
}

export class MemoryWorld {
  readonly clock = new VirtualClock();
  readonly api = new MemoryApiServer(this.clock);
  readonly journal = new Journal(this.clock);
  readonly gateway: MemoryGateway;
  readonly traffic: MemoryTraffic;
  /** What Traefik serves beside it, of routes with the parent `edge-traefik`; absent without `traefik` in the settings. */
  readonly besides: MemoryTraffic | undefined;
  readonly prometheus: MemoryPrometheus;
  /** What the sentinel reads. */
  readonly counters: MemoryGatewayCounters;
  readonly guardian: Guardian;
  /** Faults of the API server; none by default. */
  faults: FaultPlan = () => undefined;
  servedKinds: readonly RouteKind[] = ROUTE_KINDS;
  oldSchema = false;
  /** Deployment mode: the policy that holds templates is in force. */
  holds = true;
  readonly deployments: MemoryDeployments;
  /** Jobs and endpoints of gates. */
  readonly gates: MemoryGates;
  /** Errors that the work queue was told of. */
  readonly failures: unknown[] = [];
  readonly #settings: WorldSettings;
  readonly #operators: RunningOperator[] = [];

  constructor(settings: WorldSettings = {}) {
    this.#settings = settings;
    const { rps = 50, scrapeMs = 5_000, scrapePhaseMs = 1_300, buckets } = settings;
    this.gateway = new MemoryGateway(this.clock, this.api, () => this.#flow());
    const hasEndpoints = (service: string) =>
      ((this.api.get({ kind: 'Service', namespace: NAMESPACE, name: service })?.spec as ServiceSpec | undefined)?.ready ?? 0) > 0;
    this.traffic = new MemoryTraffic(
      { namespace: NAMESPACE, rps, scrapeMs, scrapePhaseMs, buckets },
      this.clock.now(),
      () => this.gateway.served(),
      hasEndpoints,
    );
    if (settings.traefik !== undefined) {
      this.gateway.controllers.set('edge-traefik', TRAEFIK);
      this.besides = new MemoryTraffic(
        { namespace: NAMESPACE, ...settings.traefik, scrapePhaseMs: 2_100, buckets: 'traefik', named: 'traefik' },
        this.clock.now(),
        () => this.gateway.served(TRAEFIK),
        hasEndpoints,
      );
    }
    this.deployments = new MemoryDeployments(this.clock, this.api, () => this.#flow());
    for (const image of settings.broken ?? []) this.deployments.broken.add(image);
    this.prometheus = new MemoryPrometheus(this.clock, this.besides === undefined ? [this.traffic] : [this.traffic, this.besides]);
    this.gates = new MemoryGates(this.clock, this.api);
    this.counters = new MemoryGatewayCounters(this.clock, this.traffic);
    const forgetsBackends = () => this.gateway.controllerName === ENVOY_GATEWAY;
    this.guardian = new Guardian(this.clock, this.api, this.traffic, this.prometheus, () => this.servedKinds, forgetsBackends);
  }

  /** Traffic of all gateways up to now. */
  #flow(): void {
    this.traffic.advanceTo(this.clock.now());
    this.besides?.advanceTo(this.clock.now());
  }

  /** Starts an operator with fresh caches; `crash` kills it around one of its writes. */
  startOperator(crash?: CrashPlan): RunningOperator {
    const name = `operator-${this.#operators.length + 1}`;
    const gate = new CallGate({
      now: () => this.clock.now(),
      log: (call, outcome) => this.journal.call(name, call, outcome),
      fault: (call) => this.faults(call),
      crash,
      onCrash: () => session.kill(),
    });
    const { lagMs = 0, maxConcurrent = 4 } = this.#settings;
    const session: MemorySession = new MemorySession({
      clock: this.clock,
      instance: name,
      api: this.api,
      gate,
      metrics: this.prometheus,
      gateways: this.#settings.sentinel === true ? this.counters : undefined,
      journal: this.journal,
      gates: this.gates,
      lagMs: typeof lagMs === 'number' ? () => lagMs : lagMs,
      servedKinds: () => this.servedKinds,
      oldSchema: () => this.oldSchema,
      holds: () => this.holds,
    });
    const operator = new Operator({
      world: session,
      maxConcurrent,
      resyncMs: 600_000,
      onFailure: (_key, error) => this.failures.push(error),
    });
    session.onChange((change) => operator.changed(change));
    operator.start(() => session.releaseKeys());
    const running = { name, session, gate, kill: () => session.kill() };
    this.#operators.push(running);
    return running;
  }

  /** Operators that live. */
  get operators(): readonly RunningOperator[] {
    return this.#operators.filter(({ gate }) => !gate.dead);
  }

  setService(name: string, spec: Partial<ServiceSpec>): void {
    this.#flow();
    const key = { kind: 'Service', namespace: NAMESPACE, name };
    const old = this.api.get(key);
    const whole = { ready: 2, unready: 0, hashes: [`${name}-1`], ...(old?.spec as ServiceSpec | undefined), ...spec };
    if (old === undefined) this.api.create({ apiVersion: 'v1', kind: 'Service', metadata: key, spec: whole }, 'kubelet');
    else this.api.update(key, 'kubelet', (object) => ({ ...object, spec: whole }));
  }

  setVersion(service: string, behaviour: Partial<VersionBehaviour>): void {
    this.#flow();
    this.traffic.setVersion(service, behaviour);
  }

  setTraffic(rps: number): void {
    this.#flow();
    this.traffic.rps = rps;
  }

  setScrapeOutage(outage: boolean): void {
    this.#flow();
    this.traffic.scrapeOutage = outage;
  }

  createRoute(name: string, rules: readonly RouteRule[]): void {
    this.api.create(buildRoute(name, rules, NAMESPACE), 'kubectl-client-side-apply');
  }

  /** A foreign edit of a route. */
  editRoute(name: string, manager: string, edit: (route: Route) => Route): void {
    this.api.update(
      { kind: 'HTTPRoute', namespace: NAMESPACE, name },
      manager,
      (old) => edit(structuredClone(old) as unknown as Route) as unknown as StoredObject,
    );
  }

  /** A foreign edit of the weights of one rule, by backend. */
  editWeights(name: string, manager: string, weights: Readonly<Record<string, number>>, rule = 0): void {
    this.editRoute(name, manager, (route) => ({
      ...route,
      spec: {
        ...route.spec,
        rules: (route.spec.rules ?? []).map((one, index) =>
          index === rule
            ? { ...one, backendRefs: (one.backendRefs ?? []).map((ref) => ({ ...ref, weight: weights[ref.name] ?? ref.weight ?? 1 })) }
            : one,
        ),
      },
    }));
  }

  createRelease(name: string, spec: SpecInput): void {
    this.api.create({ apiVersion: API_VERSION, kind: KIND, metadata: { name, namespace: NAMESPACE }, spec }, 'kubectl-client-side-apply');
  }

  editSpec(name: string, edit: (spec: SpecInput) => SpecInput): void {
    this.api.update(this.#key(name), 'kubectl-client-side-apply', (old) => ({
      ...old,
      spec: edit(structuredClone(old.spec) as SpecInput),
    }));
  }

  deleteRelease(name: string): void {
    this.api.delete(this.#key(name), 'kubectl-client-side-apply');
  }

  annotate(name: string, annotations: Readonly<Record<string, string>>): void {
    this.api.update(this.#key(name), 'glidepath-cli', (old) => ({
      ...old,
      metadata: { ...old.metadata, annotations: { ...old.metadata.annotations, ...annotations } },
    }));
  }

  /** A command for the present release, now. @returns the annotation's value */
  command(name: string, verb: string, stage?: number): string {
    const id = this.status(name)?.release?.id ?? '';
    const text = `${verb}:${id}${stage === undefined ? '' : `/${stage}`}:${new Date(this.clock.now()).toISOString()}`;
    this.annotate(name, { [COMMAND_ANNOTATION]: text, [COMMAND_BY_ANNOTATION]: 'ada' });
    return text;
  }

  abort(name: string): void {
    this.annotate(name, { [ABORT_ANNOTATION]: this.status(name)?.release?.id ?? '' });
  }

  release(name: string): CanaryRelease | undefined {
    return parseCached(this.api.get(this.#key(name)));
  }

  status(name: string): CanaryRelease['status'] {
    return this.release(name)?.status;
  }

  route(name: string): Route {
    const route = this.api.get({ kind: 'HTTPRoute', namespace: NAMESPACE, name });
    if (route === undefined) throw new Error(`there is no route ${name}`);
    return route as unknown as Route;
  }

  /** Weights of a rule by backend. */
  weights(name: string, rule = 0): Readonly<Record<string, number>> {
    return Object.fromEntries(weightsOf(this.route(name).spec.rules?.[rule]));
  }

  /** The share of `canary` beside `serving` in percent, as the route says. */
  share(name: string, serving: string, canary: string, rule = 0): number {
    return percentOf(weightsOf(this.route(name).spec.rules?.[rule]), serving, canary);
  }

  /** Lets time pass. @throws when a rule was broken or an operator went round in circles */
  async run(ms: number): Promise<void> {
    await this.clock.runBy(ms);
    this.assertSound();
  }

  /** Lets time pass until something holds. @returns the milliseconds that took @throws when it takes longer than `mostMs` */
  async until(what: string, holds: () => boolean, mostMs = 3_600_000): Promise<number> {
    const began = this.clock.now();
    const limit = began + mostMs;
    await this.run(0);
    while (!holds()) {
      const next = Math.min(this.clock.nextAtMs ?? limit, limit);
      if (this.clock.now() >= limit) throw new Error(`not after ${mostMs} ms: ${what}\n${this.describe()}`);
      await this.clock.runTo(Math.max(next, this.clock.now()));
      this.assertSound();
    }
    return this.clock.now() - began;
  }

  /** Throws what the guardian found. */
  assertSound(): void {
    const spins = this.journal.calls.find(({ outcome }) => outcome === 'SPINS');
    if (spins !== undefined) throw new Error(`${spins.operator} goes round in circles\n${this.describe()}`);
    if (this.guardian.violations.length > 0) throw new Error(`${this.guardian.violations.join('\n')}\n${this.describe()}`);
  }

  /** The end of the story so far, for failing tests. */
  describe(): string {
    const at = (ms: number) => new Date(ms).toISOString().slice(11, 23);
    const told = this.journal.transitions.slice(-12).map(({ atMs, from, to, message }) => `  ${at(atMs)} ${from} -> ${to}: ${message}`);
    const calls = this.journal.calls.slice(-12).map(({ atMs, verb, target, outcome }) => `  ${at(atMs)} ${verb} ${target}: ${outcome}`);
    const routes = this.api
      .list('HTTPRoute')
      .map(({ metadata }) => `  ${metadata.name} ${JSON.stringify(this.weights(metadata.name))} ${JSON.stringify(metadata.annotations)}`);
    const statuses = this.api
      .list(KIND)
      .map(({ metadata }) => `  ${metadata.name}: ${this.status(metadata.name)?.state} ${this.status(metadata.name)?.message}`);
    return [`at ${at(this.clock.now())}`, ...statuses, ...routes, 'transitions:', ...told, 'calls:', ...calls].join('\n');
  }

  #key(name: string) {
    return { kind: KIND, namespace: NAMESPACE, name };
  }
}
