// The comparison judge: a pure fold over cells. Evidence that the canary is worse is a bet against "it is as good as serving";
// whatever one looks at, and however often, a healthy release loses such a bet with a probability of at most alpha.
// Sources: Ville's inequality; Turner, Ly and Gruenwald (2024) for two-sample e-variables; Howard and Ramdas (2022).

import { addExcess, excessOf, startExcess, upperExcessOf, type ExcessState } from '../sequential/bounds.ts';
import { addToGate, effectGateOpen, restartGate, startGate, type EffectGate } from '../sequential/effect-gate.ts';
import { addSplit, splitEvidence, startSplit, type SplitEvidence, type SplitState } from '../sequential/split.ts';
import { addBlock, restartWealth, startWealth, wealthEvidence, type Wealth, type WealthSettings } from '../sequential/wealth.ts';
import { type Block, EMPTY_BLOCK as NO_BLOCK } from '../sequential/numbers.ts';
import { addCell, EMPTY_BLOCK, isCountable, isWhole, type ArmBlock, type OpenBlock } from './blocks.ts';
import type { ArmCounts, Cell } from './cells.ts';
import { addRecent, isGross, type RecentCells } from './gross.ts';
import { addLatency, bordersFor, hasMoved, isLatencyWorse, NO_LATENCY, restartLatency, type LatencyState } from './latency.ts';
import { evidenceForPresent } from '../sequential/seen-split.ts';
import type { CellContext } from './schedule.ts';
import { type Bet, BETS_OF, COMPARED, type Compared, type JudgeSettings, LATENCY_BETS, METRIC_OF } from './settings.ts';

/** Requests of one arm since the release began. */
export interface ArmTotals {
  readonly requests: number;
  readonly serverErrors: number;
  readonly clientErrors: number;
}

/** Everything the judge keeps of one release: some kilobytes of plain numbers, the same whenever the same cells are folded. */
export interface JudgeState {
  /** End of the last cell that was folded, Unix milliseconds. */
  readonly foldedToMs: number;
  readonly open: OpenBlock;
  /** The newest cells of the present weight. */
  readonly recent: RecentCells;
  readonly wealth: Readonly<Record<Bet, Wealth>>;
  readonly gates: Readonly<Record<'errors' | 'clientErrors', EffectGate>>;
  readonly excess: ExcessState;
  readonly latency: LatencyState;
  readonly split: SplitState;
  /** The last share by which requests were seen to split: while it is asked for, every cell says something about the gateway. */
  readonly splitSeen: number | undefined;
  readonly canary: ArmTotals;
  readonly serving: ArmTotals;
  /** Time that was folded, milliseconds: what was skipped or could not be counted is no part of it. */
  readonly countedMs: number;
  /** When the cell of the canary's first request began. */
  readonly firstCanaryMs: number | undefined;
}

export const NO_REQUESTS: ArmTotals = { requests: 0, serverErrors: 0, clientErrors: 0 };

/** Before the first cell. */
export function startJudge(settings: JudgeSettings): JudgeState {
  return {
    foldedToMs: settings.startMs,
    open: EMPTY_BLOCK,
    recent: [],
    wealth: mapBets((bet) => startWealth(wealthOf(settings, bet))),
    gates: { errors: startGate(), clientErrors: startGate() },
    excess: startExcess(),
    latency: NO_LATENCY,
    split: startSplit(settings.split),
    splitSeen: undefined,
    canary: NO_REQUESTS,
    serving: NO_REQUESTS,
    countedMs: 0,
    firstCanaryMs: undefined,
  };
}

/** Folds one cell in. A cell that lies before what is folded already changes nothing (rule 5). */
export function foldCell(settings: JudgeSettings, before: JudgeState, cell: Cell, context: CellContext): JudgeState {
  if (cell.toMs <= before.foldedToMs) return before;
  const begun = beginCell(settings, before, cell, context);
  if (!isCountable(cell)) return { ...begun, foldedToMs: cell.toMs };
  if (isQuiet(cell)) return passTime(settings, begun, cell);
  const added = addCounts(settings, begun, cell, context);
  if (!isWhole(added.open, settings.block)) return added;
  return closeBlock(settings, added, context.present !== undefined && isGross(settings.gross, added.recent, context.present));
}

/** Where a weight begins or ends the block before it does, and evidence may begin again. */
function beginCell(settings: JudgeSettings, before: JudgeState, cell: Cell, context: CellContext): JudgeState {
  if (isRestartPoint(settings, cell, context)) return restart(settings, before);
  return context.isBorder ? closeBlock(settings, before) : before;
}

function addCounts(settings: JudgeSettings, begun: JudgeState, cell: Cell, context: CellContext): JudgeState {
  const firstCanaryMs = begun.firstCanaryMs ?? (cell.canary.requests > 0 ? cell.fromMs : undefined);
  // What is counted now is counted with the borders from before, or the data would choose its own test.
  const warm = firstCanaryMs !== undefined && cell.fromMs >= firstCanaryMs + settings.warmupMs && context.isTimedLate !== true;
  const latency = addLatency(begun.latency, timedArms(cell, warm, begun.latency), settings);
  const borders = warm && latency.problem === undefined ? bordersFor(begun.latency) : undefined;
  return {
    ...begun,
    foldedToMs: cell.toMs,
    firstCanaryMs,
    open: addCell(begun.open, cell, borders),
    recent: addRecent(settings.gross, context.isBorder ? [] : begun.recent, cell, context.present),
    latency,
    ...addShare(settings, begun, cell, context),
    canary: addTotals(begun.canary, cell.canary),
    serving: addTotals(begun.serving, cell.serving),
    countedMs: begun.countedMs + (cell.toMs - cell.fromMs),
  };
}

/** Most cells of a gateway that is scraped less often than there are cells. */
function isQuiet({ canary, serving }: Cell): boolean {
  return canary.requests === 0 && serving.requests === 0 && !hasTimed(canary) && !hasTimed(serving);
}

function hasTimed({ buckets }: ArmCounts): boolean {
  return (buckets.at(-1)?.count ?? 0) > 0;
}

function passTime(settings: JudgeSettings, before: JudgeState, { fromMs, toMs }: Cell): JudgeState {
  const lastedMs = toMs - fromMs;
  const aged = {
    ...before,
    foldedToMs: toMs,
    countedMs: before.countedMs + lastedMs,
    open: { ...before.open, ageMs: before.open.ageMs + lastedMs },
  };
  return isWhole(aged.open, settings.block) ? closeBlock(settings, aged) : aged;
}

/** A cold canary is not timed, nor one whose latencies are still those of the weight before, and serving with it; until the borders are picked serving's histogram is gathered all the same. */
function timedArms(
  { canary, serving }: Cell,
  warm: boolean,
  latency: LatencyState,
): { readonly canary: ArmCounts; readonly serving: ArmCounts } {
  if (warm) return { canary, serving };
  return { canary: { ...canary, buckets: [] }, serving: latency.picked === undefined ? serving : { ...serving, buckets: [] } };
}

/** Every stage, and every five minutes from the release's start: a late regression need not win back what was lost before. */
function isRestartPoint({ startMs, restartEveryMs }: JudgeSettings, { fromMs, toMs }: Cell, { isStart }: CellContext): boolean {
  return isStart || Math.floor((toMs - startMs) / restartEveryMs) > Math.floor((fromMs - startMs) / restartEveryMs);
}

function restart(settings: JudgeSettings, before: JudgeState): JudgeState {
  const closed = closeBlock(settings, before);
  // Before the first comparison there is nothing to start again from.
  if (closed.wealth.errors.total.nc === 0) return closed;
  const latency = restartLatency(closed.latency, settings);
  return {
    ...closed,
    wealth: mapBets((bet) => {
      const wealth = closed.wealth[bet];
      // What was won stays won; how often the old border was exceeded says nothing of the new one.
      const kept = hasMoved(closed.latency, latency, bet) ? { ...wealth, total: NO_BLOCK } : wealth;
      return restartWealth(wealthOf(settings, bet), kept);
    }),
    gates: { errors: restartGate(closed.gates.errors), clientErrors: restartGate(closed.gates.clientErrors) },
    latency,
  };
}

/** @param gross the errors of this block alone convict */
function closeBlock(settings: JudgeSettings, before: JudgeState, gross = false): JudgeState {
  const { open } = before;
  if (open.ageMs === 0) return before;
  const blocks = mapBets((bet) => blockOf(bet, open));
  return {
    ...before,
    open: EMPTY_BLOCK,
    wealth: mapBets((bet) =>
      isEmpty(blocks[bet])
        ? before.wealth[bet]
        : addBlock(wealthOf(settings, bet), before.wealth[bet], blocks[bet], {
            atMs: before.foldedToMs,
            lifted: gross && bet === 'errors',
          }),
    ),
    gates: {
      errors: addToGate(before.gates.errors, blocks.errors),
      clientErrors: addToGate(before.gates.clientErrors, blocks.clientErrors),
    },
    excess: addExcess(before.excess, blocks.errors, before.wealth.errors.phi),
  };
}

/** Without requests of both arms nothing can be compared. */
function isEmpty({ nc, ns }: Block): boolean {
  return nc === 0 || ns === 0;
}

function blockOf(bet: Bet, { canary, serving }: OpenBlock): Block {
  const pick = (badOf: (arm: ArmBlock) => number, allOf: (arm: ArmBlock) => number): Block => ({
    xc: badOf(canary),
    xs: badOf(serving),
    nc: allOf(canary),
    ns: allOf(serving),
  });
  switch (bet) {
    case 'errors':
      return pick(
        (arm) => arm.serverErrors,
        (arm) => arm.requests,
      );
    case 'clientErrors':
      return pick(
        (arm) => arm.clientErrors,
        (arm) => arm.requests,
      );
    case 'p99':
    case 'p99Far':
    case 'p90':
    case 'p90Far':
    case 'p50':
    case 'p50Far': {
      const index = LATENCY_BETS.indexOf(bet);
      return pick(
        (arm) => arm.slow[index] ?? 0,
        (arm) => arm.timed,
      );
    }
  }
}

function looksFormer(counted: { readonly xc: number; readonly n: number }, present: number, former = present): boolean {
  return former < present && evidenceForPresent(counted, { former, present }) < 0;
}

/** The split of a cell, from the first one on that looks more like the present weight than like the one before it. */
function addShare(
  { split }: JudgeSettings,
  { split: before, splitSeen }: JudgeState,
  { canary, serving }: Cell,
  { share, former }: CellContext,
): Pick<JudgeState, 'split' | 'splitSeen'> {
  const counted = { xc: canary.requests, n: canary.requests + serving.requests };
  const isPart = share !== undefined && share > 0 && share < 1 && counted.n > 0;
  if (!isPart || (splitSeen !== share && looksFormer(counted, share, former))) return { split: before, splitSeen };
  const added = addSplit(before, { ...counted, share }, split);
  const { side = 'both' } = split;
  // What does not count now must not count later either.
  return {
    split: {
      tooMuch: side === 'both' || side === 'tooMuch' ? added.tooMuch : before.tooMuch,
      tooLittle: side === 'both' || side === 'tooLittle' ? added.tooLittle : before.tooLittle,
    },
    splitSeen: share,
  };
}

/** Sums requests up. */
export function addTotals(before: ArmTotals, { requests, serverErrors, clientErrors }: ArmCounts): ArmTotals {
  return {
    requests: before.requests + requests,
    serverErrors: before.serverErrors + serverErrors,
    clientErrors: before.clientErrors + clientErrors,
  };
}

function mapBets<T>(make: (bet: Bet) => T): Readonly<Record<Bet, T>> {
  return {
    errors: make('errors'),
    clientErrors: make('clientErrors'),
    p99: make('p99'),
    p99Far: make('p99Far'),
    p90: make('p90'),
    p90Far: make('p90Far'),
    p50: make('p50'),
    p50Far: make('p50Far'),
  };
}

function wealthOf({ metrics }: JudgeSettings, bet: Bet): WealthSettings {
  return metrics[METRIC_OF[bet]].wealth;
}

/** Evidence of one metric: how much it weighs, and whether the difference is one that people care about. */
export interface MetricEvidence {
  readonly name: Compared;
  /** Its part of the sum that is needed, already weighted by its share. */
  readonly evidence: number;
  readonly counts: boolean;
}

/** What each metric adds to the sum. */
export function evidenceOf(settings: JudgeSettings, state: JudgeState): readonly MetricEvidence[] {
  return COMPARED.map((name) => ({
    name,
    evidence: evidenceIn(settings, state, name),
    counts: isWorthIt(settings, state, name),
  }));
}

/** What one metric adds to the sum, already weighted by its share. */
export function evidenceIn(settings: JudgeSettings, state: JudgeState, name: Compared): number {
  const { wealth } = settings.metrics[name];
  return BETS_OF[name].reduce((sum, bet) => sum + wealth.share * wealthEvidence(wealth, state.wealth[bet]), 0);
}

/** Is the difference in this metric one that people care about? */
export function isWorthIt(settings: JudgeSettings, state: JudgeState, name: Compared): boolean {
  if (name !== 'errors' && name !== 'clientErrors') return isLatencyWorse(state.latency, name, settings);
  const { rho, minEffect } = settings.metrics[name];
  return effectGateOpen(state.gates[name], { rho, minEffect, minCanary: 20, minBad: 3 });
}

/** Bounds of the canary's error ratio minus serving's, each at the judge's level, whenever one looks. */
export function excessSoFar(settings: JudgeSettings, state: JudgeState): { readonly lower: number; readonly upper: number } {
  return excessOf(state.excess, settings.beta);
}

/** The upper one of them alone. */
export function upperExcessSoFar({ beta }: JudgeSettings, { excess }: JudgeState): number {
  return upperExcessOf(excess, beta);
}

/** Evidence that the canary gets another share than was asked for. */
export function splitSoFar(settings: JudgeSettings, state: JudgeState): SplitEvidence {
  return splitEvidence(state.split, settings.split);
}

/** What serving did before the release: the latency borders may be picked by it before the canary has its first request. */
export function primeJudge(settings: JudgeSettings, state: JudgeState, cell: Cell): JudgeState {
  if (!isCountable(cell)) return state;
  return { ...state, latency: addLatency(state.latency, { canary: { ...cell.canary, buckets: [] }, serving: cell.serving }, settings) };
}
