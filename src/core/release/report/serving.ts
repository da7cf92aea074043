// What is reported while no ready endpoint stands behind the serving Service: why, since when, what waits for it, and what to do.

import type { CanaryReleaseStatus } from '../../../api/release.ts';
import { clockOf, toSeconds } from '../../../api/times.ts';
import type { Facts } from '../assess.ts';
import { endOfServingPatience, type ServingEmpty } from '../facts/serving-facts.ts';
import { isGoingHome, isRunning, type StateName } from '../state.ts';

const MOST_NAMES = 3;

/** `Service store has no ready endpoint since 12:00:04Z: none of its 4 endpoints is ready (store-a, store-b, store-c and 1 more)`. */
export function describeServingEmpty(
  { internal }: CanaryReleaseStatus,
  { servingEmpty, sides }: Pick<Facts, 'servingEmpty' | 'sides'>,
): string | undefined {
  if (servingEmpty === undefined || sides === undefined) return undefined;
  const since = internal?.serving?.emptySince;
  const when = since === undefined ? '' : ` since ${toSeconds(since)}`;
  return `Service ${sides.serving} has no ready endpoint${when}: ${describeCause(servingEmpty)}`;
}

function describeCause(cause: ServingEmpty): string {
  switch (cause.kind) {
    case 'selectsNone':
      return `it selects none of the serving pods, its selector ${cause.selector} does not match the labels of ReplicaSet ${cause.replicaSet}`;
    case 'scaledToZero':
      return `Deployment ${cause.deployment} is scaled to 0`;
    case 'noneReady': {
      const { count, names } = cause;
      const shown = names.slice(0, MOST_NAMES).join(', ');
      const more = names.length > MOST_NAMES ? ` and ${names.length - MOST_NAMES} more` : '';
      return `none of its ${count} endpoints is ready${shown === '' ? '' : ` (${shown}${more})`}`;
    }
    case 'noEndpoints':
      return 'it has no endpoint';
  }
}

/** What to do about it. */
function adviseMend(cause: ServingEmpty): string {
  switch (cause.kind) {
    case 'selectsNone':
      return 'put its selector back';
    case 'scaledToZero':
      return 'scale it up';
    case 'noneReady':
    case 'noEndpoints':
      return 'fix its pods';
  }
}

/** The same, with what waits and what to do; undefined where an endpoint is ready, or none of it stops the release. */
export function describeServingHold(status: CanaryReleaseStatus, state: StateName, facts: Facts): string | undefined {
  const found = describeServingEmpty(status, facts);
  const { release, weight = 0 } = status;
  if (found === undefined || facts.servingEmpty === undefined || release === undefined || !isRunning(state)) return undefined;
  if (isGoingHome(state) || weight === 100) return found;
  const due = facts.rollbackWaits === undefined ? '' : `; a rollback waits for a ready endpoint (${facts.rollbackWaits.message})`;
  return `${found}; the canary is held at ${weight}%: ${adviseMend(facts.servingEmpty)}, or promote the canary (promote:${release.id})${describePromoted(status, facts)}${due}`;
}

/** When `spec.onServingEmpty: Promote` acts. */
function describePromoted(status: CanaryReleaseStatus, { spec, now }: Facts): string {
  const at = endOfServingPatience(status);
  if (spec.onServingEmpty !== 'Promote' || at === undefined) return '';
  return at > now
    ? `; promoted at ${clockOf(at)} (spec.onServingEmpty)`
    : '; spec.onServingEmpty does not promote a canary that is not ready, fails a check, or waits for approval';
}

/** At rest: until when pods that served may come back before a revision that waits rolls out without a canary. */
export function describeComingRollout(status: CanaryReleaseStatus, facts: Facts): string | undefined {
  const at = endOfServingPatience(status);
  const found = describeServingEmpty(status, facts);
  if (!facts.nothingServes || found === undefined || at === undefined || facts.spec.paused) return undefined;
  return at > facts.now ? `${found}; if none gets ready, the new revision rolls out without a canary at ${clockOf(at)}` : undefined;
}
