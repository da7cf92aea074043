// The watched route kinds: a watch starts when discovery finds a kind, moves when its version is no longer served, and ends when the
// kind is removed. A gateway's CRDs may be installed, upgraded and removed while we run.

import { ROUTE_KINDS, type RouteKind } from '../../../api/names.ts';
import { GATEWAY_GROUP, type Route } from '../../../api/routes.ts';
import { pause } from '../client/deadline.ts';
import { buildReflectors, type Resource, type WatchEnvironment } from '../informer/kinds.ts';
import type { ObjectCache } from '../informer/object-cache.ts';
import type { Reflector, ReflectorHealth } from '../informer/reflector.ts';
import { discoverRoutes, type ServedKind } from './route-discovery.ts';

/** How often missing kinds are searched for. */
export interface DiscoveryTimes {
  /** While no kind at all is served, or one is missing that a release asks for. */
  readonly noneMs: number;
  /** While some kinds are missing that no release asks for, which is how most clusters are. */
  readonly someMs: number;
  /** First wait after a failed discovery; doubles up to `noneMs`. */
  readonly retryMs: number;
}

export const DISCOVERY_TIMES: DiscoveryTimes = { noneMs: 30_000, someMs: 600_000, retryMs: 500 };

interface RunningKind {
  readonly resource: Resource;
  readonly reflectors: readonly Reflector[];
  readonly stop: AbortController;
  readonly done: Promise<unknown>;
}

export interface RouteKindsOptions {
  readonly env: WatchEnvironment;
  readonly cacheOf: (kind: RouteKind) => ObjectCache<Route>;
  readonly trim: (kind: RouteKind, apiVersion: string, raw: unknown) => Route;
  readonly times?: Partial<DiscoveryTimes>;
}

const PAGE_SIZE = 250;

export class RouteKinds {
  readonly #options: RouteKindsOptions;
  readonly #times: DiscoveryTimes;
  readonly #running = new Map<RouteKind, RunningKind>();
  #found: ReadonlyMap<RouteKind, ServedKind> | undefined;
  #wake = new AbortController();
  /** Kinds that some release has named. */
  readonly #wanted = new Set<RouteKind>();

  constructor(options: RouteKindsOptions) {
    this.#options = options;
    this.#times = { ...DISCOVERY_TIMES, ...options.times };
  }

  /** Kinds served at this moment, as far as known. @param wanted kinds that a release names: a missing one is searched for soon */
  served(wanted: readonly RouteKind[] = []): readonly RouteKind[] {
    for (const kind of wanted) this.#wanted.add(kind);
    return ROUTE_KINDS.filter((kind) => {
      const running = this.#running.get(kind);
      return running === undefined ? this.#found?.has(kind) === true : isServed(running);
    });
  }

  /** The resource of a kind; asks the API server the first time. @returns undefined for a kind that is not served. */
  async resourceOf(kind: RouteKind): Promise<Resource | undefined> {
    const running = this.#running.get(kind);
    if (running !== undefined) return running.resource;
    this.#found ??= await discoverRoutes(this.#options.env.transport);
    const served = this.#found.get(kind);
    return served === undefined ? undefined : resourceOf(served);
  }

  /** True when discovery has answered and every watch has its first list. */
  synced(): boolean {
    if (this.#found === undefined) return false;
    for (const kind of this.#found.keys()) {
      const running = this.#running.get(kind);
      if (running === undefined || !running.reflectors.every((reflector) => reflector.hasSynced)) return false;
    }
    return true;
  }

  health(): readonly ReflectorHealth[] {
    return [...this.#running.values()].flatMap(({ reflectors }) => reflectors.map((reflector) => reflector.health()));
  }

  /** Discovers and watches until `stop` fires. Never throws. */
  async run(stop: AbortSignal): Promise<void> {
    const onStop = (): void => this.#rediscover();
    stop.addEventListener('abort', onStop, { once: true });
    for (let failures = 0; !stop.aborted; ) {
      const wake = new AbortController();
      this.#wake = wake;
      try {
        this.#found = await discoverRoutes(this.#options.env.transport, stop);
        failures = 0;
        if (!stop.aborted) this.#apply(this.#found);
        await this.#restUntil(wake.signal);
      } catch (error) {
        failures += 1;
        if (!stop.aborted) this.#options.env.onFault?.('route discovery', error);
        await pause(Math.min(this.#times.noneMs, this.#times.retryMs * 2 ** Math.min(failures, 20)) * Math.random(), stop);
      }
    }
    stop.removeEventListener('abort', onStop);
    await this.#end([...this.#running.keys()]);
  }

  async #restUntil(wake: AbortSignal): Promise<void> {
    const served = this.served();
    if (served.length < ROUTE_KINDS.length) return this.#restInParts(wake);
    if (wake.aborted) return;
    await new Promise<void>((resolve) => {
      wake.addEventListener('abort', () => resolve(), { once: true });
    });
  }

  /** Now and then checks whether a release names a missing kind, without a request. */
  async #restInParts(wake: AbortSignal): Promise<void> {
    const jitter = 0.75 + Math.random() / 2;
    const until = performance.now() + this.#times.someMs * jitter;
    const part = Math.min(this.#times.noneMs, this.#times.someMs) * jitter;
    do {
      await pause(part, wake);
      const served = this.served();
      if (served.length === 0 || [...this.#wanted].some((kind) => !served.includes(kind))) return;
    } while (!wake.aborted && performance.now() < until);
  }

  #apply(found: ReadonlyMap<RouteKind, ServedKind>): void {
    for (const kind of ROUTE_KINDS) {
      const running = this.#running.get(kind);
      const served = found.get(kind);
      // A version that is still served is kept, even when a newer one has appeared: its watch and its patches work.
      if (running !== undefined && isServed(running)) continue;
      if (running !== undefined && running.resource.version !== served?.version) void this.#end([kind]);
      if (served !== undefined && !this.#running.has(kind)) this.#begin(kind, served);
    }
  }

  #begin(kind: RouteKind, served: ServedKind): void {
    const { env, cacheOf, trim } = this.#options;
    const stop = new AbortController();
    const resource = resourceOf(served);
    const apiVersion = `${resource.group}/${resource.version}`;
    const reflectors = buildReflectors(
      {
        resource,
        cache: cacheOf(kind),
        trim: (raw) => trim(kind, apiVersion, raw),
        pageSize: PAGE_SIZE,
        onServed: (present) => {
          if (!present) this.#rediscover();
        },
      },
      env,
    );
    const done = Promise.all(reflectors.map((reflector) => reflector.run(stop.signal)));
    this.#running.set(kind, { resource, reflectors, stop, done });
  }

  #rediscover(): void {
    this.#wake.abort();
  }

  async #end(kinds: readonly RouteKind[]): Promise<void> {
    const ending = kinds.flatMap((kind) => this.#running.get(kind) ?? []);
    for (const kind of kinds) this.#running.delete(kind);
    for (const { stop } of ending) stop.abort();
    await Promise.all(ending.map(({ done }) => done));
  }
}

function isServed(running: RunningKind): boolean {
  return running.reflectors.some((reflector) => reflector.health().served);
}

function resourceOf(served: ServedKind): Resource {
  return { group: GATEWAY_GROUP, version: served.version, plural: served.plural };
}
