// Folds one look into the status: verdicts, failing counts, the stage's clock. A pure fold over stored samples, so that a
// restart that reads the same looks again comes to the same state, and nothing is counted twice (rule 5).

import type { Verdict } from '../../../api/names.ts';
import { parseDuration } from '../../../api/duration.ts';
import type { CanaryReleaseSpec, CanaryReleaseStatus, ReleaseStatus } from '../../../api/release.ts';
import type { CheckResult } from '../../analysis/checks.ts';
import { alignPhase, type Grid } from '../../analysis/grid.ts';
import type { LookCounts, LookReading } from '../../analysis/reading.ts';
import { COMPARISON, findMismatch } from './comparison-look.ts';
import { type Judged, judgeAll, sumUp } from './judged.ts';
import { asksForTraffic, canaryGetsTraffic } from '../traffic.ts';
import { isJudged, type StateName } from '../state.ts';
import { withMeasured } from './measured.ts';
import { fromTime, toExactTime, toTime } from '../../../api/times.ts';

/** The looks' grid of a release. */
export function gridOf(spec: CanaryReleaseSpec, release: ReleaseStatus): Grid {
  return {
    startMs: fromTime(release.startedAt) ?? 0,
    phaseMs: release.lookPhaseMs ?? 0,
    intervalMs: parseDuration(spec.analysis.interval),
  };
}

/** Samples older than this many scrapes mean that scraping has stopped. */
const STALE_SCRAPES = 5;
/** `status.checks[].message` takes so many characters. */
const MOST_MESSAGE = 512;

/** A look that saw no newer sample than the look before is no look: it is not counted (design, words). */
export function hasNewSample(look: LookCounts, release: ReleaseStatus): boolean {
  const before = fromTime(release.sampleAt);
  if (look.newestSampleMs === undefined || before === undefined) return true;
  return look.newestSampleMs > before;
}

/** A clock that was ahead and came back: nothing would be looked at until that time has come, so the last look counts as one of now. */
function forgetFutureLooks(spec: CanaryReleaseSpec, status: CanaryReleaseStatus, now: number): CanaryReleaseStatus {
  const { release } = status;
  const last = fromTime(release?.lookGridAt);
  if (release === undefined || last === undefined || last <= now + 2 * parseDuration(spec.analysis.interval)) return status;
  return { ...status, release: { ...release, lookGridAt: toTime(now) } };
}

/** Folds the looks that fell due, in time order. Nothing is folded while the canary is not judged. */
export function foldLooks(
  spec: CanaryReleaseSpec,
  status: CanaryReleaseStatus,
  state: StateName,
  looks: readonly LookReading[],
  now: number,
): CanaryReleaseStatus {
  const start = forgetFutureLooks(spec, status, now);
  if (!isJudged(state) || spec.analysis.mode === 'Off') return start;
  return tellFolded(
    looks.reduce((folded, look) => {
      const counted = countLook(spec, folded, look, () => look);
      return { ...counted, status: noteAnswer(counted.status, look) };
    }, asFolded(start)),
  );
}

/** The first answer of Prometheus lets a release begin. */
function noteAnswer(status: CanaryReleaseStatus, look: LookReading): CanaryReleaseStatus {
  const { release } = status;
  if (look.requests.kind === 'unavailable' || release === undefined || release.judgeAnswered === true) return status;
  return { ...status, release: { ...release, judgeAnswered: true } };
}

/** Folds one look, words and all. */
export function foldLook(spec: CanaryReleaseSpec, status: CanaryReleaseStatus, look: LookReading): CanaryReleaseStatus {
  return tellFolded(countLook(spec, asFolded(status), look, () => look));
}

/** A status that looks were counted into. What the last of them says, `checks` and `measured`, is written when somebody reads it. */
export interface Folded {
  /** Everything that later looks and the machine go by. */
  readonly status: CanaryReleaseStatus;
  readonly tell: (status: CanaryReleaseStatus) => CanaryReleaseStatus;
}

/** A status that says everything already. */
export function asFolded(status: CanaryReleaseStatus): Folded {
  return { status, tell: (said) => said };
}

/** The status with what its last look says. */
export function tellFolded({ status, tell }: Folded): CanaryReleaseStatus {
  return tell(status);
}

/**
 * Counts a look. The stage's clock stands at Unavailable and starts again at Fail.
 * @param read the whole of it, for words
 */
export function countLook(spec: CanaryReleaseSpec, folded: Folded, look: LookCounts, read: () => LookReading): Folded {
  const { status } = folded;
  const before = status.release;
  if (before === undefined || look.atMs <= (fromTime(before.lookGridAt) ?? 0)) return folded;
  const release = align(spec, before, look);
  const unavailable = look.requests.kind === 'unavailable';
  const at = toTime(look.atMs);
  const stale = isStale(look, before);
  if (!unavailable && !stale && !hasNewSample(look, before))
    return { ...folded, status: { ...status, release: { ...release, lookGridAt: at } } };
  const judged = judgeWithTraffic(spec, status, look, stale ? before : undefined);
  const verdict = sumUp(judged, unavailable);
  const counted = runClock(noteSplit(noteFails(release, judged, read), look), verdict, look);
  const silent = noteSilence(counted, look, asksForTraffic(spec, status));
  const requests = countRequests(release, look);
  const stands = verdict === 'Pass' && !mayPass(spec, release, requests, look) ? 'Inconclusive' : verdict;
  const word = stands ?? formerVerdict(before);
  return {
    status: {
      ...withVerdict(status, word),
      release: {
        ...withVerdict(silent, word),
        ...(stands === 'Pass' ? { passInStage: true, passAt: at } : {}),
        stageRequests: requests,
        lookGridAt: at,
        ...countFailed(release, look),
        ...newestOf(look, before),
      },
    },
    tell: (said) => tellLook(said, judged, read()),
  };
}

/** Without traffic nothing is judged. @param staleIn the release whose samples are old */
function judgeWithTraffic(
  spec: CanaryReleaseSpec,
  status: CanaryReleaseStatus,
  look: LookCounts,
  staleIn: ReleaseStatus | undefined,
): readonly Judged[] {
  if (!canaryGetsTraffic(spec, status)) return [];
  return judgeAll(spec, look, { staleIn, servingEmptySince: servingEmptySince(status) });
}

function tellLook(status: CanaryReleaseStatus, judged: readonly Judged[], look: LookReading): CanaryReleaseStatus {
  const at = toTime(look.atMs);
  return { ...withMeasured(status, look), checks: judged.map(({ tell }) => describeResult(tell(look), at)) };
}

/** Since when serving has had no ready endpoint, while some requests are still sent there. */
function servingEmptySince({ weight = 0, internal }: CanaryReleaseStatus): string | undefined {
  return weight < 100 ? internal?.serving?.emptySince : undefined;
}

/** Canary requests of the stage, with those of this look. */
function countRequests({ stageRequests = 0, stageStartedAt }: ReleaseStatus, look: LookCounts): number {
  return stageRequests + (isFromBefore(look, { stageStartedAt }) ? 0 : look.newRequests);
}

/** Where nothing is judged the former verdict stands, but `Unavailable` does not outlast the outage. */
function formerVerdict({ verdict }: ReleaseStatus): Verdict | undefined {
  return verdict === 'Unavailable' ? undefined : verdict;
}

/** Since when the canary is to have traffic and has had no request; it ends with the first request, and says nothing while Prometheus cannot be asked. */
function noteSilence(release: ReleaseStatus, look: LookCounts, asked: boolean): ReleaseStatus {
  if (look.requests.kind === 'unavailable') return release;
  const silent = asked && (look.requests.kind === 'noTraffic' || look.requests.kind === 'noData');
  if (!silent && release.inconclusiveSince === undefined) return release;
  const { inconclusiveSince, ...rest } = release;
  return silent ? { ...rest, inconclusiveSince: inconclusiveSince ?? toTime(look.atMs) } : rest;
}

/** Over the whole release, for the history. */
function countFailed(release: ReleaseStatus, { newErrors }: LookCounts): Pick<ReleaseStatus, 'failedRequests'> {
  return newErrors === undefined ? {} : { failedRequests: (release.failedRequests ?? 0) + newErrors };
}

function withVerdict<T extends { readonly verdict?: Verdict }>(said: T, verdict: Verdict | undefined): T {
  if (said.verdict === verdict) return said;
  const { verdict: _former, ...rest } = said;
  return { ...rest, ...(verdict === undefined ? {} : { verdict }) } as T;
}

/** Asked before the stage's weight was effective and answered after it: a Fail counts, but it proves nothing of this stage. */
function isFromBefore(look: LookCounts, { stageStartedAt }: { readonly stageStartedAt?: string | undefined }): boolean {
  return look.atMs < (fromTime(stageStartedAt) ?? 0);
}

/** Never backwards: a replica of Prometheus that lags must not make a sample new that was counted already. */
function newestOf({ newestSampleMs }: LookCounts, release: ReleaseStatus): Pick<ReleaseStatus, 'sampleAt'> {
  if (newestSampleMs === undefined || newestSampleMs <= (fromTime(release.sampleAt) ?? 0)) return {};
  return { sampleAt: toExactTime(newestSampleMs) };
}

function align(spec: CanaryReleaseSpec, release: ReleaseStatus, look: LookCounts): ReleaseStatus {
  if (look.newestSampleMs === undefined) return release;
  const phaseMs = alignPhase(gridOf(spec, release), look.newestSampleMs, look.scrapeIntervalMs);
  const scrapeIntervalMs = look.scrapeIntervalMs === undefined ? release.scrapeIntervalMs : Math.round(look.scrapeIntervalMs);
  const lookPhaseMs = Math.round(phaseMs);
  if (scrapeIntervalMs === release.scrapeIntervalMs && lookPhaseMs === release.lookPhaseMs) return release;
  return { ...release, ...(scrapeIntervalMs === undefined ? {} : { scrapeIntervalMs }), lookPhaseMs };
}

/** No new sample for several scrapes: that is no look to skip but evidence that went missing. */
function isStale(look: LookCounts, release: ReleaseStatus): boolean {
  if (look.newestSampleMs === undefined) return true;
  const scrape = look.scrapeIntervalMs ?? release.scrapeIntervalMs ?? 60_000;
  return look.atMs - look.newestSampleMs > STALE_SCRAPES * scrape;
}

/** Whether the gateway splits as asked, as far as this look shows. */
function noteSplit(release: ReleaseStatus, look: LookCounts): ReleaseStatus {
  const mismatch = findMismatch(look);
  if (mismatch === undefined || mismatch === (release.splitMismatch ?? false)) return release;
  const { splitMismatch: _former, ...rest } = release;
  return mismatch ? { ...rest, splitMismatch: true } : rest;
}

type Failing = NonNullable<ReleaseStatus['failing']>;

function noteFails(release: ReleaseStatus, judged: readonly Judged[], read: () => LookReading): ReleaseStatus {
  const failing = countFailing(judged, release.failing ?? []);
  const failed = findFailed(judged, failing);
  if (failed !== undefined) return { ...release, failing, failedCheck: describeFailed(failed, failing, read()) };
  return failing.length === 0 && release.failing?.length === 0 ? release : { ...release, failing };
}

/** Fails in a row; Inconclusive and Unavailable neither count nor reset. */
function countFailing(judged: readonly Judged[], before: Failing): Failing {
  return judged.flatMap(({ name, verdict }) => {
    const next = verdict === 'Fail' ? failsOf(name, before) + 1 : verdict === 'Pass' ? 0 : failsOf(name, before);
    return next === 0 ? [] : [{ check: name, count: Math.min(next, 1_000) }];
  });
}

function failsOf(name: string, failing: Failing): number {
  return failing.find((entry) => entry.check === name)?.count ?? 0;
}

/** The first one that has failed often enough to act. */
function findFailed(judged: readonly Judged[], failing: Failing): Judged | undefined {
  return judged.find(
    ({ name, verdict, breach, consecutive }) => verdict === 'Fail' && breach === 'Rollback' && failsOf(name, failing) >= consecutive,
  );
}

function describeFailed({ name, reasonOf, tell }: Judged, failing: Failing, look: LookReading): NonNullable<ReleaseStatus['failedCheck']> {
  const result = tell(look);
  const message = name === COMPARISON ? `worse than serving: ${result.message ?? ''}` : describeFail(result, failsOf(name, failing));
  return { name, reason: reasonOf(look), message: message.slice(0, MOST_MESSAGE) };
}

function describeFail(result: CheckResult, count: number): string {
  const over = result.requests === undefined ? '' : ` over ${result.requests} canary requests`;
  return `${result.name} ${result.value ?? ''} (limit ${result.limit})${over}, ${count} ${count === 1 ? 'look' : 'looks'} in a row`;
}

function mayPass(spec: CanaryReleaseSpec, release: ReleaseStatus, requests: number, look: LookCounts): boolean {
  if (isFromBefore(look, release)) return false;
  const needed = spec.stages[release.stageIndex ?? 0]?.minRequests ?? spec.analysis.minRequests;
  if (requests >= needed) return true;
  // Own queries alone can judge where requests are not counted.
  return look.requests.kind === 'unusable' && spec.analysis.checks.every((check) => check.query !== undefined);
}

/** The time that is served: it stands while Prometheus is away, and begins again at a Fail. */
function runClock(release: ReleaseStatus, verdict: Verdict | undefined, look: LookCounts): ReleaseStatus {
  if (release.unavailableSince === undefined && verdict !== 'Unavailable' && verdict !== 'Fail') return release;
  const { unavailableSince, ...rest } = release;
  const since = fromTime(unavailableSince);
  if (verdict === 'Unavailable') return { ...rest, unavailableSince: unavailableSince ?? toTime(look.atMs) };
  const clean = fromTime(release.cleanSince);
  if (clean === undefined) return rest;
  if (verdict === 'Fail') return { ...rest, cleanSince: toTime(look.atMs) };
  return since === undefined ? rest : { ...rest, cleanSince: toTime(clean + Math.max(0, look.atMs - Math.max(since, clean))) };
}

type CheckStatus = NonNullable<CanaryReleaseStatus['checks']>[number];

/** Messages can hold what Prometheus said; one that is too long for the status would make the API server refuse all of it. */
function describeResult(result: CheckResult, at: string): CheckStatus {
  const message = result.message === undefined ? {} : { message: result.message.slice(0, MOST_MESSAGE) };
  return { ...result, ...message, at };
}
