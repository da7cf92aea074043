// The policies of the memory API server as the operator reads them: kind by kind through the gate, where a fault of the test makes
// a kind one that cannot be read. Every reading is a call in the journal; the store keeps none.

import { isGlidepathError } from '../../../src/api/errors.ts';
import type { GatewayFeatures } from '../../../src/core/routing/gateway-facts.ts';
import { ROUTE_POLICY_KINDS } from '../../../src/core/routing/route-policies.ts';
import { SESSION_POLICY_KINDS } from '../../../src/core/routing/session-policies.ts';
import { POLICY_KINDS, type PolicyReading, type RoutePolicyReading } from '../../../src/core/workload/policy-kinds.ts';
import type { Clock } from '../../../src/ports/clock.ts';
import type { PolicyStore } from '../../../src/ports/policies.ts';
import type { MemoryApiServer } from './api-server.ts';
import type { CallGate } from './calls.ts';

export interface PolicyParts {
  readonly clock: Clock;
  readonly api: MemoryApiServer;
  readonly gate: CallGate;
}

export function buildPolicies({ clock, api, gate }: PolicyParts): PolicyStore {
  const readerOf = (kinds: readonly { readonly kind: string }[]) => {
    const readings = new Map<string, { readonly atMs: number; readonly answer: Promise<PolicyReading> }>();
    return (namespace: string, maxAgeMs: number, key = namespace) => {
      const known = readings.get(key);
      if (known !== undefined && clock.now() - known.atMs < maxAgeMs) return known.answer;
      const answer = readAll(api, gate, kinds, namespace);
      readings.set(key, { atMs: clock.now(), answer });
      return answer;
    };
  };
  const readOfRoutes = readerOf(ROUTE_POLICY_KINDS);
  const readOfSessions = readerOf(SESSION_POLICY_KINDS);
  const latestSessions = new Map<string, PolicyReading>();
  const latest = new Map<string, RoutePolicyReading>();
  return {
    read: readerOf(POLICY_KINDS),
    readOfRoutes: async (namespace, asker, maxAgeMs) => {
      const reading: RoutePolicyReading = {
        ...(await readOfRoutes(namespace, maxAgeMs, `${namespace}/${asker}`)),
        features: listFeatures(api),
      };
      latest.set(namespace, reading);
      return reading;
    },
    readOfSessions: async (namespace, maxAgeMs) => {
      const reading = await readOfSessions(namespace, maxAgeMs);
      latestSessions.set(namespace, reading);
      return reading;
    },
    latestOfSessions: (namespace) => latestSessions.get(namespace),
    latestOfRoutes: (namespace, maxAgeMs) => {
      void readOfRoutes(namespace, maxAgeMs).then((reading) => latest.set(namespace, { ...reading, features: listFeatures(api) }));
      return latest.get(namespace);
    },
  };
}

/** What the classes of gateways list. */
function listFeatures(api: MemoryApiServer): GatewayFeatures {
  const classes = api.list('GatewayClass') as readonly {
    readonly spec?: { readonly controllerName?: string };
    readonly status?: { readonly supportedFeatures?: readonly { readonly name: string }[] };
  }[];
  return new Map(
    classes.map(({ spec, status }) => [spec?.controllerName ?? '', new Set((status?.supportedFeatures ?? []).map(({ name }) => name))]),
  );
}

async function readAll(
  api: MemoryApiServer,
  gate: CallGate,
  kinds: readonly { readonly kind: string }[],
  namespace: string,
): Promise<PolicyReading> {
  const read = await Promise.all(kinds.map(({ kind }) => readKind(api, gate, kind, namespace)));
  return { objects: read.flatMap(({ objects }) => objects), unread: read.flatMap(({ unread }) => unread) };
}

/** As often as the client tries a read. */
const TRIES = 3;

async function readKind(api: MemoryApiServer, gate: CallGate, kind: string, namespace: string, attempt = 1): Promise<PolicyReading> {
  try {
    const stored = await gate.pass({ verb: 'readPolicies', target: kind }, () => api.list(kind));
    const own = stored.filter(({ metadata }) => metadata.namespace === namespace);
    return {
      objects: own.map(({ metadata, spec }) => ({ kind, name: metadata.name, spec: (spec ?? {}) as Record<string, unknown> })),
      unread: [],
    };
  } catch (thrown) {
    const why = isGlidepathError(thrown, 'GLIDEPATH_E_FORBIDDEN') ? 'forbidden' : 'failed';
    if (why === 'failed' && attempt < TRIES) return readKind(api, gate, kind, namespace, attempt + 1);
    return { objects: [], unread: [{ kind, why, message: (thrown as Error).message }] };
  }
}
