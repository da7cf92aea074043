// The sentinel's judge: the bet of the comparison and the checks that roll back at once, over what the gateways themselves counted
// second by second. It only convicts. Its state is lost with the operator, and then it begins again.

import { parseDuration } from '../../../api/duration.ts';
import type { CanaryReleaseSpec, CanaryReleaseStatus, Check } from '../../../api/release.ts';
import { fromTime } from '../../../api/times.ts';
import { type CheckResult, judgeCheck } from '../../analysis/checks.ts';
import type { ArmCounts, Cell } from '../../analysis/comparison/cells.ts';
import { addTotals, type ArmTotals, foldCell, type JudgeState, NO_REQUESTS, startJudge } from '../../analysis/comparison/judge.ts';
import { findingAt, judgeComparison } from '../../analysis/comparison/judgement.ts';
import { contextOf, spansOf } from '../../analysis/comparison/schedule.ts';
import { type JudgeSettings, judgeSettings, NO_PRIOR } from '../../analysis/comparison/settings.ts';
import { describeComparison } from '../../analysis/comparison/words.ts';
import {
  type ArmSelection,
  type CounterReading,
  countReadings,
  type KnownCounts,
  type SentinelConviction,
} from '../../analysis/sentinel.ts';
import type { LookCounts } from '../../analysis/reading.ts';
import type { SentinelSeen } from '../../analysis/sentinel.ts';
import { COMPARISON, isComparisonEnforced, nextRaiseOf } from './comparison-look.ts';
import { SENTINEL_SHARE } from './sentinel.ts';

/** Everything that is known of one release; plain data. */
export interface SentinelWatch {
  readonly known: KnownCounts;
  readonly judge: JudgeState;
  /** When it began, Unix milliseconds. */
  readonly startMs: number;
  /** Of the present weight, the newest last. */
  readonly cells: readonly Cell[];
  /** Since when the cells are of one weight. */
  readonly weightMs: number;
  readonly looks: Readonly<Record<string, CheckLook>>;
}

/** Of a check: when it was judged last, and its fails in a row. */
interface CheckLook {
  readonly atMs: number;
  readonly fails: number;
}

/** What a watch needs apart from the counters. */
export interface WatchQuestion {
  readonly spec: CanaryReleaseSpec;
  readonly status: CanaryReleaseStatus;
  readonly selection: ArmSelection;
  /** Dispersion of serving's errors before the release, as the comparison has measured it; undefined while it has not. */
  readonly phi: number | undefined;
  /** False while requests of a cohort are counted with the canary's: then only checks are judged. */
  readonly compares: boolean;
}

/** The counts that checks are judged by reach back no further. */
const LONGEST_WINDOW_MS = 10 * 60_000;
const LONGEST_WAIT_MS = 5_000;
/** Pods are asked so often, milliseconds. */
export const ROUND_MS = 1_000;
/**
 * Readings are a second apart, so bad answers have to come in four of them: an outage of the canary of less than three seconds passes.
 * The window is longer than with Prometheus, because at small weights the bad answers take longer to come.
 */
const GROSS = { windowMs: 15_000, minCells: 4 } as const;

/** Before the first reading. */
export function startWatch(question: WatchQuestion, nowMs: number): SentinelWatch {
  return {
    known: {},
    judge: startJudge(settingsOf(question, nowMs, 1)),
    startMs: nowMs,
    cells: [],
    weightMs: nowMs,
    looks: {},
  };
}

/** Other backends are asked for from now on: what was counted of the former ones is no base for them. */
export function forgetCounts(watch: SentinelWatch): SentinelWatch {
  return { ...watch, known: {} };
}

/** Counts what pods answered at `nowMs`, and judges it. */
export function watchRound(
  question: WatchQuestion,
  before: SentinelWatch,
  readings: readonly CounterReading[],
  nowMs: number,
): { readonly watch: SentinelWatch; readonly conviction: SentinelConviction | undefined } {
  if (nowMs < before.judge.foldedToMs) return { watch: waitFor(question, before, nowMs), conviction: undefined };
  const span = { fromMs: before.judge.foldedToMs, toMs: nowMs };
  const { known, cell } = countReadings(before.known, readings, question.selection, span);
  const settings = settingsOf(question, before.startMs, Object.keys(known).length);
  const judge = question.compares
    ? foldCell(settings, before.judge, cell, contextOf(spansOf(question.status.release ?? {}), cell))
    : { ...before.judge, foldedToMs: nowMs };
  const counted = { ...before, known, judge, ...keepCells(question, before, cell) };
  const { looks, failed } = judgeChecks(question, counted, nowMs);
  const watch = { ...counted, looks };
  return { watch, conviction: failed ?? compare(question, watch, settings) };
}

/** A clock that was set back: after a moment it comes to where it was, after longer the watch begins again. */
function waitFor(question: WatchQuestion, before: SentinelWatch, nowMs: number): SentinelWatch {
  return before.judge.foldedToMs - nowMs > LONGEST_WAIT_MS ? startWatch(question, nowMs) : before;
}

/** Alpha is shared with the comparison, so that both together keep the bound of the release. */
function settingsOf({ spec, phi }: WatchQuestion, startMs: number, targets: number): JudgeSettings {
  const settings = judgeSettings(spec, startMs, { ...NO_PRIOR, phi, replicas: Math.max(1, targets), scrapeMs: ROUND_MS }, SENTINEL_SHARE);
  return { ...settings, gross: { ...settings.gross, ...GROSS } };
}

/** Counts of another weight say nothing of the present one. */
function keepCells({ spec, status }: WatchQuestion, before: SentinelWatch, cell: Cell): Pick<SentinelWatch, 'cells' | 'weightMs'> {
  const shiftedMs = fromTime(status.release?.shiftedAt) ?? before.startMs;
  const weightMs = Math.max(before.startMs, shiftedMs);
  const windowMs = Math.min(LONGEST_WINDOW_MS, parseDuration(spec.analysis.window));
  const fromMs = Math.max(cell.toMs - windowMs, weightMs);
  return { cells: [...before.cells.filter((one) => one.toMs > fromMs), cell], weightMs };
}

/** The checks that roll back whatever serving does: all others leave it to the comparison, which weighs both. */
function judgeChecks(
  question: WatchQuestion,
  watch: SentinelWatch,
  nowMs: number,
): { readonly looks: SentinelWatch['looks']; readonly failed: SentinelConviction | undefined } {
  const looks: Record<string, CheckLook> = { ...watch.looks };
  const seen = seenBy(watch);
  for (const check of question.spec.analysis.checks.filter(isWatched)) {
    const last = lastLook(watch, check);
    const apartMs = check.consecutive === 1 ? 0 : parseDuration(question.spec.analysis.interval);
    if (last !== undefined && nowMs < last.atMs + apartMs) continue;
    const judged = judgeCheck(check, lookOf(seen));
    // What is not judged is no look: the next one need not wait.
    if (judged.verdict !== 'Fail' && judged.verdict !== 'Pass') continue;
    const fails = judged.verdict === 'Fail' ? (last?.fails ?? 0) + 1 : 0;
    looks[check.name] = { atMs: nowMs, fails };
    if (fails > 0 && fails >= check.consecutive) return { looks, failed: describeFailed(judged.tell(), seen) };
  }
  return { looks, failed: undefined };
}

/** The last look of the present weight. */
function lastLook({ looks, weightMs }: SentinelWatch, { name }: Check): CheckLook | undefined {
  const last = looks[name];
  return last === undefined || last.atMs < weightMs ? undefined : last;
}

function describeFailed({ name, value = '', limit }: CheckResult, seen: SentinelSeen): SentinelConviction {
  const message = `${name} ${value} (limit ${limit}) over ${seen.canary.requests} canary requests, ${describeWhere(seen)}`;
  return { check: name, reason: 'ErrorRatio', message, seen };
}

function isWatched({ metric, onBreach }: Check): boolean {
  return metric === 'ErrorRatio' && onBreach === 'Rollback';
}

/** The counts since the weight, as a look has them. */
function lookOf({ canary, fromMs, toMs }: SentinelSeen): LookCounts {
  const facts = { ...canary, spanSeconds: (toMs - fromMs) / 1_000 };
  return { atMs: toMs, requests: { kind: 'facts', facts }, newRequests: 0, own: {} };
}

function compare({ spec, status, compares }: WatchQuestion, watch: SentinelWatch, settings: JudgeSettings): SentinelConviction | undefined {
  // What a gateway answers for a Service without endpoints says nothing of any version.
  if (!compares || !isComparisonEnforced(spec) || status.internal?.serving?.emptySince !== undefined) return undefined;
  const next = nextRaiseOf(spec, status);
  if (findingAt(settings, watch.judge, next).finding !== 'worse') return undefined;
  const judgement = judgeComparison(settings, watch.judge, next);
  const seen = seenBy(watch);
  return {
    check: COMPARISON,
    reason: judgement.strongest === 'clientErrors' ? 'ClientErrorRatio' : 'ErrorRatio',
    message: `worse than serving: ${describeComparison(judgement)}, ${describeWhere(seen)}`,
    seen,
  };
}

function seenBy({ cells, known }: SentinelWatch): SentinelSeen {
  const sum = (of: (cell: Cell) => ArmCounts): ArmTotals => cells.map(of).reduce(addTotals, NO_REQUESTS);
  return {
    fromMs: cells[0]?.fromMs ?? 0,
    toMs: cells.at(-1)?.toMs ?? 0,
    targets: Object.keys(known).sort(),
    canary: sum(({ canary }) => canary),
    serving: sum(({ serving }) => serving),
  };
}

function describeWhere({ targets, fromMs, toMs }: SentinelSeen): string {
  const [only] = targets;
  const where = targets.length === 1 ? only : `${targets.length} gateway pods`;
  return `counted at ${where} in ${Math.max(1, Math.round((toMs - fromMs) / 1_000))}s`;
}
