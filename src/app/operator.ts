// The operator as a whole: changes and due times go into the queue, the queue calls the reconciler.

import { withoutUndefined } from '../api/absence.ts';
import type { CanaryRelease } from '../api/release.ts';
import type { Route } from '../api/routes.ts';
import type { Change } from '../ports/cluster.ts';
import { parseCached } from './parsed.ts';
import { Interests } from './queue/controller.ts';
import { Reconciler } from './reconcile/reconciler.ts';
import { WorkQueue, type QueueObserver } from './queue/work-queue.ts';
import type { World } from './world.ts';

export interface OperatorOptions {
  readonly world: World;
  readonly maxConcurrent: number;
  readonly resyncMs: number;
  readonly observer?: QueueObserver;
  /** A reconcile failed and will be repeated. */
  readonly onFailure?: (key: string, error: unknown) => void;
}

/** A release that runs has a canary with traffic to judge, also while its status cannot be written: it waits no longer than a look. */
const LONGEST_BACKOFF_OF_RUNNING_MS = 10_000;

/** Drives all releases. `start` after the caches are synced. */
export class Operator {
  readonly #options: OperatorOptions;
  readonly #queue: WorkQueue;
  readonly #reconciler: Reconciler;
  readonly #interests = new Interests();
  #cancelResync: () => void = () => undefined;

  constructor(options: OperatorOptions) {
    this.#options = options;
    this.#reconciler = new Reconciler(
      options.world,
      (key) => this.#queue.add(key, 'urgent'),
      (release, routes) => this.#neighbours(release, routes),
    );
    this.#queue = new WorkQueue({
      clock: options.world.clock,
      maxConcurrent: options.maxConcurrent,
      // Commits wait while other releases write home; half of the places stay free for releases that have to do the same.
      mostNormal: Math.ceil(options.maxConcurrent / 2),
      ...(options.world.untilQuiet === undefined ? {} : { holdNormal: options.world.untilQuiet }),
      process: (key) => this.#work(key),
      longestBackoffMs: (key) => (this.#interests.isRunning(key) ? LONGEST_BACKOFF_OF_RUNNING_MS : undefined),
      ...withoutUndefined({ observer: options.observer, onFailure: options.onFailure }),
    });
  }

  /** Releases that run, and may have to go home at any time. */
  get running(): number {
    return this.#interests.running;
  }

  /** Reconciles every release of `keys`, and again at every resync. */
  start(keys: () => Iterable<Pick<CanaryRelease['metadata'], 'namespace' | 'name'>>): void {
    this.#queue.start();
    const resync = () => {
      const all = [...keys()];
      for (const { namespace, name } of all)
        this.#interests.note(namespace, name, this.#options.world.releases.cached({ namespace, name }));
      // Each may depend on all others.
      for (const { namespace, name } of all) this.#queue.add(`${namespace}/${name}`);
      this.#cancelResync = this.#options.world.clock.schedule(this.#options.world.clock.now() + this.#options.resyncMs, resync);
    };
    resync();
  }

  /** A watch saw a change. */
  changed(change: Change): void {
    for (const { key, priority } of this.#interests.concerned(change)) this.#queue.add(key, priority);
  }

  /** Finishes in-flight reconciles and begins no new ones. */
  async stop(): Promise<void> {
    this.#cancelResync();
    this.#reconciler.close();
    await this.#queue.drain();
  }

  #neighbours(release: CanaryRelease, routes: readonly Route[]): readonly CanaryRelease[] {
    const { releases } = this.#options.world;
    return this.#interests
      .neighbours(release.metadata, routes)
      .map((key) => parseCached(releases.cached(key)))
      .filter((one) => one !== undefined);
  }

  async #work(key: string): Promise<void> {
    const [namespace = '', name = ''] = key.split('/');
    const outcome = await this.#reconciler.reconcile({ namespace, name });
    if (outcome.again) this.#queue.add(key, outcome.urgent ? 'urgent' : 'normal');
    // A release whose writes have to wait may have to be rolled back before they are made.
    const priority = outcome.urgent || outcome.again ? 'urgent' : 'normal';
    if (outcome.wakeAt !== undefined) this.#queue.addAt(key, outcome.wakeAt, priority);
  }
}
