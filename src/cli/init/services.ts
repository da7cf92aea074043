// What a manifest needs to know of two Services and their routes.

import type { ServingController } from '../../core/routing/parents.ts';
import { isGlidepathError } from '../../api/errors.ts';
import type { RouteKind } from '../../api/names.ts';
import { GATEWAY_GROUP } from '../../api/routes.ts';
import { fieldsOf, listOf, textOf } from '../../adapters/kubernetes/client/fields.ts';
import { pathOf } from '../../adapters/kubernetes/informer/kinds.ts';
import { listAll } from '../../adapters/kubernetes/client/list.ts';
import { discoverRoutes } from '../../adapters/kubernetes/routes/route-discovery.ts';
import type { ClusterLink } from '../cluster/link.ts';
import { findNear } from '../cluster/releases.ts';
import { failure } from '../usage.ts';

/** One rule that names one of the Services at least. Weights are absent where the Service is not named. */
export interface SeenRule {
  readonly kind: RouteKind;
  readonly route: string;
  readonly rule: string;
  readonly weights: readonly [first: number | undefined, second: number | undefined];
  /** JSON pointers to these weights. */
  readonly places: readonly [first: string | undefined, second: string | undefined];
  readonly controllers: readonly ServingController[];
}

/** What was seen. */
export interface SeenServices {
  readonly names: readonly [string, string];
  /** Ports, where a Service has several and a route names one of them. */
  readonly ports: readonly [number | undefined, number | undefined];
  readonly rules: readonly SeenRule[];
}

const SERVICES = { group: '', version: 'v1', plural: 'services' };

/** @throws GlidepathError when a Service is not found, naming those of the namespace */
export async function seeServices(link: ClusterLink, namespace: string, names: readonly [string, string]): Promise<SeenServices> {
  const [first, second] = await Promise.all(names.map((name) => getService(link, namespace, name)));
  const rules: (SeenRule & { readonly ports: readonly [number | undefined, number | undefined] })[] = [];
  for (const [kind, { version, plural }] of await discoverRoutes(link.transport)) {
    const path = pathOf({ group: GATEWAY_GROUP, version, plural }, namespace);
    const { items } = await listAll(link.transport, path, { lane: 'normal', repeat: true, pick: (raw) => raw });
    rules.push(...items.flatMap((route) => readRules(kind, route, names)));
  }
  const port = (service: unknown, index: 0 | 1): number | undefined =>
    countPorts(service) < 2 ? undefined : rules.map(({ ports }) => ports[index]).find((number) => number !== undefined);
  return { names, ports: [port(first, 0), port(second, 1)], rules };
}

async function getService(link: ClusterLink, namespace: string, name: string): Promise<unknown> {
  try {
    return await link.request({ method: 'GET', path: pathOf(SERVICES, namespace, name) });
  } catch (thrown) {
    if (!isGlidepathError(thrown, 'GLIDEPATH_E_NOT_FOUND')) throw thrown;
    const pick = (raw: unknown): string => textOf(fieldsOf(fieldsOf(raw)['metadata'])['name']) ?? '';
    const { items } = await listAll(link.transport, pathOf(SERVICES, namespace), { lane: 'normal', repeat: true, pick });
    const near = findNear(name, items);
    const known = near.length > 0 ? `did you mean ${near.join(' or ')}?` : `the namespace has ${items.slice(0, 8).join(', ') || 'none'}`;
    throw failure(`Service ${namespace}/${name} not found; ${known}`);
  }
}

function countPorts(service: unknown): number {
  return listOf(fieldsOf(fieldsOf(service)['spec'])['ports']).length;
}

function readRules(kind: RouteKind, route: unknown, names: readonly [string, string]) {
  const { metadata, spec, status } = fieldsOf(route);
  const controllers = listOf(fieldsOf(status)['parents']).flatMap((parent) => {
    const name = textOf(fieldsOf(parent)['controllerName']);
    return name === undefined ? [] : [{ name, isMesh: fieldsOf(fieldsOf(parent)['parentRef'])['kind'] === 'Service' }];
  });
  return listOf(fieldsOf(spec)['rules']).flatMap((raw, index) => {
    const rule = fieldsOf(raw);
    const listed = listOf(rule['backendRefs']).map(fieldsOf);
    const refs = names.map((name) => listed.find((ref) => isService(ref, name)));
    if (refs.every((ref) => ref === undefined)) return [];
    const [first, second] = refs;
    const placeOf = (ref: Ref) => (ref === undefined ? undefined : `/spec/rules/${index}/backendRefs/${listed.indexOf(ref)}/weight`);
    return [
      {
        kind,
        route: textOf(fieldsOf(metadata)['name']) ?? '',
        rule: textOf(rule['name']) ?? `rules[${index}]`,
        weights: [weightOf(first), weightOf(second)] as const,
        places: [placeOf(first), placeOf(second)] as const,
        ports: [portOf(first), portOf(second)] as const,
        controllers,
      },
    ];
  });
}

type Ref = Readonly<Record<string, unknown>> | undefined;

function isService(ref: NonNullable<Ref>, name: string): boolean {
  return ref['name'] === name && (ref['kind'] ?? 'Service') === 'Service' && ref['namespace'] === undefined;
}

/** The API server fills in 1 where none is written. */
function weightOf(ref: Ref): number | undefined {
  return ref === undefined ? undefined : Number(ref['weight'] ?? 1);
}

function portOf(ref: Ref): number | undefined {
  return typeof ref?.['port'] === 'number' ? ref['port'] : undefined;
}
