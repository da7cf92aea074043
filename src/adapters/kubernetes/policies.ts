// Reads the policies of a namespace, and what the gateways of the cluster can do: discovery first, because clusters differ in what they
// serve and at which version, then one list a kind. What is denied or fails is reported for each kind; nothing is skipped silently.

import { isGlidepathError, messageOf } from '../../api/errors.ts';
import { GATEWAY_GROUP } from '../../api/routes.ts';
import type { GatewayFeatures } from '../../core/routing/gateway-facts.ts';
import { ROUTE_POLICY_KINDS } from '../../core/routing/route-policies.ts';
import { SESSION_POLICY_KINDS } from '../../core/routing/session-policies.ts';
import {
  POLICY_KINDS,
  type PolicyKind as PodPolicyKind,
  type PolicyObject,
  type PolicyReading,
  type RoutePolicyReading,
  type UnreadKind,
} from '../../core/workload/policy-kinds.ts';
import type { PolicyStore } from '../../ports/policies.ts';
import { withDeadline } from './client/deadline.ts';
import { fieldsOf, listOf, textOf } from './client/fields.ts';
import { pathOf, type WatchEnvironment } from './informer/kinds.ts';
import { listAll } from './client/list.ts';
import { compareVersions } from './routes/route-discovery.ts';
import type { Transport } from './client/transport.ts';

/** Of all requests of one reading together: a release waits for it. */
const DEADLINE_MS = 8_000;
/** A namespace may have many objects; a reading older than this is never used, so it is dropped. */
const MOST_AGE_MS = 60_000;

interface Reading<Answer> {
  readonly atMs: number;
  readonly answer: Promise<Answer>;
}

/** The last answer of a namespace. */
interface Latest<Answer> {
  readonly atMs: number;
  readonly reading: Answer;
}

/** Who has not asked for so long does not ask any more: a release that runs asks with every look. */
const FORGOTTEN_MS = 3_600_000;

/** A kind as it is found in discovery. */
type PolicyKind = Pick<PodPolicyKind, 'group' | 'kind' | 'plural'>;

export class KubernetesPolicies implements PolicyStore {
  readonly #transport: Transport;
  readonly #now: () => number;
  readonly #readings = new Map<string, Reading<PolicyReading>>();
  readonly #routeReadings = new Map<string, Reading<RoutePolicyReading>>();
  readonly #sessionReadings = new Map<string, Reading<PolicyReading>>();
  readonly #latest = new Map<string, Latest<RoutePolicyReading>>();
  readonly #latestSessions = new Map<string, Latest<PolicyReading>>();

  constructor({ transport, now }: Pick<WatchEnvironment, 'transport' | 'now'>) {
    this.#transport = transport;
    this.#now = now;
  }

  read(namespace: string, maxAgeMs: number): Promise<PolicyReading> {
    const ask = (signal: AbortSignal) => readAll(this.#transport, POLICY_KINDS, namespace, signal);
    return this.#read(this.#readings, ask, namespace, maxAgeMs).answer;
  }

  readOfRoutes(namespace: string, asker: string, maxAgeMs: number): Promise<RoutePolicyReading> {
    const ask = async (signal: AbortSignal): Promise<RoutePolicyReading> => {
      const groups = listGroups(this.#transport, signal);
      const [policies, features] = await Promise.all([
        readAll(this.#transport, ROUTE_POLICY_KINDS, namespace, signal, groups),
        readFeatures(this.#transport, signal, groups).catch(() => undefined),
      ]);
      return { ...policies, ...(features === undefined ? {} : { features }) };
    };
    const { atMs, answer } = this.#read(this.#routeReadings, ask, `${namespace}/${asker}`, maxAgeMs);
    return answer.then((reading) => this.#keepLatest(this.#latest, namespace, { atMs, reading }));
  }

  readOfSessions(namespace: string, maxAgeMs: number): Promise<PolicyReading> {
    const ask = (signal: AbortSignal) => readAll(this.#transport, SESSION_POLICY_KINDS, namespace, signal);
    const { atMs, answer } = this.#read(this.#sessionReadings, ask, namespace, maxAgeMs);
    return answer.then((reading) => this.#keepLatest(this.#latestSessions, namespace, { atMs, reading }));
  }

  latestOfSessions(namespace: string): PolicyReading | undefined {
    return this.#latestSessions.get(namespace)?.reading;
  }

  latestOfRoutes(namespace: string, maxAgeMs: number): RoutePolicyReading | undefined {
    void this.readOfRoutes(namespace, '', maxAgeMs);
    return this.#latest.get(namespace)?.reading;
  }

  /** Of answers that overtake each other, and of those that were kept, the one that was asked for last. */
  #keepLatest<Answer>(latest: Map<string, Latest<Answer>>, namespace: string, answered: Latest<Answer>): Answer {
    const now = this.#now();
    for (const [name, { atMs }] of latest) if (now - atMs > FORGOTTEN_MS) latest.delete(name);
    const known = latest.get(namespace);
    if (known === undefined || known.atMs <= answered.atMs) latest.set(namespace, answered);
    return answered.reading;
  }

  #read<Answer>(
    readings: Map<string, Reading<Answer>>,
    ask: (signal: AbortSignal) => Promise<Answer>,
    key: string,
    maxAgeMs: number,
  ): Reading<Answer> {
    const now = this.#now();
    const known = readings.get(key);
    if (known !== undefined && now - known.atMs < maxAgeMs) return known;
    for (const [name, { atMs }] of readings) if (now - atMs > MOST_AGE_MS) readings.delete(name);
    const answer = withDeadline(undefined, DEADLINE_MS, ask);
    const reading = { atMs: now, answer };
    readings.set(key, reading);
    return reading;
  }
}

async function readAll(
  transport: Transport,
  kinds: readonly PolicyKind[],
  namespace: string,
  signal: AbortSignal,
  listed = listGroups(transport, signal),
): Promise<PolicyReading> {
  const groups = await listed.catch((error: unknown) => ({ error }));
  if ('error' in groups) return { objects: [], unread: kinds.map((kind) => describeUnread(kind, groups.error)) };
  const wanted = [...new Set(kinds.map(({ group }) => group))].filter((group) => groups.has(group));
  const read = await Promise.all(
    wanted.map((group) => {
      const asked = { kinds: kinds.filter((kind) => kind.group === group), group, versions: groups.get(group) ?? [] };
      return readGroup(transport, asked, namespace, signal);
    }),
  );
  return { objects: read.flatMap(({ objects }) => objects), unread: read.flatMap(({ unread }) => unread) };
}

/** A cluster without the Gateway API has no gateway that can do anything. */
async function readFeatures(transport: Transport, signal: AbortSignal, groups: Promise<ServedGroups>): Promise<GatewayFeatures> {
  const [version] = (await groups).get(GATEWAY_GROUP) ?? [];
  if (version === undefined) return new Map();
  const path = pathOf({ group: GATEWAY_GROUP, version, plural: 'gatewayclasses' });
  const { items } = await listAll(transport, path, { signal, lane: 'normal', repeat: true, pick: pickFeatures });
  const features = new Map<string, Set<string>>();
  for (const { controller, names } of items) {
    const known = features.get(controller) ?? new Set();
    for (const name of names) known.add(name);
    features.set(controller, known);
  }
  return features;
}

/** Entries were plain names before the field became stable. */
function pickFeatures(raw: unknown): { readonly controller: string; readonly names: readonly string[] } {
  const { spec, status } = fieldsOf(raw);
  const names = listOf(fieldsOf(status)['supportedFeatures']).flatMap((entry) => textOf(entry) ?? textOf(fieldsOf(entry)['name']) ?? []);
  return { controller: textOf(fieldsOf(spec)['controllerName']) ?? '', names };
}

/** Served versions of all groups, most mature first. */
type ServedGroups = ReadonlyMap<string, readonly string[]>;

async function listGroups(transport: Transport, signal: AbortSignal): Promise<ServedGroups> {
  const { body } = await transport.request({ method: 'GET', path: '/apis', signal });
  return new Map(
    listOf(fieldsOf(body)['groups']).map((entry) => {
      const { name, versions } = fieldsOf(entry);
      const served = listOf(versions).flatMap((version) => textOf(fieldsOf(version)['version']) ?? []);
      return [textOf(name) ?? '', served.toSorted(compareVersions)];
    }),
  );
}

async function readGroup(
  transport: Transport,
  { kinds, group, versions }: { readonly kinds: readonly PolicyKind[]; readonly group: string; readonly versions: readonly string[] },
  namespace: string,
  signal: AbortSignal,
): Promise<PolicyReading> {
  const served = await findVersions(transport, group, versions, kinds, signal).catch((error: unknown) => ({ error }));
  if ('error' in served) return { objects: [], unread: kinds.map((kind) => describeUnread(kind, served.error)) };
  const read = await Promise.all(
    kinds.map(async (kind): Promise<PolicyReading> => {
      const version = served.get(kind.plural);
      return version === undefined ? NOTHING : readKind(transport, kind, version, namespace, signal);
    }),
  );
  return { objects: read.flatMap(({ objects }) => objects), unread: read.flatMap(({ unread }) => unread) };
}

const NOTHING: PolicyReading = { objects: [], unread: [] };

/** The most mature version of each kind, by plural. No further version is asked for than needed. */
async function findVersions(
  transport: Transport,
  group: string,
  versions: readonly string[],
  kinds: readonly PolicyKind[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  for (const version of versions) {
    const { body } = await transport.request({ method: 'GET', path: `/apis/${group}/${version}`, signal });
    const plurals = listOf(fieldsOf(body)['resources']).map((resource) => textOf(fieldsOf(resource)['name']));
    for (const { plural } of kinds) if (plurals.includes(plural) && !found.has(plural)) found.set(plural, version);
    if (found.size === kinds.length) break;
  }
  return found;
}

async function readKind(
  transport: Transport,
  kind: PolicyKind,
  version: string,
  namespace: string,
  signal: AbortSignal,
): Promise<PolicyReading> {
  const path = pathOf({ group: kind.group, version, plural: kind.plural }, namespace);
  try {
    const { items } = await listAll(transport, path, { signal, lane: 'normal', repeat: true, pick: (raw) => pickPolicies(kind, raw) });
    return { objects: items.flat(), unread: [] };
  } catch (error) {
    // Its CRD went away since it was discovered.
    if (isGlidepathError(error, 'GLIDEPATH_E_NOT_FOUND')) return NOTHING;
    return { objects: [], unread: [describeUnread(kind, error)] };
  }
}

/** Cilium holds several policies in one object, in `specs`. */
function pickPolicies({ kind }: PolicyKind, raw: unknown): readonly PolicyObject[] {
  const { metadata, spec, specs } = fieldsOf(raw);
  const name = textOf(fieldsOf(metadata)['name']) ?? '';
  const all = [...(spec === undefined ? [] : [spec]), ...listOf(specs)];
  return all.map((one) => ({ kind, name, spec: fieldsOf(one) }));
}

function describeUnread({ kind }: PolicyKind, error: unknown): UnreadKind {
  const why = isGlidepathError(error, 'GLIDEPATH_E_FORBIDDEN') ? 'forbidden' : 'failed';
  return { kind, why, message: messageOf(error) };
}
