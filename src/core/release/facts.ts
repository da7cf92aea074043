// Gathers what the guards ask about: every fact is named after the sentence it answers and is derived from spec, status,
// observation and now. Nothing is decided here.

import { ABORT_ANNOTATION, HOME_MARK } from '../../api/names.ts';
import { parseDuration } from '../../api/duration.ts';
import type { CanaryReleaseSpec, CanaryReleaseStatus, Stage } from '../../api/release.ts';
import { judgeAcceptance, type Acceptance } from '../routing/acceptance.ts';
import { compareShare, isLeftAs, observedShare, standRoutes, type RouteStanding } from '../routing/standing.ts';
import { findBlocker, type Blocker } from './blockers.ts';
import { readCommand, type FreshCommand } from './commands.ts';
import { findHomeReason, type HomeReason } from './home-reasons.ts';
import type { Observation } from './observation.ts';
import { chooseSides, findCandidate, isSameRevision, keyOf, type CandidateKey, type Sides } from './revision.ts';
import { isRunning, type StateName } from './state.ts';
import { fromTime } from './times.ts';

/** Everything that is known when one event is sent to the machine. */
export interface Facts {
  readonly now: number;
  readonly state: StateName;
  readonly spec: CanaryReleaseSpec;
  readonly observation: Observation;
  readonly sides: Sides | undefined;
  readonly candidate: CandidateKey | undefined;
  /** What stands behind the canary Service now. */
  readonly canaryKey: CandidateKey | undefined;
  readonly standings: readonly RouteStanding[];
  readonly observedWeight: number;
  /** The release's mark on routes, `<name>/<id>`. */
  readonly mark: string;
  readonly homeMark: string;
  readonly stage: Stage | undefined;
  readonly blocker: Blocker | undefined;
  readonly home: HomeReason | undefined;
  readonly command: FreshCommand | undefined;
  readonly deleting: boolean;
  readonly enforced: boolean;
  readonly judging: boolean;
  readonly claimed: boolean;
  readonly weightEffective: boolean;
  readonly rejection: Extract<Acceptance, { kind: 'rejected' }> | undefined;
  readonly acceptanceWait: string | undefined;
  readonly canaryReady: boolean;
  readonly stageServed: boolean;
  readonly stageProven: boolean;
  readonly timedOut: boolean;
  readonly allHome: boolean;
  readonly allLeft: boolean;
  /** Set by the machine's pause guard chain, for the words. */
  readonly pauseReason?: string;
}

/** Gathers the facts of one step. */
export function gatherFacts(
  spec: CanaryReleaseSpec,
  status: CanaryReleaseStatus,
  state: StateName,
  observation: Observation,
  now: number,
): Facts {
  const release = isRunning(state) ? status.release : undefined;
  const sides =
    release === undefined
      ? chooseSides(spec, status, observation.routes)
      : { serving: release.serving.service, canary: release.canary.service };
  const standings =
    release === undefined || sides === undefined ? [] : standRoutes(release.routes ?? [], observation.routes, sides);
  const backend = sides === undefined ? undefined : observation.backends[sides.canary];
  const weight = status.weight ?? 0;
  const mark = `${observation.release.metadata.name}/${status.release?.id ?? ''}`;
  const homeMark = `${mark}/${HOME_MARK}`;
  const acceptances = standings.flatMap(({ route }) => (route === undefined ? [] : [judgeAcceptance(route)]));
  const rejection = acceptances.find((acceptance) => acceptance.kind === 'rejected');
  const waiting = acceptances.find((acceptance) => acceptance.kind === 'waiting');
  const wanted = status.release?.outcome === 'Promoted' ? ({ kind: 'promoted' } as const) : ({ kind: 'restored' } as const);
  const equal = (percent: number) =>
    standings.every((route) => route.rules.every((rule) => compareShare(rule, percent) === 'equal'));
  const partial = {
    now,
    state,
    spec,
    observation,
    sides,
    candidate: release === undefined && sides !== undefined ? findCandidate(spec, status, observation, sides) : undefined,
    canaryKey: sides === undefined ? undefined : keyOf(sides.canary, spec.revision, backend),
    standings,
    observedWeight: observedShare(standings),
    mark,
    homeMark,
    stage: spec.stages[status.release?.stageIndex ?? 0],
    command: readCommand(observation.release, status, state),
    deleting: observation.release.metadata.deletionTimestamp !== undefined,
    enforced: spec.analysis.mode === 'Enforce',
    judging: spec.analysis.mode !== 'Off',
    claimed: standings.every((route) => route.mark === mark),
    weightEffective: standings.length > 0 && equal(weight) && rejection === undefined && waiting === undefined,
    rejection,
    acceptanceWait: waiting?.message,
    canaryReady: backend !== undefined && backend.known && backend.readyEndpoints > 0 && backend.unreadyEndpoints === 0,
    allHome: standings.every(
      (route) => route.route === undefined || (route.mark === homeMark && route.rules.every((rule) => isHome(rule))),
    ),
    allLeft: standings.every((route) =>
      status.release?.retained === true ? route.mark === undefined : isLeftAs(route, wanted),
    ),
  };
  const served = isStageServed(partial.stage, spec, status, state, now);
  const withServed = { ...partial, stageServed: served, stageProven: served && isProven(spec, status) };
  const timedOut = release !== undefined && now >= (fromTime(release.stageTimesOutAt) ?? Number.POSITIVE_INFINITY);
  const blocker = findBlocker({ spec, status, state, observation, sides, standings, rejection, candidate: partial.candidate, now });
  const homeFacts = {
    ...withServed,
    timedOut,
    blocker,
    abortRequested:
      release !== undefined && observation.release.metadata.annotations?.[ABORT_ANNOTATION] === release.id,
    revisionChanged: isRevisionChanged(spec, status, partial.canaryKey, backend?.known === true && backend.templatesKnown),
    canaryEmpty: backend !== undefined && backend.known && backend.readyEndpoints === 0,
  };
  return { ...homeFacts, home: findHomeReason(homeFacts, status) };
}

function isHome(rule: RouteStanding['rules'][number]): boolean {
  return rule.now === undefined || rule.now.canary.weight === 0;
}

/** The duration of a stage (or of the bake) without Fail and Unavailable. */
function isStageServed(
  stage: Stage | undefined,
  spec: CanaryReleaseSpec,
  status: CanaryReleaseStatus,
  state: StateName,
  now: number,
): boolean {
  const cleanSince = fromTime(status.release?.cleanSince);
  if (cleanSince === undefined || stage === undefined) return false;
  const needed = state === 'promoting.baking' ? parseDuration(spec.promotion.bake) : parseDuration(stage.duration);
  return now >= cleanSince + needed;
}

/** The judge's last word is Pass; where the judge does not act, time alone counts. Inconclusive and Unavailable prove nothing. */
function isProven(spec: CanaryReleaseSpec, status: CanaryReleaseStatus): boolean {
  if (spec.analysis.mode !== 'Enforce') return true;
  if ((status.weight ?? 0) === 0) return true;
  return status.release?.verdict === 'Pass' && status.release.passInStage === true;
}

function isRevisionChanged(
  spec: CanaryReleaseSpec,
  status: CanaryReleaseStatus,
  key: CandidateKey | undefined,
  known: boolean,
): boolean {
  const release = status.release;
  if (release === undefined || key === undefined) return false;
  const listed = (spec.services ?? []).map((service) => service.name);
  if (!listed.includes(release.serving.service) || !listed.includes(release.canary.service)) return true;
  if (spec.revision !== release.specRevision) return true;
  if (!known) return false;
  return !isSameRevision(key, {
    service: release.canary.service,
    ...(release.specRevision === undefined ? {} : { specRevision: release.specRevision }),
    templateHashes: release.templateHashes ?? [],
  });
}
