// The gateways' own counters in memory: what the virtual traffic has counted at this very moment, as some pods would tell it. Pods can be
// away, hang, or be new.

import type { Clock } from '../../../src/ports/clock.ts';
import type { GatewayAnswer, GatewayReader, GatewayRound } from '../../../src/ports/gateways.ts';
import type { MemoryTraffic } from './traffic.ts';

export class MemoryGatewayCounters implements GatewayReader {
  /** Pods that answer nothing, with what is said of them. */
  readonly away = new Map<string, string>();
  /** All pods; the first one that is there has counted everything. */
  pods: readonly string[] = ['projectcontour/envoy-a'];
  latencyMs = 20;
  problems: readonly string[] = [];
  /** Times of all requests, with what was asked. */
  readonly asked: { readonly atMs: number; readonly port: number; readonly path: string }[] = [];
  readonly #clock: Clock;
  readonly #traffic: MemoryTraffic;
  #open = 0;
  /** Most rounds that were under way at the same time. */
  mostOpen = 0;

  constructor(clock: Clock, traffic: MemoryTraffic) {
    this.#clock = clock;
    this.#traffic = traffic;
  }

  async read(port: number, path: string): Promise<GatewayRound> {
    this.asked.push({ atMs: this.#clock.now(), port, path });
    this.#open += 1;
    this.mostOpen = Math.max(this.mostOpen, this.#open);
    await new Promise<void>((resolve) => void this.#clock.schedule(this.#clock.now() + this.latencyMs, resolve));
    this.#open -= 1;
    this.#traffic.advanceTo(this.#clock.now());
    const counter = this.pods.find((pod) => !this.away.has(pod));
    return { answers: this.pods.map((pod) => this.#answer(pod, pod === counter)), problems: this.problems };
  }

  #answer(target: string, counted: boolean): GatewayAnswer {
    const message = this.away.get(target);
    if (message !== undefined) return { ok: false, target, message };
    return { ok: true, target, samples: counted ? this.#traffic.counters() : [] };
  }
}
