// Deployments as Deployment mode reads and writes them. Watches run only in namespaces where a release needs them; a hold is released
// by a JSON Patch that tests the whole template, so that another template which came meanwhile stays held.

import { FIELD_MANAGER, GROUP, HELD_ANNOTATION } from '../../../api/names.ts';
import { isGlidepathError, messageOf } from '../../../api/errors.ts';
import type { WorkloadIntent } from '../../../core/release/desired/intents.ts';
import type { DisownIntent } from '../../../core/release/facts/retain.ts';
import { nameCanary } from '../../../core/workload/canary-names.ts';
import type { PodTemplate } from '../../../core/workload/objects.ts';
import type { HoldStanding, ObservedWorkload } from '../../../core/workload/observed.ts';
import type { WorkloadKey, WorkloadStore } from '../../../ports/workloads.ts';
import type { ChangeListener } from '../../../ports/cluster.ts';
import { Listeners } from '../informer/changes.ts';
import { fieldsOf } from '../client/fields.ts';
import { pathOf, type WatchEnvironment } from '../informer/kinds.ts';
import { JSON_PATCH, MERGE_PATCH, type Transport } from '../client/transport.ts';
import { DEPLOYMENTS, REPLICA_SETS, SERVICES, WorkloadWatches } from './workload-watches.ts';

/** A probe must not delay a reconcile for long. */
const PROBE_DEADLINE_MS = 3_000;
/** A hold that was missing or unknown may be installed at any moment. */
const DOUBT_MS = 10_000;
const PROBE_ANNOTATION = `${GROUP}/hold-probe`;
const HELD_PATH = `/metadata/annotations/${HELD_ANNOTATION.replaceAll('/', '~1')}`;
const OWN = { fieldManager: FIELD_MANAGER };

type BeforeProof = (namespace: string, deployment: string) => Promise<void>;

interface Proof {
  readonly atMs: number;
  readonly standing: HoldStanding;
}

export class KubernetesWorkloads implements WorkloadStore {
  readonly #env: WatchEnvironment;
  readonly #transport: Transport;
  readonly #listeners = new Listeners();
  readonly #watches = new Map<string, WorkloadWatches>();
  readonly #proofs = new Map<string, Proof>();
  readonly #probes = new Map<string, Promise<HoldStanding>>();
  readonly #stop = new AbortController();
  #beforeProof: BeforeProof = async () => undefined;

  constructor(env: WatchEnvironment) {
    this.#env = env;
    this.#transport = env.transport;
  }

  /** Namespaces that are watched. */
  get watched(): readonly string[] {
    return [...this.#watches.keys()];
  }

  onChange(listener: ChangeListener): () => void {
    return this.#listeners.add(listener);
  }

  /** Before the API server is asked whether it holds a Deployment, `run` is awaited. It must not throw. */
  beforeProof(run: BeforeProof): void {
    this.#beforeProof = run;
  }

  observe({ namespace, release, deployment: name, service }: WorkloadKey): Omit<ObservedWorkload, 'hold'> {
    const watches = this.#watch(namespace, release);
    const deployment = watches.deployment(name);
    const { problem } = watches;
    const canaryDeployment = watches.deployment(nameCanary(name));
    const found = {
      deployment,
      service: watches.service(service),
      services: watches.services(),
      canaryDeployment,
      canaryPods: watches.canaryPodsOf(release, canaryDeployment),
      canaryService: watches.service(nameCanary(service)),
    };
    return {
      known: watches.synced,
      ...(problem === undefined ? {} : { problem }),
      ...Object.fromEntries(Object.entries(found).filter(([, object]) => object !== undefined)),
      replicaSets: deployment?.metadata.uid === undefined ? [] : watches.replicaSetsOf(deployment.metadata.uid),
    };
  }

  async proveHold(namespace: string, deployment: string, maxAgeMs: number): Promise<HoldStanding> {
    const key = `${namespace}/${deployment}`;
    const known = this.#proofs.get(key);
    const now = this.#env.now();
    const mostMs = known?.standing.kind === 'proven' ? maxAgeMs : Math.min(maxAgeMs, DOUBT_MS);
    if (known !== undefined && now - known.atMs < mostMs) return known.standing;
    // Concurrent callers wait for the same answer.
    const asked = this.#probes.get(key) ?? this.#probe(namespace, deployment, now);
    this.#probes.set(key, asked);
    const standing = await asked;
    this.#probes.delete(key);
    this.#proofs.set(key, { atMs: now, standing });
    return standing;
  }

  async write(namespace: string, intent: WorkloadIntent): Promise<void> {
    try {
      await this.#send(namespace, intent);
    } catch (error) {
      const isDelete = intent.kind === 'deleteDeployment' || intent.kind === 'deleteService';
      if (isDelete && isGlidepathError(error, 'GLIDEPATH_E_NOT_FOUND')) return;
      // It exists already, as the watch will show; or a foreign object has the name, as the next decision will report.
      const isCreate = intent.kind === 'createDeployment' || intent.kind === 'createService';
      if ((isCreate || isDelete) && isGlidepathError(error, 'GLIDEPATH_E_CONFLICT')) return;
      throw error;
    }
  }

  async redirect(namespace: string, service: string, selector: Readonly<Record<string, string>>): Promise<void> {
    await this.#transport.request({
      method: 'PATCH',
      path: pathOf(SERVICES, namespace, service),
      query: OWN,
      contentType: JSON_PATCH,
      body: [{ op: 'replace', path: '/spec/selector', value: selector }],
      lane: 'home',
    });
  }

  forget(namespace: string, release: string): void {
    const watches = this.#watches.get(namespace);
    if (watches?.users.has(release) !== true || watches.leave(release)) return;
    this.#watches.delete(namespace);
    void watches.end();
  }

  async close(): Promise<void> {
    this.#stop.abort();
    const all = [...this.#watches.values()];
    this.#watches.clear();
    await Promise.all(all.map((watches) => watches.end()));
  }

  #watch(namespace: string, release: string): WorkloadWatches {
    const known = this.#watches.get(namespace) ?? new WorkloadWatches(namespace, this.#env, this.#listeners, this.#stop.signal);
    this.#watches.set(namespace, known);
    known.users.add(release);
    return known;
  }

  /** Tries an unpaused change: only a hold answers with a paused Deployment. */
  async #probe(namespace: string, deployment: string, now: number): Promise<HoldStanding> {
    const annotations = { [PROBE_ANNOTATION]: new Date(now).toISOString() };
    await this.#beforeProof(namespace, deployment);
    try {
      const { body } = await this.#transport.request({
        method: 'PATCH',
        path: pathOf(DEPLOYMENTS, namespace, deployment),
        query: { ...OWN, dryRun: 'All' },
        contentType: MERGE_PATCH,
        body: { spec: { paused: false, template: { metadata: { annotations } } } },
        deadlineMs: PROBE_DEADLINE_MS,
      });
      return fieldsOf(fieldsOf(body)['spec'])['paused'] === true ? { kind: 'proven' } : { kind: 'unavailable' };
    } catch (error) {
      return { kind: 'unknown', message: messageOf(error) };
    }
  }

  async #send(namespace: string, intent: WorkloadIntent): Promise<void> {
    switch (intent.kind) {
      case 'unpause':
        return this.#patchDeployment(namespace, intent.name, [
          testTemplate(intent.template),
          { op: 'replace', path: '/spec/paused', value: false },
          ...(intent.held ? [{ op: 'remove', path: HELD_PATH }] : []),
        ]);
      case 'writeTemplate':
        return this.#patchDeployment(namespace, intent.name, [
          testTemplate(intent.template),
          { op: 'replace', path: '/spec/template', value: intent.to },
        ]);
      case 'rest':
        return this.#patchDeployment(namespace, intent.name, [
          testTemplate(intent.template),
          ...(intent.annotated ? [] : [{ op: 'add', path: '/metadata/annotations', value: {} }]),
          { op: 'add', path: HELD_PATH, value: intent.release },
          { op: 'add', path: '/spec/paused', value: true },
        ]);
      case 'pause':
        return this.#patchDeployment(namespace, intent.name, [
          testTemplate(intent.template),
          { op: 'add', path: '/spec/paused', value: true },
        ]);
      case 'disown':
        return this.#disown(namespace, intent);
      case 'scaleDeployment':
        return this.#patchDeployment(namespace, intent.name, [{ op: 'add', path: '/spec/replicas', value: intent.replicas }]);
      case 'scaleReplicaSet':
        return this.#patch(pathOf(REPLICA_SETS, namespace, intent.name, 'scale'), { spec: { replicas: intent.replicas } });
      case 'createDeployment':
        return this.#create(pathOf(DEPLOYMENTS, namespace), namespace, intent.manifest);
      case 'createService':
        return this.#create(pathOf(SERVICES, namespace), namespace, intent.manifest);
      case 'deleteDeployment':
        return this.#delete(pathOf(DEPLOYMENTS, namespace, intent.name), intent.uid);
      case 'deleteService':
        return this.#delete(pathOf(SERVICES, namespace, intent.name), intent.uid);
    }
  }

  async #disown(namespace: string, { object, name, owners, uid }: DisownIntent): Promise<void> {
    const path = '/metadata/ownerReferences';
    const others = owners.filter((owner) => owner.uid !== uid);
    const change = others.length === 0 ? { op: 'remove', path } : { op: 'replace', path, value: others };
    await this.#transport.request({
      method: 'PATCH',
      path: pathOf(object === 'Service' ? SERVICES : DEPLOYMENTS, namespace, name),
      query: OWN,
      contentType: JSON_PATCH,
      body: [{ op: 'test', path, value: owners }, change],
    });
  }

  async #patchDeployment(namespace: string, name: string, operations: readonly unknown[]): Promise<void> {
    const path = pathOf(DEPLOYMENTS, namespace, name);
    const { body } = await this.#transport.request({ method: 'PATCH', path, query: OWN, contentType: JSON_PATCH, body: operations });
    this.#watches.get(namespace)?.rememberDeployment(body);
  }

  async #patch(path: string, body: unknown): Promise<void> {
    await this.#transport.request({ method: 'PATCH', path, query: OWN, contentType: MERGE_PATCH, body });
  }

  async #create(path: string, namespace: string, manifest: Readonly<Record<string, unknown>>): Promise<void> {
    const body = { ...manifest, metadata: { ...fieldsOf(manifest['metadata']), namespace } };
    await this.#transport.request({ method: 'POST', path, query: OWN, body });
  }

  async #delete(path: string, uid: string): Promise<void> {
    const body = { apiVersion: 'v1', kind: 'DeleteOptions', propagationPolicy: 'Background', preconditions: { uid } };
    await this.#transport.request({ method: 'DELETE', path, body });
  }
}

function testTemplate(template: PodTemplate): unknown {
  return { op: 'test', path: '/spec/template', value: template };
}
