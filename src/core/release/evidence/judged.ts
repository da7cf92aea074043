// What the checks and the comparison come to at one look: verdicts first, and what each says in words where it is reported.

import type { Verdict } from '../../../api/names.ts';
import type { CanaryReleaseSpec, Check, ReleaseStatus } from '../../../api/release.ts';
import { toSeconds } from '../../../api/times.ts';
import { type CheckResult, GRAVITY, judgeCheck } from '../../analysis/checks.ts';
import type { LookCounts, LookReading } from '../../analysis/reading.ts';
import { breachOf, describeHold } from './breach.ts';
import { COMPARISON, compareAtLook, isComparisonEnforced, reasonOf, SILENCED_BY_COHORT } from './comparison-look.ts';

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
  /** Why its samples are too old for a Pass; a Fail stands, however old they are. */
  readonly tooLate: string | undefined;
  /** Until when a limit of latency may be broken by pods that are new, Unix milliseconds. */
  readonly coldUntilMs: number | undefined;
  /** Since when serving has had no ready endpoint: then what a gateway answers for it says nothing of any version. */
  readonly servingEmptySince: string | undefined;
}

/** Judges all that a look can be asked. */
export function judgeAll(spec: CanaryReleaseSpec, look: LookCounts, doubts: Doubts): readonly Judged[] {
  // Without any sample there is nothing that could be too old.
  const staleIn = look.newestSampleMs === undefined ? undefined : doubts.staleIn;
  const checks = spec.analysis.checks.map((check) => judgeOne(check, spec, look, { ...doubts, staleIn }));
  if (look.silenced === 'cohort') return [...checks, SILENCED];
  const compared = compareAtLook(spec, look);
  if (compared === undefined) return checks;
  const breach = isComparisonEnforced(spec) ? 'Rollback' : 'Observe';
  const comparison: Judged = { ...compared, name: COMPARISON, breach, consecutive: 1, reasonOf };
  const { servingEmptySince } = doubts;
  return [
    ...checks,
    servingEmptySince === undefined ? withoutOldSamples(comparison, { ...doubts, staleIn }) : withoutServing(comparison, servingEmptySince),
  ];
}

/** The checks decide alone, and it is said why. */
const SILENCED: Judged = {
  name: COMPARISON,
  verdict: 'Inconclusive',
  breach: 'Observe',
  consecutive: 1,
  tell: () => ({ name: COMPARISON, verdict: 'Inconclusive', limit: 'none', message: SILENCED_BY_COHORT }),
  reasonOf,
};

function judgeOne(check: Check, spec: CanaryReleaseSpec, look: LookCounts, doubts: Doubts): Judged {
  const { name, consecutive } = check;
  const breach = breachOf(check, spec, look, doubts.coldUntilMs);
  const { verdict, tell } = judgeCheck(check, look);
  const held = verdict === 'Fail' && breach.kind === 'Hold' ? describeHold(breach.why) : undefined;
  const judged = {
    verdict,
    tell: held === undefined ? tell : () => ({ ...tell(), message: held }),
    name,
    breach: breach.kind,
    consecutive,
    reasonOf: () => check.metric ?? 'Query',
  };
  // An own query says nothing about the gateway's samples, and they say nothing about it.
  return check.query === undefined ? withoutOldSamples(judged, doubts) : judged;
}

function withoutOldSamples(judged: Judged, { staleIn, tooLate }: Doubts): Judged {
  if (staleIn !== undefined) return withoutProof(judged, describeOld(staleIn));
  return tooLate === undefined || judged.verdict !== 'Pass' ? judged : withoutProof(judged, tooLate);
}

function withoutServing(judged: Judged, since: string): Judged {
  return withoutProof(judged, `not compared: serving has had no ready endpoint since ${toSeconds(since)}`);
}

function withoutProof(judged: Judged, message: string): Judged {
  if (judged.verdict === 'Unavailable') return judged;
  const verdict = 'Inconclusive' as const;
  const tell = (look: LookReading) => {
    // A value that proves nothing would be read as if it did.
    const { value: _value, serving: _serving, ...said } = judged.tell(look);
    return { ...said, verdict, message } as const;
  };
  return { ...judged, verdict, tell };
}

/** Some gateways forget the counters of a backend that gets nothing: then no scrape is to blame. */
function describeOld({ driftSince, driftBy }: ReleaseStatus): string {
  if (driftSince === undefined) return 'the newest sample is old: is the gateway still scraped?';
  return `the newest sample is from before field manager ${driftBy ?? 'unknown'} took traffic from the canary`;
}

/** The gravest verdict of all checks that may act. A check that only observes has no say. */
export function sumUp(judged: readonly Judged[], unavailable: boolean): Verdict | undefined {
  if (unavailable) return 'Unavailable';
  let worst: Verdict | undefined;
  for (const { breach, verdict } of judged)
    if (breach !== 'Observe' && (worst === undefined || GRAVITY[verdict] > GRAVITY[worst])) worst = verdict;
  return worst;
}
