// How a release begins to end without a promotion: a rollback, an undo of a promotion, or a deletion that keeps the weights.

import { fateOf } from '../../../api/reasons.ts';
import type { CanaryReleaseStatus, ReleaseStatus } from '../../../api/release.ts';
import type { Facts } from '../assess.ts';
import type { RollbackReason } from '../checks/types.ts';
import { isAdopted } from '../facts/adoption.ts';
import { isHomeMark } from '../facts/home-mark.ts';
import { describeRetained } from '../facts/retain.ts';
import { withoutLeaving } from '../facts/revision.ts';
import type { RouteStanding } from '../../routing/standing.ts';
import { isPreparing } from '../state.ts';
import type { UndoPlan } from '../facts/undo-plan.ts';
import { COMPARISON } from '../evidence/comparison-look.ts';
import { BLOCK_FIELDS, edit } from './change.ts';
import { settleLast } from './stage-steps.ts';

type Status = CanaryReleaseStatus;
/** All weight home: the first thing that is written, before this status itself. */
export function beginRollback(status: Status, reason: RollbackReason, facts: Facts): Status {
  const going = edit(
    takePods(forgetUnwritten(status, facts), facts),
    {
      outcome: 'RolledBack',
      reason: reason.reason,
      reasonMessage: reason.message,
      rejects: fateOf(reason.reason) === 'rejected',
      ...((status.weight ?? 0) > 0 || status.release?.cohort !== undefined ? settleLast(facts) : {}),
    },
    [
      'returnTo',
      ...BLOCK_FIELDS,
      'cohort',
      'cohortBefore',
      'pausedBy',
      'puttingBack',
      'driftSince',
      'driftBy',
      'stageEndsAt',
      'stageTimesOutAt',
    ],
  );
  return { ...going, weight: 0 };
}

/** An experiment has passed its stages: its traffic goes home as that of a rollback does, and nothing is held against the revision. */
export function completeExperiment(status: Status, facts: Facts): Status {
  const compared = status.checks?.find(({ name }) => name === COMPARISON)?.message;
  const message = `all stages have passed (spec.promotion.mode: None)${compared === undefined ? '' : `; ${compared}`}`;
  return beginRollback(status, { reason: 'Completed', message }, facts);
}

/**
 * Before its first weight a release is of whatever pods come behind its Service: those that are there now are the ones that end, or a
 * revision whose pods came late would be no other one than the next.
 */
function takePods(status: Status, { state, observation, canaryKey }: Facts): Status {
  const { release } = status;
  const backend = observation.backends[release?.canary.service ?? ''];
  if (release?.workload !== undefined || !isPreparing(state, release) || canaryKey === undefined || backend === undefined) return status;
  if (!backend.known || !backend.templatesKnown) return status;
  const { templateHashes } = withoutLeaving(canaryKey, backend, status.settled);
  return templateHashes.length === 0 ? status : edit(status, { templateHashes: [...templateHashes] });
}

/** Before its first weight a release has written to no route that does not carry its mark: those are none of its business. */
function forgetUnwritten(status: Status, { state, standings, leaving, mark }: Facts): Status {
  const routes = status.release?.routes;
  if (routes === undefined || !isPreparing(state, status.release)) return status;
  // What a route gave the canary before goes home, too, where the release took that over.
  const takesOver = (standing: RouteStanding) => status.release?.adoptedWeight !== undefined && isAdopted(standing.recorded);
  const written = [...standings, ...leaving].filter(
    (standing) => standing.mark === mark || isHomeMark(standing.mark, mark) || takesOver(standing),
  );
  return edit(status, { routes: routes.filter((route) => written.some(({ recorded }) => recorded === route)) });
}

/** Deleted with `deletionPolicy: Retain`: the weights stay, our mark and our rules go. */
export function beginLettingGo(status: Status, facts: Facts): Status {
  return edit(
    forgetUnwritten(status, facts),
    {
      outcome: 'RolledBack',
      reason: 'Deleted',
      reasonMessage: describeRetained(status),
      rejects: false,
      retained: true,
    },
    ['cohort', 'cohortBefore'],
  );
}

/** Begins the way back: from here on the release is one that was rejected. */
export function beginUndo(status: Status, { undo: plan, command }: Pick<Facts, 'undo' | 'command'>): Status {
  const { release } = status;
  if (release === undefined || plan === undefined || plan.kind === 'refused' || plan.kind === 'unknown') return status;
  const { finishedAt: _finished, ...rest } = release;
  const isUndone = (entry: { readonly revision: string; readonly templateHashes?: readonly string[] }) =>
    release.workload === undefined
      ? entry.revision === release.revision
      : entry.templateHashes?.includes(release.workload.template) === true;
  return {
    ...status,
    weight: 0,
    serving: servingAfter(status, release, plan),
    proven: (status.proven ?? []).filter((entry) => !isUndone(entry)),
    release: {
      ...rest,
      ...(plan.kind === 'template' && release.workload !== undefined
        ? { workload: { ...release.workload, servingTemplate: plan.template, servingReplicaSet: plan.replicaSet } }
        : {}),
      ...(plan.kind === 'traffic' ? { routes: [...plan.routes], ownRules: [...plan.ownRules] } : {}),
      outcome: 'RolledBack',
      reason: 'Undone',
      reasonMessage: `undone by ${command?.by ?? 'a person'} (command undo), back to revision ${plan.revision}`,
      rejects: true,
      undone: true,
    },
  };
}

function servingAfter({ serving }: Status, release: ReleaseStatus, plan: Extract<UndoPlan, { kind: 'traffic' | 'template' }>) {
  const { service } = release.serving;
  if (plan.kind === 'traffic') return { service, revision: plan.revision };
  const { uid = '' } = serving ?? {};
  return { service, revision: plan.revision, template: plan.template, replicaSet: plan.replicaSet, uid };
}
