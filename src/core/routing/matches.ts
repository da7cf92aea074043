// Which requests a rule takes, in a form that can be compared: the API server's defaults left out, and the order of matches, headers
// and query parameters, which means nothing, taken away.

import { hash } from 'node:crypto';
import { oncePer } from '../../api/once.ts';
import type { RouteRule } from '../../api/routes.ts';

type Json = Readonly<Record<string, unknown>>;
/** A header or a query parameter that is asked for. */
type Entry = Json & { readonly name: string };

/** Hex digits of a hash: enough to distinguish 64 rules. */
const DIGITS = 16;

/**
 * A hash of the matches of a rule. Two rules of one route with the same hash take the same requests, so that the first one gets them.
 * Matches that are written out as the API server defaults them have the hash of those that are left out.
 */
export function hashMatches(matches: RouteRule['matches'] = NO_MATCHES): string {
  return hashOf(matches);
}

const NO_MATCHES: NonNullable<RouteRule['matches']> = [];

const hashOf = oncePer((matches: NonNullable<RouteRule['matches']>) => hash('sha256', canonicalMatches(matches)).slice(0, DIGITS));

function canonicalMatches(matches: NonNullable<RouteRule['matches']>): string {
  const each = matches.map((match) => JSON.stringify(canonicalMatch(match as Json)));
  // One match that takes everything makes the others idle; it is what is there where none is written.
  const asked = each.includes('{}') ? [] : [...new Set(each)].sort();
  return JSON.stringify(asked);
}

/** Fields in the order of their names, without defaults. */
function canonicalMatch(match: Json): Json {
  const fields = Object.entries(match).flatMap(([name, value]): [string, unknown][] => {
    const plain = canonicalField(name, value);
    return plain === undefined ? [] : [[name, plain]];
  });
  return Object.fromEntries(fields.sort(([a], [b]) => (a < b ? -1 : 1)));
}

function canonicalField(name: string, value: unknown): unknown {
  if (value === undefined || value === null) return undefined;
  switch (name) {
    case 'path':
      return canonicalPath(value as Json);
    case 'headers':
      return canonicalList(value as readonly Entry[], (header) => header.toLowerCase());
    case 'queryParams':
      return canonicalList(value as readonly Entry[], (parameter) => parameter);
    case 'method':
      // Of a GRPCRoute an object: service and method, compared exactly unless it says otherwise.
      return typeof value === 'object' ? sortFields({ type: 'Exact', ...value }) : value;
    default:
      return value;
  }
}

/** Every request has a path that begins with a slash. */
function canonicalPath({ type = 'PathPrefix', value = '/' }: Json): unknown {
  return type === 'PathPrefix' && value === '/' ? undefined : { type, value };
}

function canonicalList(entries: readonly Entry[], nameOf: (name: string) => string): unknown {
  const each = entries.map((entry) => sortFields({ type: 'Exact', ...entry, name: nameOf(entry.name) }));
  return each.length === 0 ? undefined : each.map((entry) => JSON.stringify(entry)).sort();
}

function sortFields(object: Json): Json {
  return Object.fromEntries(Object.entries(object).sort(([a], [b]) => (a < b ? -1 : 1)));
}
