// The release's own queries at one look: filled with what is known of the two versions, and asked.

import { parseDuration } from '../../api/duration.ts';
import type { Check } from '../../api/release.ts';
import { readScalar } from '../../core/analysis/assemble.ts';
import type { Evidence, LookReading } from '../../core/analysis/reading.ts';
import { promDuration, renderQuery, type TemplateValues } from '../../core/analysis/template.ts';
import { lateByMs } from '../../core/release/evidence/lateness.ts';
import type { MetricsReader } from '../../ports/metrics.ts';
import { podRegex } from '../../sources/pods.ts';
import { type LookQuestion, problemOf } from './queries.ts';

/** The number that each query of the release's own has at `atMs`, by the name of its check. */
export async function askOwn(reader: MetricsReader, question: LookQuestion, atMs: number): Promise<LookReading['own']> {
  const checks = question.spec.analysis.checks.filter((check) => check.query !== undefined);
  const entries = await Promise.all(checks.map(async (check) => [check.name, await askOne(reader, question, check, atMs)] as const));
  return Object.fromEntries(entries);
}

async function askOne(reader: MetricsReader, question: LookQuestion, check: Check, atMs: number): Promise<Evidence<number>> {
  const rendered = renderQuery(check.query ?? '', valuesOf(question));
  if (!rendered.ok) return { kind: 'unusable', message: `check ${check.name}: ${rendered.message}` };
  const ask = async (at: number): Promise<Evidence<number>> => {
    const answer = await reader.query(question.target, rendered.query, at);
    return problemOf(answer) ?? readScalar(answer.ok ? answer.series : [], check.name);
  };
  const value = await ask(atMs);
  const lateMs = lateByMs(question.status.release);
  // A range up to now may end before the newest sample that has arrived; whether this query's samples are late is not known beforehand.
  return value.kind === 'noData' && lateMs > 0 ? ask(atMs - lateMs) : value;
}

function valuesOf({ spec, status: { release }, namespace, name, canary, serving }: LookQuestion): TemplateValues {
  const [ofCanary] = canary;
  const [ofServing] = serving;
  return {
    namespace,
    release: name,
    canary: release?.canary.service ?? '',
    serving: release?.serving.service ?? '',
    revision: release?.revision ?? '',
    canaryWorkload: ofCanary?.workload?.name,
    servingWorkload: ofServing?.workload?.name,
    canaryPods: ofCanary === undefined ? undefined : podRegex(ofCanary),
    window: promDuration(parseDuration(spec.analysis.window)),
  };
}
