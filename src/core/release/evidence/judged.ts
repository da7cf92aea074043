// What the checks and the comparison come to at one look: verdicts first, and what each says in words where it is reported.

import type { Verdict } from '../../../api/names.ts';
import type { CanaryReleaseSpec, Check, ReleaseStatus } from '../../../api/release.ts';
import { toSeconds } from '../../../api/times.ts';
import { type CheckResult, judgeCheck } from '../../analysis/checks.ts';
import type { LookCounts, LookReading } from '../../analysis/reading.ts';
import { breachOf, COMPARISON, compareAtLook, isComparisonEnforced, reasonOf } from './comparison-look.ts';

/** One check, or the comparison, at one look: its verdict, what may follow, and what it says. */
export interface Judged {
  readonly name: string;
  readonly verdict: Verdict;
  readonly breach: 'Rollback' | 'Hold' | 'Observe';
  /** So many Fails in a row act. */
  readonly consecutive: number;
  readonly tell: (look: LookReading) => CheckResult;
  /** The word under which it is remembered when it fails. */
  readonly reasonOf: (look: LookReading) => string;
}

/** Why a look may prove nothing, whatever its numbers are. */
export interface Doubts {
  /** The release, where no new sample has come for several scrapes. */
  readonly staleIn: ReleaseStatus | undefined;
  /** Since when serving has had no ready endpoint: then what a gateway answers for it says nothing of any version. */
  readonly servingEmptySince: string | undefined;
}

/** Judges all that a look can be asked. */
export function judgeAll(spec: CanaryReleaseSpec, look: LookCounts, doubts: Doubts): readonly Judged[] {
  // Without any sample there is nothing that could be too old.
  const staleIn = look.newestSampleMs === undefined ? undefined : doubts.staleIn;
  const checks = spec.analysis.checks.map((check) => judgeOne(check, spec, look, staleIn));
  const compared = compareAtLook(spec, look);
  if (compared === undefined) return checks;
  const breach = isComparisonEnforced(spec) ? 'Rollback' : 'Observe';
  const comparison: Judged = { ...compared, name: COMPARISON, breach, consecutive: 1, reasonOf };
  const { servingEmptySince } = doubts;
  return [
    ...checks,
    servingEmptySince === undefined ? withoutOldSamples(comparison, staleIn) : withoutServing(comparison, servingEmptySince),
  ];
}

function judgeOne(check: Check, spec: CanaryReleaseSpec, look: LookCounts, staleIn: ReleaseStatus | undefined): Judged {
  const { name, consecutive } = check;
  const judged = {
    ...judgeCheck(check, look),
    name,
    breach: breachOf(check, spec, look),
    consecutive,
    reasonOf: () => check.metric ?? 'Query',
  };
  // An own query says nothing about the gateway's samples, and they say nothing about it.
  return check.query === undefined ? withoutOldSamples(judged, staleIn) : judged;
}

function withoutOldSamples(judged: Judged, staleIn: ReleaseStatus | undefined): Judged {
  return staleIn === undefined ? judged : withoutProof(judged, describeOld(staleIn));
}

function withoutServing(judged: Judged, since: string): Judged {
  return withoutProof(judged, `not compared: serving has had no ready endpoint since ${toSeconds(since)}`);
}

function withoutProof(judged: Judged, message: string): Judged {
  if (judged.verdict === 'Unavailable') return judged;
  const verdict = 'Inconclusive';
  return { ...judged, verdict, tell: (look) => ({ ...judged.tell(look), verdict, message }) };
}

/** Some gateways forget the counters of a backend that gets nothing: then no scrape is to blame. */
function describeOld({ driftSince, driftBy }: ReleaseStatus): string {
  if (driftSince === undefined) return 'the newest sample is old: is the gateway still scraped?';
  return `the newest sample is from before field manager ${driftBy ?? 'unknown'} took traffic from the canary`;
}

const GRAVITY: Readonly<Record<Verdict, number>> = { Pass: 0, Inconclusive: 1, Unavailable: 2, Fail: 3 };

/** The gravest verdict of all checks that may act. A check that only observes has no say. */
export function sumUp(judged: readonly Judged[], unavailable: boolean): Verdict | undefined {
  if (unavailable) return 'Unavailable';
  let worst: Verdict | undefined;
  for (const { breach, verdict } of judged)
    if (breach !== 'Observe' && (worst === undefined || GRAVITY[verdict] > GRAVITY[worst])) worst = verdict;
  return worst;
}
