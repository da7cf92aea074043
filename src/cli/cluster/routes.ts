// Routes of every kind that the cluster serves, and the controllers that serve them.

import { GATEWAY_GROUP, type Route } from '../../api/routes.ts';
import { fieldsOf, listOf, textOf } from '../../adapters/kubernetes/client/fields.ts';
import { pathOf } from '../../adapters/kubernetes/informer/kinds.ts';
import { discoverRoutes } from '../../adapters/kubernetes/routes/route-discovery.ts';
import { trimRoute } from '../../adapters/kubernetes/routes/routes.ts';
import { type ServingController, servingControllersOf } from '../../core/routing/parents.ts';
import type { ClusterLink } from './link.ts';
import { readList, readObject } from './read.ts';

/** Routes, and whether the caller may not see some of them. */
export interface SeenRoutes {
  readonly routes: readonly Route[];
  readonly complete: boolean;
}

/** @param namespace undefined: all */
export async function listRoutes(link: ClusterLink, namespace: string | undefined): Promise<SeenRoutes> {
  const kinds = [...(await discoverRoutes(link.transport))];
  const lists = await Promise.all(
    kinds.map(([kind, { version, plural }]) =>
      readList(
        link,
        { group: GATEWAY_GROUP, version, plural },
        { namespace, pick: (raw) => trimRoute(kind, `${GATEWAY_GROUP}/${version}`, raw) },
      ),
    ),
  );
  return {
    routes: lists.flatMap((list) => (list.kind === 'read' ? list.items : [])),
    complete: lists.every(({ kind }) => kind !== 'forbidden'),
  };
}

/** Controllers that have answered for the route; where none has yet, those of its Gateways' classes. */
export async function findControllers(link: ClusterLink, route: Route): Promise<readonly ServingController[]> {
  const answered = servingControllersOf(route);
  if (answered.length > 0) return answered;
  const classes = await Promise.all((route.spec.parentRefs ?? []).map((parent) => findController(link, parent, route.metadata.namespace)));
  return [...new Set(classes.flatMap((name) => name ?? []))].map((name) => ({ name, isMesh: false }));
}

const GATEWAYS = { group: GATEWAY_GROUP, version: 'v1', plural: 'gateways' };
const CLASSES = { group: GATEWAY_GROUP, version: 'v1', plural: 'gatewayclasses' };

async function findController(link: ClusterLink, parent: unknown, namespace: string): Promise<string | undefined> {
  const { kind = 'Gateway', name, namespace: own } = fieldsOf(parent);
  if (kind !== 'Gateway' || typeof name !== 'string') return undefined;
  const gateway = await readObject(link, pathOf(GATEWAYS, textOf(own) ?? namespace, name));
  const className = gateway.kind === 'read' ? textOf(fieldsOf(fieldsOf(gateway.object)['spec'])['gatewayClassName']) : undefined;
  if (className === undefined) return undefined;
  const found = await readObject(link, pathOf(CLASSES, undefined, className));
  return found.kind === 'read' ? textOf(fieldsOf(fieldsOf(found.object)['spec'])['controllerName']) : undefined;
}

/** Addresses of Services that look like a Prometheus, such as `http://prometheus.monitoring.svc:9090`. */
export async function findPrometheusServices(link: ClusterLink): Promise<readonly string[]> {
  const list = await readList(link, { group: '', version: 'v1', plural: 'services' }, { pick: describePrometheus });
  return list.kind === 'read' ? list.items.filter((url) => url !== undefined) : [];
}

const PROMETHEUS_NAMES = /^(?:kube-)?prometheus(?:-(?:server|operated|k8s|prometheus|kube-prometheus))?$|-prometheus$|-prometheus-server$/;

function describePrometheus(raw: unknown): string | undefined {
  const { metadata, spec } = fieldsOf(raw);
  const { name, namespace } = fieldsOf(metadata);
  if (typeof name !== 'string' || !PROMETHEUS_NAMES.test(name)) return undefined;
  const ports = listOf(fieldsOf(spec)['ports']).map((port) => Number(fieldsOf(port)['port']));
  const port = ports.find((number) => number === 9090) ?? ports.find((number) => number === 80);
  return port === undefined ? undefined : `http://${name}.${textOf(namespace) ?? 'default'}.svc:${port}`;
}
