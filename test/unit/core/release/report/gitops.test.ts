import { describe, expect, test } from 'vitest';
import { describeApplier } from '../../../../../src/core/release/report/gitops.ts';
import type { WorkloadFacts } from '../../../../../src/core/release/facts/workload-facts.ts';
import type { WorkloadMetadata } from '../../../../../src/core/workload/objects.ts';
import { standRoutes } from '../../../../../src/core/routing/standing.ts';
import { aRecordedRoute, aRoute, SIDES } from '../../../../fixtures/builders.ts';

const TRACKED = { 'argocd.argoproj.io/tracking-id': 'shop:x' };
const FLUX = { 'kustomize.toolkit.fluxcd.io/name': 'shop' };

/** What is told of a route and a Deployment that bear these marks. */
function tell(route: Readonly<Record<string, string>>, deployment: Partial<WorkloadMetadata>) {
  const standings = standRoutes([aRecordedRoute()], [aRoute({ metadata: { annotations: route } })], SIDES);
  const spec = { selector: {}, template: {} };
  const workload = { deployment: { metadata: { name: 'store', ...deployment }, spec } } as WorkloadFacts;
  return describeApplier({ standings, sides: SIDES, workload });
}

describe('the applier of a release', () => {
  test('the applier of a release is reported where a tool applies the Deployment and not the route', () => {
    expect(tell({}, { annotations: TRACKED })).toEqual({
      status: 'True',
      reason: 'ArgoCD',
      message: expect.stringMatching(
        /^Deployment store is applied by Argo CD: leave spec\.paused out of Git.*\/spec\/paused.*ServerSideDiff=true/,
      ),
    });
    expect(tell({}, { labels: FLUX })).toMatchObject({
      reason: 'Flux',
      message: expect.stringMatching(/^Deployment store is applied by Flux: leave spec\.paused out of Git/),
    });
  });

  test('the applier of a release is known by its label where its field manager is beside it', () => {
    const labels = { 'app.kubernetes.io/instance': 'shop' };
    expect(tell({}, { labels })).toBeUndefined();
    expect(tell({}, { labels, managedFields: [{ manager: 'argocd-controller' }] })?.reason).toBe('ArgoCD');
  });

  test('the message about appliers of both says what has to be said of each, within what an event can hold', () => {
    const message = tell(TRACKED, { annotations: TRACKED })?.message ?? '';
    expect(message).toMatch(/^HTTPRoute store is applied by Argo CD.*; Deployment store is applied by Argo CD/);
    expect(message.length).toBeLessThan(1_024);
  });

  test('no applier of a release is found where neither bears a mark', () => {
    expect(tell({}, {})).toBeUndefined();
  });
});
