// The operator's own metrics. Their names are part of the interface (dashboards and alerts use them). No label names an object but
// namespace and name of a release, and the series of a deleted release are removed.
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { CanaryRelease } from '../api/release.ts';
import { VERDICTS } from '../api/names.ts';
import type { Telemetry } from '../ports/outbox.ts';

/** Label values that are known beforehand. Series that begin at 0 let `increase()` see the first event. */
export interface MetricsOptions {
  /** Kinds that are watched. */
  readonly watchKinds?: readonly string[];
  /** Metrics of the process and of Node, default true. */
  readonly processMetrics?: boolean;
}

/** Numbers of the work queue; fits the queue's observer. */
export interface QueueMetrics {
  added(priority: 'urgent' | 'normal'): void;
  depth(keys: number): void;
  running(keys: number): void;
  waited(seconds: number): void;
  worked(seconds: number): void;
  retried(): void;
}

/** The registry and everything that writes into it. */
export interface OperatorMetrics {
  readonly telemetry: Telemetry;
  readonly queue: QueueMetrics;
  /** Counts a watch that had to begin again. */
  watchRestarted(kind: string): void;
  setLeader(leads: boolean): void;
  /** The exposition text. */
  render(): Promise<string>;
  readonly contentType: string;
}

const ROUTE_WRITE_RESULTS = ['ok', 'guard', 'forbidden', 'invalid', 'error'] as const;
const QUICK_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
const ROLLBACK_SECONDS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];
/** The default measures a hundred times a second, which alone costs more than a thousand idle releases may. */
const EVENT_LOOP_PRECISION_MS = 500;

/** Makes a registry of its own with all metrics at their beginning. */
export function createMetrics(options: MetricsOptions = {}): OperatorMetrics {
  const registry = new Registry();
  if (options.processMetrics !== false) {
    collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: EVENT_LOOP_PRECISION_MS });
  }
  const watchRestarts = new Counter({
    name: 'glidepath_watch_restarts_total',
    help: 'Restarts of watches, by kind.',
    labelNames: ['kind'],
    registers: [registry],
  });
  for (const kind of options.watchKinds ?? []) watchRestarts.inc({ kind }, 0);
  const leader = new Gauge({ name: 'glidepath_leader', help: '1 while this replica is the leader.', registers: [registry] });
  return {
    telemetry: createTelemetry(registry),
    queue: createQueueMetrics(registry),
    watchRestarted: (kind) => watchRestarts.inc({ kind }),
    setLeader: (leads) => leader.set(leads ? 1 : 0),
    render: () => registry.metrics(),
    contentType: registry.contentType,
  };
}

/** The Telemetry port over a registry. */
export function createTelemetry(registry: Registry): Telemetry {
  const registers = [registry];
  const releases = createReleaseGauges(registry);
  const transitions = new Counter({
    name: 'glidepath_transitions_total',
    help: 'State transitions of releases.',
    labelNames: ['from', 'to', 'reason'],
    registers,
  });
  const rollbacks = new Counter({
    name: 'glidepath_rollbacks_total',
    help: 'Rollbacks of releases, by release and reason.',
    labelNames: ['namespace', 'name', 'reason'],
    registers,
  });
  const rollbackSeconds = histogram(
    registry,
    'glidepath_rollback_seconds',
    'Time from the verdict until no route gives the canary weight.',
    ROLLBACK_SECONDS,
  );
  const reasons = new Map<string, Set<string>>();
  return {
    release: (release) => releases.release(release),
    forget(namespace, name) {
      releases.forget(namespace, name);
      for (const reason of reasons.get(`${namespace}/${name}`) ?? []) rollbacks.remove({ namespace, name, reason });
      reasons.delete(`${namespace}/${name}`);
    },
    ...createAnalysisMetrics(registry),
    ...createRouteMetrics(registry),
    reconcileSeconds: observeIn(histogram(registry, 'glidepath_reconcile_seconds', 'Duration of one reconcile.', QUICK_SECONDS)),
    transition: (_release, from, to, reason) => transitions.inc({ from, to, reason }),
    rollback({ metadata: { namespace, name } }, reason) {
      const key = `${namespace}/${name}`;
      reasons.set(key, (reasons.get(key) ?? new Set()).add(reason));
      rollbacks.inc({ namespace, name, reason });
    },
    rollbackSeconds: observeIn(rollbackSeconds),
  };
}

function createReleaseGauges(registry: Registry): Pick<Telemetry, 'release' | 'forget'> {
  const labelNames = ['namespace', 'name'] as const;
  const registers = [registry];
  const weight = new Gauge({ name: 'glidepath_release_weight', help: 'Wanted weight of the canary in percent.', labelNames, registers });
  const stage = new Gauge({
    name: 'glidepath_release_stage',
    help: 'Number of the stage, from 1; 0 while no release is running.',
    labelNames,
    registers,
  });
  const phase = new Gauge({
    name: 'glidepath_release_phase',
    help: '1 for the current phase of a release; the other phases have no series.',
    labelNames: [...labelNames, 'phase'],
    registers,
  });
  const condition = new Gauge({
    name: 'glidepath_release_condition',
    help: '1 while a condition of a release that is trouble is True; the others have no series.',
    labelNames: [...labelNames, 'type'],
    registers,
  });
  const troubles = new Map<string, readonly string[]>();
  const noteTroubles = (namespace: string, name: string, types: readonly string[]): void => {
    const key = `${namespace}/${name}`;
    for (const type of troubles.get(key) ?? []) if (!types.includes(type)) condition.remove({ namespace, name, type });
    for (const type of types) condition.set({ namespace, name, type }, 1);
    if (types.length === 0) troubles.delete(key);
    else troubles.set(key, types);
  };
  const phases = new Map<string, string>();
  const leavePhase = (namespace: string, name: string): void => {
    const left = phases.get(`${namespace}/${name}`);
    if (left !== undefined) phase.remove({ namespace, name, phase: left });
    phases.delete(`${namespace}/${name}`);
  };
  return {
    release({ metadata: { namespace, name }, status }) {
      weight.set({ namespace, name }, status?.weight ?? 0);
      stage.set({ namespace, name }, stageNumber(status));
      noteTroubles(namespace, name, troublesOf(status));
      const current = status?.phase;
      if (phases.get(`${namespace}/${name}`) === current) return;
      leavePhase(namespace, name);
      if (current === undefined) return;
      phases.set(`${namespace}/${name}`, current);
      phase.set({ namespace, name, phase: current }, 1);
    },
    forget(namespace, name) {
      weight.remove({ namespace, name });
      stage.remove({ namespace, name });
      leavePhase(namespace, name);
      noteTroubles(namespace, name, []);
    },
  };
}

/** Conditions that are trouble when they are True. */
const TROUBLE: ReadonlySet<string> = new Set(['Stalled', 'RouteContested', 'TrafficSplitMismatch']);
/** Those that are trouble when they are False. */
const MISSED: ReadonlySet<string> = new Set(['MetricsAvailable', 'RoutesAccepted', 'ServingReady']);

function troublesOf(status: CanaryRelease['status']): readonly string[] {
  return (status?.conditions ?? []).flatMap(({ type, status: holds }) => {
    if (holds === 'True' && TROUBLE.has(type)) return [type];
    return holds === 'False' && MISSED.has(type) ? [`Not${type}`] : [];
  });
}

/** `2` of the progress `2/3`. */
function stageNumber(status: CanaryRelease['status']): number {
  return Number.parseInt(status?.progress ?? '', 10) || 0;
}

function createAnalysisMetrics(registry: Registry): Pick<Telemetry, 'verdict' | 'look' | 'querySeconds'> {
  const verdicts = new Counter({
    name: 'glidepath_verdicts_total',
    help: 'Verdicts of the analysis, by name of the check.',
    labelNames: ['check', 'verdict'],
    registers: [registry],
  });
  const looks = new Counter({ name: 'glidepath_looks_total', help: 'Evaluations of releases against Prometheus.', registers: [registry] });
  const known = new Set<string>();
  return {
    verdict(_release, check, verdict) {
      if (!known.has(check)) for (const possible of VERDICTS) verdicts.inc({ check, verdict: possible }, 0);
      known.add(check);
      verdicts.inc({ check, verdict });
    },
    look: () => looks.inc(),
    querySeconds: observeIn(histogram(registry, 'glidepath_query_seconds', 'Duration of one query to Prometheus.', QUICK_SECONDS)),
  };
}

function createRouteMetrics(registry: Registry): Pick<Telemetry, 'routeWrite' | 'drift' | 'foreignStatus'> {
  const writes = new Counter({
    name: 'glidepath_route_writes_total',
    help: 'Writes of routes, by result.',
    labelNames: ['result'],
    registers: [registry],
  });
  for (const result of ROUTE_WRITE_RESULTS) writes.inc({ result }, 0);
  const drifts = new Counter({
    name: 'glidepath_route_drift_total',
    help: 'Route weight changes by other field managers.',
    registers: [registry],
  });
  const foreign = new Counter({
    name: 'glidepath_foreign_status_total',
    help: 'Statuses of releases that were written by another operator since this one wrote them.',
    registers: [registry],
  });
  return { routeWrite: (result) => writes.inc({ result }), drift: () => drifts.inc(), foreignStatus: () => foreign.inc() };
}

function createQueueMetrics(registry: Registry): QueueMetrics {
  const registers = [registry];
  const adds = new Counter({
    name: 'glidepath_workqueue_adds_total',
    help: 'Keys added to the work queue.',
    labelNames: ['priority'],
    registers,
  });
  for (const priority of ['urgent', 'normal']) adds.inc({ priority }, 0);
  const retries = new Counter({ name: 'glidepath_workqueue_retries_total', help: 'Reconciles repeated after a failure.', registers });
  const depth = new Gauge({ name: 'glidepath_workqueue_depth', help: 'Keys that are waiting for a worker.', registers });
  const running = new Gauge({ name: 'glidepath_workqueue_running', help: 'Keys that are being processed.', registers });
  return {
    added: (priority) => adds.inc({ priority }),
    depth: (keys) => depth.set(keys),
    running: (keys) => running.set(keys),
    waited: observeIn(histogram(registry, 'glidepath_workqueue_wait_seconds', 'Time a key waited in the queue.', QUICK_SECONDS)),
    worked: observeIn(histogram(registry, 'glidepath_workqueue_work_seconds', 'Time a key was processed.', QUICK_SECONDS)),
    retried: () => retries.inc(),
  };
}

function histogram(registry: Registry, name: string, help: string, buckets: readonly number[]): Histogram {
  return new Histogram({ name, help, buckets: [...buckets], registers: [registry] });
}

function observeIn(metric: Histogram): (seconds: number) => void {
  return (seconds) => metric.observe(seconds);
}
