// Folds one look into the status: verdicts, failing counts, the stage's clock. A pure fold over stored samples, so that a
// restart that reads the same looks again comes to the same state, and nothing is counted twice (rule 5).

import { withoutUndefined } from '../../../api/absence.ts';
import type { Verdict } from '../../../api/names.ts';
import type { CanaryReleaseSpec, CanaryReleaseStatus, ReleaseStatus } from '../../../api/release.ts';
import type { CheckResult } from '../../analysis/checks.ts';
import { alignPhase } from '../../analysis/grid.ts';
import type { LookCounts, LookReading } from '../../analysis/reading.ts';
import { coldUntil } from './breach.ts';
import { COMPARISON, earnsByRequests, findMismatch } from './comparison-look.ts';
import { type Doubts, type Judged, judgeAll, sumUp } from './judged.ts';
import { findTooLate, lateByMs, noteDelay, scrapeMsOf, toldTime } from './lateness.ts';
import { leastRequests } from './shortfall.ts';
import { asksForTraffic, canaryGetsTraffic } from '../traffic.ts';
import { isJudged, type StateName } from '../state.ts';
import { gridOf } from './look-grid.ts';
import { withMeasured } from './measured.ts';
import { isSplitAsBefore, noteSeenSplit } from './split-clock.ts';
import { fromTime, toExactTime, toTime } from '../../../api/times.ts';

/** No new sample for this many scrapes, beyond the delay that there is, means that scraping has stopped. */
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
  if (release === undefined || last === undefined || last <= now + 2 * gridOf(spec, release).intervalMs) return status;
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
      return { ...counted, status: noteHeard(noteMixture(noteAnswer(counted.status, look), look), look) };
    }, asFolded(start)),
  );
}

/** The first answer of Prometheus lets a release begin. */
function noteAnswer(status: CanaryReleaseStatus, look: LookReading): CanaryReleaseStatus {
  const { release } = status;
  if (look.requests.kind === 'unavailable' || release === undefined || release.judgeAnswered === true) return status;
  return { ...status, release: { ...release, judgeAnswered: true } };
}

/** Whether the series are of one cluster, as far as this look shows. */
function noteMixture(status: CanaryReleaseStatus, { requests, mixed }: LookReading): CanaryReleaseStatus {
  const { release } = status;
  const said = mixed?.slice(0, MOST_MESSAGE);
  if (release === undefined || requests.kind === 'unavailable' || said === release.mixedSeries) return status;
  const { mixedSeries: _former, ...rest } = release;
  return { ...status, release: { ...rest, ...withoutUndefined({ mixedSeries: said }) } };
}

/** A source that was heard once and is silent later is missing; one that never was may have no requests. */
function noteHeard(status: CanaryReleaseStatus, { heardSources = [] }: LookReading): CanaryReleaseStatus {
  const { release } = status;
  const known = release?.heardSources ?? [];
  const heard = heardSources.filter((source) => !known.includes(source));
  return release === undefined || heard.length === 0 ? status : { ...status, release: { ...release, heardSources: [...known, ...heard] } };
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
  const isNew = hasNewSample(look, before);
  const delayed = noteDelay(spec, align(spec, before, look), look, isNew);
  const unavailable = look.requests.kind === 'unavailable';
  const at = toTime(look.atMs);
  const stale = isStale(look, before, isNew);
  const kind = unavailable ? 'whole' : kindOf(look, isNew || stale);
  if (kind === 'empty') return { ...folded, status: { ...status, release: { ...delayed, lookGridAt: at } } };
  if (kind === 'glance') return glance(spec, folded, { ...delayed, lookGridAt: at }, { look, read });
  const release = noteSeenSplit(delayed, look);
  const judged = judgeWithTraffic(spec, status, look, doubtsOfSamples(look, before, stale));
  const verdict = sumUp(judged, unavailable);
  const counted = runClock(noteBudget(noteSplit(noteFails(release, judged, read), look), look), verdict, look);
  const silent = noteSilence(counted, look, asksForTraffic(status));
  const requests = countRequests(release, look);
  const stands = verdict === 'Pass' && !mayPass(spec, release, requests, look) ? 'Inconclusive' : verdict;
  const word = stands ?? formerVerdict(before);
  return {
    status: {
      ...withVerdict(status, word),
      release: {
        ...withVerdict(silent, word),
        ...(stands === 'Pass' ? { passInStage: true, passAt: toTime(toldTime(look, release)) } : {}),
        stageRequests: requests,
        lookGridAt: at,
        ...countFailed(release, look),
        ...countGatewayErrors(release, look),
        ...newestOf(look, before),
      },
    },
    tell: (said) => tellLook(said, judged, read()),
  };
}

/** A look without a newer sample is none, unless it shows that scraping has stopped. */
function kindOf({ glance: glances }: LookCounts, saysSomething: boolean): 'empty' | 'glance' | 'whole' {
  if (!saysSomething) return 'empty';
  return glances === true ? 'glance' : 'whole';
}

function doubtsOfSamples(look: LookCounts, release: ReleaseStatus, stale: boolean): DoubtsOfSamples {
  return { staleIn: stale ? release : undefined, tooLate: findTooLate(look, release) ?? describeSilentSource(look) };
}

/** What it would count is missing: the others may convict, and prove nothing good. */
function describeSilentSource({ silentSource }: LookCounts): string | undefined {
  return silentSource === undefined ? undefined : `no new sample from ${silentSource} while the other gateways are scraped: find out why`;
}

type DoubtsOfSamples = Pick<Doubts, 'staleIn' | 'tooLate'>;

/** Between two looks the comparison may only convict: checks count their looks by the interval, and clocks go by whole looks. */
function glance(
  spec: CanaryReleaseSpec,
  folded: Folded,
  release: ReleaseStatus,
  { look, read }: { readonly look: LookCounts; readonly read: () => LookReading },
): Folded {
  const { status } = folded;
  const judged = judgeWithTraffic(spec, status, look, doubtsOfSamples(look, release, false)).filter(({ name }) => name === COMPARISON);
  const { failedCheck, failing = [] } = noteFails(release, judged, read);
  if (failedCheck === undefined) return { ...folded, status: { ...status, release } };
  const convicted = {
    ...release,
    failedCheck,
    failing: [...(release.failing ?? []).filter(({ check }) => check !== COMPARISON), ...failing],
    stageRequests: countRequests(release, look),
    ...countFailed(release, look),
    ...countGatewayErrors(release, look),
    ...newestOf(look, release),
  };
  return {
    status: { ...withVerdict(status, 'Fail'), release: withVerdict(convicted, 'Fail') },
    tell: (said) => tellLook(said, judged, read()),
  };
}

/** Without traffic nothing is judged. */
function judgeWithTraffic(
  spec: CanaryReleaseSpec,
  status: CanaryReleaseStatus,
  look: LookCounts,
  doubts: DoubtsOfSamples,
): readonly Judged[] {
  if (!canaryGetsTraffic(status)) return [];
  const coldUntilMs = coldUntil(spec, status.release ?? {});
  return judgeAll(spec, look, { ...doubts, coldUntilMs, servingEmptySince: servingEmptySince(status) });
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
function countRequests(release: ReleaseStatus, look: LookCounts): number {
  return (release.stageRequests ?? 0) + (isFromBefore(look, release) ? 0 : look.newRequests);
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

/** Over the whole release. They are the gateway's own, so no verdict goes by them. */
function countGatewayErrors(release: ReleaseStatus, { gatewayErrors = 0 }: LookCounts): Pick<ReleaseStatus, 'gatewayErrors'> {
  return gatewayErrors === 0 ? {} : { gatewayErrors: (release.gatewayErrors ?? 0) + gatewayErrors };
}

function withVerdict<T extends { readonly verdict?: Verdict }>(said: T, verdict: Verdict | undefined): T {
  if (said.verdict === verdict) return said;
  const { verdict: _former, ...rest } = said;
  return { ...rest, ...(verdict === undefined ? {} : { verdict }) } as T;
}

/** What it saw is from before the stage's weight was in effect, though it is read after it: a Fail counts, but it proves nothing of this stage. */
function isFromBefore(look: LookCounts, release: ReleaseStatus): boolean {
  return isSplitAsBefore(release) || toldTime(look, release) < (fromTime(release.stageStartedAt) ?? 0);
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

/** No new sample for several scrapes: that is no look to skip but evidence that went missing. A new one is evidence, however late it came. */
function isStale(look: LookCounts, release: ReleaseStatus, isNew: boolean): boolean {
  if (look.newestSampleMs === undefined) return true;
  return !isNew && look.atMs - look.newestSampleMs > lateByMs(release) + STALE_SCRAPES * scrapeMsOf(look, release);
}

/** Whether the gateway splits as asked, as far as this look shows. */
function noteSplit(release: ReleaseStatus, look: LookCounts): ReleaseStatus {
  const mismatch = look.silenced === undefined ? findMismatch(look) : false;
  if (mismatch === undefined || mismatch === (release.splitMismatch ?? false)) return release;
  const { splitMismatch: _former, ...rest } = release;
  return mismatch ? { ...rest, splitMismatch: true } : rest;
}

/** Whether few requests are all that a raise can wait for. */
function noteBudget(release: ReleaseStatus, { comparison, silenced }: LookCounts): ReleaseStatus {
  if (comparison?.kind !== 'facts' && silenced === undefined) return release;
  const isFew = comparison?.kind === 'facts' && comparison.facts.budget === 'requests';
  if (isFew === (release.fewRequests ?? false)) return release;
  const { fewRequests: _former, ...rest } = release;
  return isFew ? { ...rest, fewRequests: true } : rest;
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
  if (requests >= (leastRequests(spec, release, earnsByRequests(spec, look)) ?? 0)) return true;
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
  if (verdict === 'Fail') return { ...rest, cleanSince: toTime(toldTime(look, release)) };
  return since === undefined ? rest : { ...rest, cleanSince: toTime(clean + Math.max(0, look.atMs - Math.max(since, clean))) };
}

type CheckStatus = NonNullable<CanaryReleaseStatus['checks']>[number];

/** Messages can hold what Prometheus said; one that is too long for the status would make the API server refuse all of it. */
function describeResult(result: CheckResult, at: string): CheckStatus {
  const message = result.message === undefined ? {} : { message: result.message.slice(0, MOST_MESSAGE) };
  return { ...result, ...message, at };
}
