// Reads a recording in pieces and replays it, until it ends, the canary's requests end, or the release would have been rolled back.

import { parseDuration } from '../../api/duration.ts';
import type { CanaryRelease, CanaryReleaseSpec } from '../../api/release.ts';
import { readScalar } from '../../core/analysis/assemble.ts';
import { PRIOR_MS } from '../../core/analysis/comparison/prior.ts';
import { nextLookAfter } from '../../core/analysis/grid.ts';
import type { Span } from '../../core/analysis/increments.ts';
import type { LookReading } from '../../core/analysis/reading.ts';
import { promDuration, renderQuery } from '../../core/analysis/template.ts';
import { fromTime } from '../../api/times.ts';
import { failure, usageError } from '../usage.ts';
import { type Recording, readPiece } from './arms.ts';
import { findStart, lookAt, lookGridOf, neededFrom, type Replay, type ReplayedLook, startReplay } from './replay.ts';

/** What is backtested. */
export interface BacktestQuestion {
  readonly release: CanaryRelease;
  readonly recording: Recording;
  readonly span: Span;
}

/** A stage that would have passed. */
export interface Earned {
  readonly atMs: number;
  /** Number of the stage, from 1. */
  readonly stage: number;
  /** The next weight; 100 is the promotion. */
  readonly weight: number;
}

/** The result of the replay. */
export interface BacktestResult {
  /** Undefined where the canary had no request at all. */
  readonly startMs: number | undefined;
  readonly looks: readonly ReplayedLook[];
  readonly earned: readonly Earned[];
  /** The look at which the release would have been rolled back. */
  readonly failed: { readonly look: ReplayedLook; readonly reason: string; readonly message: string } | undefined;
  /** Nothing is known after this time. */
  readonly untilMs: number;
  /** The canary's requests ended before the recording did. */
  readonly canaryLeft: boolean;
}

/** What is read at once, so that no answer is large. */
const PIECE_MS = 10 * 60_000;
/** No look reaches further back. */
const LONGEST_WINDOW_MS = 3_600_000;
/** A canary without a request for this long has been rolled back. */
const GONE_MS = 5 * 60_000;

/** @param report is called with the time that is reached */
export async function backtest(question: BacktestQuestion, report: (atMs: number) => void): Promise<BacktestResult> {
  const startMs = await seekStart(question, report);
  const { span } = question;
  const state: Course = { looks: [], earned: [], failed: undefined, untilMs: span.toMs, canaryLeft: false };
  if (startMs === undefined) return { ...state, startMs };
  let replay = startReplay(
    {
      spec: question.release.spec,
      source: question.recording.source,
      servingName: question.recording.serving.backend.service,
      canaryName: question.recording.canary.backend.service,
      startMs,
    },
    await readPiece(question.recording, { fromMs: startMs - PRIOR_MS, toMs: startMs }),
  );
  for (let fromMs = startMs; fromMs < span.toMs && !isOver(state); fromMs += PIECE_MS) {
    report(fromMs);
    replay = await replayPiece(question, state, replay, { fromMs, toMs: Math.min(span.toMs, fromMs + PIECE_MS) });
  }
  return { ...state, startMs };
}

interface Course {
  readonly looks: ReplayedLook[];
  readonly earned: Earned[];
  failed: BacktestResult['failed'];
  untilMs: number;
  canaryLeft: boolean;
}

function isOver({ failed, canaryLeft }: Course): boolean {
  return failed !== undefined || canaryLeft;
}

async function seekStart({ recording, span }: BacktestQuestion, report: (atMs: number) => void): Promise<number | undefined> {
  for (let fromMs = span.fromMs; fromMs < span.toMs; fromMs += PIECE_MS) {
    report(fromMs);
    const piece = { fromMs, toMs: Math.min(span.toMs, fromMs + PIECE_MS) };
    const found = findStart(await readPiece(recording, piece), (labels) => recording.source.classify(labels), piece);
    if (found !== undefined) return found;
  }
  return undefined;
}

async function replayPiece(question: BacktestQuestion, course: Course, before: Replay, span: Span): Promise<Replay> {
  let replay = before;
  const fromMs = Math.max(span.toMs - LONGEST_WINDOW_MS, neededFrom(replay, span.fromMs));
  const piece = await readPiece(question.recording, { fromMs, toMs: span.toMs });
  for (let atMs = nextLook(replay); atMs <= span.toMs && !isOver(course); atMs = nextLook(replay)) {
    const looked = lookAt(replay, piece, await askOwn(question, atMs), atMs);
    replay = looked.replay;
    course.looks.push(looked.look);
    follow(question, course, looked.look);
  }
  return replay;
}

function nextLook(replay: Replay): number {
  const grid = lookGridOf(replay);
  const { release } = replay.status;
  return grid === undefined ? Number.POSITIVE_INFINITY : nextLookAfter(grid, fromTime(release?.lookGridAt) ?? grid.startMs);
}

/** What a look means for the course of the release. */
function follow({ release: { spec } }: BacktestQuestion, course: Course, look: ReplayedLook): void {
  const { status, atMs, stage } = look;
  const failed = status.release?.failedCheck;
  if (failed !== undefined) course.failed = { look, reason: failed.reason, message: failed.message };
  if (provesStage(spec, course, look)) course.earned.push({ atMs, stage, weight: spec.stages[stage]?.weight ?? 100 });
  const last = course.looks.findLast(({ weight }) => weight > 0)?.atMs ?? atMs;
  if (failed !== undefined || atMs - last < GONE_MS) return;
  course.untilMs = last;
  course.canaryLeft = true;
}

/** Is this the first look by which the judge would have let its stage go? */
function provesStage({ stages }: CanaryReleaseSpec, { earned }: Course, { status, atMs, stage }: ReplayedLook): boolean {
  const planned = stages[stage - 1];
  if (planned === undefined || status.verdict !== 'Pass' || earned.some((one) => one.stage === stage)) return false;
  const clean = fromTime(status.release?.cleanSince) ?? atMs;
  return atMs >= clean + parseDuration(planned.duration);
}

async function askOwn({ release, recording }: BacktestQuestion, atMs: number): Promise<LookReading['own']> {
  const { metadata, spec } = release;
  const own = spec.analysis.checks.filter(({ query }) => query !== undefined);
  const answers = own.map(async ({ name, query = '' }) => {
    const rendered = renderQuery(query, {
      namespace: metadata.namespace,
      release: metadata.name,
      canary: recording.canary.backend.service,
      serving: recording.serving.backend.service,
      revision: spec.revision ?? recording.canary.backend.service,
      // A recording does not say which pods stood behind a Service.
      canaryWorkload: undefined,
      servingWorkload: undefined,
      canaryPods: undefined,
      window: promDuration(parseDuration(spec.analysis.window)),
    });
    if (!rendered.ok) throw usageError(`check ${name}: ${rendered.message}`);
    const answer = await recording.reader.query({ namespace: metadata.namespace, timeoutMs: recording.timeoutMs }, rendered.query, atMs);
    if (!answer.ok) throw (answer.kind === 'unavailable' ? failure : usageError)(`check ${name}: ${answer.message}`);
    return [name, readScalar(answer.series, name)] as const;
  });
  return Object.fromEntries(await Promise.all(answers));
}
