// Virtual traffic and what Envoy counts of it: requests flow by the weights that the gateway serves, each version answers by
// its own error ratio and latency, and a scrape on a fixed grid stores the counters. No chance: shares are exact.

import type { CounterSample } from '../../../src/core/analysis/exposition.ts';
import type { Sample, Series } from '../../../src/core/analysis/series.ts';
import type { RouteRule } from '../../../src/api/routes.ts';

/** How one version behaves. */
export interface VersionBehaviour {
  readonly errorRatio: number;
  /** Share of requests that take `slowMs`; the others take `fastMs`. */
  readonly slowRatio: number;
  readonly fastMs: number;
  readonly slowMs: number;
}

export const HEALTHY: VersionBehaviour = { errorRatio: 0, slowRatio: 0, fastMs: 8, slowMs: 2_000 };

/** Upper bounds of the latency histogram, milliseconds, without Infinity: Envoy's, where requests of tests fall, and Traefik's. */
export const BUCKETS_MS = {
  envoy: [1, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000],
  traefik: [100, 300, 1_200, 5_000],
} as const;
const KEPT_SAMPLES = 2_000;

interface Counters {
  readonly codes: Map<string, number>;
  readonly buckets: number[];
}

export interface TrafficSettings {
  readonly namespace: string;
  /** Requests per second of every route; each of its rules gets the same part. */
  readonly rps: number;
  readonly scrapeMs: number;
  /** Offset of the scrape grid. */
  readonly scrapePhaseMs: number;
  /** Layout of the latency histogram, Envoy's when left out. */
  readonly buckets?: keyof typeof BUCKETS_MS | undefined;
  /** Whose names the series have, Contour's when left out. */
  readonly named?: 'contour' | 'traefik' | undefined;
}

export class MemoryTraffic {
  rps: number;
  /** True: nothing is scraped; counters run on. */
  scrapeOutage = false;
  /** False: the gateway gives every backend with some weight the same share. */
  honoursWeights = true;
  readonly #settings: TrafficSettings;
  readonly #served: () => readonly (readonly RouteRule[])[];
  readonly #hasEndpoints: (service: string) => boolean;
  readonly #versions = new Map<string, VersionBehaviour>();
  readonly #changedAt = new Map<string, number>();
  readonly #counters = new Map<string, Counters>();
  readonly #series = new Map<string, { readonly labels: Readonly<Record<string, string>>; readonly samples: Sample[] }>();
  readonly #uppersMs: readonly number[];
  #atMs: number;

  constructor(
    settings: TrafficSettings,
    startMs: number,
    served: () => readonly (readonly RouteRule[])[],
    hasEndpoints: (service: string) => boolean,
  ) {
    this.#settings = settings;
    this.#uppersMs = [...BUCKETS_MS[settings.buckets ?? 'envoy'], Number.POSITIVE_INFINITY];
    this.rps = settings.rps;
    this.#atMs = startMs;
    this.#served = served;
    this.#hasEndpoints = hasEndpoints;
  }

  /** Call `advanceTo(now)` first: behaviour changes from this moment on. */
  setVersion(service: string, behaviour: Partial<VersionBehaviour>): void {
    this.#versions.set(service, { ...this.versionOf(service), ...behaviour });
    this.#changedAt.set(service, this.#atMs);
  }

  versionOf(service: string): VersionBehaviour {
    return this.#versions.get(service) ?? HEALTHY;
  }

  /** Since when the version behaves as it does. */
  changedAt(service: string): number {
    return this.#changedAt.get(service) ?? 0;
  }

  /** Requests that the service has seen, and those it answered with an error. */
  countsOf(service: string): { readonly requests: number; readonly errors: number } {
    const codes = this.#counters.get(service)?.codes ?? new Map<string, number>();
    const errors = codes.get('503') ?? 0;
    return { requests: errors + (codes.get('200') ?? 0), errors };
  }

  /** Lets traffic flow and scrapes happen up to a time. */
  advanceTo(nowMs: number): void {
    const { scrapeMs, scrapePhaseMs } = this.#settings;
    while (this.#atMs < nowMs) {
      const next = Math.floor((this.#atMs - scrapePhaseMs) / scrapeMs + 1) * scrapeMs + scrapePhaseMs;
      const until = Math.min(next, nowMs);
      this.#flow((until - this.#atMs) / 1_000);
      this.#atMs = until;
      if (until === next && !this.scrapeOutage) this.#scrape(until);
    }
  }

  /** Series whose labels fit, with samples after `fromMs` up to `toMs`; those without any are left out. */
  select(fits: (labels: Readonly<Record<string, string>>) => boolean, fromMs: number, toMs: number): readonly Series[] {
    return [...this.#series.values()]
      .filter(({ labels }) => fits(labels))
      .map(({ labels, samples }) => ({ labels, samples: samples.filter(({ atMs }) => atMs > fromMs && atMs <= toMs) }))
      .filter(({ samples }) => samples.length > 0);
  }

  /** What the gateway has counted by now: requests by code. */
  counters(): readonly CounterSample[] {
    return [...this.#counters].flatMap(([service, { codes }]) =>
      [...codes].map(([code, count]) => ({ labels: this.#labelsOf(service, code), value: wholeOf(count) })),
    );
  }

  #labelsOf(service: string, code: string): Readonly<Record<string, string>> {
    const { namespace, named } = this.#settings;
    if (named === 'traefik')
      return { __name__: 'traefik_service_requests_total', ...this.#backendOf(service), code, protocol: 'http', method: 'GET' };
    return { __name__: 'envoy_cluster_upstream_rq', envoy_cluster_name: `${namespace}_${service}_80`, envoy_response_code: code };
  }

  #backendOf(service: string): Readonly<Record<string, string>> {
    const { namespace, named } = this.#settings;
    if (named === 'traefik') return { service: `${namespace}-${service}-http-80@kubernetesgateway`, instance: 'traefik' };
    return { envoy_cluster_name: `${namespace}_${service}_80` };
  }

  /** A bucket of the histogram: Traefik writes its bounds in seconds. */
  #bucketOf(service: string, upperMs: number): Readonly<Record<string, string>> {
    const isTraefik = this.#settings.named === 'traefik';
    const le = Number.isFinite(upperMs) ? String(isTraefik ? upperMs / 1_000 : upperMs) : '+Inf';
    const name = isTraefik ? 'traefik_service_request_duration_seconds_bucket' : 'envoy_cluster_upstream_rq_time_bucket';
    return { __name__: name, ...this.#backendOf(service), le };
  }

  #flow(seconds: number): void {
    for (const rules of this.#served()) {
      const live = rules.filter((rule) => (rule.backendRefs ?? []).some((ref) => (ref.weight ?? 1) > 0));
      for (const rule of live) this.#flowRule(rule, (this.rps * seconds) / live.length);
    }
  }

  #flowRule(rule: RouteRule, requests: number): void {
    const refs = rule.backendRefs ?? [];
    const weightOf = ({ weight = 1 }: { readonly weight?: number | undefined }) => (this.honoursWeights ? weight : Math.min(1, weight));
    const total = refs.reduce((sum, ref) => sum + weightOf(ref), 0);
    for (const ref of refs) {
      const share = (requests * weightOf(ref)) / total;
      if (share > 0) this.#answer(ref.name, share);
    }
    for (const { requestMirror } of rule.filters ?? [])
      if (requestMirror !== undefined)
        this.#answer(requestMirror.backendRef.name, (requests * this.#mirrored(requestMirror.percent)) / 100);
  }

  /** Contour copies every request. */
  #mirrored(percent = 100): number {
    return this.#settings.named === 'traefik' ? percent : 100;
  }

  #answer(service: string, requests: number): void {
    const { errorRatio, slowRatio, fastMs, slowMs } = this.versionOf(service);
    const counters = this.#counters.get(service) ?? { codes: new Map<string, number>(), buckets: this.#uppersMs.map(() => 0) };
    this.#counters.set(service, counters);
    const errors = this.#hasEndpoints(service) ? errorRatio * requests : requests;
    const add = (code: string, count: number) => counters.codes.set(code, (counters.codes.get(code) ?? 0) + count);
    if (errors > 0) add('503', errors);
    if (requests > errors) add('200', requests - errors);
    this.#uppersMs.forEach((upper, index) => {
      const within = (fastMs <= upper ? 1 - slowRatio : 0) + (slowMs <= upper ? slowRatio : 0);
      counters.buckets[index] = (counters.buckets[index] ?? 0) + within * requests;
    });
  }

  #scrape(atMs: number): void {
    for (const [service, { codes, buckets }] of this.#counters) {
      for (const [code, count] of codes) this.#store(this.#labelsOf(service, code), atMs, count);
      buckets.forEach((count, index) => {
        this.#store(this.#bucketOf(service, this.#uppersMs[index] ?? Number.POSITIVE_INFINITY), atMs, count);
      });
    }
  }

  #store(labels: Readonly<Record<string, string>>, atMs: number, value: number): void {
    const key = Object.values(labels).join('|');
    const series = this.#series.get(key) ?? { labels, samples: [] };
    this.#series.set(key, series);
    series.samples.push({ atMs, value: wholeOf(value) });
    if (series.samples.length > 2 * KEPT_SAMPLES) series.samples.splice(0, KEPT_SAMPLES);
  }
}

/** Envoy's counters are whole numbers. */
function wholeOf(value: number): number {
  return Math.floor(value + 1e-9);
}
