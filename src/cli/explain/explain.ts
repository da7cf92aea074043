// Explains one release from its status alone, in terms that a person can act on: its state, what was measured, what it waits for,
// which conditions are bad, and which commands are useful.

import { withoutUndefined } from '../../api/absence.ts';
import type { Condition } from '../../api/conditions.ts';
import type { CheckStatus, CanaryReleaseStatus } from '../../api/release.ts';
import { COMPARISON } from '../../core/release/evidence/comparison-look.ts';
import { describeShortfall, leastRequestsNow } from '../../core/release/evidence/shortfall.ts';
import { describeGatewayErrors } from '../../core/release/report/gateway-errors.ts';
import { isRunning, parseState } from '../../core/release/state.ts';
import type { SeenRelease } from '../cluster/releases.ts';
import { type ExplainedGate, explainGate } from '../gates.ts';
import { type Advice, adviseOn } from './advice.ts';

/** What one check says, in one sentence. */
export interface Proof {
  readonly name: string;
  readonly verdict: string;
  readonly says: string;
  /** When it was evaluated: what was counted was counted until then. */
  readonly at?: string;
  /** The numbers behind what it says. */
  readonly figures?: string;
}

/** A time that decides something. */
export interface Deadline {
  readonly at: string;
  readonly what: string;
}

/** A release explained; also the shape of `-o json`. */
export interface Explanation {
  readonly namespace: string;
  readonly name: string;
  readonly phase: string;
  readonly message: string;
  readonly release?: {
    readonly id: string;
    readonly revision: string;
    readonly serving: string;
    readonly canary: string;
    readonly startedAt: string;
    readonly finishedAt?: string;
    readonly outcome?: string;
    readonly reason?: string;
  };
  readonly stage?: { readonly number: number; readonly of: number; readonly name?: string };
  /** Percent that is wanted for the canary, what the routes say, and what the gateways counted, where both sides are read. */
  readonly traffic: {
    readonly asked: number;
    readonly routes: number;
    readonly measured?: NonNullable<CanaryReleaseStatus['measured']>;
    /** What gateways answered themselves, in a sentence. */
    readonly gatewayErrors?: string;
  };
  readonly proof: readonly Proof[];
  /** Gates that have run, are running or come next; of the last release those that it had. */
  readonly gates?: readonly ExplainedGate[];
  /** What the gateways themselves had counted when the sentinel failed the release. */
  readonly sentinel?: NonNullable<NonNullable<CanaryReleaseStatus['release']>['sentinel']>;
  /** Canary requests of this stage, and how many a Pass needs at least. */
  readonly requests?: { readonly have: number; readonly needed: number };
  /** What is missing for a decision, where numbers alone are. */
  readonly missing?: string;
  readonly deadlines: readonly Deadline[];
  readonly notFine: readonly { readonly type: string; readonly reason: string; readonly message: string }[];
  readonly commands: readonly Advice[];
}

/** @param flags what commands to paste need besides the name, such as ` -n shop` */
export function explain(release: SeenRelease, flags: string, now: number): Explanation {
  const { status } = release;
  return {
    namespace: release.namespace,
    name: release.name,
    phase: status.phase ?? 'Unknown',
    message: status.message ?? 'The operator has not handled this CanaryRelease yet; check whether it runs: kubectl canary doctor',
    ...describeAttempt(status),
    traffic: {
      asked: status.weight ?? 0,
      routes: status.observedWeight ?? 0,
      ...withoutUndefined({ measured: status.measured, gatewayErrors: describeGatewayErrors(status.release) }),
    },
    proof: (status.checks ?? []).map(describeProof),
    ...withoutUndefined({ gates: status.release?.gates?.map(explainGate) }),
    ...withoutUndefined({ sentinel: status.release?.sentinel }),
    ...describeProgress(release, now),
    notFine: [...listTroubles(status.conditions ?? []), ...listDoubts(release)],
    commands: adviseOn(release, flags, now),
  };
}

function describeAttempt({ release }: CanaryReleaseStatus): Pick<Explanation, 'release'> {
  if (release === undefined) return {};
  const { id, revision, serving, canary, startedAt, finishedAt, outcome, reason } = release;
  return {
    release: {
      id,
      revision,
      serving: serving.service,
      canary: canary.service,
      startedAt,
      ...withoutUndefined({ finishedAt, outcome, reason }),
    },
  };
}

/** What the release has reached and waits for; of one that is over nothing. */
function describeProgress(release: SeenRelease, now: number): Pick<Explanation, 'stage' | 'requests' | 'missing' | 'deadlines'> {
  const { status } = release;
  const state = parseState(status.state);
  if (state !== undefined && !isRunning(state)) return { deadlines: [] };
  return {
    ...describeStage(release),
    ...describeRequests(release),
    ...withoutUndefined({ missing: findMissing(release, now) }),
    deadlines: listDeadlines(status, now),
  };
}

/** Until the stage's duration is over, more requests are still to come. */
function findMissing({ status, spec }: SeenRelease, now: number): string | undefined {
  const isOver = Date.parse(status.release?.stageEndsAt ?? '') <= now;
  return isOver && spec !== undefined ? describeShortfall(status, spec) : undefined;
}

function describeStage({ status, spec }: SeenRelease): Pick<Explanation, 'stage'> {
  const { release } = status;
  if (release?.stageIndex === undefined) return {};
  const number = release.stageIndex + 1;
  const named = release.stage !== undefined && release.stage !== String(number);
  return { stage: { number, of: spec?.stages.length ?? number, ...(named ? { name: release.stage } : {}) } };
}

/** `0.12% (serving 0.1%, limit <= 1%) over 812 canary requests`; the comparison has words of its own. */
export function describeProof(check: CheckStatus): Proof {
  const { name, verdict, value, serving, limit, requests, needed, message, at, figures } = check;
  const rest = withoutUndefined({ at, figures });
  const over = requests === undefined ? '' : ` over ${requests} canary requests`;
  const enough = needed === undefined || requests === undefined ? '' : `; ${requests} of the ${needed} canary requests required to pass`;
  // The comparison says itself how many requests are missing.
  if (name === COMPARISON && message !== undefined) return { name, verdict, says: message, ...rest };
  const measured = value === undefined ? undefined : `${value}${describeBeside(serving, limit)}${over}`;
  const says = [measured, message].filter((part) => part !== undefined && part !== '').join('; ');
  return { name, verdict, says: `${says === '' ? 'not evaluated yet' : says}${enough}`, ...rest };
}

/** What a value is read beside. */
function describeBeside(serving: string | undefined, limit: string | undefined): string {
  const parts = [...(serving === undefined ? [] : [`serving ${serving}`]), ...(limit === undefined ? [] : [`limit ${limit}`])];
  return parts.length === 0 ? '' : ` (${parts.join(', ')})`;
}

function describeRequests({ status, spec }: SeenRelease): Pick<Explanation, 'requests'> {
  const { release } = status;
  if (release?.stageRequests === undefined || spec === undefined) return {};
  return { requests: { have: release.stageRequests, needed: leastRequestsNow(spec, release) ?? 0 } };
}

function listDeadlines({ release, state }: CanaryReleaseStatus, now: number): readonly Deadline[] {
  const times: readonly (readonly [string | undefined, string])[] = [
    [state?.startsWith('stage.') === true ? release?.stageEndsAt : undefined, 'the stage may be passed at the earliest'],
    [
      state?.startsWith('stage.') === true ? release?.stageTimesOutAt : undefined,
      'the stage times out, and spec.analysis.onInconclusive decides',
    ],
    [release?.bakeEndsAt, 'the bake ends'],
    [release?.deadlineAt, 'the deadline of the release ends, and spec.deadline decides'],
  ];
  return times.flatMap(([at, what]) => (at === undefined || Date.parse(at) <= now ? [] : [{ at, what }]));
}

/** Conditions that are bad while they are True; all others are bad while they are not. */
const BAD_WHEN_TRUE: ReadonlySet<string> = new Set(['Stalled', 'RouteContested', 'TrafficSplitMismatch']);
/** They only say that a release is running, which the page shows already. */
const NO_TROUBLE: ReadonlySet<string> = new Set(['Ready', 'Reconciling']);

function listTroubles(conditions: readonly Condition[]): Explanation['notFine'] {
  return conditions
    .filter(
      ({ type, status, reason }) => !NO_TROUBLE.has(type) && reason !== 'GateRunning' && (status === 'True') === BAD_WHEN_TRUE.has(type),
    )
    .map(({ type, reason, message }) => ({ type, reason, message }));
}

/** What makes the status itself doubtful. */
function listDoubts({ status, metadata, unknownState, spec }: SeenRelease): Explanation['notFine'] {
  const behind = (metadata.generation ?? 0) > status.observedGeneration && status.observedGeneration >= 0;
  return [
    ...(behind ? [{ type: 'Behind', reason: 'NotObserved', message: 'the operator has not handled the last change of the spec yet' }] : []),
    ...(metadata.deletionTimestamp === undefined
      ? []
      : [{ type: 'Deleting', reason: 'Deleting', message: `deleted at ${metadata.deletionTimestamp}; traffic is rolled back first` }]),
    ...(unknownState === undefined && spec !== undefined
      ? []
      : [
          {
            type: 'Unreadable',
            reason: 'LaterVersion',
            message: `update kubectl canary: ${unknownState ?? 'this version cannot read the spec'}`,
          },
        ]),
  ];
}
