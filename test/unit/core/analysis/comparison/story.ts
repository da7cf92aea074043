// A release whose looks are read from a Prometheus in memory, compared and folded into its status, as the operator does it: what is
// stored there can be as broken as a test wants it.

import type { CanaryReleaseStatus, ReleaseStatus, SpecInput } from '../../../../../src/api/release.ts';
import type { LookQuestion } from '../../../../../src/app/metrics/queries.ts';
import { ComparisonDesk } from '../../../../../src/app/metrics/comparison-desk.ts';
import { askLook } from '../../../../../src/app/metrics/look-reading.ts';
import type { LookReading } from '../../../../../src/core/analysis/reading.ts';
import type { Sample, Series } from '../../../../../src/core/analysis/series.ts';
import { foldLook } from '../../../../../src/core/release/evidence/looks.ts';
import type { MetricsAnswer, MetricsReader, MetricsTarget } from '../../../../../src/ports/metrics.ts';
import { after, aReleaseStatus, aSpec, aStatus, NAMESPACE, timeAfter } from '../../../../fixtures/builders.ts';
import { type QuestionChange, withOneSource } from '../../../../fixtures/look-question.ts';

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Prometheus in memory. Series are found by a part of the query; samples become visible `lateMs` after their time. */
export class MemoryPrometheus implements MetricsReader {
  nowMs = Number.POSITIVE_INFINITY;
  lateMs = 0;
  /** Whether it answers with samples from after the time that it was asked for. */
  tellsTheFuture = false;
  /** What it says instead of an answer, or beside one. */
  fault: ((query: string) => Partial<MetricsAnswer> | undefined) | undefined;
  /** While this is true answers wait in `held`. */
  holds = false;
  readonly held: (() => void)[] = [];
  readonly asked: { readonly query: string; readonly atMs: number; readonly rangeMs: number }[] = [];
  stored: Stored;

  constructor(stored: Stored) {
    this.stored = stored;
  }

  async query(_target: MetricsTarget, query: string, atMs: number): Promise<MetricsAnswer> {
    const range = /\[([^\]]*)\]$/.exec(query)?.[1] ?? '';
    const rangeMs = [...range.matchAll(/(\d+)(ms|[smhd])/g)].reduce(
      (sum, [, count, unit]) => sum + Number(count) * (UNITS[unit ?? ''] ?? 0),
      0,
    );
    this.asked.push({ query, atMs, rangeMs });
    if (this.holds) await new Promise<void>((resolve) => this.held.push(resolve));
    const fault = this.fault?.(query);
    if (fault?.ok === false) return fault as MetricsAnswer;
    const found = Object.entries(this.stored).flatMap(([part, all]) => (query.includes(part) ? all : []));
    const newest = this.tellsTheFuture ? Number.POSITIVE_INFINITY : Math.min(atMs, this.nowMs - this.lateMs);
    const series = found.map(({ labels, samples }) => ({
      labels,
      samples: samples.filter((one) => one.atMs > atMs - rangeMs && one.atMs <= newest),
    }));
    return { ok: true, series: series.filter(({ samples }) => samples.length > 0), warnings: [], ...fault } as MetricsAnswer;
  }

  refusal(): undefined {
    return undefined;
  }
}

/** Series by a part of the query that asks for them. */
export type Stored = Readonly<Record<string, readonly Series[]>>;

export const CANARY = 'upstream_rq{envoy_cluster_name="shop_v2_80"}';
export const SERVING = 'upstream_rq{envoy_cluster_name="shop_v1_80"}';
export const CANARY_TIMES = 'time_bucket{envoy_cluster_name="shop_v2_80"}';
export const SERVING_TIMES = 'time_bucket{envoy_cluster_name="shop_v1_80"}';

/** What a counter grows by at the scrape of this second. */
export type Growth = number | ((seconds: number) => number);

/** A counter that is scraped every 10 s, right before the looks, and is there for an hour from `from` on. */
export function counter(labels: Readonly<Record<string, string>>, each: Growth, from = -2_000): Series {
  let value = 0;
  const samples: Sample[] = [];
  for (let seconds = from; seconds <= 3_600; seconds += 10) {
    value += typeof each === 'number' ? each : each(seconds);
    samples.push({ atMs: after(seconds) - 120, value });
  }
  return { labels, samples };
}

const code = (text: string, each: Growth, from?: number) => counter({ envoy_response_code: text }, each, from);

/** Counts of one arm. */
export function answers(good: Growth, bad: Growth = 0, from?: number): readonly Series[] {
  return [code('200', good, from), code('503', bad, from)];
}

/** A histogram of one arm, from the growth of each bucket, not cumulative; bounds in milliseconds. */
export function times(inside: Readonly<Record<string, number>>, from?: number): readonly Series[] {
  let sum = 0;
  return Object.entries(inside)
    .sort(([one], [other]) => Number(one.replace('+Inf', 'Infinity')) - Number(other.replace('+Inf', 'Infinity')))
    .map(([le, each]) => {
      sum += each;
      return counter({ le }, sum, from);
    });
}

/** A good canary beside a good serving version: 20 and 180 requests a look. */
export const HEALTHY: Stored = { [CANARY]: answers(20, 0, 0), [SERVING]: answers(180) };

/** The comparison alone decides: no check, and requests enough for anything. */
export const ALONE: SpecInput['analysis'] = { checks: [], minRequests: 1, comparison: { mode: 'Enforce', riskBudget: '2%' } };

export const TARGET: MetricsTarget = { namespace: NAMESPACE, timeoutMs: 5_000 };

/** A question about a release at 10%, compared since its start. */
export function aQuestion(
  analysis: SpecInput['analysis'] = ALONE,
  release: Partial<ReleaseStatus> = {},
  change: QuestionChange = {},
): LookQuestion {
  return {
    spec: aSpec({ analysis }),
    status: aStatus({ weight: 10, release: aReleaseStatus({ served: [{ weight: 10, from: timeAfter(0) }], ...release }) }),
    name: 'web',
    target: TARGET,
    splitSide: 'both',
    ...withOneSource(change),
  };
}

/** Times of looks, every 10 s. */
export function looks(from: number, to: number): readonly number[] {
  return Array.from({ length: Math.floor((to - from) / 10) + 1 }, (_, index) => from + index * 10);
}

/** A release with its desk; `look` reads, compares and folds one look. */
export class Story {
  readonly prometheus: MemoryPrometheus;
  desk: ComparisonDesk;
  question: LookQuestion;
  reading: LookReading | undefined;

  constructor(stored: Stored = HEALTHY, question: LookQuestion = aQuestion()) {
    this.prometheus = new MemoryPrometheus(stored);
    this.desk = new ComparisonDesk(this.prometheus);
    this.question = question;
  }

  get status(): CanaryReleaseStatus {
    return this.question.status;
  }

  /** @param seconds since the start */
  async look(seconds: number): Promise<CanaryReleaseStatus['verdict']> {
    const atMs = after(seconds);
    this.prometheus.nowMs = atMs;
    const { reading, arms } = await askLook(this.prometheus, this.question, atMs);
    const comparison = arms === undefined ? undefined : await this.desk.judge('shop/web', this.question, atMs, arms);
    this.reading = comparison === undefined ? reading : { ...reading, comparison };
    this.question = { ...this.question, status: foldLook(this.question.spec, this.status, this.reading) };
    return this.status.verdict;
  }

  /** The verdicts of these looks, each once. */
  async verdicts(seconds: readonly number[]): Promise<readonly (string | undefined)[]> {
    const found = new Set<string | undefined>();
    for (const one of seconds) found.add(await this.look(one));
    return [...found];
  }

  /** The operator starts anew: only the status is left. */
  restart(): void {
    this.desk = new ComparisonDesk(this.prometheus);
  }

  get comparison() {
    return this.status.checks?.find(({ name }) => name === 'comparison');
  }

  get judgement() {
    return this.reading?.comparison?.kind === 'facts' ? this.reading.comparison.facts : undefined;
  }
}
