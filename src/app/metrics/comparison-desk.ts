// Keeps the comparison of every running release: some kilobytes each, folded from raw samples. All of it may be lost, because
// Prometheus is the judge's memory: what is missing after a restart or an outage is read again from the release's start.

import { parseDuration } from '../../api/duration.ts';
import type { Problem } from '../../core/analysis/assemble.ts';
import { bordersBetween, cellLength, cutCells, type CellGrid } from '../../core/analysis/comparison/cells.ts';
import { foldCell, primeJudge, startJudge, type JudgeState } from '../../core/analysis/comparison/judge.ts';
import { judgeComparison, type Judgement } from '../../core/analysis/comparison/judgement.ts';
import { measurePrior, PRIOR_MS } from '../../core/analysis/comparison/prior.ts';
import { contextOf, spansOf } from '../../core/analysis/comparison/schedule.ts';
import { judgeSettings, type JudgeSettings, NO_PRIOR, riskBudgetOf } from '../../core/analysis/comparison/settings.ts';
import { newestSampleAt } from '../../core/analysis/increments.ts';
import type { Evidence } from '../../core/analysis/reading.ts';
import { reachOf } from '../../core/analysis/sources-together.ts';
import { gridOf } from '../../core/release/evidence/look-grid.ts';
import { nextRaiseOf } from '../../core/release/evidence/comparison-look.ts';
import { fromTime } from '../../api/times.ts';
import type { MetricsReader } from '../../ports/metrics.ts';
import { type ArmsAsked, askArms, countsCohortsApart, type LookQuestion, outcomesOf } from './queries.ts';
import { Semaphore } from './semaphore.ts';

/** What is read again is read in pieces of this length, so that no answer is large. */
const PIECE_MS = 10 * 60_000;
/** Evidence that is older than this is not read again; leaving it out costs power, never the guarantee. */
const OLDEST_MS = 24 * 3_600_000;
/** Releases that read their past at the same time. */
const MOST_AT_ONCE = 4;

interface Memory {
  /** The release and the settings that the state was folded under. */
  readonly under: string;
  readonly settings: JudgeSettings;
  readonly state: JudgeState;
}

export class ComparisonDesk {
  readonly #reader: MetricsReader;
  readonly #shareOf: (question: LookQuestion) => number;
  readonly #memories = new Map<string, Memory>();
  /** Releases whose past is being read. */
  readonly #underWay = new Set<string>();
  readonly #reading = new Semaphore(MOST_AT_ONCE);

  /** @param shareOf part of the allowed false rollbacks that is the comparison's; a sentinel takes the rest */
  constructor(reader: MetricsReader, shareOf: (question: LookQuestion) => number = () => 1) {
    this.#reader = reader;
    this.#shareOf = shareOf;
  }

  /** Dispersion of serving's errors before the release; undefined while it is not measured. */
  phiOf(key: string): number | undefined {
    return this.#memories.get(key)?.settings.metrics.errors.wealth.phiPre;
  }

  /**
   * Folds the samples of one look and judges. A look that could not be read leaves a gap, which the next one fills; a long past is
   * read in parallel, because the verdicts of looks must not wait for it.
   */
  async judge(key: string, question: LookQuestion, atMs: number, arms: ArmsAsked | Problem): Promise<Evidence<Judgement>> {
    if (arms.kind !== 'arms') return arms;
    if (this.#underWay.has(key)) return READS_ITS_PAST;
    this.#forgetFuture(key, question, atMs);
    const known = this.#leaveCohortOut(key, question, atMs);
    const missingMs = arms.fromMs - (known?.state.foldedToMs ?? startOf(question));
    const waits = (known === undefined || missingMs > 0) && this.#reading.isFull;
    const catching = this.#catchUp(key, question, arms.fromMs);
    if (missingMs > PIECE_MS || waits) {
      catching.catch(() => undefined);
      return READS_ITS_PAST;
    }
    const caughtUp = await catching;
    if ('kind' in caughtUp) return caughtUp;
    const memory = fold(caughtUp, question, arms, readyAt(question, arms, atMs));
    this.#memories.set(key, memory);
    // The risk budget of a raise does not change the evidence: an edit of it counts at once.
    const settings = { ...settingsNow(memory, question), riskBudget: riskBudgetOf(question.spec) };
    return { kind: 'facts', facts: judgeComparison(settings, memory.state, nextRaiseOf(question.spec, question.status)) };
  }

  /**
   * Reads the serving version's past while the canary has no weight yet, so that the first look with weight need not wait for it.
   * @returns requests of serving a second before the release; undefined where that is not known
   */
  async prepare(key: string, question: LookQuestion): Promise<number | undefined> {
    if (question.spec.analysis.comparison.mode === 'Off' || question.parts.length === 0) return undefined;
    if (!this.#underWay.has(key) && this.#known(key, question) === undefined) {
      // A release must not wait for what others read.
      const waits = this.#reading.isFull;
      const catching = this.#catchUp(key, question, startOf(question)).catch(() => undefined);
      if (!waits) await catching;
    }
    return this.#known(key, question)?.settings.rateBefore;
  }

  forget(key: string): void {
    this.#memories.delete(key);
    this.#underWay.delete(key);
  }

  /** After a clock that was ahead was corrected, nothing would count until the time that was folded already. */
  #forgetFuture(key: string, { spec }: LookQuestion, atMs: number): void {
    const foldedToMs = this.#memories.get(key)?.state.foldedToMs ?? atMs;
    if (foldedToMs > atMs + 2 * parseDuration(spec.analysis.interval)) this.#memories.delete(key);
  }

  #known(key: string, question: LookQuestion): Memory | undefined {
    const known = this.#memories.get(key);
    return known?.under === underOf(question, this.#shareOf(question)) ? known : undefined;
  }

  /** What is known, without the time in which requests of a cohort were counted with the canary's: they are other people's. */
  #leaveCohortOut(key: string, question: LookQuestion, atMs: number): Memory | undefined {
    const known = this.#known(key, question);
    const endMs = Math.min(atMs, endOfCohort(question));
    if (known === undefined || known.state.foldedToMs >= endMs) return known;
    const later = skipTo(known, endMs);
    this.#memories.set(key, later);
    return later;
  }

  /** The memory up to `untilMs` at least, or why it could not be read. */
  async #catchUp(key: string, question: LookQuestion, untilMs: number): Promise<Memory | Problem> {
    const known = this.#known(key, question);
    if (known !== undefined && known.state.foldedToMs >= untilMs) return known;
    this.#underWay.add(key);
    return this.#reading.run(async () => {
      try {
        return await this.#readPast(key, question, known, untilMs);
      } finally {
        this.#underWay.delete(key);
      }
    });
  }

  async #readPast(key: string, question: LookQuestion, known: Memory | undefined, untilMs: number): Promise<Memory | Problem> {
    const begun = known ?? (await this.#begin(question));
    if ('kind' in begun) return begun;
    let memory = skipTo(begun, Math.max(begun.state.foldedToMs, Math.min(untilMs, endOfCohort(question))));
    this.#keep(key, memory);
    while (memory.state.foldedToMs < untilMs) {
      const fromMs = memory.state.foldedToMs;
      const toMs = Math.min(untilMs, fromMs + PIECE_MS);
      const arms = await askArms(this.#reader, question, { fromMs, toMs });
      if (arms.kind === 'unavailable') return arms;
      // A piece that can never be read (too large, refused) is left out: that costs power, never the guarantee.
      memory = arms.kind === 'arms' ? fold(memory, question, arms, toMs) : skipTo(memory, toMs);
      // No border lies between the two: the next look's own samples reach back far enough.
      if (memory.state.foldedToMs === fromMs) break;
      this.#keep(key, memory);
    }
    return memory;
  }

  /** Unless it was forgotten while it was read. */
  #keep(key: string, memory: Memory): void {
    if (this.#underWay.has(key)) this.#memories.set(key, memory);
  }

  /** A judge for this release, with what serving did before it. */
  async #begin(question: LookQuestion): Promise<Memory | Problem> {
    const startMs = startOf(question);
    const span = { fromMs: startMs - PRIOR_MS, toMs: startMs };
    const arms = await askArms(this.#reader, { ...question, parts: question.parts.map((part) => ({ ...part, canary: [] })) }, span);
    if (arms.kind === 'unavailable') return arms;
    // Without it the comparison only needs a little more evidence.
    const measured =
      arms.kind === 'arms'
        ? measurePrior(arms.serving, span, cellsOf(question), outcomesOf(question), arms.history)
        : { prior: NO_PRIOR, cell: undefined };
    const settings = judgeSettings(question.spec, startMs, measured.prior, this.#shareOf(question));
    const fresh = startJudge(settings);
    const state = measured.cell === undefined ? fresh : primeJudge(settings, fresh, measured.cell);
    const under = underOf(question, this.#shareOf(question));
    const oldestMs = (fromTime(question.status.release?.lookGridAt) ?? startMs) - OLDEST_MS;
    return { under, settings, state: { ...state, foldedToMs: Math.max(startMs, oldestMs) } };
  }
}

function skipTo(memory: Memory, toMs: number): Memory {
  return { ...memory, state: { ...memory.state, foldedToMs: toMs } };
}

/** After this long no gateway sends requests by a rule that was taken away. */
const COHORT_LEAVES_MS = 5_000;

/** Until when requests of a cohort were counted with the others; 0 where they never were. */
function endOfCohort({ status: { release }, parts }: LookQuestion): number {
  const ended = fromTime(release?.cohortEndedAt);
  return ended === undefined || countsCohortsApart(parts.map(({ source }) => source)) ? 0 : ended + COHORT_LEAVES_MS;
}

const READS_ITS_PAST = { kind: 'partial', message: 'the comparison is reading the past of this release from Prometheus' } as const;

function startOf({ status }: LookQuestion): number {
  return fromTime(status.release?.startedAt) ?? 0;
}

/** Another release, another budget or other cells are another judge. */
function underOf(question: LookQuestion, share: number): string {
  const { spec, status } = question;
  return [status.release?.id, cellsOf(question).lengthMs, spec.analysis.comparison.maxFalseRollbacks, share].join('/');
}

function cellsOf({ spec, status, parts }: LookQuestion): CellGrid {
  const { startMs, phaseMs, intervalMs } =
    status.release === undefined
      ? { startMs: 0, phaseMs: 0, intervalMs: parseDuration(spec.analysis.interval) }
      : gridOf(spec, status.release);
  return { anchorMs: startMs + phaseMs, lengthMs: cellLength(intervalMs, isReportedByCallers(parts) ? 'caller' : 'server') };
}

function isReportedByCallers(parts: LookQuestion['parts']): boolean {
  return parts.length > 0 && parts.every(({ source }) => source.reportedBy === 'caller');
}

/**
 * Up to the end of the cell with the newest sample; of several sources with the newest one of the slowest. Later scrapes may still be on their way, and a cell is folded once: with a
 * gateway whose scrapes take longer than the looks' margin, no cell would ever be counted.
 */
function readyAt(question: LookQuestion, { canary, serving, apart }: ArmsAsked, atMs: number): number {
  const newestMs = apart === undefined ? newestSampleAt([...canary.counts, ...serving.counts], atMs) : reachOf(apart, atMs).newestMs;
  if (newestMs === undefined) return 0;
  const { anchorMs, lengthMs } = cellsOf(question);
  return Math.min(atMs, anchorMs + Math.ceil((newestMs - anchorMs) / lengthMs) * lengthMs);
}

/** Rules beside the release come and go while it runs, and with them what a share says. */
function settingsNow({ settings }: Memory, { splitSide }: LookQuestion): JudgeSettings {
  return { ...settings, split: { ...settings.split, side: splitSide } };
}

function fold(memory: Memory, question: LookQuestion, arms: ArmsAsked, untilMs: number): Memory {
  const settings = settingsNow(memory, question);
  const fromMs = memory.state.foldedToMs;
  const borders = bordersBetween(cellsOf(question), fromMs, untilMs);
  const spans = spansOf(question.status.release ?? {});
  const scrapeMs = question.status.release?.scrapeIntervalMs ?? 0;
  const latencyLagMs = Math.max(0, ...question.parts.map(({ source }) => source.latencyLagMs ?? 0));
  let { state } = memory;
  for (const cell of cutCells(arms, { fromMs, borders }, outcomesOf(question), arms.history))
    state = foldCell(settings, state, cell, contextOf(spans, cell, { scrapeMs, latencyLagMs }));
  return { ...memory, state };
}
