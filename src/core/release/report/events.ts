// The words of every announcement: the event reason and one sentence that names what was found and what happens next.

import { describeGit } from './gitops.ts';
import type { MachineContext, Observed, ReleaseEvent } from '../machine/guards.ts';
import { describeShortfall } from '../evidence/shortfall.ts';
import { clockOf, fromTime } from '../../../api/times.ts';

type Scope = { readonly context: MachineContext; readonly event: Observed };

const current = ({ context }: Scope) => context.status.release;
const weightOf = ({ context }: Scope) => context.status.weight ?? 0;

/** `stage 2/3`, with the name where the stage has one. */
export function nameStage(index: number, count: number, name: string | undefined): string {
  const plain = name === undefined || name === String(index + 1);
  return `stage ${index + 1}/${count}${plain ? '' : ` (${name})`}`;
}

function stageOf(scope: Scope): string {
  const index = current(scope)?.stageIndex ?? 0;
  return nameStage(index, scope.event.facts.spec.stages.length, current(scope)?.stage);
}

/** Who made the raise happen, where it was not the judge alone. */
function byWhom({ event }: Scope): string {
  const { command } = event.facts;
  if (command === undefined || command.refusal !== undefined) return '';
  return ` (${command.verb} by ${command.by ?? 'a person'})`;
}

/** The same for programs: the name alone. */
function giverOf({ event }: Scope): Pick<ReleaseEvent, 'by'> {
  const { command } = event.facts;
  return command?.by === undefined || command.refusal !== undefined ? {} : { by: command.by };
}

export function releaseStarted(scope: Scope): ReleaseEvent {
  const release = current(scope);
  return {
    reason: 'ReleaseStarted',
    message: `release ${release?.id} of revision ${release?.revision}: Service ${release?.canary.service} is the canary, ${release?.serving.service} serves${byWhom(scope)}`,
    ...giverOf(scope),
  };
}

export function weightShifted(scope: Scope): ReleaseEvent {
  return {
    reason: 'WeightShifted',
    message: `${stageOf(scope)}: canary share goes to ${weightOf(scope)}%${byWhom(scope)}`,
    ...giverOf(scope),
  };
}

export function weightReduced(scope: Scope): ReleaseEvent {
  return {
    reason: 'MetricsUnavailable',
    message: `Prometheus cannot be asked: canary share goes down to ${weightOf(scope)}% (onUnavailable: Reduce)`,
    warning: true,
  };
}

export function passedWithoutProof(scope: Scope): ReleaseEvent {
  return {
    reason: 'WeightShifted',
    message: `no proof in time; goes on to ${weightOf(scope)}% because spec.analysis.onInconclusive is Promote`,
    warning: true,
  };
}

export function stageStarted(scope: Scope): ReleaseEvent {
  const ends = fromTime(current(scope)?.stageEndsAt);
  const until = ends === undefined ? '' : `, until ${clockOf(ends)} at the earliest`;
  return { reason: 'StageStarted', message: `${stageOf(scope)}: every route gives the canary ${weightOf(scope)}%${until}` };
}

export function approvalNeeded(scope: Scope): ReleaseEvent {
  const release = current(scope);
  const { stage, spec } = scope.event.facts;
  const index = release?.stageIndex ?? 0;
  const own = stage?.approval === 'Required' && !(release?.approvedStages ?? []).includes(index + 1);
  const number = own ? index + 1 : spec.stages.length + 1;
  return {
    reason: 'ApprovalNeeded',
    message: `${stageOf(scope)} is proven and waits for a person: annotate with glidepath.dev/command=approve:${release?.id}/${number}:<UTC time>`,
  };
}

/** `onInconclusive: Approve`: the judge could not tell in time. */
export function approvalNeededWithoutProof(scope: Scope): ReleaseEvent {
  const release = current(scope);
  const { spec, now } = scope.event.facts;
  const short = describeShortfall(scope.context.status, spec, now);
  return {
    reason: 'ApprovalNeeded',
    message: `${stageOf(scope)} had no proof in time${short === undefined ? '' : ` (${short})`} and waits for a person: annotate with glidepath.dev/command=approve:${release?.id}/${(release?.stageIndex ?? 0) + 1}:<UTC time>`,
    warning: true,
  };
}

export function approvedWithoutProof(scope: Scope): ReleaseEvent {
  const last = scope.context.status.lastHandledCommand;
  const by = last?.verb === 'approve' ? last.by : undefined;
  return {
    reason: 'WeightShifted',
    message: `approved by ${by ?? 'a person'} without proof: canary share goes to ${weightOf(scope)}%`,
    warning: true,
    ...(by === undefined ? {} : { by }),
  };
}

export function promotionStarted(scope: Scope): ReleaseEvent {
  const workload = current(scope)?.workload;
  if (workload?.bakes === true)
    return {
      reason: 'WeightShifted',
      message: `all stages are done: canary share goes to 100% for ${scope.event.facts.spec.promotion.bake}, then Deployment ${workload.name} rolls${byWhom(scope)}`,
      ...giverOf(scope),
    };
  if (workload !== undefined)
    return {
      reason: 'WeightShifted',
      message: `all stages are done: Deployment ${workload.name} rolls, the canary keeps ${weightOf(scope)}%${byWhom(scope)}`,
      ...giverOf(scope),
    };
  return { reason: 'WeightShifted', message: `all stages are done: canary share goes to 100%${byWhom(scope)}`, ...giverOf(scope) };
}

export function rolloutStarted(scope: Scope): ReleaseEvent {
  const { workload } = current(scope) ?? {};
  return {
    reason: 'WeightShifted',
    message: `the bake is over: Deployment ${workload?.name ?? ''} rolls, the canary keeps ${weightOf(scope)}%`,
  };
}

export function promoted(scope: Scope): ReleaseEvent {
  const release = current(scope);
  if (release?.workload !== undefined)
    return { reason: 'Promoted', message: `revision ${release.revision} is promoted: Deployment ${release.workload.name} serves it now` };
  return { reason: 'Promoted', message: `revision ${release?.revision} is promoted: Service ${release?.canary.service} serves now` };
}

export function rollbackStarted(scope: Scope): ReleaseEvent {
  const { home } = scope.event.facts;
  return {
    reason: home?.reason === 'CanaryEmpty' ? 'CanaryEmpty' : 'RollbackStarted',
    message: `all traffic goes home to Service ${current(scope)?.serving.service}: ${home?.message ?? 'rollback'}`,
    warning: true,
    ...(home?.by === undefined ? {} : { by: home.by }),
  };
}

/** A promotion that is over is taken back. */
export function undoStarted(scope: Scope): ReleaseEvent {
  const release = current(scope);
  const { workload, undo } = scope.event.facts;
  const back = undo?.kind === 'traffic' || undo?.kind === 'template' ? undo.revision : '';
  const how =
    release?.workload === undefined
      ? `all traffic goes back to Service ${release?.serving.service} (${back})`
      : `Deployment ${release.workload.name} rolls revision ${back} again, without a canary${describeGit(workload?.deployment)}`;
  const mark = release?.workload?.irreversible;
  return {
    reason: 'RollbackStarted',
    message: `revision ${release?.revision} is undone by ${scope.event.facts.command?.by ?? 'a person'}: ${how}${mark === undefined ? '' : `; it is marked irreversible (${mark})`}`,
    warning: true,
    ...giverOf(scope),
  };
}

export function rolledBack(scope: Scope): ReleaseEvent {
  const release = current(scope);
  const again = release?.rejects === true ? '; it is not tried again by itself (command retry)' : '';
  return {
    reason: 'RolledBack',
    message: `revision ${release?.revision} is rolled back: ${release?.reasonMessage ?? release?.reason ?? ''}${again}${describeLeftPaused(scope)}`,
    warning: true,
  };
}

/** Nobody holds the Deployment of a release that is gone, and nobody lets it go either. */
function describeLeftPaused({ event }: Scope): string {
  const { deleting, workload } = event.facts;
  if (!deleting || workload?.deployment?.spec.paused !== true || workload.template === workload.servingTemplate) return '';
  const { name } = workload.deployment.metadata;
  return `; Deployment ${name} stays paused at it: revert it, or roll it with kubectl rollout resume deployment/${name}`;
}

const PAUSE_WORDS: Readonly<Record<string, string>> = {
  Spec: 'spec.paused is true',
  Command: 'paused by a command',
  DeadlineExceeded: 'the deadline of the release passed',
  MetricsUnavailable: 'Prometheus could not be asked for too long',
  Inconclusive: 'the stage had no proof in time',
  BlockedTooLong: 'it was blocked for too long',
};

/** Why a release is paused, in words. */
export function describePause(by: string | undefined): string {
  return PAUSE_WORDS[by ?? 'Command'] ?? `paused (${by})`;
}

export function paused(scope: Scope): ReleaseEvent {
  const { spec, now } = scope.event.facts;
  const why = pauseReason(scope);
  const giver = why === 'Command' ? giverOf(scope) : {};
  const words = giver.by === undefined ? describePause(why) : `paused by ${giver.by}`;
  const short = why === 'Inconclusive' ? describeShortfall(scope.context.status, spec, now) : undefined;
  return {
    reason: 'Paused',
    message: `paused at ${weightOf(scope)}%: ${words}${short === undefined ? '' : ` (${short})`}; the canary is judged on`,
    ...giver,
  };
}

function pauseReason({ event }: Scope): string {
  const { spec, command } = event.facts;
  if (spec.paused) return 'Spec';
  return command?.verb === 'pause' ? 'Command' : (event.facts.pauseReason ?? 'Command');
}

export function resumed(scope: Scope): ReleaseEvent {
  return { reason: 'Resumed', message: `goes on at ${weightOf(scope)}%${byWhom(scope)}`, ...giverOf(scope) };
}

export function blocked(scope: Scope): ReleaseEvent {
  const { blocker } = scope.event.facts;
  const reason = blocker?.reason === 'RouteContested' || blocker?.reason === 'RouteNotAccepted' ? blocker.reason : 'Blocked';
  return { reason, message: `${blocker?.reason}: ${blocker?.message}`, warning: true };
}
