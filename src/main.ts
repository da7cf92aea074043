// Wires the operator: settings, adapters, server, webhook. The only file that knows them all.

import { randomBytes } from 'node:crypto';
import { withoutUndefined } from './api/absence.ts';
import { messageOf } from './api/errors.ts';
import { SYSTEM_NAMESPACE } from './api/names.ts';
import { VERSION } from './api/version.ts';
import { createCertificateFolder } from './adapters/certificates/folder.ts';
import { createCertificateMaker } from './adapters/certificates/self-signed.ts';
import { createSystemClock } from './adapters/clock.ts';
import { connectKubernetes, type KubernetesConnection } from './adapters/kubernetes/connect.ts';
import { HttpGatewayReader } from './adapters/gateways/reader.ts';
import { HttpGateCaller } from './adapters/notify/gate-caller.ts';
import { createWebhookNotifier, type WebhookNotifier } from './adapters/notify/webhook.ts';
import { BatchingReader } from './adapters/prometheus/batching.ts';
import { NarrowingReader } from './adapters/prometheus/narrowing.ts';
import { createPrometheusReader, type PrometheusReader } from './adapters/prometheus/reader.ts';
import { HoldWebhook } from './app/hold-webhook.ts';
import { live } from './app/life-cycle.ts';
import { createLogger, type Logger } from './app/telemetry/log.ts';
import { Operator } from './app/operator.ts';
import { helpText, parseSettings, type Settings } from './app/settings/settings.ts';
import { StoredSchema } from './app/stored-schema.ts';
import { createLoggedTelemetry } from './app/telemetry/telemetry.ts';
import type { World } from './app/world.ts';
import type { Clock } from './ports/clock.ts';
import type { LeaseName } from './ports/cluster.ts';
import type { Telemetry } from './ports/outbox.ts';
import { hostsOf, type WebhookEndpoint } from './core/hold/registration.ts';
import { type HoldTarget, reviewHold, targetOf } from './core/hold/review.ts';
import { AdmissionServer } from './server/admission.ts';
import { OperatorServer } from './server/http.ts';
import { createMetrics, type OperatorMetrics } from './server/metrics.ts';
import { checkHealth, checkReadiness, EventLoopLag, type WatchHealth } from './server/probes.ts';

const LEASE_NAME = 'glidepath';
/** Answers of one burst arrive at most this far apart. */
const GATHER_MS = 3;
/** A container that begins again in its pod is another operator. */
const INSTANCE = `${process.env['POD_NAME'] ?? 'glidepath'}-${randomBytes(4).toString('hex')}`;

process.exitCode = await main().catch((thrown: unknown) => {
  process.stderr.write(`${messageOf(thrown)}\n`);
  // What is open already, such as watches, must not keep a process alive that does not work.
  process.exit(1);
});

/** @returns the exit code */
async function main(): Promise<number> {
  const parsed = parseSettings(process.argv.slice(2), process.env);
  if (!parsed.ok) {
    process.stderr.write(`${parsed.message}\n`);
    return 2;
  }
  const { settings } = parsed;
  switch (settings.action) {
    case 'help':
      process.stdout.write(helpText());
      return 0;
    case 'version':
      process.stdout.write(`glidepath ${VERSION}\n`);
      return 0;
    case 'run':
      await run(settings, createLogger({ level: settings.logLevel }));
      return 0;
  }
}

/** Builds every part, of which none sends anything yet, and runs them. */
async function run(settings: Settings, log: Logger): Promise<void> {
  const clock = createSystemClock();
  const metrics = createMetrics({ processMetrics: true });
  const telemetry = createLoggedTelemetry(metrics.telemetry, log);
  const kubernetes = connect(settings, clock, metrics, log);
  const webhook = buildWebhook(settings, kubernetes, clock, log);
  const prometheus = buildReader(settings, kubernetes, telemetry);
  const notifier = buildNotifier(settings, kubernetes, log);
  const gateways = buildGateways(settings, kubernetes, clock);
  const gateCaller = new HttpGateCaller({ allow: settings.gateAllow, readSecret: kubernetes.readSecret });
  const schema = new StoredSchema();
  const world = buildWorld({ clock, instance: INSTANCE, kubernetes, prometheus, gateways, gateCaller, notifier, telemetry, schema });
  const lag = new EventLoopLag();
  process.on('unhandledRejection', (thrown) => {
    log.fatal({ err: thrown }, `unhandled: ${messageOf(thrown)}`);
    process.exit(1);
  });
  await live({
    log,
    clock,
    cluster: kubernetes,
    schema,
    operator: buildOperator(settings, world, metrics, log),
    releases: () => kubernetes.releases.keys(),
    server: buildServer(settings, { clock, metrics, lag, kubernetes, webhook }),
    webhook,
    lease: leaseOf(settings),
    setLeader: (leads) => metrics.setLeader(leads),
    asked: untilSignal(),
    exit: (code) => process.exit(code),
    closers: [() => prometheus.close(), () => gateways?.close(), () => gateCaller.close(), () => notifier.close(), () => lag.close()],
  });
}

function connect(settings: Settings, clock: Clock, metrics: OperatorMetrics, log: Logger): KubernetesConnection {
  return connectKubernetes({
    clock,
    instance: process.env['POD_NAME'] ?? INSTANCE,
    userAgent: `glidepath/${VERSION}`,
    ...(settings.namespaces.length === 0 ? {} : { namespaces: settings.namespaces }),
    onFault: (watch, error) => {
      metrics.watchRestarted(watch);
      log.warn({ watch, err: error }, `watch ${watch} failed: ${messageOf(error)}; retrying`);
    },
    onEventDropped: (what, why) => log.debug({ what, why }, `event not written: ${what}: ${why}`),
  });
}

interface HoldParts {
  readonly server: AdmissionServer;
  readonly keeper: HoldWebhook;
}

/** The webhook that holds Deployments, and what maintains it; only with `--webhook-address`. */
function buildWebhook(settings: Settings, kubernetes: KubernetesConnection, clock: Clock, log: Logger): HoldParts | undefined {
  const { webhookAddress: address, webhookUrl: url, webhookCertDir: folder } = settings;
  if (address === undefined) return undefined;
  const namespace = process.env['POD_NAMESPACE'] || SYSTEM_NAMESPACE;
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
    onFault: (error) => log.error({ err: error }, `webhook failed: ${messageOf(error)}; retrying`),
  });
  kubernetes.workloads.beforeProof((asked, deployment) => keeper.cover(asked, deployment));
  return { server, keeper };
}

function buildReader(settings: Settings, { readSecret }: KubernetesConnection, telemetry: Telemetry): PrometheusReader {
  const { prometheusUrl: operatorUrl, prometheusTokenFile: operatorTokenFile, prometheusCaFile: caFile } = settings;
  return createPrometheusReader({
    ...withoutUndefined({ operatorUrl, operatorTokenFile, caFile, operatorHeadersFile: settings.prometheusHeadersFile }),
    matchers: settings.prometheusMatchers,
    allow: settings.prometheusAllow,
    allowQueries: settings.allowQueries,
    readSecret,
    onQuery: (seconds) => telemetry.querySeconds(seconds),
  });
}

function buildNotifier(settings: Settings, { readSecret }: KubernetesConnection, log: Logger): WebhookNotifier {
  return createWebhookNotifier({
    allow: settings.notificationAllow,
    readSecret,
    onOutcome: ({ result, message }) => {
      if (result !== 'sent') log.warn({ result }, `notification ${result}: ${message}`);
    },
  });
}

/** Only with `--sentinel`. */
function buildGateways({ sentinel }: Settings, { listGatewayPods }: KubernetesConnection, clock: Clock): HttpGatewayReader | undefined {
  if (sentinel.length === 0) return undefined;
  return new HttpGatewayReader({ targets: sentinel, listPods: listGatewayPods, now: () => clock.now() });
}

interface WorldParts extends Pick<World, 'clock' | 'instance' | 'notifier' | 'telemetry' | 'gateCaller'> {
  readonly kubernetes: KubernetesConnection;
  readonly prometheus: PrometheusReader;
  readonly gateways: HttpGatewayReader | undefined;
  readonly schema: StoredSchema;
}

function buildWorld({ clock, instance, kubernetes, prometheus, gateways, gateCaller, notifier, telemetry, schema }: WorldParts): World {
  const { releases, routes, backends, workloads, policies, jobs, events } = kubernetes;
  return {
    clock,
    instance,
    releases,
    routes,
    backends,
    workloads,
    policies,
    jobs,
    gateCaller,
    metrics: new BatchingReader(new NarrowingReader(prometheus)),
    ...withoutUndefined({ gateways }),
    events,
    notifier,
    telemetry,
    afterArrivals: (work) => void setTimeout(work, GATHER_MS),
    untilQuiet: () => kubernetes.untilQuiet(),
    oldSchema: () => schema.isOld,
  };
}

function buildOperator({ maxConcurrent, resyncMs }: Settings, world: World, metrics: OperatorMetrics, log: Logger): Operator {
  return new Operator({
    world,
    maxConcurrent,
    resyncMs,
    observer: metrics.queue,
    onFailure: (key, error) => log.warn({ release: key, err: error }, `reconcile of ${key} failed: ${messageOf(error)}; retrying`),
  });
}

interface ServerParts {
  readonly clock: Clock;
  readonly metrics: OperatorMetrics;
  readonly lag: EventLoopLag;
  readonly kubernetes: KubernetesConnection;
  readonly webhook: HoldParts | undefined;
}

function buildServer({ metricsAddress }: Settings, { clock, metrics, lag, kubernetes, webhook }: ServerParts): OperatorServer {
  const watches = () => describeWatches(kubernetes);
  return new OperatorServer({
    address: metricsAddress,
    metrics,
    health: () => checkHealth({ nowMs: clock.now(), lagMs: lag.ms, watches: watches() }),
    readiness: () => checkReadiness({ watches: watches(), ...withoutUndefined({ certificate: webhook?.keeper.ready }) }),
  });
}

function describeWatches(kubernetes: KubernetesConnection): readonly WatchHealth[] {
  return kubernetes.health().map(({ name, synced, served, failingSince, lastError, lastEventAt }) => ({
    kind: name,
    synced: synced || !served,
    ...withoutUndefined({ failingSinceMs: served ? failingSince : undefined, lastError, heardAtMs: served ? lastEventAt : undefined }),
  }));
}

function leaseOf({ leaderElect, leaderElectNamespace }: Settings): LeaseName | undefined {
  if (!leaderElect) return undefined;
  return { namespace: leaderElectNamespace, name: LEASE_NAME, identity: INSTANCE };
}

/** Resolves when the process is asked to end. */
async function untilSignal(): Promise<void> {
  await Promise.race((['SIGTERM', 'SIGINT'] as const).map((signal) => new Promise((resolve) => process.once(signal, resolve))));
}
