// Leftovers of deleted releases and of a removed operator: annotations and rules in routes, Deployments that are still held, and canaries
// without a release.

import { FLUX_HELD_ANNOTATION, GROUP, HELD_ANNOTATION, RELEASE_ANNOTATION } from '../../api/names.ts';
import type { Route } from '../../api/routes.ts';
import { isRunning, parseState } from '../../core/release/state.ts';
import { isOurName } from '../../core/routing/our-rules.ts';
import { getDeployment } from '../cluster/deployments.ts';
import type { ClusterLink } from '../cluster/link.ts';
import { type SeenRelease, targetOf } from '../cluster/releases.ts';
import { doubt, fail, fine, type Finding } from '../finding.ts';
import type { Marked, Surroundings } from './seen.ts';

/** One finding for each leftover, or one for all. */
export async function checkLeftovers(link: ClusterLink, seen: Surroundings): Promise<readonly Finding[]> {
  const held = await Promise.all(seen.deployments.map((deployment) => findHeld(link, deployment, seen)));
  const found = [
    ...seen.routes.flatMap((route) => findMark(route, seen)),
    ...seen.routes.flatMap((route) => findOurRules(route, seen)),
    ...seen.routes.flatMap(findFluxMark),
    ...held.flat(),
    ...[...seen.deployments, ...seen.services].flatMap((object) => findCanary(object, seen)),
  ];
  const where = seen.only === undefined ? '' : ` in namespace ${seen.only}`;
  return found.length > 0 ? found : [fine('leftovers', `no annotation, hold or canary without its release${where}`)];
}

function isUnderWay({ status }: SeenRelease): boolean {
  const state = parseState(status.state);
  return status.release !== undefined && (state === undefined || isRunning(state));
}

function describeWeights(route: Route): string {
  const rules = (route.spec.rules ?? []).map((rule) =>
    (rule.backendRefs ?? []).map(({ name, weight = 1 }) => `${name} ${weight}`).join(', '),
  );
  return [...new Set(rules)].join('; ');
}

function findMark(route: Route, { everyRelease }: Surroundings): readonly Finding[] {
  const mark = route.metadata.annotations?.[RELEASE_ANNOTATION];
  if (mark === undefined) return [];
  const { kind, metadata } = route;
  const [name = '', id = ''] = mark.split('/');
  const release = everyRelease.find((one) => one.namespace === metadata.namespace && one.name === name);
  if (release !== undefined && isUnderWay(release)) return [];
  const check = `${kind} ${metadata.namespace}/${metadata.name}`;
  const remove = `kubectl annotate ${kind.toLowerCase()} ${metadata.name} -n ${metadata.namespace} ${RELEASE_ANNOTATION}-`;
  if (release !== undefined) return [doubt(check, `still has the annotation of release ${id} of ${name}, which has ended`, remove)];
  const says = `still has the annotation of release ${id} of canaryrelease/${name}, which does not exist; its weights stay as they are: ${describeWeights(route)}`;
  return [
    fail(
      check,
      says,
      `kubectl edit ${kind.toLowerCase()} ${metadata.name} -n ${metadata.namespace}   # give one Service all the weight, then run: ${remove}`,
    ),
  ];
}

/** Rules for a cohort or a mirror that no release takes away any more, or that were exported from a running release and applied again. */
function findOurRules({ kind, metadata, spec }: Route, { everyRelease }: Surroundings): readonly Finding[] {
  const { namespace, name } = metadata;
  const left = (spec.rules ?? []).flatMap((rule) => (isOurName(rule.name) ? [rule.name ?? ''] : []));
  const [driver] = (metadata.annotations?.[RELEASE_ANNOTATION] ?? '').split('/');
  const runs = everyRelease.some((release) => release.namespace === namespace && release.name === driver && isUnderWay(release));
  if (left.length === 0 || runs) return [];
  const says = `still has ${left.join(' and ')}, a rule for a cohort or a mirror, and no release runs: its requests do not follow the weights`;
  return [fail(`${kind} ${namespace}/${name}`, says, `kubectl edit ${kind.toLowerCase()} ${name} -n ${namespace}   # remove the rule`)];
}

function findFluxMark({ kind, metadata }: Route): readonly Finding[] {
  const noted = metadata.annotations?.[FLUX_HELD_ANNOTATION];
  if (noted === undefined || metadata.annotations?.[RELEASE_ANNOTATION] !== undefined) return [];
  const reconcile = 'kustomize.toolkit.fluxcd.io/reconcile';
  const before = noted.startsWith('was:') ? `${reconcile}=${noted.slice(4)} --overwrite` : `${reconcile}-`;
  const fix = `kubectl annotate ${kind.toLowerCase()} ${metadata.name} -n ${metadata.namespace} ${FLUX_HELD_ANNOTATION}- ${before}`;
  return [fail(`${kind} ${metadata.namespace}/${metadata.name}`, 'Flux reconciliation is still disabled by a deleted release', fix)];
}

async function findHeld(
  link: ClusterLink,
  { namespace, name, annotations }: Marked,
  { everyRelease }: Surroundings,
): Promise<readonly Finding[]> {
  const holder = annotations[HELD_ANNOTATION];
  if (holder === undefined) return [];
  if (everyRelease.some((release) => release.namespace === namespace && targetOf(release) === name)) return [];
  const check = `Deployment ${namespace}/${name}`;
  const forget = `kubectl annotate deployment ${name} -n ${namespace} ${HELD_ANNOTATION}-`;
  const paused = await isPaused(link, namespace, name);
  if (!paused)
    return [doubt(check, `still has the annotation of a hold by canaryrelease/${holder}, which no longer has targetRef to it`, forget)];
  const says = `is still paused by a hold of canaryrelease/${holder}, which does not exist: no change of it rolls out`;
  return [fail(check, says, `kubectl rollout resume deployment ${name} -n ${namespace} && ${forget}   # rolls out its current template`)];
}

/** A Deployment that cannot be read counts as paused, because it has the annotation. */
async function isPaused(link: ClusterLink, namespace: string, name: string): Promise<boolean> {
  try {
    return (await getDeployment(link, namespace, name)).spec.paused === true;
  } catch {
    return true;
  }
}

function findCanary(object: Marked, { everyRelease, routes, operator }: Surroundings): readonly Finding[] {
  const { kind, namespace, name, labels, owners } = object;
  if (labels[`${GROUP}/role`] !== 'canary') return [];
  const owner = everyRelease.find(({ metadata }) => metadata.uid !== undefined && owners.includes(metadata.uid));
  if (owner !== undefined && (isUnderWay(owner) || operator.kind !== 'missing')) return [];
  const check = `${kind} ${namespace}/${name}`;
  const why =
    owner === undefined ? 'no CanaryRelease owns it' : `the release of ${owner.namespace}/${owner.name} has ended, and no operator runs`;
  const remove = `kubectl delete ${kind.toLowerCase()} ${name} -n ${namespace}`;
  const naming = routes.find((route) => route.metadata.namespace === namespace && sendsTo(route, name));
  if (kind === 'Deployment' || naming === undefined) return [doubt(check, `is a leftover canary: ${why}`, remove)];
  const route = `${naming.kind.toLowerCase()} ${naming.metadata.name} -n ${namespace}`;
  return [
    fail(
      check,
      `is a leftover canary, and a route still names it: ${why}`,
      `kubectl edit ${route}   # remove its backendRef, then run: ${remove}`,
    ),
  ];
}

function sendsTo(route: Route, service: string): boolean {
  return (route.spec.rules ?? []).some((rule) => (rule.backendRefs ?? []).some(({ name, weight = 1 }) => name === service && weight > 0));
}
