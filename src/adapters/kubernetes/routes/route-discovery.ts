// Which route kinds the API server serves, and at which version: clusters differ, and a kind moves from alpha to v1.

import { ROUTE_KINDS, type RouteKind } from '../../../api/names.ts';
import { isGlidepathError } from '../../../api/errors.ts';
import { GATEWAY_GROUP } from '../../../api/routes.ts';
import { fieldsOf, listOf, textOf } from '../client/fields.ts';
import type { Transport } from '../client/transport.ts';

/** Version and resource name of a served kind. */
export interface ServedKind {
  readonly version: string;
  readonly plural: string;
}

const KINDS: ReadonlySet<string> = new Set(ROUTE_KINDS);

/** @returns each served kind at its most mature version. @throws GlidepathError when the server cannot be asked. */
export async function discoverRoutes(transport: Transport, signal?: AbortSignal): Promise<ReadonlyMap<RouteKind, ServedKind>> {
  const found = new Map<RouteKind, ServedKind>();
  for (const version of await listVersions(transport, signal)) {
    for (const [kind, plural] of await listKinds(transport, version, signal)) {
      if (!found.has(kind)) found.set(kind, { version, plural });
    }
  }
  return found;
}

/** Most mature first: v1 before v1beta1 before v1alpha3 before v1alpha2. */
export function compareVersions(left: string, right: string): number {
  const [a, b] = [rankOf(left), rankOf(right)];
  return b.stage - a.stage || b.major - a.major || b.minor - a.minor;
}

function rankOf(version: string): { readonly stage: number; readonly major: number; readonly minor: number } {
  const match = /^v(\d+)(?:(alpha|beta)(\d+))?$/.exec(version);
  if (match === null) return { stage: -1, major: 0, minor: 0 };
  const stage = match[2] === undefined ? 2 : match[2] === 'beta' ? 1 : 0;
  return { stage, major: Number(match[1]), minor: Number(match[3] ?? 0) };
}

async function listVersions(transport: Transport, signal: AbortSignal | undefined): Promise<readonly string[]> {
  const body = await getOrNothing(transport, `/apis/${GATEWAY_GROUP}`, signal);
  const versions = listOf(fieldsOf(body)['versions']).map((entry) => textOf(fieldsOf(entry)['version']));
  return versions.filter((version) => version !== undefined).sort(compareVersions);
}

async function listKinds(
  transport: Transport,
  version: string,
  signal: AbortSignal | undefined,
): Promise<readonly (readonly [RouteKind, string])[]> {
  const body = await getOrNothing(transport, `/apis/${GATEWAY_GROUP}/${version}`, signal);
  return listOf(fieldsOf(body)['resources']).flatMap((resource): (readonly [RouteKind, string])[] => {
    const { kind, name } = fieldsOf(resource);
    const plural = textOf(name);
    return isRouteKind(kind) && plural !== undefined && !plural.includes('/') ? [[kind, plural]] : [];
  });
}

async function getOrNothing(transport: Transport, path: string, signal: AbortSignal | undefined): Promise<unknown> {
  try {
    return (await transport.request({ method: 'GET', path, ...(signal === undefined ? {} : { signal }) })).body;
  } catch (error) {
    if (isGlidepathError(error, 'GLIDEPATH_E_NOT_FOUND')) return undefined;
    throw error;
  }
}

function isRouteKind(kind: unknown): kind is RouteKind {
  return typeof kind === 'string' && KINDS.has(kind);
}
