// A cluster for the command line: the fake API server with releases of the namespace shop, and calls against it.

import type { CanaryReleaseStatus, SpecInput } from '../../../src/api/release.ts';
import type { CliIo } from '../../../src/cli/io.ts';
import type { FakeApiServer } from '../../fakes/api-server/server.ts';
import { aReleaseStatus, aStatus, timeAfter } from '../../fixtures/builders.ts';
import { type Called, call } from '../../unit/cli/fake-io.ts';
import { releases, startFake } from '../kubernetes/harness.ts';

export interface Shop {
  readonly server: FakeApiServer;
  /** Calls `kubectl canary` against it. The clock stands two hours behind the start of the default release. */
  readonly run: (line: string, change?: Partial<CliIo>) => Promise<Called>;
  readonly put: (name: string, status: CanaryReleaseStatus | undefined, more?: Partial<ReleaseInput>) => void;
  /** Annotations of a release that people or this program wrote. */
  readonly annotations: (name: string) => Readonly<Record<string, string>>;
}

interface ReleaseInput {
  readonly namespace: string;
  readonly spec: Partial<SpecInput>;
  readonly labels: Readonly<Record<string, string>>;
}

/** When the release of `aRunningStatus` is looked at. */
export const LOOKED_AT = Date.parse(timeAfter(40));

export async function openShop(): Promise<Shop> {
  const server = await startFake();
  const kubeconfig = await server.kubeconfig();
  return {
    server,
    run: (line, change = {}) =>
      call(
        [...line.split(' '), ...(line.includes('--kubeconfig') ? [] : ['--kubeconfig', kubeconfig])],
        {},
        { now: () => LOOKED_AT, ...change },
      ),
    put: (name, status, { namespace = 'shop', spec = {}, labels = {} } = {}) => {
      const metadata = { name, namespace, labels, generation: 1, creationTimestamp: timeAfter(-600) };
      const services = { services: [{ name: 'v1' }, { name: 'v2' }] };
      const object = { metadata, spec: { ...services, ...spec }, ...(status === undefined ? {} : { status }) };
      const old = server.get(releases, namespace, name);
      server.put(releases, old === undefined ? object : { ...object, metadata: { ...old.metadata, ...metadata } });
    },
    annotations: (name) => (server.get(releases, 'shop', name)?.metadata['annotations'] ?? {}) as Readonly<Record<string, string>>,
  };
}

/** In the first of three stages, with two checks. */
export function aRunningStatus(change: Partial<CanaryReleaseStatus> = {}): CanaryReleaseStatus {
  return aStatus({
    observedGeneration: 1,
    state: 'stage.analyzing',
    phase: 'Analyzing',
    progress: '1/3',
    weight: 5,
    observedWeight: 5,
    verdict: 'Inconclusive',
    message: 'stage 1/3 at 5%: errors 0.12% (limit <= 1%) over 31 canary requests; 25% at 12:02:00Z at the earliest',
    release: aReleaseStatus({ stageStartedAt: timeAfter(0), stageEndsAt: timeAfter(120), stageRequests: 31 }),
    checks: [
      { name: 'errors', verdict: 'Pass', value: '0.12%', limit: '<= 1%', requests: 31 },
      {
        name: 'comparison',
        verdict: 'Inconclusive',
        requests: 31,
        needed: 420,
        figures: 'evidence against the canary 0.4 of 100 needed',
        message: 'canary 0.2% errors, serving 0.3%, over 31 and 590 requests; not enough requests yet (31 of 420, about 40 min)',
      },
    ],
    conditions: [
      { type: 'Ready', status: 'False', reason: 'InRelease', message: 'stage 1/3', lastTransitionTime: timeAfter(0) },
      { type: 'Reconciling', status: 'True', reason: 'InRelease', message: 'a release is under way', lastTransitionTime: timeAfter(0) },
      { type: 'RoutesAccepted', status: 'True', reason: 'Accepted', message: 'all', lastTransitionTime: timeAfter(0) },
    ],
    ...change,
  });
}
