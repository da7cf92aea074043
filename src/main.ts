// Wires the operator: settings, adapters, server, leader election, graceful stop. The only file that knows them all.

import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { messageOf } from './api/errors.ts';
import { KIND, SCHEMA_NUMBER, SYSTEM_NAMESPACE } from './api/names.ts';
import { VERSION } from './api/version.ts';
import { createCertificateFolder } from './adapters/certificates/folder.ts';
import { createCertificateMaker } from './adapters/certificates/self-signed.ts';
import { createSystemClock } from './adapters/clock.ts';
import { connectKubernetes, type KubernetesConnection } from './adapters/kubernetes/connect.ts';
import { createWebhookNotifier, type WebhookNotifier } from './adapters/notify/webhook.ts';
import { BatchingReader } from './adapters/prometheus/batching.ts';
import { createPrometheusReader, type PrometheusReader } from './adapters/prometheus/reader.ts';
import { HoldWebhook } from './app/hold-webhook.ts';
import { createLogger, type Logger } from './app/telemetry/log.ts';
import { Operator } from './app/operator.ts';
import { helpText, parseSettings, type Settings } from './app/settings/settings.ts';
import { createLoggedTelemetry } from './app/telemetry/telemetry.ts';
import type { World } from './app/world.ts';
import type { Clock } from './ports/clock.ts';
import { hostsOf, type WebhookEndpoint } from './core/hold/registration.ts';
import { type HoldTarget, reviewHold, targetOf } from './core/hold/review.ts';
import { AdmissionServer } from './server/admission.ts';
import { OperatorServer } from './server/http.ts';
import { createMetrics, type OperatorMetrics } from './server/metrics.ts';
import { checkHealth, checkReadiness, EventLoopLag, type WatchHealth } from './server/probes.ts';

const LEASE_NAME = 'glidepath';
/** What is under way gets this long at the end; the pod's grace period is longer. */
const STOP_GRACE_MS = 20_000;
const SYNC_POLL_MS = 20;
/** The API server is told to ask others before nobody answers here any more. */
const LAST_REVIEWS_MS = 5_000;
/** Answers of one burst come less far apart than this. */
const GATHER_MS = 3;
/** More often than an idle connection is closed. */
const WARM_MS = 45_000;

/** What there is with `--webhook-address` only. */
interface Webhook {
  readonly keeper: HoldWebhook;
  readonly server: AdmissionServer;
}

interface Parts {
  readonly settings: Settings;
  readonly log: Logger;
  readonly metrics: OperatorMetrics;
  readonly kubernetes: KubernetesConnection;
  readonly prometheus: PrometheusReader;
  readonly notifier: WebhookNotifier;
  readonly server: OperatorServer;
  readonly lag: EventLoopLag;
  readonly operator: Operator;
  readonly schema: { level: number | undefined };
  readonly webhook: Webhook | undefined;
}

/** Builds every part. Nothing is sent yet. */
function buildParts(settings: Settings): Parts {
  const log = createLogger({ level: settings.logLevel });
  const clock = createSystemClock();
  const metrics = createMetrics({ processMetrics: true });
  const late: { webhook?: Webhook } = {};
  const identity = process.env['POD_NAME'] ?? `glidepath-${randomBytes(3).toString('hex')}`;
  const kubernetes = connectKubernetes({
    clock,
    instance: identity,
    userAgent: `glidepath/${VERSION}`,
    ...(settings.namespaces.length === 0 ? {} : { namespaces: settings.namespaces }),
    onFault: (watch, error) => {
      metrics.watchRestarted(watch);
      log.warn({ watch, err: error }, `watch of ${watch}: ${messageOf(error)}; tries again`);
    },
    beforeProof: async (namespace, deployment) => late.webhook?.keeper.cover(namespace, deployment),
    onEventDropped: (what, why) => log.debug({ what, why }, `event not written: ${what}: ${why}`),
  });
  const webhook =
    settings.webhookAddress === undefined ? undefined : buildWebhook(settings, settings.webhookAddress, kubernetes, clock, log);
  if (webhook !== undefined) late.webhook = webhook;
  const telemetry = createLoggedTelemetry(metrics.telemetry, log);
  const prometheus = createPrometheusReader({
    ...(settings.prometheusUrl === undefined ? {} : { operatorUrl: settings.prometheusUrl }),
    ...(settings.prometheusTokenFile === undefined ? {} : { operatorTokenFile: settings.prometheusTokenFile }),
    ...(settings.prometheusCaFile === undefined ? {} : { caFile: settings.prometheusCaFile }),
    allow: settings.prometheusAllow,
    allowQueries: settings.allowQueries,
    readSecret: kubernetes.readSecret,
    onQuery: (seconds) => telemetry.querySeconds(seconds),
  });
  const notifier = createWebhookNotifier({
    allow: settings.notificationAllow,
    readSecret: kubernetes.readSecret,
    onOutcome: ({ result, message }) => {
      if (result !== 'sent') log.warn({ result }, `notification ${result}: ${message}`);
    },
  });
  const schema: Parts['schema'] = { level: SCHEMA_NUMBER };
  const world: World = {
    clock,
    releases: kubernetes.releases,
    routes: kubernetes.routes,
    backends: kubernetes.backends,
    workloads: kubernetes.workloads,
    policies: kubernetes.policies,
    metrics: new BatchingReader(prometheus),
    events: kubernetes.events,
    notifier,
    telemetry,
    afterArrivals: (work) => void setTimeout(work, GATHER_MS),
    untilQuiet: () => kubernetes.untilQuiet(),
    oldSchema: () => (schema.level ?? 0) < SCHEMA_NUMBER,
  };
  const operator = new Operator({
    world,
    maxConcurrent: settings.maxConcurrent,
    resyncMs: settings.resyncMs,
    observer: metrics.queue,
    onFailure: (key, error) => log.warn({ release: key, err: error }, `${key}: ${messageOf(error)}; tries again`),
  });
  const lag = new EventLoopLag();
  const watches = () => describeWatches(kubernetes);
  const server = new OperatorServer({
    address: settings.metricsAddress,
    metrics,
    health: () => checkHealth({ nowMs: clock.now(), lagMs: lag.ms, watches: watches() }),
    readiness: () => checkReadiness({ watches: watches(), ...(webhook === undefined ? {} : { certificate: webhook.keeper.ready }) }),
  });
  return { settings, log, metrics, kubernetes, prometheus, notifier, server, lag, operator, schema, webhook };
}

/** The webhook that holds Deployments, and what keeps it; nothing is sent yet. */
function buildWebhook(
  settings: Settings,
  address: NonNullable<Settings['webhookAddress']>,
  kubernetes: KubernetesConnection,
  clock: Clock,
  log: Logger,
): Webhook {
  const namespace = process.env['POD_NAMESPACE'] || SYSTEM_NAMESPACE;
  const { webhookUrl: url, webhookCertDir: folder } = settings;
  const endpoint: WebhookEndpoint = url === undefined ? { kind: 'service', namespace } : { kind: 'url', url };
  const { releases } = kubernetes;
  const targetsOf = (all: readonly unknown[]) => all.map(targetOf).filter((target): target is HoldTarget => target !== undefined);
  const server = new AdmissionServer({
    address,
    review: (body) => reviewHold(body, (asked) => targetsOf(releases.cachedIn(asked))),
    onHeld: (held) => log.info({ held }, `${held.namespace}/${held.release}: Deployment ${held.deployment} is held`),
  });
  const keeper = new HoldWebhook({
    clock,
    endpoint,
    certificates: folder === undefined ? kubernetes.webhookSecret(namespace) : createCertificateFolder(folder),
    maker: createCertificateMaker(hostsOf(endpoint)),
    registry: kubernetes.webhook,
    targets: () => targetsOf([...releases.keys()].map((key) => releases.cached(key))),
    serve: (certificate) => server.setCertificate(certificate),
    onRenewed: () => log.info('the webhook has a new certificate'),
    onFault: (error) => log.error({ err: error }, `webhook: ${messageOf(error)}; tries again`),
  });
  return { server, keeper };
}

/** Begins to answer; changes of releases decide what the API server asks about. */
async function startWebhook({ webhook, kubernetes, log }: Parts): Promise<void> {
  if (webhook === undefined) return;
  const port = await webhook.server.listen();
  log.info({ webhookPort: port }, `webhook that holds Deployments on port ${port}`);
  webhook.keeper.start();
  kubernetes.onChange((change) => {
    if (change.kind === KIND) webhook.keeper.changed(targetOf(change.old), targetOf(change.new));
  });
}

function describeWatches(kubernetes: KubernetesConnection): readonly WatchHealth[] {
  return kubernetes.health().map(({ name, synced, served, failingSince, lastError }) => ({
    kind: name,
    synced: synced || !served,
    ...(failingSince === undefined || !served ? {} : { failingSinceMs: failingSince }),
    ...(lastError === undefined ? {} : { lastError }),
  }));
}

/** Runs until a signal, or until the lead is lost. @returns the exit code */
async function run(parts: Parts): Promise<number> {
  const { settings, log, kubernetes, server, operator, metrics } = parts;
  const stop = new AbortController();
  const ended = new Promise<number>((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve(0));
    stop.signal.addEventListener('abort', () => resolve(1), { once: true });
  });
  const port = await server.listen();
  kubernetes.start(stop.signal);
  await startWebhook(parts);
  log.info({ port, version: VERSION }, `glidepath ${VERSION}: metrics and probes on port ${port}`);
  const begun = performance.now();
  await Promise.race([ended, untilSynced(kubernetes, ended)]);
  if (!kubernetes.synced()) return close(parts, stop, await ended);
  const seconds = (performance.now() - begun) / 1_000;
  log.info({ seconds }, `watches synced in ${seconds.toFixed(2)} s`);
  parts.schema.level = await readSchema(parts);
  void kubernetes.warm();
  // While nothing runs nothing is sent; a burst of home writes in mid-release must not pay for handshakes.
  const warming = setInterval(() => void kubernetes.warm(operator.running), WARM_MS);
  kubernetes.onChange((change) => operator.changed(change));
  const begin = () => {
    metrics.setLeader(true);
    parts.webhook?.keeper.lead();
    operator.start(() => kubernetes.releases.keys());
  };
  const electing = settings.leaderElect ? elect(parts, stop, begin) : Promise.resolve(begin());
  const code = await ended;
  clearInterval(warming);
  await close(parts, stop, code);
  await electing;
  return code;
}

/** Gives up when the process is to end: a loop that went on would keep it alive for as long as the API server is away. */
async function untilSynced(kubernetes: KubernetesConnection, ended: Promise<number>): Promise<void> {
  const over = ended.then(() => 'ended' as const);
  while (!kubernetes.synced()) if ((await Promise.race([over, delay(SYNC_POLL_MS)])) === 'ended') return;
}

/** The stored schema's number; unreadable (no right to read the CRD) counts as the one we know, and is said. */
async function readSchema({ kubernetes, log }: Parts): Promise<number | undefined> {
  try {
    const level = await kubernetes.schemaLevel();
    if ((level ?? 0) < SCHEMA_NUMBER)
      log.error(
        { level, needed: SCHEMA_NUMBER },
        'the CRD is older than this operator needs: releases are only taken home; apply config/crd',
      );
    return level;
  } catch (thrown) {
    log.warn({ err: thrown }, `the CRD cannot be read (${messageOf(thrown)}): its schema number is not checked`);
    return SCHEMA_NUMBER;
  }
}

async function elect(parts: Parts, stop: AbortController, begin: () => void): Promise<void> {
  const { kubernetes, settings, log, metrics } = parts;
  await kubernetes.runElection({
    namespace: settings.leaderElectNamespace,
    name: LEASE_NAME,
    identity: `${process.env['POD_NAME'] ?? 'glidepath'}-${randomBytes(4).toString('hex')}`,
    signal: stop.signal,
    onElected: (epoch) => {
      log.info({ epoch }, 'leads now');
      begin();
    },
    onLost: () => {
      metrics.setLeader(false);
      log.fatal('lost the lead; ends so that nothing is written by two');
      // Writes that are under way fail their guards; nothing new may begin.
      process.exit(1);
    },
    onFault: (error) => log.warn({ err: error }, `leader election: ${messageOf(error)}`),
  });
}

/** Finishes the patch in hand, hands the lease back, closes everything. */
async function close(parts: Parts, stop: AbortController, code: number): Promise<number> {
  const { operator, kubernetes, prometheus, notifier, server, lag, log, webhook } = parts;
  log.info('stops: finishes what is under way');
  const lastReviews = webhook === undefined ? undefined : delay(LAST_REVIEWS_MS);
  webhook?.server.leave();
  await webhook?.keeper.stop();
  await Promise.race([operator.stop(), delay(STOP_GRACE_MS, undefined, { ref: false })]);
  stop.abort();
  lag.close();
  await Promise.race([
    closeAll([() => kubernetes.close(), () => prometheus.close(), () => notifier.close(), () => server.close()]),
    delay(STOP_GRACE_MS, undefined, { ref: false }),
  ]);
  await lastReviews;
  await webhook?.server.close();
  return code;
}

/** Closes everything, whatever one of them says. */
async function closeAll(closers: readonly (() => Promise<void> | void)[]): Promise<void> {
  await Promise.allSettled(closers.map(async (end) => end()));
}

async function main(): Promise<number> {
  const parsed = parseSettings(process.argv.slice(2), process.env);
  if (!parsed.ok) {
    process.stderr.write(`${parsed.message}\n`);
    return 2;
  }
  if (parsed.settings.action === 'help') process.stdout.write(helpText());
  if (parsed.settings.action === 'version') process.stdout.write(`glidepath ${VERSION}\n`);
  if (parsed.settings.action !== 'run') return 0;
  const parts = buildParts(parsed.settings);
  process.on('unhandledRejection', (thrown) => {
    parts.log.fatal({ err: thrown }, `unhandled: ${messageOf(thrown)}`);
    process.exit(1);
  });
  return run(parts);
}

process.exitCode = await main().catch((thrown: unknown) => {
  process.stderr.write(`${messageOf(thrown)}\n`);
  return 1;
});
