// Simulates releases on a virtual clock: the operator's own `decide` and judge over a simulated gateway and simulated metrics.
// What comes before the first weight is the same for every run, so it is simulated once and every run continues from there.

import { formatCommand } from '../../api/command.ts';
import { parseDuration } from '../../api/duration.ts';
import { COMMAND_ANNOTATION } from '../../api/names.ts';
import type { CanaryRelease } from '../../api/release.ts';
import type { Route } from '../../api/routes.ts';
import { nextLookAfter, SCRAPE_MARGIN_MS } from '../../core/analysis/grid.ts';
import type { Cell } from '../../core/analysis/comparison/cells.ts';
import { foldCell, type JudgeState, primeJudge, startJudge } from '../../core/analysis/comparison/judge.ts';
import { findingAt, judgeComparison } from '../../core/analysis/comparison/judgement.ts';
import { PRIOR_MS } from '../../core/analysis/comparison/prior.ts';
import { contextOf, spansOf } from '../../core/analysis/comparison/schedule.ts';
import { type JudgeSettings, judgeSettings } from '../../core/analysis/comparison/settings.ts';
import type { LookCounts, LookReading } from '../../core/analysis/reading.ts';
import { nextRaiseOf } from '../../core/release/evidence/comparison-look.ts';
import { decide } from '../../core/release/decide.ts';
import { gridOf } from '../../core/release/evidence/look-grid.ts';
import { asFolded, countLook, type Folded } from '../../core/release/evidence/looks.ts';
import { isJudged, parseState, type StateName } from '../../core/release/state.ts';
import { toTime } from '../../api/times.ts';
import { assumeOwnQueries, readCounts, isCompared } from './looks.ts';
import { nothingCanHappen, nextClockTime } from './quiet.ts';
import { createRandom } from './random.ts';
import { begin, entriesOf, finish, type Log, type Outcome, type RunResult } from './run-result.ts';
import { expectPrior, type Gateway, openGateway, type TrafficModel } from './traffic.ts';
import { freshRoute, observe, type Pair, pairOf, shareIn, simulatedRelease, takeRoute, trafficIn, writeIntents } from './world.ts';

/** What is simulated. */
export interface PlanQuestion {
  readonly release: CanaryRelease;
  readonly traffic: TrafficModel;
  readonly seed: number;
  /** Each approval is given after this time; undefined: a run ends where it waits for approval. */
  readonly approveAfterMs: number | undefined;
}

/** Midnight, so that the times in messages are the time since the release began. */
export const START_MS = Date.UTC(2026, 0, 1);
/** Time from a write until traffic follows it. */
const GATEWAY_MS = 100;
/** Prometheus is assumed to scrape at every look, at least this often. */
const LONGEST_SCRAPE_MS = 30_000;
/** Without a deadline that ends it nothing is simulated further. */
const GRACE_MS = 60_000;

/** One release on its way. */
interface Run {
  readonly question: PlanQuestion;
  readonly pair: Pair;
  readonly scrapeMs: number;
  readonly endsMs: number;
  readonly own: LookReading['own'];
  readonly settings: JudgeSettings;
  readonly gateway: Gateway;
  readonly log: Log;
  /** Only the outcome is asked for: nothing is put into words, and decisions that cannot change anything are skipped. */
  readonly quick: boolean;
  release: CanaryRelease;
  /** The status, and what its last look says where that is asked for. */
  folded: Folded;
  route: Route;
  judge: JudgeState;
  cells: Cell[];
  now: number;
  wakeMs: number;
  lookMs: number;
  takenMs: number;
  askedMs: number | undefined;
}

/** Simulates runs by their number. */
export interface Simulation {
  /** What most runs are simulated for. */
  readonly outcomeOf: (index: number) => Outcome;
  /** The same run with all that it says. */
  readonly tell: (index: number) => RunResult;
}

/** Prepares a simulation; the same question gives the same runs. */
export function prepareSimulation(question: PlanQuestion): Simulation {
  const prefix = openRun({ ...question, release: simulatedRelease(question.release) });
  drive(prefix, (run) => stateOf(run) === 'stage.analyzing');
  const go = (index: number, quick: boolean): Run => {
    const gateway = prefix.gateway.fork(createRandom(question.seed, index + 1));
    const log = { ...prefix.log, entries: [...prefix.log.entries], steps: [...prefix.log.steps] };
    const wakeMs = (quick ? nextClockTime(prefix.folded.status, stateOf(prefix), prefix.now) : undefined) ?? prefix.wakeMs;
    const run: Run = { ...prefix, gateway, log, quick, wakeMs, cells: [...prefix.cells] };
    drive(run, () => false);
    return run;
  };
  return {
    outcomeOf: (index) => sumUp(go(index, true)),
    tell: (index) => {
      const run = go(index, false);
      return { ...sumUp(run), message: run.folded.status.message ?? '', entries: run.log.entries };
    },
  };
}

function sumUp(run: Run): Outcome {
  return finish(run.log, run.folded.status, { atMs: run.now - START_MS, expected: run.gateway.expected(), over: isOver(run) });
}

function openRun(question: PlanQuestion): Run {
  const { release, traffic } = question;
  const { spec } = release;
  const pair = pairOf(spec);
  const intervalMs = parseDuration(spec.analysis.interval);
  const scrapeMs = intervalMs / Math.ceil(intervalMs / LONGEST_SCRAPE_MS);
  const settings = judgeSettings(spec, START_MS, { phi: 1, replicas: 1, scrapeMs, perSecond: traffic.rps, unseen: ['clientErrors'] });
  const span = { fromMs: START_MS - PRIOR_MS, toMs: START_MS };
  return {
    question,
    pair,
    scrapeMs,
    endsMs: START_MS + parseDuration(spec.deadline.after) + GRACE_MS,
    own: assumeOwnQueries(spec),
    settings,
    gateway: openGateway(
      traffic,
      { firstMs: START_MS - SCRAPE_MARGIN_MS, everyMs: scrapeMs },
      START_MS - scrapeMs,
      createRandom(question.seed, 0),
    ),
    log: begin(),
    quick: false,
    release,
    folded: asFolded({ observedGeneration: -1 }),
    route: freshRoute(release.metadata.namespace, pair),
    judge: primeJudge(settings, startJudge(settings), expectPrior(traffic, span)),
    cells: [],
    now: START_MS,
    wakeMs: START_MS,
    lookMs: Number.POSITIVE_INFINITY,
    takenMs: Number.POSITIVE_INFINITY,
    askedMs: undefined,
  };
}

const stateOf = ({ folded: { status } }: Run): StateName => parseState(status.state) ?? 'blocked';

/** Moves from one time at which something may happen to the next. */
function drive(run: Run, isFar: (run: Run) => boolean): void {
  while (!isFar(run) && !isOver(run)) {
    const next = Math.min(run.wakeMs, run.lookMs, run.takenMs);
    if (!(next <= run.endsMs)) return;
    run.now = next;
    run.cells.push(...run.gateway.flowTo(next));
    if (next >= run.takenMs) takeWeights(run);
    if (next < run.lookMs) decideNow(run, []);
    else look(run);
  }
}

/** Nothing more happens without a person. Waiting for approval ends a run unless approvals are simulated. */
function isOver(run: Run): boolean {
  const state = stateOf(run);
  if (state === 'promoted' || state === 'rolledBack' || state === 'paused' || state === 'blocked') return true;
  return state === 'stage.awaitingApproval' && run.question.approveAfterMs === undefined;
}

function takeWeights(run: Run): void {
  run.takenMs = Number.POSITIVE_INFINITY;
  run.route = takeRoute(run.route);
  const share = shareIn(run.route, run.pair);
  const traffic = trafficIn(run.route, run.pair);
  run.gateway.serve(traffic);
  const weight = Math.round(share * 100);
  if (weight !== (run.log.steps.at(-1)?.weight ?? 0)) run.log.steps.push({ atMs: run.now - START_MS, weight });
  const stage = (run.folded.status.release?.stageIndex ?? 0) + 1;
  if (traffic.share + traffic.copies === 0 || run.log.turnedAtMs !== undefined || stage < run.question.traffic.badFromStage) return;
  run.gateway.turn();
  run.log.turnedAtMs = run.now - START_MS;
}

/** Most looks change nothing but the evidence: where no one reads what they say, counting them is enough. */
function look(run: Run): void {
  const { spec } = run.release;
  const counts = countAtLook(run);
  const read = readerOf(run, counts);
  const counted = run.quick && run.question.approveAfterMs === undefined ? countLook(spec, run.folded, counts, read) : undefined;
  if (counted !== undefined && nothingCanHappen(spec, counted.status, stateOf(run), run.now)) run.folded = counted;
  else decideNow(run, [read()]);
  planLook(run);
}

/** Folds what was scraped since the last look, under the weights that the status has, and counts. */
function countAtLook(run: Run): LookCounts {
  const { settings } = run;
  const { spec } = run.release;
  const { status } = run.folded;
  const counts = readCounts(
    { ...run, spec, status, rps: run.question.traffic.rps, counters: run.gateway.counters, uppers: run.question.traffic.uppers },
    run.now,
  );
  if (!isCompared(spec, status)) return counts;
  const spans = spansOf(status.release ?? {});
  for (const cell of run.cells) run.judge = foldCell(settings, run.judge, cell, contextOf(spans, cell));
  run.cells = [];
  return { ...counts, comparison: { kind: 'facts', facts: findingAt(settings, run.judge, nextRaiseOf(spec, status)) } };
}

/** The look with all that is said of its comparison. */
function readerOf({ settings, judge, release: { spec }, folded: { status } }: Run, counts: LookCounts): () => LookReading {
  return () => {
    const { comparison, ...rest } = counts;
    return comparison === undefined
      ? rest
      : { ...rest, comparison: { kind: 'facts', facts: judgeComparison(settings, judge, nextRaiseOf(spec, status)) } };
  };
}

function decideNow(run: Run, looks: readonly LookReading[]): void {
  run.release = answerPerson(run);
  const { spec } = run.release;
  const decision = decide(spec, run.folded.status, { ...observe(run.release, run.route, run.pair), looks }, run.now);
  if (!run.quick) run.log.entries.push(...entriesOf(decision, run.now - START_MS));
  run.folded = asFolded(decision.status);
  run.askedMs = decision.state === 'stage.awaitingApproval' ? (run.askedMs ?? run.now) : undefined;
  if (decision.state === 'stage.awaitingApproval') run.log.asked = true;
  const written = writeIntents(run.route, decision.intents);
  if (written !== run.route) run.takenMs = run.now + GATEWAY_MS;
  run.route = written;
  if (!Number.isFinite(run.lookMs) || looks.length > 0) planLook(run);
  const wakeMs = run.quick ? nextClockTime(decision.status, decision.state, run.now) : undefined;
  run.wakeMs = Math.min(wakeMs ?? decision.wakeAt ?? Number.POSITIVE_INFINITY, findApprovalTime(run));
}

/** When the person who was asked approves: later than now, or the run would stand still. */
function findApprovalTime({ question: { approveAfterMs }, askedMs, now }: Run): number {
  if (askedMs === undefined || approveAfterMs === undefined) return Number.POSITIVE_INFINITY;
  const atMs = askedMs + approveAfterMs;
  return atMs > now ? atMs : now + 1_000;
}

function planLook(run: Run): void {
  const { release } = run.folded.status;
  const { spec } = run.release;
  run.lookMs = Number.POSITIVE_INFINITY;
  if (release === undefined || spec.analysis.mode === 'Off' || !isJudged(stateOf(run))) return;
  // The first look does not wait for the grid.
  run.lookMs =
    release.lookGridAt === undefined ? run.now : nextLookAfter(gridOf(spec, release), Math.max(run.now, Date.parse(release.lookGridAt)));
}

/** Gives the approval: of the stage first, then of the promotion. */
function answerPerson(run: Run): CanaryRelease {
  const { approveAfterMs } = run.question;
  const { release } = run.folded.status;
  if (approveAfterMs === undefined || run.askedMs === undefined || release === undefined || run.now < run.askedMs + approveAfterMs)
    return run.release;
  const own = (release.stageIndex ?? 0) + 1;
  const stage = (release.approvedStages ?? []).includes(own) ? run.release.spec.stages.length + 1 : own;
  const command = formatCommand({ verb: 'approve', id: release.id, stage, at: toTime(run.now) });
  return { ...run.release, metadata: { ...run.release.metadata, annotations: { [COMMAND_ANNOTATION]: command } } };
}
