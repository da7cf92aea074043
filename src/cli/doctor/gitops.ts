// Checks that the GitOps tool which applies the routes keeps the weights. Argo CD: the three settings in each Application that owns
// a route or Deployment of a release, and the health of a CanaryRelease. Flux: its annotations on the routes. Both: whether what they
// apply contains the pause of a Deployment, which the hold needs.

import type { Route } from '../../api/routes.ts';
import { servicesOf } from '../../core/release/facts/sides.ts';
import { routesInScope } from '../../core/release/facts/scope.ts';
import { findGitOpsTool } from '../../core/routing/gitops.ts';
import { type Fields, fieldsOf, listOf, textOf, textsOf } from '../../adapters/kubernetes/client/fields.ts';
import { pathOf } from '../../adapters/kubernetes/informer/kinds.ts';
import type { ClusterLink } from '../cluster/link.ts';
import { readList, readObject } from '../cluster/read.ts';
import { type SeenRelease, targetOf } from '../cluster/releases.ts';
import { doubt, fail, fine, type Finding } from '../finding.ts';
import type { Pausing } from './pausing.ts';
import { isPausedAtRest, nameSome, type Surroundings } from './seen.ts';

const APPLICATIONS = { group: 'argoproj.io', version: 'v1alpha1', plural: 'applications' };
const CONFIG_MAPS = { group: '', version: 'v1', plural: 'configmaps' };
const TRACKING = 'argocd.argoproj.io/tracking-id';
const COMPARE = 'argocd.argoproj.io/compare-options';
const SERVER_SIDE = 'ServerSideDiff=true';
const RESPECT = 'RespectIgnoreDifferences=true';
const WEIGHTS = '.spec.rules[].backendRefs[].weight';
const CANARY_REF = '.spec.rules[].backendRefs[] | select(.name | endswith("-canary"))';
const HEALTH = 'resource.customizations.health.glidepath.dev_CanaryRelease';
const ROUTE_GROUP = 'gateway.networking.k8s.io';

/** A route or Deployment of a release. */
interface Ours {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  /** The release adds and removes a backendRef. */
  readonly addsRef: boolean;
  readonly tracking: string | undefined;
}

/** No finding where no GitOps tool applies an object of a release. */
export async function checkGitOps(link: ClusterLink, seen: Surroundings): Promise<readonly Finding[]> {
  const ours = listOurs(seen);
  return [...(await checkArgo(link, ours, seen)), ...checkFlux(seen), ...checkPausing(seen)];
}

function listOurs({ releases, routes, deployments }: Surroundings): readonly Ours[] {
  return releases.flatMap((release) => {
    const { spec, namespace } = release;
    const target = targetOf(release);
    const own = routes.filter(({ metadata }) => metadata.namespace === namespace);
    const named = spec === undefined ? [] : routesInScope(spec, own, servicesOf(spec));
    const deployment = deployments.find((one) => one.namespace === namespace && one.name === target);
    return [
      ...named.map((route) => toOurs(route, target !== undefined)),
      ...(deployment === undefined
        ? []
        : [{ kind: 'Deployment', namespace, name: deployment.name, addsRef: false, tracking: deployment.annotations[TRACKING] }]),
    ];
  });
}

function toOurs({ kind, metadata }: Route, addsRef: boolean): Ours {
  return { kind, namespace: metadata.namespace, name: metadata.name, addsRef, tracking: metadata.annotations?.[TRACKING] };
}

async function checkArgo(link: ClusterLink, ours: readonly Ours[], { routes }: Surroundings): Promise<readonly Finding[]> {
  const list = await readList(link, APPLICATIONS, { pick: fieldsOf });
  const marked = routes.some((route) => findGitOpsTool(route) === 'ArgoCD');
  if (list.kind === 'forbidden')
    return marked ? [doubt('Argo CD', 'it applies routes, and you may not list its Applications, so their settings were not checked')] : [];
  if (list.kind === 'missing') return [];
  const owning = list.items.map((app) => ({ app, owned: ours.filter((one) => isOwned(app, one)) })).filter(({ owned }) => owned.length > 0);
  if (owning.length === 0) return [];
  const findings = owning.flatMap(({ app, owned }) => checkApplication(app, owned));
  const good = owning.filter(({ app, owned }) => findMissing(app, owned).length === 0).map(({ app }) => nameApp(app));
  const namespaces = [...new Set(owning.map(({ app }) => textOf(fieldsOf(app['metadata'])['namespace']) ?? 'argocd'))];
  return [
    ...(good.length === 0 ? [] : [fine('Argo CD', `${nameSome(good)}: all settings are present`)]),
    ...findings,
    await checkHealth(link, namespaces.includes('argocd') ? 'argocd' : (namespaces[0] ?? 'argocd')),
  ];
}

function nameApp({ metadata }: Fields): string {
  return `Application ${textOf(fieldsOf(metadata)['namespace'])}/${textOf(fieldsOf(metadata)['name'])}`;
}

/** As the Application's status lists it, or as the object's own mark says. */
function isOwned({ metadata, status }: Fields, { kind, namespace, name, tracking }: Ours): boolean {
  const { name: app, namespace: home } = fieldsOf(metadata);
  const owner = tracking?.split(':')[0];
  if (owner !== undefined && (owner === app || owner === `${String(home)}_${String(app)}`)) return true;
  return listOf(fieldsOf(status)['resources']).some((resource) => {
    const one = fieldsOf(resource);
    return one['kind'] === kind && one['namespace'] === namespace && one['name'] === name;
  });
}

/** Parts of the recipe; only routes need it. */
type Part = 'serverSide' | 'respect' | 'weights' | 'canaryRef';

const MEANS: Readonly<Record<Part, string>> = {
  serverSide: `the annotation ${COMPARE}: ${SERVER_SIDE}`,
  respect: `the sync option ${RESPECT}`,
  weights: `ignoreDifferences of ${WEIGHTS}`,
  canaryRef: `ignoreDifferences of ${CANARY_REF}`,
};

function findMissing({ metadata, spec }: Fields, owned: readonly Ours[]): readonly Part[] {
  const routes = owned.filter(({ kind }) => kind !== 'Deployment');
  if (routes.length === 0) return [];
  const { syncPolicy, ignoreDifferences } = fieldsOf(spec);
  const ignores = (route: Ours, paths: readonly string[]) =>
    listOf(ignoreDifferences).some((entry) => covers(fieldsOf(entry), route, paths));
  const whole = ['.spec', '.spec.rules', '/spec', '/spec/rules'];
  const has: Readonly<Record<Part, boolean>> = {
    serverSide: (textsOf(fieldsOf(metadata)['annotations'])[COMPARE] ?? '').split(',').some((word) => word.trim() === SERVER_SIDE),
    respect: listOf(fieldsOf(syncPolicy)['syncOptions']).includes(RESPECT),
    weights: routes.every((route) => ignores(route, [WEIGHTS, '.spec.rules[].backendRefs', '.spec.rules[].backendRefs[]', ...whole])),
    canaryRef: routes.every(
      (route) => !route.addsRef || ignores(route, [CANARY_REF, '.spec.rules[].backendRefs', '.spec.rules[].backendRefs[]', ...whole]),
    ),
  };
  return (Object.keys(has) as Part[]).filter((part) => !has[part]);
}

function covers(entry: Fields, { kind, namespace, name }: Ours, paths: readonly string[]): boolean {
  const fits = (field: string, value: string) =>
    entry[field] === undefined || entry[field] === '' || entry[field] === '*' || entry[field] === value;
  if (!fits('group', ROUTE_GROUP) || !fits('kind', kind) || !fits('namespace', namespace) || !fits('name', name)) return false;
  const listed = [...listOf(entry['jqPathExpressions']), ...listOf(entry['jsonPointers'])].map((path) => squeeze(String(path)));
  return paths.some((path) => listed.includes(squeeze(path)));
}

function squeeze(path: string): string {
  return path.replaceAll(/\s+/g, '');
}

function checkApplication(app: Fields, owned: readonly Ours[]): readonly Finding[] {
  const missing = findMissing(app, owned);
  if (missing.length === 0) return [];
  const automated = fieldsOf(fieldsOf(app['spec'])['syncPolicy'])['automated'];
  const heals = fieldsOf(automated)['selfHeal'] === true;
  const says = `lacks ${missing.map((part) => MEANS[part]).join(', and ')}; ${heals ? 'self-heal reverts weights within a second' : 'a sync reverts weights'}`;
  return [(heals ? fail : doubt)(nameApp(app), says, writePatch(app, owned))];
}

/** A merge patch replaces lists, so what is there goes into it. */
function writePatch({ metadata, spec }: Fields, owned: readonly Ours[]): string {
  const { name, namespace, annotations } = fieldsOf(metadata);
  const { syncPolicy, ignoreDifferences } = fieldsOf(spec);
  const compare = [
    (textsOf(annotations)[COMPARE] ?? '').split(',').filter((word) => word !== '' && !word.trim().startsWith('ServerSideDiff=')),
    SERVER_SIDE,
  ].flat();
  const options = listOf(fieldsOf(syncPolicy)['syncOptions']).filter((option) => !String(option).startsWith('RespectIgnoreDifferences='));
  const routes = owned.filter(({ kind }) => kind !== 'Deployment');
  const added = [...new Set(routes.map(({ kind }) => kind))].map((kind) => ({
    group: ROUTE_GROUP,
    kind,
    jqPathExpressions: [WEIGHTS, ...(routes.some((route) => route.kind === kind && route.addsRef) ? [CANARY_REF] : [])],
  }));
  const patch = {
    metadata: { annotations: { [COMPARE]: compare.join(',') } },
    spec: { syncPolicy: { syncOptions: [...options, RESPECT] }, ignoreDifferences: [...listOf(ignoreDifferences), ...added] },
  };
  return `kubectl -n ${textOf(namespace)} patch application ${textOf(name)} --type merge -p '${JSON.stringify(patch)}'   # or in Git, where the Application comes from there`;
}

async function checkHealth(link: ClusterLink, namespace: string): Promise<Finding> {
  const map = await readObject(link, pathOf(CONFIG_MAPS, namespace, 'argocd-cm'));
  const check = 'Argo CD health';
  if (map.kind === 'forbidden') return doubt(check, `you may not read ConfigMap argocd-cm of namespace ${namespace}`);
  if (map.kind === 'read' && textsOf(fieldsOf(map.object)['data'])[HEALTH] !== undefined)
    return fine(check, 'has a health check for CanaryReleases');
  const fix = `kubectl -n ${namespace} patch configmap argocd-cm --type merge --patch-file config/argocd/argocd-cm.yaml`;
  return doubt(
    check,
    'has no health check for CanaryReleases: an Application is Healthy while a release is running, and after a rollback',
    fix,
  );
}

/** Flux is disabled for a route while a release is running; the finding says what it does afterwards. */
function checkFlux({ releases, routes }: Surroundings): readonly Finding[] {
  const scoped = releases.flatMap(({ spec, namespace }) =>
    spec === undefined
      ? []
      : routesInScope(
          spec,
          routes.filter(({ metadata }) => metadata.namespace === namespace),
          servicesOf(spec),
        ).map((route) => ({ route, swaps: spec.targetRef === undefined })),
  );
  return scoped.flatMap(({ route, swaps }) => {
    if (findGitOpsTool(route) !== 'Flux') return [];
    const { kind, metadata } = route;
    const check = `Flux and ${kind} ${metadata.namespace}/${metadata.name}`;
    if (!swaps) return [fine(check, 'reconciliation is disabled while a release is running, and restored afterwards')];
    const fix = `kubectl annotate ${kind.toLowerCase()} ${metadata.name} -n ${metadata.namespace} kustomize.toolkit.fluxcd.io/ssa=IfNotPresent   # and the same in Git`;
    return [doubt(check, 'restores the weights of Git after a promotion, which has swapped the roles', fix)];
  });
}

/** No finding for Deployments that no release names. */
function checkPausing({ releases, deployments }: Surroundings): readonly Finding[] {
  return releases.flatMap((release) => {
    const target = targetOf(release);
    const deployment = deployments.find(({ namespace, name }) => namespace === release.namespace && name === target);
    return deployment?.pausing === undefined ? [] : [describePausing(release, deployment.name, deployment.pausing)];
  });
}

function describePausing(release: SeenRelease, name: string, { writer, value }: Pausing): Finding {
  const check = `Deployment ${release.namespace}/${name}`;
  const what = `${writer} writes its spec.paused${value === undefined ? '' : `: ${value}`}`;
  const fix = `remove spec.paused from Deployment ${name} in Git, and sync once   # the hold owns the field when Git does not set it`;
  if (value === true) return fail(check, `${what}, and pauses the rollout of every promotion again`, fix);
  if (isPausedAtRest(release)) return fail(check, `${what}: a commit bypasses the hold and rolls out without a canary`, fix);
  return doubt(check, `${what}: while a change is held, every sync unpauses the Deployment, and the operator pauses it again at once`, fix);
}
