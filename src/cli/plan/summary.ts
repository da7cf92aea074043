// Sums up many simulated releases: how likely each ending is and when it comes, and how many requests the canary fails until then.

import type { Ending, Outcome } from './run-result.ts';

/** Times of the runs that ended alike, milliseconds since the release began. */
export interface Times {
  /** Part of all runs, 0..1. */
  readonly chance: number;
  readonly runs: number;
  /** Absent without such a run. */
  readonly medianMs?: number;
  /** Nine of ten such runs are over by then. */
  readonly p90Ms?: number;
}

/** Rollbacks, also by how long the canary had been bad. */
export interface RollbackTimes extends Times {
  readonly medianAfterTurnMs?: number;
  readonly p90AfterTurnMs?: number;
}

/** Part of all runs with this ending and reason. */
export interface ReasonShare {
  readonly ending: Ending;
  readonly reason: string;
  readonly chance: number;
}

/** What many runs say. */
export interface Summary {
  readonly runs: number;
  readonly promoted: Times;
  /** An experiment that is over. */
  readonly completed: Times;
  readonly rolledBack: RollbackTimes;
  /** It waits for approval, or is paused. */
  readonly asked: Times;
  /** Part of all runs in which an approval was given and the release continued. */
  readonly askedOnTheWay: number;
  /** Neither: blocked, or longer than the deadline. */
  readonly unfinished: Times;
  /** Most likely first. */
  readonly reasons: readonly ReasonShare[];
  /** Failed requests that serving would have answered. */
  readonly extraFailures: { readonly mean: number; readonly p90: number };
  readonly canaryRequests: { readonly mean: number };
}

/** @throws RangeError without runs */
export function summarize(results: readonly Outcome[]): Summary {
  if (results.length === 0) throw new RangeError('no runs to sum up');
  const back = results.filter(({ ending }) => ending === 'rolledBack');
  const afterTurn = back.flatMap(({ atMs, turnedAtMs }) => (turnedAtMs === undefined ? [] : [atMs - turnedAtMs]));
  const failures = results.map(({ expected }) => expected.extraFailures);
  return {
    runs: results.length,
    promoted: timesOf(results, ['promoted']),
    completed: timesOf(results, ['completed']),
    rolledBack: {
      ...timesOf(results, ['rolledBack']),
      ...(afterTurn.length === 0 ? {} : { medianAfterTurnMs: quantileOf(afterTurn, 0.5), p90AfterTurnMs: quantileOf(afterTurn, 0.9) }),
    },
    asked: timesOf(results, ['asked']),
    askedOnTheWay: results.filter(({ asked, ending }) => asked && ending !== 'asked').length / results.length,
    unfinished: timesOf(results, ['blocked', 'unfinished']),
    reasons: listReasons(results),
    extraFailures: { mean: meanOf(failures), p90: quantileOf(failures, 0.9) },
    canaryRequests: { mean: meanOf(results.map(({ expected }) => expected.canaryRequests)) },
  };
}

function timesOf(results: readonly Outcome[], endings: readonly Ending[]): Times {
  const times = results.filter(({ ending }) => endings.includes(ending)).map(({ atMs }) => atMs);
  const share = { chance: times.length / results.length, runs: times.length };
  return times.length === 0 ? share : { ...share, medianMs: quantileOf(times, 0.5), p90Ms: quantileOf(times, 0.9) };
}

function listReasons(results: readonly Outcome[]): readonly ReasonShare[] {
  const counts = new Map<string, { readonly ending: Ending; readonly reason: string; runs: number }>();
  for (const { ending, reason } of results) {
    const key = `${ending} ${reason}`;
    const known = counts.get(key) ?? { ending, reason, runs: 0 };
    known.runs += 1;
    counts.set(key, known);
  }
  return [...counts.values()]
    .toSorted((a, b) => b.runs - a.runs || a.reason.localeCompare(b.reason))
    .map(({ ending, reason, runs }) => ({ ending, reason, chance: runs / results.length }));
}

/** The nearest rank: always a number that there was. */
export function quantileOf(values: readonly number[], quantile: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(quantile * sorted.length) - 1)] ?? 0;
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** The typical run: of those that ended in the commonest way the one whose end is nearest to their median. */
export function findTypical(results: readonly Outcome[]): number {
  const [common] = listReasons(results);
  const alike = results.flatMap((result, index) =>
    result.ending === common?.ending && result.reason === common.reason ? [{ result, index }] : [],
  );
  const median = quantileOf(
    alike.map(({ result }) => result.atMs),
    0.5,
  );
  const distance = (one: (typeof alike)[number]) => Math.abs(one.result.atMs - median);
  return (
    alike.reduce<(typeof alike)[number] | undefined>(
      (best, one) => (best === undefined || distance(one) < distance(best) ? one : best),
      undefined,
    )?.index ?? 0
  );
}
