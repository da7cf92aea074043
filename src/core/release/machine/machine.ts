// The release as an XState machine: which state follows which fact. Time, metrics and routes come in as facts of one event;
// nothing here waits, asks or writes. Effects are data: what a step does to the status is in the files of steps, what is announced
// leaves as resolved action parameters. This is the only file that imports xstate.

import { type ActorLogic, assign, type ExecutableActionsFrom, setup, type StateValueFrom, transition } from 'xstate';
import type { CanaryReleaseStatus } from '../../../api/release.ts';
import type { Facts, Moment } from '../assess.ts';
import { keepsWeights } from '../facts/retain.ts';
import type { ReleaseEvent } from '../report/events.ts';
import * as say from '../report/events.ts';
import { fromMachineValue, type StateName, STATES, toMachineValue } from '../state.ts';
import * as guards from './guards.ts';
import * as pauseSteps from './pause-steps.ts';
import * as promotionSteps from './promotion-steps.ts';
import * as rollbackSteps from './rollback-steps.ts';
import * as settleSteps from './settle-steps.ts';
import { beginAgain } from './begin-again.ts';
import * as stageSteps from './stage-steps.ts';
import * as startSteps from './start-steps.ts';

/** What the machine carries: the status as it grows. */
export interface MachineContext {
  readonly status: CanaryReleaseStatus;
}

/** The one event: what is known now. */
export interface Observed {
  readonly type: 'OBSERVED';
  readonly facts: Facts;
}

type Args = { readonly context: MachineContext; readonly event: Observed };
/** Where an edge leads: one guard serves several edges of a state. */
type To = { readonly to: StateName };

/** Guards and steps are about a moment: the status as it has become, and the facts. */
const momentOf = ({ context, event }: Args): Moment => ({ status: context.status, facts: event.facts });
const when = (holds: (at: Moment) => boolean) => (args: Args) => holds(momentOf(args));
const whenTo =
  (holds: (at: Moment, to: StateName) => boolean) =>
  (args: Args, { to }: To) =>
    holds(momentOf(args), to);
/** A stage is left for the next one, the last one for the promotion, or for the end of an experiment. */
const whenLeaving = (holds: (at: Moment) => boolean) => whenTo((at, to) => guards.afterStage(at) === to && holds(at));

const machineSetup = setup({
  types: {} as { context: MachineContext; events: Observed; input: MachineContext },
  guards: {
    mustRollBack: when(({ facts }) => facts.rollback !== undefined),
    keepsItsWeights: when(({ status, facts }) => facts.deleting && keepsWeights(facts.spec, status)),
    candidateMayStart: when(guards.mayStart),
    isBlocked: when(({ facts }) => facts.blocker !== undefined && !facts.deleting),
    isUnblocked: whenTo((at, to) => at.status.release?.returnTo === to && guards.isFree(at, to)),
    shouldPause: when(({ facts }) => facts.pause !== undefined),
    mayResumeTo: whenTo((at, to) => guards.mayResume(at) && at.status.release?.returnTo === to),
    routesAreClaimedAndCanaryIsReady: when(guards.mayBeginItsStages),
    waitsForGates: when(guards.waitsForGates),
    weightIsEffective: when(({ facts }) => facts.weightEffective),
    formerIsOutOfUse: when(({ facts }) => guards.isFormerOutOfUse(facts)),
    weightIsEffectiveAndBakes: when((at) => at.facts.weightEffective && guards.bakesNow(at)),
    stagePassedBelowItsWeight: when((at) => guards.isProven(at) && !guards.isAtStageWeight(at)),
    stagePassed: whenLeaving((at) => guards.mayLeaveProven(at) && guards.areGatesPassed(at)),
    stagePassedAndNeedsApproval: when((at) => guards.isProven(at) && !guards.areApprovalsGiven(at)),
    mayAdvanceWithoutEvidence: whenLeaving((at) => guards.mayLeaveWithoutEvidence(at) && guards.areGatesPassed(at)),
    needsApprovalWithoutEvidence: when((at) => guards.needsApprovalWithoutEvidence(at) && !guards.isApprovedByAPerson(at)),
    isApprovedWithoutEvidence: whenLeaving((at) => guards.mayLeaveApproved(at) && guards.areGatesPassed(at)),
    shouldReduce: when(guards.shouldReduce),
    beginsAgain: when(guards.beginsAgain),
    isAdvancedByCommand: whenLeaving((at) => guards.isOrdered(at, 'advance') && guards.mayRaise(at)),
    isPromotedEarly: when((at) => guards.isPromotedEarly(at) && guards.mayRaise(at)),
    isPromotedWithoutStages: when((at) => guards.isPromotedEarly(at) && guards.mayTakeFirstShare(at)),
    bakeIsOver: when(({ facts }) => guards.isBakeOver(facts)),
    // Going back is one weight write only while the Deployment has its old pods, so it rolls after the bake.
    bakeIsOverAndRolls: when(
      ({ status, facts }) => facts.stageServed && guards.isFormerOutOfUse(facts) && status.release?.workload !== undefined,
    ),
    isUndoneByWeights: when((at) => guards.isOrdered(at, 'undo') && at.facts.undo?.kind === 'traffic'),
    isUndoneByDeployment: when((at) => guards.isOrdered(at, 'undo') && at.facts.undo?.kind === 'template'),
    allTrafficIsBack: when(({ facts }) => facts.allHome),
    canaryIsDrained: when(({ facts }) => facts.workload?.drained !== false),
    allRoutesAreRestored: when(({ facts }) => facts.allLeft),
  },
  actions: {
    /** Announcements are read off the transition, see `step`. */
    announce: (_args, _event: ReleaseEvent) => undefined,
    start: assign((args) => {
      const at = momentOf(args);
      const key = guards.candidateOf(at);
      return key === undefined ? {} : { status: startSteps.startRelease(at.status, at.facts, key, guards.attemptOf(at)) };
    }),
    enterFirstStage: assign(({ context, event }) => ({ status: stageSteps.enterFirstStage(context.status, event.facts) })),
    beginAgain: assign(({ context, event }) => ({ status: beginAgain(context.status, event.facts) })),
    reduce: assign(({ context, event }) => ({ status: stageSteps.enterStage(context.status, event.facts, 0) })),
    enterSameStage: assign((args) => ({
      status: stageSteps.enterStage(args.context.status, args.event.facts, guards.stageIndex(momentOf(args))),
    })),
    enterNextStage: assign((args) => ({
      status: stageSteps.enterStage(args.context.status, args.event.facts, guards.stageIndex(momentOf(args)) + 1),
    })),
    promoteAtOnce: assign(({ context, event }) => ({ status: promotionSteps.promoteAtOnce(context.status, event.facts) })),
    enterPromotion: assign(({ context, event }) => ({ status: promotionSteps.enterPromotion(context.status, event.facts) })),
    beginStageClock: assign(({ context, event }) => ({ status: stageSteps.beginStageClock(context.status, event.facts) })),
    beginBake: assign(({ context, event }) => ({ status: promotionSteps.beginBake(context.status, event.facts) })),
    beginRollout: assign(({ context }) => ({ status: promotionSteps.beginRollout(context.status) })),
    beginRestoring: assign(({ context, event }) => ({ status: promotionSteps.beginRestoring(context.status, event.facts) })),
    beginRollback: assign(({ context, event }) =>
      event.facts.rollback === undefined ? {} : { status: rollbackSteps.beginRollback(context.status, event.facts.rollback, event.facts) },
    ),
    complete: assign(({ context, event }) => ({ status: rollbackSteps.completeExperiment(context.status, event.facts) })),
    beginUndo: assign(({ context, event }) => ({ status: rollbackSteps.beginUndo(context.status, event.facts) })),
    beginLettingGo: assign(({ context, event }) => ({ status: rollbackSteps.beginLettingGo(context.status, event.facts) })),
    settlePromoted: assign(({ context, event }) => ({ status: settleSteps.settlePromoted(context.status, event.facts) })),
    settleRolledBack: assign(({ context, event }) => ({ status: settleSteps.settleRolledBack(context.status, event.facts) })),
    pause: assign(({ context, event }) => ({ status: pauseSteps.pause(context.status, event.facts) })),
    resume: assign(({ context, event }) => ({ status: pauseSteps.resume(context.status, event.facts) })),
    block: assign(({ context, event }) => ({ status: pauseSteps.block(context.status, event.facts, event.facts.state) })),
    unblock: assign(({ context, event }) => ({ status: pauseSteps.unblock(context.status, event.facts) })),
  },
});

/** An announcement whose words are made when the edge is taken, from the status after the steps before it. */
const announce = (words: (at: Moment) => ReleaseEvent) => ({ type: 'announce' as const, params: (args: Args) => words(momentOf(args)) });

const rollBack = {
  guard: 'mustRollBack',
  target: '#release.rollingBack.goingHome',
  actions: ['beginRollback', announce(say.rollbackStarted)],
} as const;
const letGo = { guard: 'keepsItsWeights', target: '#release.rollingBack.cleaning', actions: ['beginLettingGo'] } as const;
const pause = { guard: 'shouldPause', target: '#release.paused', actions: ['pause', announce(say.paused)] } as const;
const block = { guard: 'isBlocked', target: '#release.blocked', actions: ['block', announce(say.blocked)] } as const;
/** Announced before the step, which forgets whose edit it was. */
const again = { guard: 'beginsAgain', target: '#release.stage.shifting', actions: [announce(say.beganAgain), 'beginAgain'] } as const;
const start = { guard: 'candidateMayStart', target: '#release.preparing', actions: ['start', announce(say.releaseStarted)] } as const;
const running = [rollBack, letGo] as const;
/** What comes before any progress. */
const stops = [...running, pause, block] as const;

const RESUMABLE = [
  'preparing',
  'stage.shifting',
  'stage.analyzing',
  'stage.awaitingApproval',
  'promoting.rollingOut',
  'promoting.baking',
] as const;
const resumes = RESUMABLE.map((to) => ({
  guard: { type: 'mayResumeTo' as const, params: { to } },
  target: `#release.${to}` as const,
  actions: [announce(say.resumed), 'resume' as const],
}));
const unblocks = RESUMABLE.map((to) => ({
  guard: { type: 'isUnblocked' as const, params: { to } },
  target: `#release.${to}` as const,
  actions: ['unblock' as const, announce(say.resumed)],
}));

type LeavingGuard = 'stagePassed' | 'mayAdvanceWithoutEvidence' | 'isApprovedWithoutEvidence' | 'isAdvancedByCommand';
/** A stage is left in three ways by the same question: to the next one, from the last one into the promotion, or home. */
function leaveStage(type: LeavingGuard, next: (at: Moment) => ReleaseEvent, promotes: (at: Moment) => ReleaseEvent) {
  return [
    {
      guard: { type, params: { to: 'stage.shifting' as const } },
      target: '#release.stage.shifting' as const,
      actions: ['enterNextStage' as const, announce(next)],
    },
    {
      guard: { type, params: { to: 'promoting.rollingOut' as const } },
      target: '#release.promoting.rollingOut' as const,
      actions: ['enterPromotion' as const, announce(promotes)],
    },
    {
      guard: { type, params: { to: 'rollingBack.goingHome' as const } },
      target: '#release.rollingBack.goingHome' as const,
      actions: ['complete' as const, announce(say.experimentEnds)],
    },
  ];
}

const promotedEarly = {
  guard: 'isPromotedEarly',
  target: '#release.promoting.rollingOut',
  actions: ['enterPromotion', announce(say.promotedEarly)],
} as const;
/** What a person orders, or the outage of serving asks for, comes first, then what an outage of Prometheus asks for. */
const ordered = [promotedEarly, ...leaveStage('isAdvancedByCommand', say.weightShifted, say.promotionStarted)];
/** Before its first share. */
const promotedWithoutStages = {
  guard: 'isPromotedWithoutStages',
  target: '#release.promoting.rollingOut',
  actions: ['promoteAtOnce', announce(say.promotedEarly)],
} as const;
const reduces = { guard: 'shouldReduce', target: '#release.stage.shifting', actions: ['reduce', announce(say.weightReduced)] } as const;
const proven = leaveStage('stagePassed', say.weightShifted, say.promotionStarted);
/** A person looked at what there is and lets the release continue. */
const approvedWithoutProof = leaveStage('isApprovedWithoutEvidence', say.approvedWithoutProof, say.approvedWithoutProof);

/** Approved, and only gates are left. */
const gatesLeft = { guard: 'waitsForGates', target: '#release.stage.analyzing' } as const;

/** A promotion is taken back: by one weight write where the former version still runs, else by the Deployment, which rolls. */
const undoes = [
  {
    guard: 'isUndoneByWeights' as const,
    target: '#release.rollingBack.goingHome' as const,
    actions: ['beginUndo' as const, announce(say.undoStarted)],
  },
  {
    guard: 'isUndoneByDeployment' as const,
    target: '#release.rollingBack.cleaning' as const,
    actions: ['beginUndo' as const, announce(say.undoStarted)],
  },
];

/** The machine. `promoted` and `rolledBack` are ordinary states: a final one would ignore the next release. */
export const releaseMachine = machineSetup.createMachine({
  id: 'release',
  context: ({ input }) => input,
  initial: 'idle',
  states: {
    idle: { on: { OBSERVED: [start] } },
    preparing: {
      on: {
        OBSERVED: [
          ...stops,
          promotedWithoutStages,
          {
            guard: 'routesAreClaimedAndCanaryIsReady',
            target: '#release.stage.shifting',
            actions: ['enterFirstStage', announce(say.weightShifted)],
          },
        ],
      },
    },
    stage: {
      initial: 'shifting',
      states: {
        shifting: {
          on: {
            OBSERVED: [
              ...stops,
              again,
              { guard: 'weightIsEffective', target: '#release.stage.analyzing', actions: ['beginStageClock', announce(say.stageStarted)] },
            ],
          },
        },
        analyzing: {
          on: {
            OBSERVED: [
              ...stops,
              ...ordered,
              reduces,
              again,
              {
                guard: 'stagePassedBelowItsWeight',
                target: '#release.stage.shifting',
                actions: ['enterSameStage', announce(say.weightShifted)],
              },
              {
                guard: 'stagePassedAndNeedsApproval',
                target: '#release.stage.awaitingApproval',
                actions: [announce(say.approvalNeeded)],
              },
              ...proven,
              ...leaveStage('mayAdvanceWithoutEvidence', say.passedWithoutProof, say.passedWithoutProof),
              {
                guard: 'needsApprovalWithoutEvidence',
                target: '#release.stage.awaitingApproval',
                actions: [announce(say.approvalNeededWithoutProof)],
              },
              ...approvedWithoutProof,
            ],
          },
        },
        awaitingApproval: { on: { OBSERVED: [...stops, ...ordered, reduces, again, ...proven, ...approvedWithoutProof, gatesLeft] } },
      },
    },
    paused: { on: { OBSERVED: [...running, ...resumes] } },
    promoting: {
      initial: 'rollingOut',
      states: {
        rollingOut: {
          on: {
            OBSERVED: [
              ...stops,
              again,
              { guard: 'weightIsEffectiveAndBakes', target: '#release.promoting.baking', actions: ['beginBake'] },
              { guard: 'formerIsOutOfUse', target: '#release.promoting.restoring', actions: ['beginRestoring'] },
            ],
          },
        },
        baking: {
          on: {
            OBSERVED: [
              ...stops,
              again,
              {
                guard: 'bakeIsOverAndRolls',
                target: '#release.promoting.rollingOut',
                actions: ['beginRollout', announce(say.rolloutStarted)],
              },
              { guard: 'bakeIsOver', target: '#release.promoting.restoring', actions: ['beginRestoring'] },
            ],
          },
        },
        restoring: {
          on: {
            OBSERVED: [
              ...running,
              { guard: 'allRoutesAreRestored', target: '#release.promoted', actions: ['settlePromoted', announce(say.promoted)] },
            ],
          },
        },
      },
    },
    promoted: { on: { OBSERVED: [...undoes, start] } },
    rollingBack: {
      initial: 'goingHome',
      states: {
        goingHome: { on: { OBSERVED: [{ guard: 'allTrafficIsBack', target: '#release.rollingBack.draining' }] } },
        // In Services mode both versions stay yours: nothing is removed, so there is nothing to wait for.
        draining: { on: { OBSERVED: [{ guard: 'canaryIsDrained', target: '#release.rollingBack.cleaning' }] } },
        cleaning: {
          on: {
            OBSERVED: [
              { guard: 'allRoutesAreRestored', target: '#release.rolledBack', actions: ['settleRolledBack', announce(say.rolledBack)] },
            ],
          },
        },
      },
    },
    rolledBack: { on: { OBSERVED: [start] } },
    blocked: { on: { OBSERVED: [...running, pause, again, ...unblocks] } },
  },
});

/** One step: the state and status after it, and what is announced. `moved` is false when nothing applies. */
export interface Step {
  readonly state: StateName;
  readonly status: CanaryReleaseStatus;
  readonly events: readonly ReleaseEvent[];
  readonly moved: boolean;
}

type Executable = ExecutableActionsFrom<typeof releaseMachine>;

const standIn = (state: StateName) =>
  releaseMachine.resolveState({
    value: toMachineValue(state) as StateValueFrom<typeof releaseMachine>,
    context: { status: { observedGeneration: 0 } },
  });
/** The machine in each of its states, for any release: to find a state's nodes by its name takes xstate longer than to ask all guards. */
const AT = Object.fromEntries(STATES.map((state) => [state, standIn(state)])) as Readonly<Record<StateName, Snapshot>>;

type Snapshot = ReturnType<typeof standIn>;

/** The machine as `transition` asks for it, where every step begins from a stored state: xstate need not enter the first one each time. */
const stepping: ActorLogic<Snapshot, Observed> = {
  transition: (snapshot, event, scope) => releaseMachine.transition(snapshot, event, scope),
  getInitialSnapshot: () => AT.idle,
  getPersistedSnapshot: (snapshot) => snapshot,
};

/** Sends the facts to the machine in the state that the status stores. Pure. */
export function step(state: StateName, status: CanaryReleaseStatus, facts: Facts): Step {
  const before = { ...AT[state], context: { status } };
  const event: Observed = { type: 'OBSERVED', facts };
  // Most decisions take no edge: then only the guards are asked.
  if (!before.can(event)) return { state, status, events: [], moved: false };
  const [after, actions] = transition(stepping, before, event);
  if (after.status === 'error') throw after.error;
  const events = (actions as readonly Executable[]).flatMap((action): ReleaseEvent[] =>
    action.type === 'announce' ? [action.params as ReleaseEvent] : [],
  );
  return { state: fromMachineValue(after.value), status: after.context.status, events, moved: true };
}
