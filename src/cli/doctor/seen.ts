// What the checks of `doctor` read, once: releases, routes, the operator, and the objects with our annotations. The whole cluster
// where the caller may list it, because leftovers of a wrong uninstall are in any namespace; else the one namespace.

import { GROUP } from '../../api/names.ts';
import type { Route } from '../../api/routes.ts';
import { fieldsOf, listOf, textOf, textsOf } from '../../adapters/kubernetes/client/fields.ts';
import { DEPLOYMENTS } from '../cluster/deployments.ts';
import { findHold, type HoldFound } from '../cluster/hold.ts';
import { OPERATOR_PATH } from '../cluster/installed.ts';
import type { ClusterLink } from '../cluster/link.ts';
import { itemsOf, type Read, readList, readObject } from '../cluster/read.ts';
import { readItem, RELEASES, type SeenRelease } from '../cluster/releases.ts';
import { listRoutes } from '../cluster/routes.ts';
import { findPausing, type Pausing } from './pausing.ts';

/** Metadata of an object that has, or may have, one of our annotations. */
export interface Marked {
  readonly kind: 'Deployment' | 'Service';
  readonly namespace: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  /** Uids of the owners. */
  readonly owners: readonly string[];
  /** The GitOps tool that writes `spec.paused`. */
  readonly pausing: Pausing | undefined;
}

/** Everything. */
export interface Surroundings {
  readonly operator: Read;
  readonly hold: HoldFound;
  /** Releases that the report is about. */
  readonly releases: readonly SeenRelease[];
  /** Releases of every namespace that was read. */
  readonly everyRelease: readonly SeenRelease[];
  /** The one namespace that was read; undefined: all. */
  readonly only: string | undefined;
  readonly routes: readonly Route[];
  readonly deployments: readonly Marked[];
  /** Canary Services. */
  readonly services: readonly Marked[];
}

const SERVICES = { group: '', version: 'v1', plural: 'services' };
/** Selects what the operator makes beside a Deployment. */
export const CANARY_LABELS = `${GROUP}/role=canary`;

/** @param namespace whose releases the report is about; undefined: all */
export async function lookAround(link: ClusterLink, namespace: string | undefined, fallback: string): Promise<Surroundings> {
  const everywhere = await readList(link, RELEASES, { pick: readItem });
  const only = everywhere.kind === 'forbidden' ? (namespace ?? fallback) : undefined;
  const own = everywhere.kind === 'forbidden' ? await readList(link, RELEASES, { namespace: only, pick: readItem }) : everywhere;
  const everyRelease = itemsOf(own)
    .flatMap((release) => release ?? [])
    .sort((a, b) => a.namespace.localeCompare(b.namespace) || a.name.localeCompare(b.name));
  const [operator, hold, { routes }, deployments, services] = await Promise.all([
    readObject(link, OPERATOR_PATH),
    findHold(link),
    listRoutes(link, only),
    readList(link, DEPLOYMENTS, { namespace: only, metadataOnly: true, pick: (raw) => readMarked('Deployment', raw) }),
    readList(link, SERVICES, { namespace: only, labels: CANARY_LABELS, metadataOnly: true, pick: (raw) => readMarked('Service', raw) }),
  ]);
  return {
    operator,
    hold,
    everyRelease,
    releases: namespace === undefined ? everyRelease : everyRelease.filter((release) => release.namespace === namespace),
    only,
    routes,
    deployments: itemsOf(deployments),
    services: itemsOf(services),
  };
}

function readMarked(kind: Marked['kind'], raw: unknown): Marked {
  const metadata = fieldsOf(fieldsOf(raw)['metadata']);
  const { name, namespace, labels, annotations, ownerReferences } = metadata;
  return {
    kind,
    namespace: textOf(namespace) ?? '',
    name: textOf(name) ?? '',
    labels: textsOf(labels),
    annotations: textsOf(annotations),
    owners: listOf(ownerReferences).flatMap((owner) => textOf(fieldsOf(owner)['uid']) ?? []),
    pausing: kind === 'Deployment' ? findPausing(metadata) : undefined,
  };
}

/** `a, b, c and 9 more`. */
export function nameSome(names: readonly string[], most = 5): string {
  const shown = names.slice(0, most).join(', ');
  return names.length > most ? `${shown} and ${names.length - most} more` : shown;
}

/** `shop/web`. */
export function nameOf({ namespace, name }: Pick<SeenRelease, 'namespace' | 'name'>): string {
  return `${namespace}/${name}`;
}

/** Held by the operator itself, with `targetRef.hold`. */
export function isPausedAtRest({ raw }: SeenRelease): boolean {
  return fieldsOf(fieldsOf(fieldsOf(raw)['spec'])['targetRef'])['hold'] === 'PausedAtRest';
}
