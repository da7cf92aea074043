// Deployment mode's port over the memory API server: what the watches show, late or not, and every write through the gate.

import { FIELD_MANAGER, HELD_ANNOTATION } from '../../../src/api/names.ts';
import { GlidepathError } from '../../../src/api/errors.ts';
import type { WorkloadIntent } from '../../../src/core/release/desired/intents.ts';
import { nameCanary } from '../../../src/core/workload/canary-names.ts';
import type { DeploymentObject, PodTemplate, ReplicaSetObject } from '../../../src/core/workload/objects.ts';
import type { HoldStanding } from '../../../src/core/workload/observed.ts';
import type { PodObject } from '../../../src/core/workload/pods.ts';
import type { WorkloadStore } from '../../../src/ports/workloads.ts';
import type { MemoryApiServer, NewObject, StoredObject } from './api-server.ts';
import type { CallGate } from './calls.ts';
import { isSame } from './json-patch.ts';

export interface WorkloadParts {
  readonly api: MemoryApiServer;
  readonly gate: CallGate;
  readonly cached: (kind: string, namespace: string) => readonly unknown[];
  /** Is the policy that holds templates in force? */
  readonly holds: () => boolean;
  readonly now: () => number;
}

interface Named {
  readonly metadata: { readonly name: string };
}

export function buildWorkloads({ api, gate, cached, holds, now }: WorkloadParts): WorkloadStore {
  const find = (kind: string, namespace: string, name: string) =>
    cached(kind, namespace).find((object) => (object as Named).metadata.name === name) as unknown;
  const proofs = new Map<string, { readonly atMs: number; readonly standing: HoldStanding }>();
  return {
    observe: ({ namespace, deployment: name, service }) => {
      const deployment = find('Deployment', namespace, name) as DeploymentObject | undefined;
      const found = {
        deployment,
        service: find('Service', namespace, service),
        services: cached('Service', namespace),
        canaryDeployment: find('Deployment', namespace, nameCanary(name)),
        canaryService: find('Service', namespace, nameCanary(service)),
      };
      const sets = cached('ReplicaSet', namespace) as readonly ReplicaSetObject[];
      const ownedBy = (uid: string | undefined) => sets.filter(({ metadata }) => metadata.ownerReferences?.[0]?.uid === uid);
      const canarySets = ownedBy((found.canaryDeployment as DeploymentObject | undefined)?.metadata.uid).map(
        ({ metadata }) => metadata.uid,
      );
      const pods = (cached('Pod', namespace) as readonly PodObject[]).filter(({ metadata }) =>
        canarySets.includes(metadata.ownerReferences?.[0]?.uid),
      );
      return {
        known: true,
        ...Object.fromEntries(Object.entries(found).filter(([, object]) => object !== undefined)),
        replicaSets: ownedBy(deployment?.metadata.uid),
        // Only some tests make pods: without any it is as if they could not be watched.
        ...(pods.length === 0 ? {} : { canaryPods: pods }),
      };
    },
    proveHold: async (namespace, name, maxAgeMs) => {
      const key = `${namespace}/${name}`;
      const known = proofs.get(key);
      // As the Kubernetes adapter does: what is not proven is asked for again soon.
      if (known !== undefined && now() - known.atMs < (known.standing.kind === 'proven' ? maxAgeMs : Math.min(maxAgeMs, 10_000)))
        return known.standing;
      const standing: HoldStanding = holds() ? { kind: 'proven' } : { kind: 'unavailable' };
      proofs.set(key, { atMs: now(), standing });
      return standing;
    },
    write: (namespace, intent) =>
      gate.pass({ verb: 'workload', target: `${intent.kind} ${targetOf(intent)}`, body: intent }, () =>
        carryOut(api, namespace, intent, holds()),
      ),
    redirect: (namespace, service, selector) =>
      gate.pass({ verb: 'workload', target: `redirect ${service}` }, () => edit(api, 'Service', namespace, service, { selector })),
    forget: () => undefined,
  };
}

function targetOf(intent: WorkloadIntent): string {
  return 'manifest' in intent ? '' : intent.name;
}

function carryOut(api: MemoryApiServer, namespace: string, intent: WorkloadIntent, holds: boolean): void {
  switch (intent.kind) {
    case 'unpause':
      guard(api, namespace, intent.name, intent.template);
      edit(api, 'Deployment', namespace, intent.name, { paused: false }, [HELD_ANNOTATION]);
      break;
    case 'writeTemplate':
      guard(api, namespace, intent.name, intent.template);
      // The policy holds whatever changes a template, the operator's own writes as well.
      edit(api, 'Deployment', namespace, intent.name, { template: intent.to, ...(holds ? { paused: true } : {}) });
      if (holds) hold(api, namespace, intent.name);
      break;
    case 'rest':
      guard(api, namespace, intent.name, intent.template);
      rest(api, namespace, intent.name, intent.release);
      break;
    case 'pause':
      guard(api, namespace, intent.name, intent.template);
      edit(api, 'Deployment', namespace, intent.name, { paused: true });
      break;
    case 'disown':
      api.update({ kind: intent.object, namespace, name: intent.name }, FIELD_MANAGER, (old: StoredObject) => {
        const ownerReferences = intent.owners.filter(({ uid }) => uid !== intent.uid);
        return { ...old, metadata: { ...old.metadata, ownerReferences } } as StoredObject;
      });
      break;
    case 'scaleDeployment':
      edit(api, 'Deployment', namespace, intent.name, { replicas: intent.replicas });
      break;
    case 'scaleReplicaSet':
      edit(api, 'ReplicaSet', namespace, intent.name, { replicas: intent.replicas });
      break;
    case 'createDeployment':
    case 'createService':
      create(api, namespace, intent.manifest as unknown as NewObject);
      break;
    case 'deleteDeployment':
      api.delete({ kind: 'Deployment', namespace, name: intent.name }, FIELD_MANAGER);
      break;
    case 'deleteService':
      api.delete({ kind: 'Service', namespace, name: intent.name }, FIELD_MANAGER);
      break;
  }
}

function create(api: MemoryApiServer, namespace: string, manifest: NewObject): void {
  const key = { kind: manifest.kind, namespace, name: manifest.metadata.name };
  if (api.get(key) === undefined) api.create({ ...manifest, metadata: { ...manifest.metadata, namespace } }, FIELD_MANAGER);
}

function guard(api: MemoryApiServer, namespace: string, name: string, template: PodTemplate): void {
  const stored = api.get({ kind: 'Deployment', namespace, name }) as unknown as DeploymentObject | undefined;
  if (!isSame(stored?.spec.template, template)) throw new GlidepathError('GLIDEPATH_E_GUARD', `${name} has another template`);
}

function hold(api: MemoryApiServer, namespace: string, name: string): void {
  api.update({ kind: 'Deployment', namespace, name }, FIELD_MANAGER, (old: StoredObject) => ({
    ...old,
    metadata: { ...old.metadata, annotations: { ...old.metadata.annotations, [HELD_ANNOTATION]: 'web' } },
  }));
}

function edit(api: MemoryApiServer, kind: string, namespace: string, name: string, spec: object, without: readonly string[] = []): void {
  api.update({ kind, namespace, name }, FIELD_MANAGER, (old: StoredObject) => ({
    ...old,
    spec: { ...(old.spec as object), ...spec },
    metadata: {
      ...old.metadata,
      annotations: Object.fromEntries(Object.entries(old.metadata.annotations ?? {}).filter(([key]) => !without.includes(key))),
    },
  }));
}

/** Pause and mark come in one write. */
function rest(api: MemoryApiServer, namespace: string, name: string, release: string): void {
  api.update({ kind: 'Deployment', namespace, name }, FIELD_MANAGER, (old: StoredObject) => ({
    ...old,
    spec: { ...(old.spec as object), paused: true },
    metadata: { ...old.metadata, annotations: { ...old.metadata.annotations, [HELD_ANNOTATION]: release } },
  }));
}
