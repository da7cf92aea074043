// A plan as text for people and as JSON for machines. The JSON is a promise: fields are added, never renamed or removed.

import type { CanaryReleaseSpec } from '../../api/release.ts';
import { formatPercent } from '../../api/quantity.ts';
import { formatTable, sayChance } from '../output.ts';
import { namesOfGates } from '../gates.ts';
import { findSourceGaps } from '../source-gaps.ts';
import { sayDuration } from '../values.ts';
import { drawChart, type Paint } from './chart.ts';
import type { Plan } from './plan.ts';
import type { Ending } from './run-result.ts';
import { findWideBucket, type WideBucket } from '../../core/analysis/comparison/wide-bucket.ts';
import { describeWideBucket } from '../../core/analysis/comparison/words.ts';
import { LATENCY } from '../../core/analysis/comparison/settings.ts';
import { cumulate, shareBuckets } from './latency.ts';
import { COHORT_SHARE, pairOf } from './world.ts';
import type { RollbackTimes, Times } from './summary.ts';
import { tellRun } from './timeline.ts';
import type { TrafficModel } from './traffic.ts';

const ENDING_WORDS: Readonly<Record<Ending, string>> = {
  promoted: 'promoted',
  completed: 'completed',
  rolledBack: 'rolled back',
  asked: 'waits for a person',
  blocked: 'cannot start',
  unfinished: 'does not end',
};

/** Whether the canary changes its behaviour at a later stage rather than from the start. */
function turns({ question: { traffic } }: Plan): boolean {
  return traffic.badFromStage > 1;
}

/** `shop/store-api`. */
export function nameOf({ question: { release } }: Plan): string {
  return `${release.metadata.namespace}/${release.metadata.name}`;
}

/** The conditions of the plan in one line. */
export function describeTraffic(plan: Plan): string {
  const { rps, serving, canary, badFromStage } = plan.question.traffic;
  const versions = `serving fails ${formatPercent(serving.errorRatio)} at a median of ${sayDuration(serving.latencySeconds * 1_000)}, the canary ${formatPercent(canary.errorRatio)} at ${sayDuration(canary.latencySeconds * 1_000)}`;
  return `${rps} requests/s; ${versions}${turns(plan) ? ` from stage ${badFromStage} on` : ''}; seed ${plan.question.seed}`;
}

/** What the plan says in one line: the title of its drawings. */
export function describeEnd({ typical }: Plan): string {
  return `typical run: ${ENDING_WORDS[typical.ending]} ${typical.ending === 'blocked' ? '' : `after ${sayDuration(typical.atMs)}`}`.trim();
}

/** Lines for people. */
export function formatPlan(plan: Plan, paint: Paint, columns: number): string {
  const { typical, untilMs } = plan;
  const bad = typical.ending === 'rolledBack' ? { badFromMs: typical.atMs } : {};
  const started = typical.entries.some(({ reason }) => reason === 'StageStarted');
  const chart = started ? [...drawChart({ steps: typical.steps, untilMs, ...bad, columns, rows: 8 }, paint), ''] : [];
  const rows = tellRun(typical, turns(plan)).map((entry) => [sayDuration(entry.atMs), `${entry.weight}%`, entry.state, entry.message]);
  const timeline = rows.length === 0 ? [] : [...formatTable([['TIME', 'WEIGHT', 'STATE', 'WHAT HAPPENS'], ...rows]), ''];
  const end = ['promoted', 'completed', 'rolledBack'].includes(typical.ending) ? [] : [`ends with: ${typical.message}`, ''];
  return [
    `plan of CanaryRelease ${nameOf(plan)}`,
    describeTraffic(plan),
    ...describeAssumptions(plan),
    '',
    describeEnd(plan),
    '',
    ...chart,
    ...timeline,
    ...end,
    ...(plan.typical.ending === 'blocked' ? [] : formatSummary(plan)),
    '',
  ].join('\n');
}

function assumeGates(spec: CanaryReleaseSpec): readonly string[] {
  const gates = namesOfGates(spec);
  return gates.length === 0 ? [] : [`assumed: ${gates.join(', ')} ${gates.length === 1 ? 'passes' : 'pass'} at once`];
}

function describeAssumptions({ question: { release, traffic, approveAfterMs } }: Plan): readonly string[] {
  const { spec } = release;
  const own = spec.analysis.checks.filter(({ query }) => query !== undefined).map(({ name }) => name);
  const hidden = spec.analysis.comparison.mode === 'Off' ? undefined : findHidden(traffic);
  const { refusal, gaps } = findSourceGaps(spec);
  return [
    ...(refusal === undefined ? gaps : [`the operator would not begin: ${refusal}`]),
    ...(hidden === undefined ? [] : [describeWideBucket(hidden)]),
    ...(spec.stages.some(({ cohort }) => cohort !== undefined) ? [COHORT_ASSUMED] : []),
    ...(spec.stages.some(({ mirror }) => mirror !== undefined) ? [MIRROR_ASSUMED] : []),
    ...(spec.targetRef === undefined ? [] : [`assumed: the pods of Service ${pairOf(spec).canary} are ready at once`]),
    ...assumeGates(spec),
    ...(own.length === 0
      ? []
      : [`taken for granted: ${own.join(', ')} (${own.length === 1 ? 'a query' : 'queries'} of your own) stays within its limits`]),
    ...(waitsForPeople(spec) && approveAfterMs === undefined
      ? ['a run ends where it waits for approval; simulate approvals with --approve-after']
      : []),
    ...(approveAfterMs === undefined ? [] : [`each approval is given after ${sayDuration(approveAfterMs)}`]),
  ];
}

const COHORT_ASSUMED = `assumed: ${formatPercent(COHORT_SHARE)} of the requests are of the cohort, and they are counted with the others, so that checks judge them alone`;

const MIRROR_ASSUMED =
  'assumed: every request has a method that is mirrored, and the gateway honours the percentage; copies are judged by checks alone, and their failures reach no user';

function waitsForPeople({ promotion, stages, analysis }: CanaryReleaseSpec): boolean {
  return (
    promotion.approval === 'Required' || stages.some(({ approval }) => approval === 'Required') || analysis.onInconclusive === 'Approve'
  );
}

/** The bucket of serving's latency in which a slower canary would not be seen. */
function findHidden({ serving, uppers }: TrafficModel): WideBucket | undefined {
  const buckets = cumulate(shareBuckets(serving.latencySeconds, uppers), uppers);
  return findWideBucket({ le: uppers, cumulative: buckets.map(({ count }) => count) }, LATENCY);
}

function formatSummary({ summary, question }: Plan): readonly string[] {
  const { promoted, completed, rolledBack, asked, askedOnTheWay, unfinished, extraFailures, canaryRequests } = summary;
  const rows = [
    [`OVER ${summary.runs} RUNS`, 'CHANCE', 'MEDIAN', '90% WITHIN', ''],
    question.release.spec.promotion.mode === 'None' ? rowOf('completed', completed, '') : rowOf('promoted', promoted, ''),
    rowOf('rolled back', rolledBack, isWorse(question.traffic) ? describeTurn(rolledBack) : ''),
    rowOf('waits for a person', asked, ''),
    ...(askedOnTheWay === 0 ? [] : [['approved on the way', sayChance(askedOnTheWay), '', '', '']]),
    ...(unfinished.runs === 0 ? [] : [rowOf('does not end', unfinished, '')]),
  ];
  const reasons = summary.reasons.filter(({ ending }) => ending !== 'promoted' && ending !== 'completed').slice(0, 4);
  return [
    ...formatTable(rows),
    ...(reasons.length === 0
      ? []
      : [
          '',
          `reasons: ${reasons.map(({ ending, reason, chance }) => `${ENDING_WORDS[ending]} for ${reason} ${sayChance(chance)}`).join(', ')}`,
        ]),
    '',
    `failed requests caused by the canary: ${sayCount(extraFailures.mean)} expected, at most ${sayCount(extraFailures.p90)} in 9 of 10 runs (of ${sayCount(canaryRequests.mean)} canary requests)`,
  ];
}

function rowOf(name: string, { chance, medianMs, p90Ms }: Times, more: string): readonly string[] {
  return [
    name,
    sayChance(chance),
    medianMs === undefined ? '-' : sayDuration(medianMs),
    p90Ms === undefined ? '-' : sayDuration(p90Ms),
    more,
  ];
}

function isWorse({ serving, canary }: TrafficModel): boolean {
  return canary.errorRatio > serving.errorRatio || canary.latencySeconds > serving.latencySeconds;
}

function describeTurn({ medianAfterTurnMs, p90AfterTurnMs }: RollbackTimes): string {
  if (medianAfterTurnMs === undefined || p90AfterTurnMs === undefined) return '';
  return `${sayDuration(medianAfterTurnMs)} after the canary turned bad, 90% within ${sayDuration(p90AfterTurnMs)}`;
}

function sayCount(count: number): string {
  return count < 10 ? String(Number(count.toFixed(1))) : Math.round(count).toLocaleString('en-US');
}

/**
 * One plan as plain data; times in seconds since the release began, chances and ratios 0 to 1, weights in percent.
 * `-o json` prints `{"apiVersion": "cli.glidepath.dev/v1", "kind": "PlanList", "items": [plan, …]}`.
 */
export function toPlanJson(plan: Plan): Readonly<Record<string, unknown>> {
  const { question, summary, typical } = plan;
  const { serving, canary, rps, badFromStage } = question.traffic;
  const { metadata } = question.release;
  return {
    namespace: metadata.namespace,
    name: metadata.name,
    traffic: {
      requestsPerSecond: rps,
      errors: serving.errorRatio,
      canaryErrors: canary.errorRatio,
      latencySeconds: serving.latencySeconds,
      canaryLatencySeconds: canary.latencySeconds,
      badFromStage,
    },
    metricsSource: findSourceGaps(question.release.spec),
    seed: question.seed,
    runs: summary.runs,
    promoted: timesJson(summary.promoted),
    completed: timesJson(summary.completed),
    rolledBack: {
      ...timesJson(summary.rolledBack),
      medianSecondsAfterBad: seconds(summary.rolledBack.medianAfterTurnMs),
      p90SecondsAfterBad: seconds(summary.rolledBack.p90AfterTurnMs),
    },
    asked: timesJson(summary.asked),
    askedOnTheWay: summary.askedOnTheWay,
    unfinished: timesJson(summary.unfinished),
    reasons: summary.reasons,
    extraFailures: { mean: round(summary.extraFailures.mean), p90: round(summary.extraFailures.p90) },
    canaryRequests: { mean: round(summary.canaryRequests.mean) },
    stages: plan.stages.map(({ label, weight, atMs }, index) => ({ stage: index + 1, label, weight, seconds: seconds(atMs) })),
    typical: {
      run: plan.typicalIndex,
      ending: typical.ending,
      reason: typical.reason,
      message: typical.message,
      seconds: seconds(typical.atMs),
      weights: typical.steps.map(({ atMs, weight }) => ({ seconds: seconds(atMs), weight })),
      timeline: tellRun(typical, turns(plan)).map(({ atMs, ...entry }) => ({ seconds: seconds(atMs), ...entry })),
    },
  };
}

function timesJson({ chance, runs, medianMs, p90Ms }: Times): Readonly<Record<string, unknown>> {
  return { chance, runs, medianSeconds: seconds(medianMs), p90Seconds: seconds(p90Ms) };
}

/** Absent times are `null`, so that the fields are always there. */
function seconds(ms: number | undefined): number | null {
  return ms === undefined ? null : ms / 1_000;
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
