// config/argocd and config/flux: what is generated is up to date, the examples agree with each other and with the advice that
// the operator gives.
import { readFileSync, readdirSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { API_VERSION, EVENT_REASONS, KIND } from '../../src/api/names.ts';
import { adviseManager, findGitOpsTool } from '../../src/core/routing/gitops.ts';
import type { Route } from '../../src/api/routes.ts';
import { ARGOCD_ACTIONS, ARGOCD_FOLDER, ARGOCD_PATCH_FILES, renderArgocdPatch } from '../../tools/generate/argocd-cm.ts';

const FLUX_FOLDER = new URL('../../config/flux/', import.meta.url);

interface Application {
  readonly metadata: { readonly annotations: Readonly<Record<string, string>> };
  readonly spec: {
    readonly syncPolicy: { readonly syncOptions: readonly string[] };
    readonly ignoreDifferences: readonly { readonly group: string; readonly kind: string; readonly jqPathExpressions: readonly string[] }[];
  };
}

const read = (folder: URL, file: string): unknown => parse(readFileSync(new URL(file, folder), 'utf8'), { version: '1.1' });
const application = read(ARGOCD_FOLDER, 'application.yaml') as Application;

describe('config/argocd', () => {
  test.each(ARGOCD_PATCH_FILES)('%s is what `npm run generate` writes', (file) => {
    expect(readFileSync(new URL(file, ARGOCD_FOLDER), 'utf8')).toBe(renderArgocdPatch(file));
  });

  test('every action has its Lua, and every Lua its place in the patch', () => {
    const files = readdirSync(new URL('actions/', ARGOCD_FOLDER)).toSorted();
    expect(files).toEqual([...ARGOCD_ACTIONS.map((name) => `${name}.lua`), 'discovery.lua'].toSorted());
  });

  test('the ApplicationSet makes Applications with the recipe that holds for releases of both modes', () => {
    const { spec } = read(ARGOCD_FOLDER, 'applicationset.yaml') as { spec: { template: Application } };
    const ofDeployments = read(ARGOCD_FOLDER, 'application-deployment.yaml') as Application;
    for (const { metadata, spec: own } of [application, ofDeployments]) {
      expect(spec.template.metadata.annotations).toEqual(metadata.annotations);
      expect(spec.template.spec.syncPolicy).toEqual(own.syncPolicy);
    }
    expect(spec.template.spec.ignoreDifferences).toEqual(ofDeployments.spec.ignoreDifferences);
    for (const [index, { kind, jqPathExpressions }] of application.spec.ignoreDifferences.entries()) {
      expect(spec.template.spec.ignoreDifferences[index]).toMatchObject({ kind });
      expect(spec.template.spec.ignoreDifferences[index]?.jqPathExpressions).toEqual(expect.arrayContaining([...jqPathExpressions]));
    }
  });

  test.each([
    ['application.yaml', false],
    ['application-deployment.yaml', true],
  ] as const)('the operator advises what %s does', (file, addsRef) => {
    const { metadata, spec } = read(ARGOCD_FOLDER, file) as Application;
    const advice = adviseManager('argocd-controller', addsRef);
    const { group, jqPathExpressions } = spec.ignoreDifferences[0] ?? { group: '', jqPathExpressions: [] };
    const [[name, value] = []] = Object.entries(metadata.annotations);
    const paths = jqPathExpressions.map((path) => JSON.stringify(path));
    for (const part of [group, ...paths, ...spec.syncPolicy.syncOptions, `${name}: ${value}`]) expect(advice).toContain(part);
    expect(paths).toHaveLength(addsRef ? 2 : 1);
  });
});

describe('config/flux', () => {
  test('the Kustomization checks the health of a CanaryRelease and does not wait for everything', () => {
    const { spec } = read(FLUX_FOLDER, 'store-api.yaml') as { spec: { wait: boolean; healthChecks: readonly object[] } };
    expect(spec.wait).toBe(false);
    expect(spec.healthChecks).toEqual([expect.objectContaining({ apiVersion: API_VERSION, kind: KIND })]);
  });

  test('the Kustomization ignores the weight of each ref of the route', () => {
    const { spec } = read(FLUX_FOLDER, 'store-api.yaml') as {
      spec: { ignore: readonly { target: object; paths: readonly string[] }[] };
    };
    const route = read(FLUX_FOLDER, 'route.yaml') as Route;
    const paths = (route.spec.rules ?? []).flatMap((rule, at) =>
      (rule.backendRefs ?? []).map((_ref, index) => `/spec/rules/${at}/backendRefs/${index}/weight`),
    );
    expect(spec.ignore).toEqual([{ target: { kind: 'HTTPRoute', name: route.metadata.name }, paths }]);
    expect(adviseManager('kustomize-controller')).toContain('spec.ignore');
  });

  test('the route of the example is one that Flux leaves alone', () => {
    const route = read(FLUX_FOLDER, 'route.yaml') as Route;
    const labels = { 'kustomize.toolkit.fluxcd.io/name': 'store-api' };
    expect(findGitOpsTool({ ...route, metadata: { ...route.metadata, labels } })).toBeUndefined();
    expect(adviseManager('kustomize-controller')).toContain('kustomize.toolkit.fluxcd.io/ssa: IfNotPresent');
  });
});

test('what is told of GitOps tools is a known reason', () => {
  expect(EVENT_REASONS).toContain('GitOpsManaged');
});
