// What one act of the demo measured, all of it from the load generator's own record, and what was expected of it.

import { isBad, type LoadRecord, within } from '../lab/load.ts';
import type { ShareChange } from './stage-log.ts';

/** A gateway takes a change within this time; requests of that moment belong to neither stage. */
const SETTLE_MS = 250;
/** The goal with looks and scrapes every second. */
export const MOST_EXPOSURE_SECONDS = 3.5;
/** Requests are dealt out at random: so many standard deviations are never chance. */
const SIGMAS = 5;

export interface Act {
  readonly title: string;
  readonly expected: 'Promoted' | 'RolledBack';
  /** The version that is shipped, and the Service it stands behind. */
  readonly version: string;
  readonly service: string;
}

/** One share that the route gave, and what came of it. */
export interface StageFigures {
  readonly askedPercent: number;
  readonly measuredPercent: number;
  readonly requests: number;
  readonly badAnswers: number;
  readonly isCredible: boolean;
}

export interface Outcome {
  readonly act: Act;
  readonly reached: boolean;
  readonly seconds: number;
  readonly requests: number;
  readonly badAnswers: number;
  readonly stages: readonly StageFigures[];
  readonly firstBadAtMs: number | undefined;
  readonly lastBadAtMs: number | undefined;
  /** From the first bad answer to the last one. */
  readonly exposureSeconds: number | undefined;
  /** From the first bad answer until the API server had the route without weight for the version. */
  readonly homeSeconds: number | undefined;
}

/** Sums up an act. @param endMs the end of the act; @param reached the release ended as expected */
export function sumUp(
  act: Act,
  records: readonly LoadRecord[],
  changes: readonly ShareChange[],
  span: { readonly fromMs: number; readonly toMs: number },
  reached: boolean,
): Outcome {
  const own = within(records, span.fromMs, span.toMs);
  const badTimes = own.filter(isBad).map(({ doneAtMs }) => doneAtMs);
  const first = badTimes.length === 0 ? undefined : Math.min(...badTimes);
  const last = badTimes.length === 0 ? undefined : Math.max(...badTimes);
  const home = changes.find(({ atMs, shares }) => first !== undefined && atMs > first && shares[act.service] === 0);
  return {
    act,
    reached,
    seconds: (span.toMs - span.fromMs) / 1_000,
    requests: own.length,
    badAnswers: badTimes.length,
    stages: measureStages(act, own, changes, span),
    firstBadAtMs: first,
    lastBadAtMs: last,
    exposureSeconds: first === undefined || last === undefined ? undefined : (last - first) / 1_000,
    homeSeconds: first === undefined || home === undefined ? undefined : (home.atMs - first) / 1_000,
  };
}

function measureStages(
  act: Act,
  records: readonly LoadRecord[],
  changes: readonly ShareChange[],
  span: { readonly fromMs: number; readonly toMs: number },
): readonly StageFigures[] {
  return changes.flatMap(({ atMs, shares }, index) => {
    const fromMs = Math.max(atMs, span.fromMs);
    const toMs = Math.min(changes[index + 1]?.atMs ?? span.toMs, span.toMs);
    const asked = shares[act.service] ?? 0;
    if (toMs <= fromMs || (asked === 0 && index === 0)) return [];
    return [measureStage(act, within(records, fromMs + SETTLE_MS, toMs), asked, within(records, fromMs, toMs).filter(isBad).length)];
  });
}

function measureStage(act: Act, records: readonly LoadRecord[], askedPercent: number, badAnswers: number): StageFigures {
  const requests = records.length;
  const share = requests === 0 ? 0 : records.filter(({ version }) => version === act.version).length / requests;
  const asked = askedPercent / 100;
  const noise = requests === 0 ? 1 : SIGMAS * Math.sqrt((asked * (1 - asked)) / requests) + 1 / requests;
  return { askedPercent, measuredPercent: share * 100, requests, badAnswers, isCredible: Math.abs(share - asked) <= noise };
}

/** What went otherwise than expected, in sentences; empty when all is well. */
export function findDisappointments(outcome: Outcome): readonly string[] {
  const { act, reached, stages, badAnswers, exposureSeconds } = outcome;
  const good = act.expected === 'Promoted';
  const checks: readonly (readonly [wrong: boolean, sentence: string])[] = [
    [!reached, `${act.version} was not ${good ? 'promoted' : 'rolled back'}`],
    [good && badAnswers > 0, `${badAnswers} answers were bad while a good version was released`],
    [!good && exposureSeconds === undefined, 'the bad version never answered'],
    [
      !good && (exposureSeconds ?? 0) > MOST_EXPOSURE_SECONDS,
      `users saw errors for ${exposureSeconds?.toFixed(2)} s, more than ${MOST_EXPOSURE_SECONDS} s`,
    ],
  ];
  const shares = stages
    .filter(({ isCredible }) => !isCredible)
    .map(({ askedPercent, measuredPercent }) => `the route asked for ${askedPercent}%, ${measuredPercent.toFixed(1)}% arrived`);
  return [...checks.filter(([wrong]) => wrong).map(([, sentence]) => sentence), ...shares];
}
