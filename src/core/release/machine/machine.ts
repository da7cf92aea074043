// The release as an XState machine: which state follows which fact. Time, metrics and routes come in as facts of one event;
// nothing here waits, asks or writes. Effects are data: what a step does to the status is in steps.ts, what is announced
// leaves as resolved action parameters. This is the only file that imports xstate.

import { assign, setup, transition, type ExecutableActionsFrom } from 'xstate';
import type { CanaryReleaseStatus } from '../../../api/release.ts';
import type { Facts } from '../facts/facts.ts';
import { keepsWeights } from '../facts/retain.ts';
import { fromMachineValue, toMachineValue, type StateName } from '../state.ts';
import * as say from '../report/events.ts';
import * as steps from './steps.ts';
import { beginUndo } from '../facts/undo.ts';
import {
  areApprovalsGiven,
  arePoliciesKnown,
  asksWithoutProof,
  attemptOf,
  bakesNow,
  candidateOf,
  findPauseReason,
  isAtStageWeight,
  isFree,
  isInconclusiveTooLong,
  isLastStage,
  isLetGoByAPerson,
  isOrdered,
  isProven,
  isUnavailableTooLong,
  mayRaise,
  mayRaiseByItself,
  mayResume,
  release,
  stageIndex,
  type MachineContext,
  type Observed,
  type Scope,
  type ReleaseEvent,
} from './guards.ts';

const machineSetup = setup({
  types: {} as { context: MachineContext; events: Observed; input: MachineContext },
  guards: {
    mustRollBack: ({ event }) => event.facts.home !== undefined,
    isLetGo: ({ context, event }) => event.facts.deleting && keepsWeights(event.facts.spec, context.status),
    candidateMayStart: (scope) =>
      candidateOf(scope) !== undefined &&
      scope.event.facts.blocker === undefined &&
      arePoliciesKnown(scope) &&
      !scope.event.facts.deleting &&
      !scope.event.facts.spec.paused,
    isBlocked: ({ event }) => event.facts.blocker !== undefined && !event.facts.deleting,
    isFreeAgain: (scope, params: { readonly to: StateName }) => release(scope)?.returnTo === params.to && isFree(scope, params.to),
    shouldPause: (scope) => findPauseReason(scope) !== undefined,
    mayResumeTo: (scope, params: { readonly to: StateName }) => mayResume(scope) && release(scope)?.returnTo === params.to,
    routesAreClaimedAndCanaryIsReady: (scope) =>
      scope.event.facts.claimed &&
      mayRaise(scope) &&
      // What is given weight is what a Fail rejects: it has to be one revision.
      !scope.event.facts.canaryRolling &&
      (!scope.event.facts.judging || release(scope)?.judgeAnswered === true),
    weightIsEffective: ({ event }) => event.facts.weightEffective,
    weightIsEffectiveAndBakes: (scope) => scope.event.facts.weightEffective && bakesNow(scope),
    stageIsProvenBelowItsWeight: (scope) => isProven(scope) && !isAtStageWeight(scope),
    stageIsProven: (scope) => isProven(scope) && areApprovalsGiven(scope) && !isLastStage(scope),
    lastStageIsProven: (scope) => isProven(scope) && areApprovalsGiven(scope) && isLastStage(scope),
    stageIsProvenAndNeedsApproval: (scope) => isProven(scope) && !areApprovalsGiven(scope),
    isLetPassWithoutProof: (scope) =>
      isInconclusiveTooLong(scope) &&
      scope.event.facts.spec.analysis.onInconclusive === 'Promote' &&
      release(scope)?.passInStage === true &&
      release(scope)?.verdict === 'Inconclusive' &&
      areApprovalsGiven(scope) &&
      mayRaiseByItself(scope) &&
      !isLastStage(scope),
    isLetPassWithoutProofAtTheEnd: (scope) =>
      isInconclusiveTooLong(scope) &&
      scope.event.facts.spec.analysis.onInconclusive === 'Promote' &&
      release(scope)?.passInStage === true &&
      release(scope)?.verdict === 'Inconclusive' &&
      areApprovalsGiven(scope) &&
      mayRaiseByItself(scope) &&
      isLastStage(scope),
    stageAsksWithoutProof: (scope) => asksWithoutProof(scope) && !isLetGoByAPerson(scope),
    isApprovedWithoutProof: (scope) => asksWithoutProof(scope) && isLetGoByAPerson(scope) && mayRaise(scope) && !isLastStage(scope),
    isApprovedWithoutProofAtTheEnd: (scope) => asksWithoutProof(scope) && isLetGoByAPerson(scope) && mayRaise(scope) && isLastStage(scope),
    shouldReduce: (scope) =>
      isUnavailableTooLong(scope) && scope.event.facts.spec.analysis.onUnavailable.then === 'Reduce' && stageIndex(scope) > 0,
    isAdvanced: (scope) => isOrdered(scope, 'advance') && mayRaise(scope) && !isLastStage(scope),
    isPromotedByCommand: (scope) => (isOrdered(scope, 'promote') || (isOrdered(scope, 'advance') && isLastStage(scope))) && mayRaise(scope),
    // A share that somebody lowered in the bake was not watched at 100%, and leaving the routes as promoted would raise it (rule 2).
    bakeIsServed: ({ event }) => event.facts.stageServed && event.facts.weightEffective,
    // Going back is one weight write only while the Deployment has its old pods, so it rolls after the bake.
    bakeIsServedAndRolls: (scope) => {
      const { stageServed, weightEffective } = scope.event.facts;
      return stageServed && weightEffective && release(scope)?.workload !== undefined;
    },
    isUndoneByTraffic: (scope) => isOrdered(scope, 'undo') && scope.event.facts.undo?.kind === 'traffic',
    isUndoneByItsDeployment: (scope) => isOrdered(scope, 'undo') && scope.event.facts.undo?.kind === 'template',
    allRoutesAreHome: ({ event }) => event.facts.allHome,
    canaryHasAnswered: ({ event }) => event.facts.workload?.drained !== false,
    allRoutesAreLeft: ({ event }) => event.facts.allLeft,
  },
  actions: {
    tell: (_scope, _params: ReleaseEvent) => {
      throw new Error('effects are data');
    },
    start: assign(({ context, event }) => {
      const scope = { context, event };
      const key = candidateOf(scope);
      return key === undefined ? {} : { status: steps.startRelease(context.status, event.facts, key, attemptOf(scope)) };
    }),
    enterFirstStage: assign(({ context, event }) => ({ status: steps.enterFirstStage(context.status, event.facts) })),
    reduce: assign(({ context, event }) => ({ status: steps.enterStage(context.status, event.facts, 0) })),
    enterSameStage: assign((scope) => ({ status: steps.enterStage(scope.context.status, scope.event.facts, stageIndex(scope)) })),
    enterNextStage: assign((scope) => ({ status: steps.enterStage(scope.context.status, scope.event.facts, stageIndex(scope) + 1) })),
    enterPromotion: assign(({ context, event }) => ({ status: steps.enterPromotion(context.status, event.facts) })),
    beginStageClock: assign(({ context, event }) => ({ status: steps.beginStageClock(context.status, event.facts) })),
    beginBake: assign(({ context, event }) => ({ status: steps.beginBake(context.status, event.facts) })),
    beginRollout: assign(({ context }) => ({ status: steps.beginRollout(context.status) })),
    beginRestoring: assign(({ context }) => ({ status: steps.beginRestoring(context.status) })),
    beginRollback: assign(({ context, event }) =>
      event.facts.home === undefined ? {} : { status: steps.beginRollback(context.status, event.facts.home, event.facts) },
    ),
    beginUndo: assign(({ context, event }) => ({
      status: beginUndo(context.status, event.facts.undo, event.facts.command?.by),
    })),
    beginLettingGo: assign(({ context, event }) => ({ status: steps.beginLettingGo(context.status, event.facts) })),
    settlePromoted: assign(({ context, event }) => ({ status: steps.settlePromoted(context.status, event.facts) })),
    settleRolledBack: assign(({ context, event }) => ({ status: steps.settleRolledBack(context.status, event.facts) })),
    pause: assign((scope) => ({
      status: steps.pause(scope.context.status, findPauseReason(scope) ?? 'Command', scope.event.facts.state),
    })),
    resume: assign(({ context, event }) => ({ status: steps.resume(context.status, event.facts) })),
    block: assign(({ context, event }) => ({ status: steps.block(context.status, event.facts, event.facts.state) })),
    unblock: assign(({ context, event }) => ({ status: steps.unblock(context.status, event.facts) })),
  },
});

/** An announcement whose words are made when the edge is taken, from the status after the steps before it. */
const tell = (words: (scope: Scope) => ReleaseEvent) => ({ type: 'tell' as const, params: words as never });

const goHome = {
  guard: 'mustRollBack',
  target: '#release.rollingBack.goingHome',
  actions: ['beginRollback', tell(say.rollbackStarted)],
} as const;
const letGo = { guard: 'isLetGo', target: '#release.rollingBack.cleaning', actions: ['beginLettingGo'] } as const;
const pause = { guard: 'shouldPause', target: '#release.paused', actions: [tell(say.paused), 'pause'] } as const;
const block = { guard: 'isBlocked', target: '#release.blocked', actions: ['block', tell(say.blocked)] } as const;
const start = { guard: 'candidateMayStart', target: '#release.preparing', actions: ['start', tell(say.releaseStarted)] } as const;
const running = [goHome, letGo] as const;

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
  actions: [tell(say.resumed), 'resume' as const],
}));
const unblocks = RESUMABLE.map((to) => ({
  guard: { type: 'isFreeAgain' as const, params: { to } },
  target: `#release.${to}` as const,
  actions: ['unblock' as const, tell(say.resumed)],
}));

/** A person looked at what there is and lets the release go on. */
const approvedWithoutProof = [
  {
    guard: 'isApprovedWithoutProof' as const,
    target: '#release.stage.shifting' as const,
    actions: ['enterNextStage' as const, tell(say.approvedWithoutProof)],
  },
  {
    guard: 'isApprovedWithoutProofAtTheEnd' as const,
    target: '#release.promoting.rollingOut' as const,
    actions: ['enterPromotion' as const, tell(say.approvedWithoutProof)],
  },
];

/** A promotion is taken back: by one weight write where the former version still runs, else by the Deployment, which rolls. */
const undoes = [
  {
    guard: 'isUndoneByTraffic' as const,
    target: '#release.rollingBack.goingHome' as const,
    actions: ['beginUndo' as const, tell(say.undoStarted)],
  },
  {
    guard: 'isUndoneByItsDeployment' as const,
    target: '#release.rollingBack.cleaning' as const,
    actions: ['beginUndo' as const, tell(say.undoStarted)],
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
          ...running,
          pause,
          block,
          {
            guard: 'routesAreClaimedAndCanaryIsReady',
            target: '#release.stage.shifting',
            actions: ['enterFirstStage', tell(say.weightShifted)],
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
              ...running,
              pause,
              block,
              { guard: 'weightIsEffective', target: '#release.stage.analyzing', actions: ['beginStageClock', tell(say.stageStarted)] },
            ],
          },
        },
        analyzing: {
          on: {
            OBSERVED: [
              ...running,
              pause,
              block,
              {
                guard: 'isPromotedByCommand',
                target: '#release.promoting.rollingOut',
                actions: ['enterPromotion', tell(say.promotionStarted)],
              },
              { guard: 'isAdvanced', target: '#release.stage.shifting', actions: ['enterNextStage', tell(say.weightShifted)] },
              { guard: 'shouldReduce', target: '#release.stage.shifting', actions: ['reduce', tell(say.weightReduced)] },
              {
                guard: 'stageIsProvenBelowItsWeight',
                target: '#release.stage.shifting',
                actions: ['enterSameStage', tell(say.weightShifted)],
              },
              { guard: 'stageIsProvenAndNeedsApproval', target: '#release.stage.awaitingApproval', actions: [tell(say.approvalNeeded)] },
              { guard: 'stageIsProven', target: '#release.stage.shifting', actions: ['enterNextStage', tell(say.weightShifted)] },
              {
                guard: 'lastStageIsProven',
                target: '#release.promoting.rollingOut',
                actions: ['enterPromotion', tell(say.promotionStarted)],
              },
              {
                guard: 'isLetPassWithoutProof',
                target: '#release.stage.shifting',
                actions: ['enterNextStage', tell(say.passedWithoutProof)],
              },
              {
                guard: 'isLetPassWithoutProofAtTheEnd',
                target: '#release.promoting.rollingOut',
                actions: ['enterPromotion', tell(say.passedWithoutProof)],
              },
              {
                guard: 'stageAsksWithoutProof',
                target: '#release.stage.awaitingApproval',
                actions: [tell(say.approvalNeededWithoutProof)],
              },
              ...approvedWithoutProof,
            ],
          },
        },
        awaitingApproval: {
          on: {
            OBSERVED: [
              ...running,
              pause,
              block,
              {
                guard: 'isPromotedByCommand',
                target: '#release.promoting.rollingOut',
                actions: ['enterPromotion', tell(say.promotionStarted)],
              },
              { guard: 'isAdvanced', target: '#release.stage.shifting', actions: ['enterNextStage', tell(say.weightShifted)] },
              { guard: 'shouldReduce', target: '#release.stage.shifting', actions: ['reduce', tell(say.weightReduced)] },
              { guard: 'stageIsProven', target: '#release.stage.shifting', actions: ['enterNextStage', tell(say.weightShifted)] },
              {
                guard: 'lastStageIsProven',
                target: '#release.promoting.rollingOut',
                actions: ['enterPromotion', tell(say.promotionStarted)],
              },
              ...approvedWithoutProof,
            ],
          },
        },
      },
    },
    paused: { on: { OBSERVED: [...running, ...resumes] } },
    promoting: {
      initial: 'rollingOut',
      states: {
        rollingOut: {
          on: {
            OBSERVED: [
              ...running,
              pause,
              block,
              { guard: 'weightIsEffectiveAndBakes', target: '#release.promoting.baking', actions: ['beginBake'] },
              { guard: 'weightIsEffective', target: '#release.promoting.restoring', actions: ['beginRestoring'] },
            ],
          },
        },
        baking: {
          on: {
            OBSERVED: [
              ...running,
              pause,
              block,
              {
                guard: 'bakeIsServedAndRolls',
                target: '#release.promoting.rollingOut',
                actions: ['beginRollout', tell(say.rolloutStarted)],
              },
              { guard: 'bakeIsServed', target: '#release.promoting.restoring', actions: ['beginRestoring'] },
            ],
          },
        },
        restoring: {
          on: {
            OBSERVED: [
              ...running,
              { guard: 'allRoutesAreLeft', target: '#release.promoted', actions: ['settlePromoted', tell(say.promoted)] },
            ],
          },
        },
      },
    },
    promoted: { on: { OBSERVED: [...undoes, start] } },
    rollingBack: {
      initial: 'goingHome',
      states: {
        goingHome: { on: { OBSERVED: [{ guard: 'allRoutesAreHome', target: '#release.rollingBack.draining' }] } },
        // In Services mode both versions stay yours: nothing is removed, so there is nothing to wait for.
        draining: { on: { OBSERVED: [{ guard: 'canaryHasAnswered', target: '#release.rollingBack.cleaning' }] } },
        cleaning: {
          on: {
            OBSERVED: [{ guard: 'allRoutesAreLeft', target: '#release.rolledBack', actions: ['settleRolledBack', tell(say.rolledBack)] }],
          },
        },
      },
    },
    rolledBack: { on: { OBSERVED: [start] } },
    blocked: { on: { OBSERVED: [...running, pause, ...unblocks] } },
  },
});

/** One step: the state and status after it, and what is told. `moved` is false when nothing applies. */
export interface Step {
  readonly state: StateName;
  readonly status: CanaryReleaseStatus;
  readonly events: readonly ReleaseEvent[];
  readonly moved: boolean;
}

type Executable = ExecutableActionsFrom<typeof releaseMachine>;

/** Sends the facts to the machine in the state that the status stores. Pure. */
export function step(state: StateName, status: CanaryReleaseStatus, facts: Facts): Step {
  const before = releaseMachine.resolveState({ value: toMachineValue(state) as never, context: { status } });
  const [after, actions] = transition(releaseMachine, before, { type: 'OBSERVED', facts });
  if (after.status === 'error') throw after.error;
  const events = (actions as readonly Executable[]).flatMap((action): ReleaseEvent[] =>
    action.type === 'tell' ? [action.params as unknown as ReleaseEvent] : [],
  );
  return { state: fromMachineValue(after.value), status: after.context.status, events, moved: after !== before };
}
