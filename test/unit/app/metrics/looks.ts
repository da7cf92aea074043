// What the tests of a look are made of: a reader that answers by a part of the query, and the question of one release.

import { expect } from 'vitest';
import type { CanaryReleaseStatus, ReleaseStatus, SpecInput } from '../../../../src/api/release.ts';
import { askLook } from '../../../../src/app/metrics/look-reading.ts';
import type { LookQuestion } from '../../../../src/app/metrics/queries.ts';
import type { MetricsAnswer, MetricsReader, MetricsTarget, Series } from '../../../../src/ports/metrics.ts';
import { type QuestionChange, withOneSource } from '../../../fixtures/look-question.ts';
import { after, aReleaseStatus, aSpec, aStatus, NAMESPACE } from '../../../fixtures/builders.ts';

export const TARGET: MetricsTarget = { namespace: NAMESPACE, timeoutMs: 5_000 };
export const LOOK_AT = after(120);
export const readLook = async (...given: Parameters<typeof askLook>) => (await askLook(...given)).reading;

/** A reader that answers by a part of the query, the first that fits, and notes what it was asked. */
export class FakeReader implements MetricsReader {
  readonly asked: { readonly query: string; readonly atMs: number }[] = [];
  readonly #answers: readonly (readonly [part: string, answer: MetricsAnswer])[];

  constructor(...answers: readonly (readonly [part: string, answer: MetricsAnswer])[]) {
    this.#answers = answers;
  }

  query(target: MetricsTarget, query: string, atMs: number): Promise<MetricsAnswer> {
    expect(target).toMatchObject(TARGET);
    this.asked.push({ query, atMs });
    return Promise.resolve(this.#answers.find(([part]) => query.includes(part))?.[1] ?? found());
  }

  refusal(): undefined {
    return undefined;
  }
}

export function found(...series: readonly Series[]): MetricsAnswer {
  return { ok: true, series, warnings: [] };
}

/** A counter that grows by so much every 10 s from the start to the look, with the values that it had before. */
export function counter(labels: Readonly<Record<string, string>>, each: number, first = 0): Series {
  const samples = Array.from({ length: 13 }, (_, index) => ({ atMs: after(index * 10) - 100, value: first + each * index }));
  return { labels, samples };
}

export const code = (text: string, each: number, first = 0) => counter({ envoy_response_code: text }, each, first);
export const canaryCounts = 'envoy_cluster_upstream_rq{envoy_cluster_name="shop_v2_80"}';
export const servingCounts = 'envoy_cluster_upstream_rq{envoy_cluster_name="shop_v1_80"}';
export const latencyCounts = 'envoy_cluster_upstream_rq_time_bucket';

export function question(
  analysis: SpecInput['analysis'] = {},
  change: QuestionChange = {},
  release: Partial<ReleaseStatus> = {},
  status: Partial<CanaryReleaseStatus> = {},
): LookQuestion {
  return {
    spec: aSpec({ analysis }),
    status: aStatus({ ...status, release: aReleaseStatus(release) }),
    name: 'web',
    target: TARGET,
    splitSide: 'both',
    ...withOneSource(change),
  };
}
