// How a status is stored: what people and their tools may rely on stays where it is, and the memory of the machine goes under
// `status.internal`, which is not part of the API. In the program a status has all of it in one place.

import * as z from 'zod';
import { MAX_ROUTES } from './names.ts';
import { ATOMIC, type RecordedRoute, recordedRouteSchema, type ReleaseStatus, releaseStatusSchema } from './release-status.ts';
import { type CanaryReleaseStatus, internalSchema, statusSchema } from './status.ts';

/** Fields of `status.release` that only the operator needs. */
const MEMORY = [
  'returnTo',
  'weightBefore',
  'cohortBefore',
  'cohortGiven',
  'cohortEndedAt',
  'shiftedAt',
  'settlesAt',
  'ownRules',
  'withdrawnAt',
  'podsWaitSince',
  'podsFailingSince',
  'bothEmptyAt',
  'judgeAnswered',
  'lookGridAt',
  'lookPhaseMs',
  'scrapeIntervalMs',
  'sampleAt',
  'sampleDelayMs',
  'heardSources',
  'mixedSeries',
  'cleanSince',
  'passInStage',
  'passAt',
  'inconclusiveSince',
  'served',
  'fewRequests',
  'seenSplit',
  'putBacks',
  'putBackTimes',
  'puttingBack',
  'driftSince',
  'driftBy',
  'gatewayWaitSince',
] as const satisfies readonly (keyof ReleaseStatus)[];
/** The same of the status itself. */
const STATUS_MEMORY = ['templateForm'] as const satisfies readonly (keyof CanaryReleaseStatus)[];
/** The same of a recorded route. */
const ROUTE_MEMORY = ['fitting', 'raising', 'generation', 'edited', 'emptiedAt'] as const satisfies readonly (keyof RecordedRoute)[];

const maskOf = <Key extends string>(keys: readonly Key[]) => Object.fromEntries(keys.map((key) => [key, true])) as Record<Key, true>;

const routeMemorySchema = recordedRouteSchema.pick({ kind: true, name: true, ...maskOf(ROUTE_MEMORY) });
const publicRoute = recordedRouteSchema.omit(maskOf(ROUTE_MEMORY));

/** The schema of `status` as the CRD has it. */
export const storedStatusSchema = statusSchema.omit(maskOf(STATUS_MEMORY)).extend({
  release: releaseStatusSchema
    .omit(maskOf(MEMORY))
    .extend({
      routes: z
        .array(publicRoute)
        .max(MAX_ROUTES)
        .optional()
        .meta(ATOMIC)
        .describe('State of the routes before our first write; at most 64 rules in all.'),
    })
    .optional()
    .describe('The running or last release.'),
  internal: internalSchema
    .extend({
      ...statusSchema.pick(maskOf(STATUS_MEMORY)).shape,
      release: releaseStatusSchema
        .pick(maskOf(MEMORY))
        .extend({ routes: z.array(routeMemorySchema).max(MAX_ROUTES).optional().meta(ATOMIC) })
        .optional(),
    })
    .optional()
    .describe('Memory of the operator. Its fields are not part of the API.'),
});

type Fields = Readonly<Record<string, unknown>>;

/** The status as it is written to the API server. */
export function toStoredStatus(status: CanaryReleaseStatus): Fields {
  const { release, internal, ...others } = status;
  const [own, rest] = split(others, STATUS_MEMORY);
  const told = internal === undefined && Object.keys(own).length === 0 ? {} : { internal: { ...internal, ...own } };
  if (release === undefined) return { ...rest, ...told };
  const [memory, known] = split(release, MEMORY);
  const routes = (release.routes ?? []).map((route) => split(route, ROUTE_MEMORY));
  const remembered = routes.flatMap(([kept], index) => {
    const { kind, name } = release.routes?.[index] ?? {};
    return Object.keys(kept).length === 0 ? [] : [{ kind, name, ...kept }];
  });
  const hidden = { ...memory, ...(remembered.length === 0 ? {} : { routes: remembered }) };
  return {
    ...rest,
    release: { ...known, ...(release.routes === undefined ? {} : { routes: routes.map(([, route]) => route) }) },
    ...(Object.keys(hidden).length === 0 ? told : { internal: { ...told.internal, release: hidden } }),
  };
}

/** The status as the program has it, of one that was read: not validated yet. */
export function fromStoredStatus(stored: Fields): Fields {
  const { internal, release, ...others } = stored;
  if (!isFields(internal)) return stored;
  const { release: hidden, ...remembered } = internal;
  const [own, told] = split(remembered, STATUS_MEMORY);
  const rest = { ...others, ...own, ...(Object.keys(told).length === 0 ? {} : { internal: told }) };
  if (!isFields(release)) return release === undefined ? rest : { ...rest, release };
  const { routes: routeMemory, ...memory } = isFields(hidden) ? hidden : {};
  const routes = Array.isArray(release['routes']) ? { routes: joinRoutes(release['routes'], routeMemory) } : {};
  return { ...rest, release: { ...release, ...memory, ...routes } };
}

/** What is remembered of a route, by kind and name. */
function joinRoutes(routes: readonly unknown[], remembered: unknown): readonly unknown[] {
  const entries = Array.isArray(remembered) ? remembered.filter(isFields) : [];
  return routes.map((route) => {
    if (!isFields(route)) return route;
    const entry = entries.find(({ kind, name }) => kind === route['kind'] && name === route['name']);
    return entry === undefined ? route : { ...route, ...entry };
  });
}

/** The fields of these names, and the others. */
function split(object: object, names: readonly string[]): readonly [named: Fields, others: Fields] {
  const entries = Object.entries(object);
  return [
    Object.fromEntries(entries.filter(([key]) => names.includes(key))),
    Object.fromEntries(entries.filter(([key]) => !names.includes(key))),
  ];
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
