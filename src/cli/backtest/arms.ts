// Reads the raw samples of both sides from Prometheus, as the operator does, with the caller's own matchers where names have changed.

import { withoutUndefined } from '../../api/absence.ts';
import { isGlidepathError } from '../../api/errors.ts';
import type { PrometheusReader } from '../../adapters/prometheus/reader.ts';
import { type Answers, type Counts, type Problem, type Timed, toArm } from '../../core/analysis/assemble.ts';
import type { ArmSeries } from '../../core/analysis/comparison/cells.ts';
import { historyOf, type Span } from '../../core/analysis/increments.ts';
import type { BackendIdentity, MetricsSource } from '../../sources/source.ts';
import { failure, usageError } from '../usage.ts';

/** The part of the adapter that is needed. */
export type Reader = Pick<PrometheusReader, 'query'>;

/** One side of the comparison. */
export interface Arm {
  readonly backend: BackendIdentity;
  /** Matchers such as `envoy_cluster_name="shop_web-v2_80"` in place of the source's. */
  readonly selector: string | undefined;
  /** The option that they came from, for messages. */
  readonly option: string;
}

/** Both sides and where they are recorded. */
export interface Recording {
  readonly reader: Reader;
  readonly source: MetricsSource;
  readonly canary: Arm;
  readonly serving: Arm;
  readonly timeoutMs: number;
}

/** Raw samples of both sides. */
export interface Piece {
  readonly counts: Counts;
  readonly timed: Timed;
  readonly servingTimed: Timed;
}

/** A counter's base is looked for this far before a span. */
const BASE_SLACK_MS = 120_000;

/** Reads both sides. @throws GlidepathError when Prometheus is unavailable */
export async function readPiece(recording: Recording, span: Span): Promise<Piece> {
  const { canary, serving } = recording;
  const [ofCanary, ofServing, timed, servingTimed] = await Promise.all([
    readCounts(recording, canary, span),
    readCounts(recording, serving, span),
    readTimed(recording, canary, span),
    readTimed(recording, serving, span),
  ]);
  const [problem, servingProblem] = [ofCanary.problem, ofServing.problem];
  return {
    counts: {
      canary: ofCanary.series,
      serving: ofServing.series,
      seen: ofCanary.series.length > 0 ? ofCanary.series : ofServing.series,
      history: ofServing.series.length === 0 ? 'whole' : historyOf(ofServing.series, span.fromMs),
      ...withoutUndefined({ problem, servingProblem }),
    },
    timed,
    servingTimed,
  };
}

/** Both sides as the comparison cuts them: histograms of both or of none. */
export function armsOf({ counts, timed, servingTimed }: Piece): { readonly canary: ArmSeries; readonly serving: ArmSeries } {
  const both = timed.kind === 'series' && servingTimed.kind === 'series';
  return { canary: toArm(counts.canary, both ? timed : undefined), serving: toArm(counts.serving, both ? servingTimed : undefined) };
}

async function readCounts(recording: Recording, arm: Arm, span: Span): Promise<Answers> {
  return ask(
    recording,
    write(recording, arm, (source, backend) => source.requests(backend, rangeOf(span))),
    span.toMs,
  );
}

async function readTimed(recording: Recording, arm: Arm, span: Span): Promise<Timed> {
  const { source } = recording;
  if (source.latency === undefined)
    return { kind: 'unusable', message: `metrics source ${source.name} has no latency histogram; use a check with a query of your own` };
  const unit = latencyOf(source, stand(arm), span).unit;
  const answers = await ask(
    recording,
    write(recording, arm, (_source, backend) => latencyOf(source, backend, span).query),
    span.toMs,
  );
  return answers.problem ?? { kind: 'series', series: answers.series, perSecond: unit === 'ms' ? 1_000 : 1 };
}

function latencyOf(source: MetricsSource, backend: BackendIdentity, span: Span): { readonly query: string; readonly unit: 'ms' | 's' } {
  return source.latency?.(backend, rangeOf(span)) ?? { query: '', unit: 's' };
}

function rangeOf({ fromMs, toMs }: Span): number {
  return toMs - fromMs + BASE_SLACK_MS;
}

const QUERY = /^([a-zA-Z_:][a-zA-Z0-9_:]*)\{.*\}(\[[^\]]+\])$/s;

/** The source's query, its matchers replaced by those that were given. */
function write({ source }: Recording, arm: Arm, query: (source: MetricsSource, backend: BackendIdentity) => string): string {
  if (arm.selector !== undefined) {
    const [, metric, range] = QUERY.exec(query(source, stand(arm))) ?? [];
    if (metric !== undefined && range !== undefined) return `${metric}{${arm.selector}}${range}`;
  }
  try {
    return query(source, arm.backend);
  } catch (thrown) {
    if (!isGlidepathError(thrown)) throw thrown;
    throw usageError(`source ${source.name}: ${thrown.message}; a recording does not have it, so add ${arm.option}`);
  }
}

/** The backend with everything that any source may ask for: its matchers are replaced anyway. */
function stand({ backend }: Arm): BackendIdentity {
  const { namespace, service } = backend;
  const route = { kind: 'HTTPRoute' as const, namespace, name: service, ruleIndex: 0, backendIndex: 0 };
  return { ...backend, route, workload: { name: service, templateHashes: ['0'] } };
}

async function ask({ reader, canary, timeoutMs }: Recording, query: string, atMs: number): Promise<Answers> {
  const answer = await reader.query({ namespace: canary.backend.namespace, timeoutMs }, query, atMs);
  if (!answer.ok) {
    if (answer.kind === 'unavailable') throw failure(answer.message);
    if (answer.kind === 'badQuery') throw usageError(`${answer.message} (query ${query}); fix the selector of that side`);
    return { series: [], problem: { kind: 'unusable', message: answer.message } };
  }
  const [warning] = answer.warnings;
  const problem: Problem | undefined =
    warning === undefined ? undefined : { kind: 'partial', message: `Prometheus warns that the answer is incomplete: ${warning}` };
  return { series: answer.series, ...(problem === undefined ? {} : { problem }) };
}
