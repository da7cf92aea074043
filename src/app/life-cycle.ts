// The life cycle of the operator: starts servers and watches, waits until the watches are synced, becomes leader, reconciles, and
// shuts down after in-flight reconciles have finished and the lease is released.

import { messageOf } from '../api/errors.ts';
import { KIND } from '../api/names.ts';
import { VERSION } from '../api/version.ts';
import { targetOf } from '../core/hold/review.ts';
import type { Clock } from '../ports/clock.ts';
import type { Cluster, LeaseName } from '../ports/cluster.ts';
import type { ReleaseKey } from '../ports/releases.ts';
import type { HoldWebhook } from './hold-webhook.ts';
import type { Operator } from './operator.ts';
import type { StoredSchema } from './stored-schema.ts';
import type { Logger } from './telemetry/log.ts';

/** In-flight reconciles get this long at shutdown; the pod's grace period is longer. */
const STOP_GRACE_MS = 20_000;
const SYNC_POLL_MS = 20;
/** Before this replica stops answering, the API server gets this long to open connections to other replicas. */
const LAST_REVIEWS_MS = 5_000;
/** More often than an idle connection is closed. */
const WARM_MS = 45_000;
/** Between two questions whether the API server answers, while releases run. */
const BEAT_MS = 2_000;

/** What answers on a port. */
export interface Listener {
  /** @returns the port. @throws GlidepathError GLIDEPATH_E_LISTEN when the address cannot be listened on */
  listen(): Promise<number>;
  close(): Promise<void>;
}

/** The webhook that holds Deployments, and what maintains it. */
export interface Webhook {
  readonly keeper: Pick<HoldWebhook, 'start' | 'lead' | 'changed' | 'stop'>;
  /** `leave` asks each caller to come with a new connection, which other replicas then get. */
  readonly server: Listener & { leave(): void };
}

/** Everything that is started and stopped. */
export interface Life {
  readonly log: Logger;
  readonly clock: Clock;
  readonly cluster: Cluster;
  readonly schema: StoredSchema;
  readonly operator: Pick<Operator, 'start' | 'changed' | 'running' | 'stop'>;
  /** Every release that the watches know. */
  readonly releases: () => Iterable<ReleaseKey>;
  /** Metrics and probes. */
  readonly server: Listener;
  readonly webhook: Webhook | undefined;
  /** Undefined: there is one replica, and it leads. */
  readonly lease: LeaseName | undefined;
  readonly setLeader: (leads: boolean) => void;
  /** Resolves when the process is asked to end. */
  readonly asked: Promise<void>;
  /** Ends the process at once. */
  readonly exit: (code: number) => void;
  /** What is closed beside all this at the end. */
  readonly closers: readonly (() => Promise<void> | void)[];
}

/** Runs until the process is asked to end. A lead that is lost ends it at once. */
export async function live(life: Life): Promise<void> {
  const stop = new AbortController();
  await open(life, stop.signal);
  if (!(await becomeSynced(life))) return close(life, stop, Promise.resolve());
  await life.schema.read(life.cluster, life.log);
  const coolDown = keepWarm(life);
  life.cluster.onChange((change) => life.operator.changed(change));
  const electing = lead(life, stop.signal);
  await life.asked;
  coolDown();
  await close(life, stop, electing);
}

async function open(life: Life, stop: AbortSignal): Promise<void> {
  const { log, server, cluster } = life;
  const port = await server.listen();
  cluster.start(stop);
  await openWebhook(life);
  log.info({ port, version: VERSION }, `glidepath ${VERSION}: metrics and probes on port ${port}`);
}

/** Begins to answer; changes of releases decide what the API server asks about. */
async function openWebhook({ webhook, cluster, log }: Life): Promise<void> {
  if (webhook === undefined) return;
  const port = await webhook.server.listen();
  log.info({ webhookPort: port }, `webhook that holds Deployments on port ${port}`);
  webhook.keeper.start();
  cluster.onChange((change) => {
    if (change.kind === KIND) webhook.keeper.changed(targetOf(change.old), targetOf(change.new));
  });
}

/** False: the process is asked to end before. A loop that continued would keep the process alive for as long as the API server is unavailable. */
async function becomeSynced({ cluster, clock, asked, log }: Life): Promise<boolean> {
  const begun = performance.now();
  const over = asked.then(() => 'ended' as const);
  while (!cluster.synced()) if ((await Promise.race([over, wait(clock, SYNC_POLL_MS)])) === 'ended') return false;
  const seconds = (performance.now() - begun) / 1_000;
  log.info({ seconds }, `watches synced in ${seconds.toFixed(2)} s`);
  return true;
}

/** While nothing runs nothing is sent; a burst of home writes in mid-release must not pay for handshakes. @returns ends it */
function keepWarm({ cluster, operator, clock }: Life): () => void {
  void cluster.warm();
  const ends = [
    every(clock, WARM_MS, () => void cluster.warm(operator.running)),
    // A dead connection must not keep a canary that fails from being seen.
    every(clock, BEAT_MS, () => void (operator.running > 0 ? cluster.beat() : undefined)),
  ];
  return () => {
    for (const end of ends) end();
  };
}

/** @returns ends it */
function every(clock: Clock, ms: number, run: () => void): () => void {
  let cancel = (): void => undefined;
  const next = (): void => {
    cancel = clock.schedule(clock.now() + ms, () => {
      run();
      next();
    });
  };
  next();
  return () => cancel();
}

/** Begins to work as soon as this replica leads. */
async function lead(life: Life, signal: AbortSignal): Promise<void> {
  const { lease, log, cluster } = life;
  if (lease === undefined) return begin(life);
  await cluster.runElection({
    ...lease,
    signal,
    onElected: (epoch) => {
      log.info({ epoch }, 'became leader');
      begin(life);
    },
    onLost: () => {
      life.setLeader(false);
      log.fatal('leader election lost, exiting');
      // In-flight writes fail their guards; no new one may begin.
      life.exit(1);
    },
    onFault: (error) => log.warn({ err: error }, `leader election: ${messageOf(error)}`),
  });
}

function begin({ setLeader, webhook, operator, releases }: Life): void {
  setLeader(true);
  webhook?.keeper.lead();
  operator.start(releases);
}

/** Finishes in-flight reconciles, releases the lease, and only then closes the connections that this takes. */
async function close(
  { log, clock, operator, cluster, server, webhook, closers }: Life,
  stop: AbortController,
  electing: Promise<void>,
): Promise<void> {
  log.info('shutting down, draining in-flight reconciles');
  const lastReviews = webhook === undefined ? undefined : wait(clock, LAST_REVIEWS_MS);
  webhook?.server.leave();
  await webhook?.keeper.stop();
  await withinGrace(clock, operator.stop());
  stop.abort();
  await withinGrace(clock, electing);
  await withinGrace(clock, closeAll([() => cluster.close(), () => server.close(), ...closers]));
  await lastReviews;
  await webhook?.server.close();
}

async function wait(clock: Clock, ms: number): Promise<void> {
  await new Promise<void>((resolve) => void clock.schedule(clock.now() + ms, resolve));
}

async function withinGrace(clock: Clock, work: Promise<void>): Promise<void> {
  let cancel = (): void => undefined;
  const over = new Promise<void>((resolve) => {
    cancel = clock.schedule(clock.now() + STOP_GRACE_MS, resolve);
  });
  await Promise.race([work, over]).finally(() => cancel());
}

/** Closes everything, also when one of them throws. */
async function closeAll(closers: Life['closers']): Promise<void> {
  await Promise.allSettled(closers.map(async (end) => end()));
}
