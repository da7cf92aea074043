// Carries out route intents: builds the patch from the newest route that is known, and when a guard says that the route is
// another by now, reads it, builds the patch again and tries at once (rule 1: home is retried without waiting).

import { isGlidepathError, messageOf } from '../../api/errors.ts';
import { RELEASE_ANNOTATION } from '../../api/names.ts';
import type { OwnRule, RecordedRoute } from '../../api/release.ts';
import type { Route } from '../../api/routes.ts';
import { buildPatch } from '../../core/release/desired/patch.ts';
import type { RouteIntent } from '../../core/release/desired/route-intent.ts';
import { TRACE_MANAGER } from '../../core/release/desired/routes.ts';
import type { WriteProblem } from '../../core/release/observation.ts';
import { buildForget } from '../../core/routing/patch.ts';
import type { BackendPair } from '../../core/routing/rules.ts';
import { shareOf } from '../../core/routing/canary-share.ts';
import { hasLeft, letGo, standRoutes, type RouteStanding } from '../../core/routing/standing.ts';
import type { RouteKey, WriteLane } from '../../ports/routes.ts';
import type { World } from '../world.ts';

const MOST_TRIES = 5;

/** What a route is read by when it has to be read again. */
export interface Roles {
  readonly pair: BackendPair;
  readonly own: readonly OwnRule[];
}

export interface WriteOutcome {
  /** At least one request changed something. */
  readonly wrote: boolean;
  readonly problems: readonly WriteProblem[];
}

/** Carries out all intents at the same time. Never throws: what was refused comes back as problems. */
export async function writeRoutes(world: World, namespace: string, roles: Roles, intents: readonly RouteIntent[]): Promise<WriteOutcome> {
  const outcomes = await Promise.all(intents.map((intent) => writeRoute(world, namespace, roles, intent)));
  return {
    wrote: outcomes.some((outcome) => outcome === 'wrote'),
    problems: outcomes.filter((outcome): outcome is WriteProblem => typeof outcome === 'object'),
  };
}

async function writeRoute(world: World, namespace: string, roles: Roles, first: RouteIntent): Promise<'wrote' | 'nothing' | WriteProblem> {
  const { recorded } = first.standing;
  const key: RouteKey = { kind: recorded.kind, namespace, name: recorded.name };
  let intent = first;
  for (let attempt = 1; ; attempt += 1) {
    try {
      const written = await send(world, key, intent);
      if (written === undefined) return 'nothing';
      world.telemetry.routeWrite('ok');
      world.routes.remember(written);
      if (intent.kind === 'restore' || intent.kind === 'clean') await forget(world, key);
      return 'wrote';
    } catch (thrown) {
      if (isGlidepathError(thrown, 'GLIDEPATH_E_NOT_FOUND')) return 'nothing';
      const guarded = isGlidepathError(thrown, 'GLIDEPATH_E_GUARD');
      world.telemetry.routeWrite(resultOf(thrown));
      if (!guarded || attempt >= MOST_TRIES) return describeProblem(key, thrown);
      const again = await rebuild(world, key, roles, intent, recorded).catch((failed: unknown) => describeProblem(key, failed));
      if (again === undefined) return 'nothing';
      if ('message' in again) return again;
      intent = again;
    }
  }
}

async function send(world: World, key: RouteKey, intent: RouteIntent): Promise<Route | undefined> {
  if (intent.kind === 'reclaim') return world.routes.annotate(key, intent.mark);
  const lane: WriteLane = intent.kind === 'home' || intent.kind === 'lower' ? 'home' : 'normal';
  const operations = buildPatch(intent);
  return operations.length === 0 ? undefined : world.routes.patch(key, operations, lane);
}

/** A guard failed: the route is read from the API server, not from the cache. A raise whose mark is gone, or that would undo an edit that was not evaluated yet, is given up. */
async function rebuild(
  world: World,
  key: RouteKey,
  { pair, own }: Roles,
  intent: RouteIntent,
  recorded: RecordedRoute,
): Promise<RouteIntent | undefined> {
  const route = await world.routes.read(key);
  if (route === undefined) return undefined;
  world.routes.remember(route);
  // What is there is another thing than what was decided upon: it has to be recorded, or judged, again.
  if (intent.kind === 'claim' || intent.kind === 'clean') return undefined;
  const [standing] = standRoutes([recorded], [route], pair, own);
  if (standing === undefined) return undefined;
  // The last write was carried out and its answer was lost: what the route says since then is its owners'.
  if (intent.kind === 'restore' && hasLeft(letGo(standing, pair, own, true))) return undefined;
  if (intent.kind === 'raise' && (standing.mark !== intent.mark || isLower(standing, intent.standing))) return undefined;
  return { ...intent, standing: intent.standing.rules.length === 0 ? { ...standing, rules: [] } : standing };
}

/** A rule gives the canary less than it did, or is not there any more. */
function isLower(now: RouteStanding, before: RouteStanding): boolean {
  if (now.ours.length < before.ours.length) return true;
  return now.rules.some((rule, index) => {
    const former = before.rules[index];
    const [present, past] = [shareOf(rule), former === undefined ? undefined : shareOf(former)];
    return past !== undefined && (present === undefined || present < past - 0.005);
  });
}

/** Drops our managedFields entries; not being able to is no reason to hold a release up. */
async function forget(world: World, key: RouteKey): Promise<void> {
  for (let attempt = 1; attempt <= MOST_TRIES; attempt += 1) {
    try {
      const route = await world.routes.read(key);
      const operations = route === undefined ? [] : buildForget(route, TRACE_MANAGER);
      if (operations.length > 0) world.routes.remember(await world.routes.patch(key, operations, 'normal'));
      return;
    } catch (thrown) {
      // The gateway answers the write before this one by writing the route's status: the version that was read is old at once.
      if (!isGlidepathError(thrown, 'GLIDEPATH_E_GUARD') && !isGlidepathError(thrown, 'GLIDEPATH_E_CONFLICT')) break;
    }
  }
  // Whoever owned the fields before us can still take them with --force-conflicts.
}

/**
 * Drops our entries on routes that no release drives any more and that still show one: an operator may have been killed between its
 * last two writes, and a route that was never ours may have had a rule with weight for the canary.
 * @param routes all of the namespace
 */
export async function forgetTraces(world: World, namespace: string, routes: readonly Route[]): Promise<void> {
  const hasTrace = ({ metadata: { annotations, managedFields = [] } }: Route) =>
    annotations?.[RELEASE_ANNOTATION] === undefined && managedFields.some(({ manager }) => manager === TRACE_MANAGER);
  const traced = routes.filter(hasTrace);
  await Promise.all(traced.map(({ kind, metadata: { name } }) => forget(world, { kind, namespace, name })));
}

function resultOf(thrown: unknown): 'guard' | 'forbidden' | 'invalid' | 'error' {
  if (isGlidepathError(thrown, 'GLIDEPATH_E_GUARD')) return 'guard';
  if (isGlidepathError(thrown, 'GLIDEPATH_E_FORBIDDEN')) return 'forbidden';
  return isGlidepathError(thrown, 'GLIDEPATH_E_INVALID') ? 'invalid' : 'error';
}

function describeProblem(key: RouteKey, thrown: unknown): WriteProblem {
  const result = resultOf(thrown);
  return {
    route: `${key.kind} ${key.name}`,
    kind: result === 'guard' ? 'error' : result,
    message: messageOf(thrown),
  };
}
