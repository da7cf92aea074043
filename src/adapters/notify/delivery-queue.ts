// Jobs in lanes: in order within a lane, few at once in all, and a bounded number waiting. A full lane drops its
// oldest waiting job, because the newest announcement matters most.

/** Work that never rejects. */
export interface Delivery {
  readonly run: () => Promise<void>;
  /** Called instead of `run` when the lane was too full or the queue was closed. */
  readonly drop: () => void;
}

export interface DeliveryQueueLimits {
  /** Jobs that run at the same time. */
  readonly concurrency: number;
  /** Jobs that wait in one lane. */
  readonly waiting: number;
}

/** Runs deliveries in the background; owns those that have not run yet. */
export class DeliveryQueue {
  readonly #limits: DeliveryQueueLimits;
  /** Jobs waiting by lane; a lane is there as long as it has a job waiting or running. */
  readonly #lanes = new Map<string, Delivery[]>();
  /** Lanes with a job waiting and none running, in the order of their turn. */
  readonly #ready: string[] = [];
  #running = 0;
  #idle: (() => void)[] = [];

  constructor(limits: DeliveryQueueLimits) {
    this.#limits = limits;
  }

  /** Puts a delivery at the end of its lane. */
  add(lane: string, delivery: Delivery): void {
    const waiting = this.#lanes.get(lane);
    if (waiting === undefined) {
      this.#lanes.set(lane, [delivery]);
      this.#ready.push(lane);
    } else {
      waiting.push(delivery);
      if (waiting.length > this.#limits.waiting) waiting.shift()?.drop();
    }
    this.#start();
  }

  /** Drops everything that waits; running jobs continue. */
  clear(): void {
    for (const waiting of this.#lanes.values()) {
      for (const delivery of waiting.splice(0)) delivery.drop();
    }
  }

  /** Resolves when nothing waits and nothing runs. */
  whenIdle(): Promise<void> {
    if (this.#lanes.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  #start(): void {
    while (this.#running < this.#limits.concurrency) {
      const lane = this.#ready.shift();
      if (lane === undefined) return;
      this.#running += 1;
      const delivery = this.#lanes.get(lane)?.shift();
      void (delivery?.run() ?? Promise.resolve()).finally(() => this.#finish(lane));
    }
  }

  #finish(lane: string): void {
    this.#running -= 1;
    if ((this.#lanes.get(lane)?.length ?? 0) > 0) this.#ready.push(lane);
    else this.#lanes.delete(lane);
    this.#start();
    if (this.#lanes.size > 0) return;
    for (const resolve of this.#idle.splice(0)) resolve();
  }
}
