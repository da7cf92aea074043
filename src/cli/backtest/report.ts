// A backtest as text for people and as JSON for machines. The JSON is a promise: fields are added, never renamed or removed.

import type { CanaryRelease, CanaryReleaseStatus } from '../../api/release.ts';
import { roundCount } from '../../core/analysis/comparison/words.ts';
import { clockOf, toTime } from '../../api/times.ts';
import type { Span } from '../../core/analysis/increments.ts';
import { formatTable } from '../output.ts';
import type { BacktestResult, Earned } from './session.ts';
import type { ReplayedLook } from './replay.ts';

/** What a report is about. */
export interface ReportInput {
  readonly release: CanaryRelease;
  readonly source: string;
  readonly span: Span;
  readonly result: BacktestResult;
}

type Check = NonNullable<CanaryReleaseStatus['checks']>[number];

/** One change of a verdict, or the beginning of a stage. */
interface News {
  readonly atMs: number;
  readonly what: string;
  readonly verdict: string;
  readonly message: string;
}

const DAY_MS = 24 * 3_600_000;
/** A first share of this many percent is doubtful. */
const MUCH = 60;

/** @param everyLook a line for each look rather than for each change */
export function formatBacktest(input: ReportInput, everyLook: boolean): string {
  const { release, source, span, result } = input;
  const say = sayer(span);
  const news = everyLook ? result.looks.flatMap(listChecks) : findNews(input);
  const rows = news.map(({ atMs, what, verdict, message }) => [say(atMs), what, verdict, message]);
  return [
    `backtest of CanaryRelease ${release.metadata.namespace}/${release.metadata.name}, source ${source}`,
    `from ${toSecond(span.fromMs)} to ${toSecond(span.toMs)}, ${result.looks.length} evaluations`,
    '',
    ...(rows.length === 0 ? [] : [...formatTable([['TIME', 'WHAT', 'VERDICT', 'WHY'], ...rows]), '']),
    ...warnOfRoles(result),
    conclude(input),
    '',
  ].join('\n');
}

/** A Service that has most of the traffic at once is the serving one, not a canary. */
function warnOfRoles({ looks }: BacktestResult): readonly string[] {
  const weight = looks[0]?.weight ?? 0;
  if (weight < MUCH) return [];
  return [
    `note: the canary had ${weight}% of the requests from the beginning; if it was the serving Service, use --canary or another --from`,
    '',
  ];
}

function sayer({ fromMs, toMs }: Span): (ms: number) => string {
  return toMs - fromMs < DAY_MS ? clockOf : toSecond;
}

function toSecond(ms: number): string {
  return toTime(Math.round(ms / 1_000) * 1_000);
}

function listChecks(look: ReplayedLook): readonly News[] {
  return (look.status.checks ?? []).map((check) => ({
    atMs: look.atMs,
    what: check.name,
    verdict: check.verdict,
    message: describeCheck(check),
  }));
}

function findNews({ release, result }: ReportInput): readonly News[] {
  const news: News[] = [];
  const known = new Map<string, string>();
  let stage = 0;
  for (const look of result.looks) {
    if (look.stage !== stage) {
      stage = look.stage;
      news.push({
        atMs: look.atMs,
        what: 'stage',
        verdict: `${stage}/${release.spec.stages.length}`,
        message: `the canary gets ${look.weight}% of the requests`,
      });
    }
    for (const one of listChecks(look)) {
      if (known.get(one.what) !== one.verdict) news.push(one);
      known.set(one.what, one.verdict);
    }
    for (const earned of result.earned.filter(({ atMs }) => atMs === look.atMs))
      news.push({ atMs: look.atMs, what: 'stage', verdict: 'earned', message: describeEarned(earned) });
  }
  return news;
}

function describeEarned({ weight }: Earned): string {
  return weight === 100 ? 'the promotion' : `${weight}%`;
}

/** The comparison has a message of its own; of a check the value and the limit are printed. */
function describeCheck({ value, limit, requests, message }: Check): string {
  const measured =
    value === undefined ? '' : `${value} (limit ${limit})${requests === undefined ? '' : ` over ${roundCount(requests)} canary requests`}`;
  return [measured, message ?? ''].filter((text) => text !== '').join('; ');
}

/** The last line: how the release would have ended. */
export function conclude({ release, source, span, result }: ReportInput): string {
  const say = sayer(span);
  const { startMs, failed, earned, untilMs, canaryLeft, looks } = result;
  if (startMs === undefined)
    return `the canary had no request between ${toSecond(span.fromMs)} and ${toSecond(span.toMs)} that source ${source} counts; check --from, --to and --canary-selector`;
  const mode = release.spec.analysis.mode === 'Enforce' ? '' : ` if spec.analysis.mode were Enforce (it is ${release.spec.analysis.mode})`;
  const proven = earned.map((one) => `${describeEarned(one)} at ${say(one.atMs)}`).join(', ');
  if (failed !== undefined) {
    const spent = failed.look.judgement?.canary;
    const cost =
      spent === undefined ? '' : `; by then ${roundCount(spent.serverErrors)} of ${roundCount(spent.requests)} canary requests had failed`;
    const before = proven === '' ? '' : ` (after it had passed ${proven})`;
    return `would have rolled back at ${say(failed.look.atMs)}${mode}${before}: ${failed.message}${cost}`;
  }
  const end = canaryLeft ? `${say(untilMs)}, when the canary's requests ended` : say(untilMs);
  if (proven !== '') return `would have passed ${proven}${mode}; no check failed until ${end}`;
  const last = looks.at(-1)?.status.verdict ?? 'Inconclusive';
  return `would have passed no stage until ${end}, and no check failed (last verdict ${last})`;
}

/** `-o json` prints this one object; times are RFC 3339, weights percent. */
export function toBacktestJson(input: ReportInput): Readonly<Record<string, unknown>> {
  const { release, source, span, result } = input;
  const { startMs, failed } = result;
  return {
    apiVersion: 'cli.glidepath.dev/v1',
    kind: 'Backtest',
    namespace: release.metadata.namespace,
    name: release.metadata.name,
    source,
    from: toTime(span.fromMs),
    to: toTime(span.toMs),
    start: startMs === undefined ? null : toTime(startMs),
    until: toTime(result.untilMs),
    outcome: startMs === undefined ? 'noCanary' : failed !== undefined ? 'rolledBack' : result.earned.length > 0 ? 'earned' : 'unproven',
    conclusion: conclude(input),
    rolledBack:
      failed === undefined
        ? null
        : { at: toTime(failed.look.atMs), stage: failed.look.stage, reason: failed.reason, message: failed.message },
    earned: result.earned.map(({ atMs, stage, weight }) => ({ at: toTime(atMs), stage, weight })),
    looks: result.looks.map(({ atMs, stage, weight, status }) => ({
      at: toTime(atMs),
      stage,
      weight,
      verdict: status.verdict ?? null,
      checks: status.checks ?? [],
    })),
  };
}
