// Which judges look at a simulated release, each set up as its own project does by default or recommends.

import type { Block } from '../../../src/core/analysis/sequential/numbers.ts';
import { startGlidepathErrors, startGlidepathLatency } from './glidepath.ts';
import { startKayenta } from './kayenta.ts';
import { addLatencies, interpolateP99, type LatencyCounts } from './latency.ts';
import type { ErrorCell } from './scenarios.ts';
import { badShareOf, startArgo, startFlagger, startPeek } from './thresholds.ts';
import { addCounts, withWindow, type Look, type Rule } from './traffic.ts';

/** The judges in the order of the tables' columns. */
export const JUDGES = ['glidepath', 'flagger', 'argo', 'kayenta', 'peek'] as const;
export type JudgeName = (typeof JUDGES)[number];

/** A judge at work on one release. */
export interface NamedRule<L> {
  readonly judge: JudgeName;
  readonly rule: Rule<L>;
}

const ERROR_LIMIT = 0.01;
const P99_LIMIT_SECONDS = 0.75;
const PEER_WINDOW_SECONDS = 60;

/** Fresh judges for one release that is judged by its errors. @param before looks at two halves of the stable pods before the release */
export function startErrorJudges({ peerWindowSeconds }: ErrorCell, before: readonly Block[]): readonly NamedRule<Look>[] {
  return [{ judge: 'glidepath', rule: startGlidepathErrors(before) }, ...startErrorPeers(peerWindowSeconds)];
}

/** The judges of other projects, by errors. @param windowSeconds what they look at */
export function startErrorPeers(windowSeconds: number): readonly NamedRule<Look>[] {
  const windowed = (rule: Rule<Look>): Rule<Look> => withWindow(windowSeconds, addCounts, rule);
  return [
    { judge: 'flagger', rule: windowed(startFlagger(badShareOf, ERROR_LIMIT)) },
    { judge: 'argo', rule: windowed(startArgo(badShareOf, ERROR_LIMIT)) },
    { judge: 'kayenta', rule: windowed(startKayenta(badShareOf)) },
    { judge: 'peek', rule: startPeek() },
  ];
}

/** Fresh judges for one release that is judged by its latency. @param before the stable pods' requests before the release */
export function startLatencyJudges(before: LatencyCounts): readonly NamedRule<Look<LatencyCounts>>[] {
  const windowed = (rule: Rule<Look<LatencyCounts>>): Rule<Look<LatencyCounts>> => withWindow(PEER_WINDOW_SECONDS, addLatencies, rule);
  return [
    { judge: 'glidepath', rule: startGlidepathLatency(before) },
    { judge: 'flagger', rule: windowed(startFlagger(interpolateP99, P99_LIMIT_SECONDS)) },
    { judge: 'kayenta', rule: windowed(startKayenta(interpolateP99)) },
  ];
}
