// The words of every announcement: the event reason and one sentence that names what was found and what happens next.

import { describeGit } from './gitops.ts';
import { PAUSE_REASONS, type PauseReason } from '../../../api/reasons.ts';
import type { Moment } from '../assess.ts';
import { SERVING_GONE_MS } from '../facts/serving-facts.ts';
import type { EventReason } from '../../../api/names.ts';
import type { ReleaseStatus } from '../../../api/release.ts';
import { describeCohort, fieldOf } from '../../routing/cohort.ts';
import { describeBlocker } from '../checks/types.ts';
import { describeHeldGate } from './gate-words.ts';
import { describeKeptBlock } from './kept-block.ts';
import { describeShortfall } from '../evidence/shortfall.ts';
import { describeAttempt, describeEnd, describeFate } from './next-attempt.ts';
import { clockOf, fromTime } from '../../../api/times.ts';

/** What a release announces: an event, a notification and a log line are made of it. */
export interface ReleaseEvent {
  readonly reason: EventReason;
  readonly message: string;
  readonly warning?: boolean;
  /** The person whose command made it happen, where the command says. */
  readonly by?: string;
}

/** An event has room for so many characters. */
const MOST_NOTE = 1_024;

const current = ({ status }: Moment) => status.release;
const weightOf = ({ status }: Moment) => status.weight ?? 0;

/** `stage 2/3`, with the name where the stage has one. */
export function nameStage(index: number, count: number, name: string | undefined): string {
  const plain = name === undefined || name === String(index + 1);
  return `stage ${index + 1}/${count}${plain ? '' : ` (${name})`}`;
}

function stageOf(at: Moment): string {
  const index = current(at)?.stageIndex ?? 0;
  return nameStage(index, at.facts.spec.stages.length, current(at)?.stage);
}

/** Which requests go to the canary beside its weight. */
function withCohort(at: Moment): string {
  const cohort = current(at)?.cohort;
  if (cohort === undefined) return '';
  return ` and ${fieldOf(cohort) === 'cohort' ? 'all ' : ''}${describeCohort(cohort)}`;
}

/** The split that was there before. */
function describeAdopted(release: ReleaseStatus | undefined): string {
  if (release === undefined || (release.adoptedWeight ?? 0) === 0) return '';
  return `; it continues from the ${release.adoptedWeight}% that ${release.canary.service} already has`;
}

/** Who made the raise happen, where it was not the judge alone. */
function byWhom({ facts }: Moment): string {
  const { command } = facts;
  if (command === undefined || command.refusal !== undefined) return '';
  return ` (${command.verb} by ${command.by ?? 'a person'})`;
}

/** The same for programs: the name alone. */
function giverOf({ facts }: Moment): Pick<ReleaseEvent, 'by'> {
  const { command } = facts;
  return command?.by === undefined || command.refusal !== undefined ? {} : { by: command.by };
}

export function releaseStarted(at: Moment): ReleaseEvent {
  const release = current(at);
  const { nextAttempt } = at.facts;
  // Set by a retry of Glidepath alone.
  const before =
    nextAttempt === undefined || release?.retries === undefined ? '' : `; ${describeAttempt(nextAttempt.number, nextAttempt.before)}`;
  return {
    reason: 'ReleaseStarted',
    message: `release ${release?.id} of revision ${release?.revision}: Service ${release?.canary.service} is the canary, ${release?.serving.service} serves${describeAdopted(release)}${before}${byWhom(at)}`,
    ...giverOf(at),
  };
}

export function weightShifted(at: Moment): ReleaseEvent {
  return {
    reason: 'WeightShifted',
    message: `${stageOf(at)}: canary share goes to ${weightOf(at)}%${withCohort(at)}${byWhom(at)}`,
    ...giverOf(at),
  };
}

export function weightReduced(at: Moment): ReleaseEvent {
  return {
    reason: 'MetricsUnavailable',
    message: `Prometheus cannot be asked: canary share goes down to ${weightOf(at)}% (onUnavailable: Reduce)`,
    warning: true,
  };
}

/** Somebody took all traffic from the canary. */
export function beganAgain(at: Moment): ReleaseEvent {
  const { stages } = at.facts.spec;
  const [first] = stages;
  const taker = current(at)?.driftBy ?? 'unknown';
  return {
    reason: 'WeightShifted',
    message: `${nameStage(0, stages.length, first?.name)}: canary share goes to ${first?.weight ?? 0}% again: field manager ${taker} took all of its traffic, and without traffic there is no evidence`,
    warning: true,
  };
}

export function passedWithoutProof(at: Moment): ReleaseEvent {
  return {
    reason: 'WeightShifted',
    message: `no evidence in time; advances to ${weightOf(at)}% because spec.analysis.onInconclusive is Promote`,
    warning: true,
  };
}

export function stageStarted(at: Moment): ReleaseEvent {
  const ends = fromTime(current(at)?.stageEndsAt);
  const until = ends === undefined ? '' : `, until ${clockOf(ends)} at the earliest`;
  return { reason: 'StageStarted', message: `${stageOf(at)}: every route gives the canary ${weightOf(at)}%${withCohort(at)}${until}` };
}

export function approvalNeeded(at: Moment): ReleaseEvent {
  const release = current(at);
  const { stage, spec } = at.facts;
  const index = release?.stageIndex ?? 0;
  const own = stage?.approval === 'Required' && !(release?.approvedStages ?? []).includes(index + 1);
  const number = own ? index + 1 : spec.stages.length + 1;
  return {
    reason: 'ApprovalNeeded',
    message: `${stageOf(at)} has passed and waits for a person: annotate with glidepath.dev/command=approve:${release?.id}/${number}:<UTC time>`,
  };
}

/** `onInconclusive: Approve`: the judge had no evidence in time. */
export function approvalNeededWithoutProof(at: Moment): ReleaseEvent {
  const release = current(at);
  const { spec } = at.facts;
  const short = describeShortfall(at.status, spec);
  return {
    reason: 'ApprovalNeeded',
    message: `${stageOf(at)} had no proof in time${short === undefined ? '' : ` (${short})`} and waits for a person: annotate with glidepath.dev/command=approve:${release?.id}/${(release?.stageIndex ?? 0) + 1}:<UTC time>`,
    warning: true,
  };
}

export function approvedWithoutProof(at: Moment): ReleaseEvent {
  const last = at.status.lastHandledCommand;
  const by = last?.verb === 'approve' ? last.by : undefined;
  return {
    reason: 'WeightShifted',
    message: `approved by ${by ?? 'a person'} without proof: canary share goes to ${weightOf(at)}%`,
    warning: true,
    ...(by === undefined ? {} : { by }),
  };
}

/** Before all stages are done: a person ordered it, or only the canary answers (`spec.onServingEmpty: Promote`). */
export function promotedEarly(at: Moment): ReleaseEvent {
  const release = current(at);
  const how =
    release?.workload === undefined || release.workload.bakes === true
      ? 'canary share goes to 100%'
      : `Deployment ${release.workload.name} rolls, the canary keeps ${weightOf(at)}%`;
  if (at.facts.command?.verb === 'promote')
    return { reason: 'WeightShifted', message: `promoted before all stages are done: ${how}${byWhom(at)}`, ...giverOf(at) };
  return {
    reason: 'ServingEmpty',
    message: `Service ${release?.serving.service} has had no ready endpoint for ${SERVING_GONE_MS / 1_000} s and the canary has: ${how} (spec.onServingEmpty: Promote)`,
    warning: true,
  };
}

export function promotionStarted(at: Moment): ReleaseEvent {
  const workload = current(at)?.workload;
  if (workload?.bakes === true)
    return {
      reason: 'WeightShifted',
      message: `all stages are done: canary share goes to 100% for ${at.facts.spec.promotion.bake}, then Deployment ${workload.name} rolls${byWhom(at)}`,
      ...giverOf(at),
    };
  if (workload !== undefined)
    return {
      reason: 'WeightShifted',
      message: `all stages are done: Deployment ${workload.name} rolls, the canary keeps ${weightOf(at)}%${byWhom(at)}`,
      ...giverOf(at),
    };
  return { reason: 'WeightShifted', message: `all stages are done: canary share goes to 100%${byWhom(at)}`, ...giverOf(at) };
}

/** All stages of an experiment have passed. */
export function experimentEnds(at: Moment): ReleaseEvent {
  const { service } = current(at)?.serving ?? {};
  return {
    reason: 'WeightShifted',
    message: `all stages are done: all traffic goes back to Service ${service} (spec.promotion.mode: None)${byWhom(at)}`,
    ...giverOf(at),
  };
}

export function rolloutStarted(at: Moment): ReleaseEvent {
  const { workload } = current(at) ?? {};
  return {
    reason: 'WeightShifted',
    message: `the bake is over: Deployment ${workload?.name ?? ''} rolls, the canary keeps ${weightOf(at)}%`,
  };
}

export function promoted(at: Moment): ReleaseEvent {
  const release = current(at);
  if (release?.workload !== undefined)
    return { reason: 'Promoted', message: `revision ${release.revision} is promoted: Deployment ${release.workload.name} serves it now` };
  return { reason: 'Promoted', message: `revision ${release?.revision} is promoted: Service ${release?.canary.service} serves now` };
}

export function rollbackStarted(at: Moment): ReleaseEvent {
  const { rollback } = at.facts;
  return {
    reason: rollback?.reason === 'CanaryEmpty' ? 'CanaryEmpty' : 'RollbackStarted',
    message: `all traffic goes back to Service ${current(at)?.serving.service}: ${rollback?.message ?? 'rollback'}`,
    warning: true,
    ...(rollback?.by === undefined ? {} : { by: rollback.by }),
  };
}

/** A promotion that is over is taken back. */
export function undoStarted(at: Moment): ReleaseEvent {
  const release = current(at);
  const { workload, undo } = at.facts;
  const back = undo !== undefined && 'revision' in undo ? undo.revision : '';
  const how =
    release?.workload === undefined
      ? `all traffic goes back to Service ${release?.serving.service} (${back})`
      : `Deployment ${release.workload.name} rolls revision ${back} again, without a canary${describeGit(workload?.deployment)}`;
  const mark = release?.workload?.irreversible;
  return {
    reason: 'RollbackStarted',
    message: `revision ${release?.revision} is undone by ${giverOf(at).by ?? 'a person'}: ${how}${mark === undefined ? '' : `; it is marked irreversible (${mark})`}`,
    warning: true,
    ...giverOf(at),
  };
}

export function rolledBack(at: Moment): ReleaseEvent {
  const release = current(at);
  const [ended, again] = release === undefined ? ['rolled back', ''] : [describeEnd(release), describeFate(release)];
  const message = `${ended}: ${release?.reasonMessage ?? release?.reason ?? ''}${again}${describeLeftPaused(at)}`;
  return release?.reason === 'Completed' ? { reason: 'Completed', message } : { reason: 'RolledBack', message, warning: true };
}

/** The Deployment of a release that is gone is neither held nor let go. */
function describeLeftPaused({ facts }: Moment): string {
  const { deleting, workload } = facts;
  if (!deleting || workload?.deployment?.spec.paused !== true || workload.template === workload.servingTemplate) return '';
  const { name } = workload.deployment.metadata;
  return `; Deployment ${name} stays paused at it: revert it, or roll it with kubectl rollout resume deployment/${name}`;
}

const PAUSE_WORDS: Readonly<Record<PauseReason, string>> = {
  Spec: 'spec.paused is true',
  Command: 'paused by a command',
  DeadlineExceeded: 'the deadline of the release passed',
  MetricsUnavailable: 'Prometheus could not be asked for too long',
  Inconclusive: 'the stage had no proof in time',
  BlockedTooLong: 'it was blocked for too long',
  GateHeld: 'a gate did not pass',
};

/** Why a release is paused, in words. @param by as the status has it, which another version may have written */
export function describePause(by: string | undefined): string {
  if (by === undefined) return PAUSE_WORDS.Command;
  return isPauseReason(by) ? PAUSE_WORDS[by] : `paused (${by})`;
}

function isPauseReason(text: string): text is PauseReason {
  return Object.hasOwn(PAUSE_REASONS, text);
}

export function paused(at: Moment): ReleaseEvent {
  const { pause = 'Command' } = at.facts;
  const giver = pause === 'Command' ? giverOf(at) : {};
  const words = giver.by === undefined ? describePause(pause) : `paused by ${giver.by}`;
  const trouble = at.facts.state === 'blocked' ? describeKeptBlock(at.status.release, at.facts.blocker) : undefined;
  const why = trouble ?? describeCause(at, pause);
  return {
    reason: 'Paused',
    message: `paused at ${weightOf(at)}%: ${words}${why === undefined ? '' : ` (${why})`}; the canary is judged on`.slice(0, MOST_NOTE),
    ...giver,
  };
}

/** What the pause does not say itself. */
function describeCause({ status, facts: { spec } }: Moment, pause: PauseReason): string | undefined {
  switch (pause) {
    case 'Inconclusive':
      return describeShortfall(status, spec);
    case 'GateHeld':
      return describeHeldGate(spec, status, 'paused');
    case 'Spec':
    case 'Command':
    case 'DeadlineExceeded':
    case 'MetricsUnavailable':
    case 'BlockedTooLong':
      return undefined;
  }
}

export function resumed(at: Moment): ReleaseEvent {
  return { reason: 'Resumed', message: `continues at ${weightOf(at)}%${byWhom(at)}`, ...giverOf(at) };
}

export function blocked(at: Moment): ReleaseEvent {
  const { blocker } = at.facts;
  const reason = blocker?.reason === 'RouteContested' || blocker?.reason === 'RouteNotAccepted' ? blocker.reason : 'Blocked';
  return { reason, message: blocker === undefined ? 'the release is blocked' : describeBlocker(blocker), warning: true };
}
