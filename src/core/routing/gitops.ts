// Which GitOps tool applies a route, by the marks that it leaves there itself; the settings that it needs so that it leaves our
// weights alone; and the one setting that can be made on the route: that Flux holds still while a release runs.

import { FLUX_HELD_ANNOTATION } from '../../api/names.ts';
import type { Route } from '../../api/routes.ts';

/** A tool that puts back what Git says. */
export type GitOpsTool = 'ArgoCD' | 'Flux' | 'FluxHelm';

/** For people. */
export function nameGitOpsTool(tool: GitOpsTool): string {
  return TOOL_NAMES[tool];
}

const TOOL_NAMES: Readonly<Record<GitOpsTool, string>> = { ArgoCD: 'Argo CD', Flux: 'Flux', FluxHelm: "Flux's helm-controller" };

const ARGO_TRACKING = 'argocd.argoproj.io/tracking-id';
/** Argo CD's tracking label unless it is set to another one. Helm sets it too, so it counts only beside Argo CD's field manager. */
const INSTANCE_LABEL = 'app.kubernetes.io/instance';
const FLUX = 'kustomize.toolkit.fluxcd.io';
const FLUX_HELM = 'helm.toolkit.fluxcd.io';
const FLUX_HELM_DRIFT = `${FLUX_HELM}/driftDetection`;
const FLUX_RECONCILE = `${FLUX}/reconcile`;
const FLUX_SSA = `${FLUX}/ssa`;
const DISABLED = 'disabled';
/** Values of `FLUX_HELD_ANNOTATION`: what was there before us. */
const WAS_ABSENT = 'absent';
const WAS = 'was:';

/** Field managers of controllers that undo every difference from Git, again and again. */
const CONTROLLERS = ['argocd', 'kustomize-controller', 'helm-controller'];

/** Does this field manager belong to a controller, whose edits are no person's decision of this moment? */
export function isGitOpsController(manager: string): boolean {
  return CONTROLLERS.some((name) => manager.startsWith(name));
}

/** A route, or the Deployment of a release. */
export interface Applied {
  readonly metadata: Pick<Route['metadata'], 'annotations' | 'labels' | 'managedFields'>;
}

/** Who applies the object from Git, unless its marks say that it leaves objects that are there alone. */
export function findGitOpsTool({ metadata }: Applied): GitOpsTool | undefined {
  const { annotations = {}, labels = {}, managedFields = [] } = metadata;
  const argoApplied = managedFields.some(({ manager = '' }) => manager.startsWith('argocd'));
  if (annotations[ARGO_TRACKING] !== undefined || (labels[INSTANCE_LABEL] !== undefined && argoApplied)) return 'ArgoCD';
  if (labels[`${FLUX}/name`] !== undefined) return isLeftAloneByFlux(annotations) ? undefined : 'Flux';
  return labels[`${FLUX_HELM}/name`] === undefined ? undefined : 'FluxHelm';
}

/** By somebody's choice, not by ours. */
function isLeftAloneByFlux(annotations: Readonly<Record<string, string>>): boolean {
  const disabled = annotations[FLUX_RECONCILE] === DISABLED && annotations[FLUX_HELD_ANNOTATION] === undefined;
  return disabled || annotations[FLUX_SSA] === 'IfNotPresent' || annotations[FLUX_SSA] === 'Ignore';
}

const WEIGHTS_PATH = '".spec.rules[].backendRefs[].weight"';
/** Of a Deployment's release: the canary's ref comes and goes. */
const CANARY_REF_PATH = String.raw`".spec.rules[].backendRefs[] | select(.name | endswith(\"-canary\"))"`;
const ARGO_RECIPE =
  'in the Argo CD Application add ignoreDifferences {group: gateway.networking.k8s.io, kind: HTTPRoute, jqPathExpressions: [".spec.rules[].backendRefs[].weight"]}, syncPolicy.syncOptions [RespectIgnoreDifferences=true] and the annotation argocd.argoproj.io/compare-options: ServerSideDiff=true';
const FLUX_RECIPE =
  'spec.ignore of the Kustomization for the path of each weight (kustomize-controller 1.9), or the annotation kustomize.toolkit.fluxcd.io/ssa: IfNotPresent on the route in Git';

/** The settings of Argo CD. @param addsRef the release adds a ref of its own to the rules */
function adviseArgo(addsRef: boolean): string {
  return addsRef ? ARGO_RECIPE.replace(WEIGHTS_PATH, `${WEIGHTS_PATH}, ${CANARY_REF_PATH}`) : ARGO_RECIPE;
}

/** What a person should know of a route that this tool applies. @param name kind and name of the route */
export function describeGitOps(tool: GitOpsTool, name: string, addsRef = false): string {
  switch (tool) {
    case 'ArgoCD':
      return `${name} is applied by Argo CD, which undoes our weights within a second unless it is set to ignore them: ${adviseArgo(addsRef)}`;
    case 'Flux':
      return `${name} is applied by Flux, which is held off (kustomize.toolkit.fluxcd.io/reconcile: disabled) while the release runs; afterwards it restores the weights of Git, also those from before a promotion: set ${FLUX_RECIPE}, or commit the new weights`;
    case 'FluxHelm':
      return `${name} is part of a HelmRelease: each upgrade writes the weights of the chart, also those from before a promotion, and drift detection, where it is on, undoes ours: annotate the route with ${FLUX_HELM_DRIFT}: disabled, and let the chart take the weights from values that you change with each promotion, or use spec.targetRef, where the weights at rest never change`;
  }
}

/** What a person should know of a held Deployment that this tool applies. @param name kind and name of the Deployment */
export function describeHeldFromGit(tool: GitOpsTool, name: string): string {
  const told = `${name} is applied by ${nameGitOpsTool(tool)}: leave spec.paused out of Git: false there unpauses at each sync what is held, true pauses each promotion again`;
  switch (tool) {
    case 'ArgoCD':
      return `${told}; where it has to stay there, add ignoreDifferences {group: apps, kind: Deployment, jsonPointers: [/spec/paused]}, RespectIgnoreDifferences=true and ServerSideDiff=true to the Application`;
    case 'Flux':
    case 'FluxHelm':
      return told;
  }
}

/** The setting that keeps this field manager from undoing our weights. */
export function adviseManager(manager: string, addsRef = false): string {
  if (manager.startsWith('argocd')) return adviseArgo(addsRef);
  if (manager.startsWith('kustomize-controller'))
    return `annotate the route with kustomize.toolkit.fluxcd.io/reconcile: disabled while a release runs, or set ${FLUX_RECIPE}`;
  if (manager.startsWith('helm-controller')) return `annotate the route with ${FLUX_HELM_DRIFT}: disabled while a release runs`;
  return `let nothing but Glidepath write backendRefs[].weight of this route while a release runs: leave the route out of what ${manager} applies then`;
}

/** One annotation as it is and as it is to be; undefined stands for an absent one. */
export interface AnnotationChange {
  readonly name: string;
  readonly from: string | undefined;
  readonly to: string | undefined;
}

/** Holds Flux off the route, and notes on the route itself what was there. Nothing where Flux leaves the route alone anyway. */
export function holdFlux(route: Route): readonly AnnotationChange[] {
  const { annotations = {} } = route.metadata;
  if (findGitOpsTool(route) !== 'Flux' || isFluxHeld(route)) return [];
  const before = annotations[FLUX_RECONCILE];
  return [
    { name: FLUX_RECONCILE, from: before, to: DISABLED },
    { name: FLUX_HELD_ANNOTATION, from: undefined, to: before === undefined ? WAS_ABSENT : `${WAS}${before}` },
  ];
}

/** Restores what `holdFlux` found. A value that somebody wrote meanwhile stays. */
export function releaseFlux(route: Route): readonly AnnotationChange[] {
  const { annotations = {} } = route.metadata;
  const noted = annotations[FLUX_HELD_ANNOTATION];
  if (noted === undefined) return [];
  const own = annotations[FLUX_RECONCILE] === DISABLED;
  const before = noted.startsWith(WAS) ? noted.slice(WAS.length) : undefined;
  return [
    ...(own ? [{ name: FLUX_RECONCILE, from: DISABLED, to: before }] : []),
    { name: FLUX_HELD_ANNOTATION, from: noted, to: undefined },
  ];
}

/** Did we hold Flux off this route, and not let it go yet? */
export function isFluxHeld({ metadata }: Route): boolean {
  return metadata.annotations?.[FLUX_HELD_ANNOTATION] !== undefined;
}
