// Replays a recording through the operator's judge: the same cells, the same evaluation, the same messages. Weights of the past are not
// recorded, so the canary's share is taken from its requests, and a stage begins when its weight is seen.

import { withoutUndefined } from '../../api/absence.ts';
import { parseDuration } from '../../api/duration.ts';
import type { CanaryReleaseSpec, CanaryReleaseStatus } from '../../api/release.ts';
import { countRequests, readLatency, readServing, totalRequests } from '../../core/analysis/assemble.ts';
import { bordersBetween, type Cell, type CellGrid, cellLength, cutCells } from '../../core/analysis/comparison/cells.ts';
import { foldCell, type JudgeState, primeJudge, startJudge } from '../../core/analysis/comparison/judge.ts';
import { judgeComparison, type Judgement } from '../../core/analysis/comparison/judgement.ts';
import { measurePrior, PRIOR_MS } from '../../core/analysis/comparison/prior.ts';
import { type JudgeSettings, judgeSettings } from '../../core/analysis/comparison/settings.ts';
import { newestSampleAt, scrapeIntervalOf, type Span } from '../../core/analysis/increments.ts';
import type { LookReading } from '../../core/analysis/reading.ts';
import { nextRaiseOf } from '../../core/release/evidence/comparison-look.ts';
import { gridOf } from '../../core/release/evidence/look-grid.ts';
import { foldLook } from '../../core/release/evidence/looks.ts';
import { fromTime } from '../../api/times.ts';
import type { MetricsSource } from '../../sources/source.ts';
import { armsOf, type Piece } from './arms.ts';
import type { ReplayQuestion } from './question.ts';
import { enterStage, findStage, startStatus } from './stages.ts';

/** The state of the judge during a replay. */
export interface Replay {
  readonly question: ReplayQuestion;
  readonly settings: JudgeSettings;
  readonly judge: JudgeState;
  readonly status: CanaryReleaseStatus;
  /** A stage began since the last cell. */
  readonly begins: boolean;
}

/** The result of one look. */
export interface ReplayedLook {
  readonly atMs: number;
  /** Stage, from 1. */
  readonly stage: number;
  /** The canary's share of the requests, in percent. */
  readonly weight: number;
  readonly reading: LookReading;
  readonly judgement: Judgement | undefined;
  readonly status: CanaryReleaseStatus;
}

/** @param before what serving did in the half hour before */
export function startReplay(question: ReplayQuestion, before: Piece): Replay {
  const { startMs, source, spec } = question;
  const span = { fromMs: startMs - PRIOR_MS, toMs: startMs };
  const status = startStatus(question);
  const { prior, cell } = measurePrior(armsOf(before).serving, span, cellsOf(question, status), source.classify, before.counts.history);
  const settings = judgeSettings(spec, startMs, prior);
  const fresh = startJudge(settings);
  return { question, settings, status, begins: true, judge: cell === undefined ? fresh : primeJudge(settings, fresh, cell) };
}

/** The looks' grid, which follows the scrapes as the operator's does. */
export function lookGridOf({ question, status }: Replay): ReturnType<typeof gridOf> | undefined {
  return status.release === undefined ? undefined : gridOf(question.spec, status.release);
}

/** Samples from here on are needed for a look. */
export function neededFrom({ question, judge }: Replay, atMs: number): number {
  return Math.min(judge.foldedToMs, atMs - parseDuration(question.spec.analysis.window));
}

/** A history does not say which share was asked for: the split is not judged, and the weight is the one that was found last. */
function foldCells({ settings, judge, begins, status: { weight } }: Replay, cells: readonly Cell[]): JudgeState {
  const present = weight === undefined ? undefined : weight / 100;
  return cells.reduce((state, cell, index) => {
    const isStart = begins && index === 0;
    return foldCell(settings, state, cell, { share: undefined, present, isBorder: isStart, isStart });
  }, judge);
}

/** Looks at `atMs`. @param own answers of the release's own queries */
export function lookAt(
  replay: Replay,
  piece: Piece,
  own: LookReading['own'],
  atMs: number,
): { readonly replay: Replay; readonly look: ReplayedLook } {
  const { settings } = replay;
  const { spec, source } = replay.question;
  const cells = cellsUpTo(replay, piece, atMs);
  const judge = foldCells(replay, cells);
  const window = windowOf(replay, atMs);
  const all = totalRequests(piece.counts.serving, source.classify, window, piece.counts.history);
  const ours = totalRequests(piece.counts.canary, source.classify, window, piece.counts.history);
  const found = findStage(spec, replay.status, cells, { canary: ours, serving: all });
  const entered = enterStage(spec, replay.status, found, atMs);
  const compared = spec.analysis.comparison.mode !== 'Off' && found.weight > 0 && found.weight < 100;
  const judgement = compared ? judgeComparison(settings, judge, nextRaiseOf(spec, entered)) : undefined;
  const reading: LookReading = {
    ...readRequests(replay, piece, window, atMs),
    ...(needsLatency(spec) ? { latency: readLatency(piece.timed, window, piece.counts.history) } : {}),
    ...(compared && piece.counts.servingProblem === undefined ? readBeside(replay, piece, window, all) : {}),
    ...(judgement === undefined ? {} : { comparison: piece.counts.servingProblem ?? { kind: 'facts', facts: judgement } }),
    own,
  };
  const status = foldLook(spec, entered, reading);
  const look = { atMs, stage: (status.release?.stageIndex ?? 0) + 1, weight: found.weight, reading, judgement, status };
  return { replay: { ...replay, judge, status, begins: entered !== replay.status && found.isNew }, look };
}

/** What serving did in the window of a look. */
function readBeside({ question: { spec, source } }: Replay, { counts, servingTimed }: Piece, span: Span, servingRequests: number) {
  const timed = needsLatency(spec) ? servingTimed : undefined;
  const serving = readServing(counts.serving, timed, source.classify, { span, history: counts.history });
  return { servingRequests, ...withoutUndefined({ serving }) };
}

function needsLatency({ analysis }: CanaryReleaseSpec): boolean {
  return analysis.checks.some(({ metric }) => metric === 'Latency');
}

function windowOf({ question, status }: Replay, atMs: number): Span {
  const began = fromTime(status.release?.shiftedAt) ?? question.startMs;
  return { fromMs: Math.max(atMs - parseDuration(question.spec.analysis.window), Math.min(began, atMs)), toMs: atMs };
}

function readRequests({ question, status }: Replay, { counts }: Piece, window: Span, atMs: number): Omit<LookReading, 'own'> {
  const { source, startMs } = question;
  const newest = newestSampleAt(counts.seen, atMs);
  const scrape = scrapeIntervalOf(counts.seen);
  const since = Math.max(fromTime(status.release?.lookGridAt) ?? startMs, fromTime(status.release?.stageStartedAt) ?? startMs);
  return {
    atMs,
    ...withoutUndefined({ newestSampleMs: newest, scrapeIntervalMs: scrape }),
    requests: countRequests(counts, source.classify, window, source.name),
    newRequests: totalRequests(counts.canary, source.classify, { fromMs: Math.min(since, atMs), toMs: atMs }, counts.history),
  };
}

function cellsUpTo(replay: Replay, piece: Piece, atMs: number): readonly Cell[] {
  const { question, judge, status } = replay;
  const borders = bordersBetween(cellsOf(question, status), judge.foldedToMs, atMs);
  return cutCells(armsOf(piece), { fromMs: judge.foldedToMs, borders }, question.source.classify, piece.counts.history);
}

function cellsOf({ spec, source }: ReplayQuestion, { release }: CanaryReleaseStatus): CellGrid {
  const { startMs, phaseMs, intervalMs } =
    release === undefined ? { startMs: 0, phaseMs: 0, intervalMs: parseDuration(spec.analysis.interval) } : gridOf(spec, release);
  return { anchorMs: startMs + phaseMs, lengthMs: cellLength(intervalMs, source.reportedBy) };
}

/**
 * When the release in a recording began: one scrape before the first sample with a canary request.
 * @returns undefined while the canary has no request in this piece
 */
export function findStart(piece: Piece, classify: MetricsSource['classify'], span: Span): number | undefined {
  const { counts } = piece;
  const scrapes = [...new Set(counts.canary.flatMap(({ samples }) => samples.map(({ atMs }) => atMs)))].filter(
    (atMs) => atMs > span.fromMs && atMs <= span.toMs,
  );
  const first = scrapes
    .sort((a, b) => a - b)
    .find((toMs) => totalRequests(counts.canary, classify, { fromMs: span.fromMs, toMs }, counts.history) > 0);
  if (first === undefined) return undefined;
  return Math.max(span.fromMs, first - (scrapeIntervalOf(counts.seen) ?? 0));
}
