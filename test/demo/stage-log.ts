// Follows one release and its route while the demo runs: the newest status, and when the route gave the canary which share.

import type { Cluster } from '../bench/cluster.ts';
import { ROUTE, type ReleaseStatus, shareOn, statusOf } from '../bench/shop.ts';

/** From this time on the route gives the backends these shares, in percent. */
export interface ShareChange {
  readonly atMs: number;
  readonly shares: Readonly<Record<string, number>>;
}

export class StageLog {
  readonly #stop = new AbortController();
  readonly #changes: ShareChange[] = [];
  #status: ReleaseStatus = {};
  readonly #following: Promise<unknown>;

  constructor(cluster: Cluster, namespace: string, release: string, services: readonly string[]) {
    this.#following = Promise.all([
      this.#followRelease(cluster, namespace, release),
      this.#followRoute(cluster, namespace, services),
    ]).catch((error: unknown) => {
      if (!this.#stop.signal.aborted) throw error;
    });
    // Told by `close`; until then nobody has to wait for it.
    this.#following.catch(() => undefined);
  }

  /** The newest status of the release. */
  get status(): ReleaseStatus {
    return this.#status;
  }

  /** Every change of the route's shares, oldest first. */
  get changes(): readonly ShareChange[] {
    return this.#changes;
  }

  /** What the route gives a Service now, in percent. */
  shareOf(service: string): number {
    return this.#changes.at(-1)?.shares[service] ?? 0;
  }

  /** Ends both watches. @throws what ended one of them before */
  async close(): Promise<void> {
    this.#stop.abort();
    await this.#following;
  }

  async #followRelease(cluster: Cluster, namespace: string, release: string): Promise<void> {
    for await (const { object } of cluster.follow('CanaryRelease', namespace, this.#stop.signal)) {
      if (object.metadata.name === release) this.#status = statusOf(object);
    }
  }

  async #followRoute(cluster: Cluster, namespace: string, services: readonly string[]): Promise<void> {
    for await (const { object, atMs } of cluster.follow('HTTPRoute', namespace, this.#stop.signal)) {
      if (object.metadata.name !== ROUTE) continue;
      const shares = Object.fromEntries(services.map((service) => [service, shareOn(object, service)]));
      const before = this.#changes.at(-1)?.shares;
      if (before === undefined || services.some((service) => before[service] !== shares[service])) this.#changes.push({ atMs, shares });
    }
  }
}
