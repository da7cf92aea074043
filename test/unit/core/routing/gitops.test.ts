import { describe, expect, test } from 'vitest';
import type { Route, RouteMetadata } from '../../../../src/api/routes.ts';
import {
  adviseManager,
  describeGitOps,
  findGitOpsTool,
  holdFlux,
  isFluxHeld,
  isGitOpsController,
  releaseFlux,
} from '../../../../src/core/routing/gitops.ts';
import { aRoute } from '../../../fixtures/builders.ts';

const FLUX_LABELS = { 'kustomize.toolkit.fluxcd.io/name': 'shop', 'kustomize.toolkit.fluxcd.io/namespace': 'flux-system' };
const RECONCILE = 'kustomize.toolkit.fluxcd.io/reconcile';
const HELD = 'glidepath.dev/flux-held';

const routeWith = (metadata: Partial<RouteMetadata>): Route => aRoute({ metadata });
const fluxRoute = (annotations?: Readonly<Record<string, string>>): Route =>
  routeWith({ labels: FLUX_LABELS, ...(annotations === undefined ? {} : { annotations }) });

/** The annotations with the changes made. */
function change(route: Route, changes: ReturnType<typeof holdFlux>): Route {
  const annotations: Record<string, string> = { ...route.metadata.annotations };
  for (const { name, from, to } of changes) {
    expect(annotations[name]).toBe(from);
    if (to === undefined) delete annotations[name];
    else annotations[name] = to;
  }
  return { ...route, metadata: { ...route.metadata, annotations } };
}

describe('who applies a route', () => {
  test('nobody is known where there is no mark', () => {
    expect(findGitOpsTool(aRoute())).toBeUndefined();
  });

  test('Argo CD by its tracking annotation, or by the label beside its field manager', () => {
    expect(findGitOpsTool(routeWith({ annotations: { 'argocd.argoproj.io/tracking-id': 'shop:x/HTTPRoute:shop/store' } }))).toBe('ArgoCD');
    const labels = { 'app.kubernetes.io/instance': 'shop' };
    expect(findGitOpsTool(routeWith({ labels, managedFields: [{ manager: 'argocd-controller' }] }))).toBe('ArgoCD');
    expect(findGitOpsTool(routeWith({ labels, managedFields: [{ manager: 'helm' }] }))).toBeUndefined();
    expect(findGitOpsTool(routeWith({ managedFields: [{ manager: 'argocd-controller' }] }))).toBeUndefined();
  });

  test('Flux by its label, unless it was told to leave the route alone', () => {
    expect(findGitOpsTool(fluxRoute())).toBe('Flux');
    expect(findGitOpsTool(fluxRoute({ [RECONCILE]: 'enabled' }))).toBe('Flux');
    expect(findGitOpsTool(fluxRoute({ [RECONCILE]: 'disabled' }))).toBeUndefined();
    expect(findGitOpsTool(fluxRoute({ 'kustomize.toolkit.fluxcd.io/ssa': 'IfNotPresent' }))).toBeUndefined();
    expect(findGitOpsTool(fluxRoute({ 'kustomize.toolkit.fluxcd.io/ssa': 'Ignore' }))).toBeUndefined();
    expect(findGitOpsTool(fluxRoute({ 'kustomize.toolkit.fluxcd.io/ssa': 'Merge' }))).toBe('Flux');
  });

  test("Flux's helm-controller by its label, whatever it was told of drift: an upgrade writes the weights all the same", () => {
    const labels = { 'helm.toolkit.fluxcd.io/name': 'shop' };
    expect(findGitOpsTool(routeWith({ labels }))).toBe('FluxHelm');
    const annotations = { 'helm.toolkit.fluxcd.io/driftDetection': 'disabled' };
    expect(findGitOpsTool(routeWith({ labels, annotations }))).toBe('FluxHelm');
    expect(holdFlux(routeWith({ labels }))).toEqual([]);
    expect(describeGitOps('FluxHelm', 'HTTPRoute store')).toContain('helm.toolkit.fluxcd.io/driftDetection: disabled');
  });

  test('the applier of a route is reported with everything that the tool needs', () => {
    const argo = describeGitOps('ArgoCD', 'HTTPRoute store');
    for (const part of ['HTTPRoute store', 'jqPathExpressions', 'RespectIgnoreDifferences=true', 'ServerSideDiff=true'])
      expect(argo).toContain(part);
    // A release of a Deployment adds a ref, which is part of the recipe.
    expect(argo).not.toContain('-canary');
    expect(describeGitOps('ArgoCD', 'HTTPRoute store', true)).toContain(String.raw`select(.name | endswith(\"-canary\"))`);
    expect(describeGitOps('Flux', 'HTTPRoute store')).toContain('kustomize.toolkit.fluxcd.io/ssa: IfNotPresent');
    expect(describeGitOps('Flux', 'HTTPRoute store')).toContain('spec.ignore');
    for (const text of [argo, describeGitOps('ArgoCD', 'HTTPRoute store', true), describeGitOps('Flux', 'HTTPRoute store')])
      expect(text.length).toBeLessThan(900);
  });

  test.each([
    ['argocd-controller', true, 'ServerSideDiff=true'],
    ['argocd-application-controller', true, 'ServerSideDiff=true'],
    ['kustomize-controller', true, 'reconcile: disabled'],
    ['helm-controller', true, 'driftDetection: disabled'],
    ['kubectl-edit', false, 'backendRefs[].weight'],
  ])('field manager %s: a controller that undoes differences is %s, and the advice is its own', (manager, controller, words) => {
    expect(isGitOpsController(manager)).toBe(controller);
    expect(adviseManager(manager)).toContain(words);
  });
});

describe('holding Flux off a route', () => {
  test.each([
    ['nothing', undefined],
    ['other annotations', { team: 'a' }],
    ['enabled', { [RECONCILE]: 'enabled' }],
    ['an empty value', { [RECONCILE]: '' }],
    ['a value that looks like our note', { [RECONCILE]: 'absent' }],
  ])('holding Flux off a route restores exactly what was there: %s', (_what, annotations) => {
    const before = fluxRoute(annotations);
    const held = change(before, holdFlux(before));
    expect(held.metadata.annotations?.[RECONCILE]).toBe('disabled');
    expect(isFluxHeld(held)).toBe(true);
    expect(findGitOpsTool(held)).toBe('Flux');
    expect(holdFlux(held)).toEqual([]);
    expect(change(held, releaseFlux(held)).metadata.annotations).toEqual(annotations ?? {});
  });

  test('holding Flux off a route is not needed where someone has disabled it already, and then nothing is restored either', () => {
    const route = fluxRoute({ [RECONCILE]: 'disabled' });
    expect(holdFlux(route)).toEqual([]);
    expect(releaseFlux(route)).toEqual([]);
    expect(holdFlux(aRoute())).toEqual([]);
  });

  test('holding Flux off a route leaves a value that someone wrote in mid-release', () => {
    const before = fluxRoute();
    const held = change(before, holdFlux(before));
    const edited = { ...held, metadata: { ...held.metadata, annotations: { ...held.metadata.annotations, [RECONCILE]: 'enabled' } } };
    expect(change(edited, releaseFlux(edited)).metadata.annotations).toEqual({ [RECONCILE]: 'enabled' });
    const { [RECONCILE]: _gone, ...rest } = held.metadata.annotations ?? {};
    const removed = { ...held, metadata: { ...held.metadata, annotations: rest } };
    expect(releaseFlux(removed)).toEqual([{ name: HELD, from: 'absent', to: undefined }]);
  });
});
