// What a manifest needs to know of a Deployment: the Service in front of it, the routes that name the Service, the controllers of
// the routes, what scales the Deployment, and whether a change of it would be held.

import type { ServingController } from '../../core/routing/parents.ts';
import { GROUP, type RouteKind } from '../../api/names.ts';
import type { Route } from '../../api/routes.ts';
import { type Apart, keepApart } from '../../core/workload/apart.ts';
import type { DeploymentObject, ServiceObject } from '../../core/workload/objects.ts';
import { fieldsOf, textOf } from '../../adapters/kubernetes/client/fields.ts';
import { getDeployment } from '../cluster/deployments.ts';
import { findHold, type HoldFound } from '../cluster/hold.ts';
import { OPERATOR_PATH } from '../cluster/installed.ts';
import type { ClusterLink } from '../cluster/link.ts';
import { itemsOf, readList, readObject } from '../cluster/read.ts';
import { RELEASES } from '../cluster/releases.ts';
import { findControllers, findPrometheusServices, listRoutes } from '../cluster/routes.ts';
import { findPrometheusUrl } from '../doctor/operator-settings.ts';
import { failure } from '../usage.ts';

/** One rule that names the Service. */
export interface NamingRule {
  readonly kind: RouteKind;
  readonly route: string;
  readonly rule: string;
  readonly weight: number;
  readonly port: number | undefined;
}

/** What was seen. */
export interface SeenDeployment {
  readonly name: string;
  readonly strategy: string;
  readonly service: string;
  /** Where the Service has several. */
  readonly port: number | undefined;
  /** Further Services that select the same pods and are named by no route. */
  readonly others: readonly string[];
  readonly rules: readonly NamingRule[];
  readonly controllers: readonly ServingController[];
  readonly apart: Apart;
  readonly sharedLabel: string | undefined;
  /** What scales it, such as `HorizontalPodAutoscaler store-api`. */
  readonly scaler: string | undefined;
  readonly prometheus: { readonly kind: 'operator' | 'found'; readonly url: string } | undefined;
  readonly hold: HoldFound;
  /** A CanaryRelease that already has targetRef to it. */
  readonly takenBy: string | undefined;
}

/** What the caller chose. */
export interface DeploymentChoice {
  readonly service: string | undefined;
  readonly routes: readonly string[];
}

/** @throws GlidepathError with what to do, where no release could be made for it */
export async function seeDeployment(link: ClusterLink, namespace: string, name: string, choice: DeploymentChoice): Promise<SeenDeployment> {
  const deployment = await getDeployment(link, namespace, name);
  const [all, { routes }] = await Promise.all([listServices(link, namespace), listRoutes(link, namespace)]);
  const selecting = all.filter((service) => selects(service, deployment) && !isCanary(service));
  const service = pickService(deployment, selecting, all, routes, choice.service);
  const rules = routes.flatMap((route) => readRules(route, service.metadata.name)).filter(({ route }) => isChosen(route, choice));
  requireRoutes(choice, rules, service.metadata.name, namespace);
  const naming = routes.filter((route) => rules.some(({ kind, route: of }) => kind === route.kind && of === route.metadata.name));
  const [controllers, scaler, prometheus, hold, takenBy] = await Promise.all([
    Promise.all(naming.map((route) => findControllers(link, route))),
    findScaler(link, namespace, name),
    findPrometheus(link),
    findHold(link),
    findTaker(link, namespace, name),
  ]);
  const selector = deployment.spec.selector.matchLabels ?? {};
  const apart = keepApart(selector, service.spec.selector ?? {});
  if (apart.kind === 'impossible') throw failure(`Deployment ${namespace}/${name} cannot have a canary: ${apart.message}`);
  return {
    name,
    strategy: deployment.spec.strategy?.type ?? 'RollingUpdate',
    service: service.metadata.name,
    port: (service.spec.ports ?? []).length < 2 ? undefined : rules.find(({ port }) => port !== undefined)?.port,
    others: selecting.filter((other) => other !== service).map(({ metadata }) => metadata.name),
    rules,
    controllers: controllers.flat(),
    apart,
    sharedLabel: Object.keys(selector).find((key) => service.spec.selector?.[key] !== undefined),
    scaler,
    prometheus,
    hold,
    takenBy,
  };
}

function isChosen(route: string, { routes }: DeploymentChoice): boolean {
  return routes.length === 0 || routes.includes(route);
}

function requireRoutes({ routes }: DeploymentChoice, rules: readonly NamingRule[], service: string, namespace: string): void {
  const missing = routes.find((name) => !rules.some(({ route }) => route === name));
  if (missing !== undefined)
    throw failure(`no rule of route ${namespace}/${missing} names Service ${service}; leave out --route to see the rules that do`);
}

async function listServices(link: ClusterLink, namespace: string): Promise<readonly ServiceObject[]> {
  const list = await readList(link, { group: '', version: 'v1', plural: 'services' }, { namespace, pick: (raw) => raw as ServiceObject });
  if (list.kind === 'forbidden') throw failure(`you may not list Services in namespace ${namespace}; ask for the role view there`);
  return itemsOf(list);
}

function selects({ spec }: ServiceObject, deployment: DeploymentObject): boolean {
  const labels = deployment.spec.template.metadata?.labels ?? {};
  const selector = Object.entries(spec.selector ?? {});
  return selector.length > 0 && selector.every(([key, value]) => labels[key] === value);
}

function isCanary({ metadata }: ServiceObject): boolean {
  return metadata.labels?.[`${GROUP}/role`] === 'canary';
}

/** The one that the routes name; a Deployment may have another one for its metrics. */
function pickService(
  { metadata }: DeploymentObject,
  selecting: readonly ServiceObject[],
  all: readonly ServiceObject[],
  routes: readonly Route[],
  wanted: string | undefined,
): ServiceObject {
  const what = `Deployment ${metadata.namespace ?? ''}/${metadata.name}`;
  const names = selecting.map((service) => service.metadata.name);
  if (wanted !== undefined) {
    const chosen = selecting.find((service) => service.metadata.name === wanted);
    if (chosen !== undefined) return chosen;
    throw failure(`Service ${wanted} does not select the pods of ${what}; Services that do: ${names.join(', ') || 'none'}`);
  }
  const [first, second] = selecting;
  if (first === undefined)
    throw failure(
      `no Service selects the pods of ${what}, so no route can send traffic to them; create a Service whose selector matches the labels of the pods, and add it to a route${all.length === 0 ? '' : ` (the namespace has ${describeNames(all)})`}`,
    );
  if (second === undefined) return first;
  const named = selecting.filter((service) => routes.some((route) => readRules(route, service.metadata.name).length > 0));
  const [only, another] = named;
  if (only !== undefined && another === undefined) return only;
  const which = only === undefined ? 'and no route names any of them' : 'and the routes name more than one of them';
  throw failure(`several Services select the pods of ${what} (${names.join(', ')}), ${which}; choose with --service NAME`);
}

function describeNames(services: readonly ServiceObject[]): string {
  return services
    .slice(0, 8)
    .map(({ metadata }) => metadata.name)
    .join(', ');
}

function readRules(route: Route, service: string): readonly NamingRule[] {
  return (route.spec.rules ?? []).flatMap((rule, index) => {
    const ref = (rule.backendRefs ?? []).find(
      (one) =>
        one.name === service &&
        (one.kind ?? 'Service') === 'Service' &&
        (one.namespace ?? route.metadata.namespace) === route.metadata.namespace,
    );
    if (ref === undefined) return [];
    return [
      { kind: route.kind, route: route.metadata.name, rule: rule.name ?? `rules[${index}]`, weight: ref.weight ?? 1, port: ref.port },
    ];
  });
}

async function findScaler(link: ClusterLink, namespace: string, name: string): Promise<string | undefined> {
  const list = await readList(
    link,
    { group: 'autoscaling', version: 'v2', plural: 'horizontalpodautoscalers' },
    { namespace, pick: (raw) => fieldsOf(raw) },
  );
  const found = itemsOf(list).find(({ spec }) => {
    const target = fieldsOf(fieldsOf(spec)['scaleTargetRef']);
    return target['kind'] === 'Deployment' && target['name'] === name;
  });
  return found === undefined ? undefined : `HorizontalPodAutoscaler ${textOf(fieldsOf(found['metadata'])['name'])}`;
}

async function findPrometheus(link: ClusterLink): Promise<SeenDeployment['prometheus']> {
  const operator = await readObject(link, OPERATOR_PATH);
  const url = operator.kind === 'read' ? findPrometheusUrl(operator.object) : undefined;
  if (url !== undefined) return { kind: 'operator', url };
  const [found] = await findPrometheusServices(link);
  return found === undefined ? undefined : { kind: 'found', url: found };
}

async function findTaker(link: ClusterLink, namespace: string, name: string): Promise<string | undefined> {
  const list = await readList(link, RELEASES, { namespace, pick: (raw) => fieldsOf(raw) });
  const taken = itemsOf(list).find(({ spec }) => fieldsOf(fieldsOf(spec)['targetRef'])['name'] === name);
  return taken === undefined ? undefined : textOf(fieldsOf(taken['metadata'])['name']);
}
