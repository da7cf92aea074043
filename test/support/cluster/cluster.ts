// The lab's cluster as tests use it: objects by kind and name, edits under any field manager, and what Glidepath needs to be
// installed. Runs inside the lab's network; outside of it, or without a lab, it fails in one sentence.

import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { parseAllDocuments } from 'yaml';
import { SYSTEM_NAMESPACE } from '../../../src/api/names.ts';
import { setScrapeInterval } from '../../lab/control.ts';
import { PROJECT_FOLDER } from '../../lab/settings.ts';
import { SAMPLE_FOLDER, SAMPLE_IMAGE, type PlainObject } from '../../lab/sample.ts';
import { buildImage } from '../../lab/images.ts';
import { Api, type ApiAnswer, ApiError, type KubeObject, messageIn, readAccess } from './api.ts';

const GATEWAY = '/apis/gateway.networking.k8s.io/v1';
const RBAC = '/apis/rbac.authorization.k8s.io/v1';
/** Where objects of each kind are; a namespace goes in front of the plural. */
const RESOURCES = {
  Namespace: ['/api/v1', 'namespaces'],
  ConfigMap: ['/api/v1', 'configmaps'],
  Service: ['/api/v1', 'services'],
  Pod: ['/api/v1', 'pods'],
  ResourceQuota: ['/api/v1', 'resourcequotas'],
  Deployment: ['/apis/apps/v1', 'deployments'],
  ReplicaSet: ['/apis/apps/v1', 'replicasets'],
  HorizontalPodAutoscaler: ['/apis/autoscaling/v2', 'horizontalpodautoscalers'],
  EndpointSlice: ['/apis/discovery.k8s.io/v1', 'endpointslices'],
  Event: ['/apis/events.k8s.io/v1', 'events'],
  HTTPRoute: [GATEWAY, 'httproutes'],
  GRPCRoute: [GATEWAY, 'grpcroutes'],
  BackendTLSPolicy: [GATEWAY, 'backendtlspolicies'],
  NetworkPolicy: ['/apis/networking.k8s.io/v1', 'networkpolicies'],
  PodDisruptionBudget: ['/apis/policy/v1', 'poddisruptionbudgets'],
  ReferenceGrant: ['/apis/gateway.networking.k8s.io/v1beta1', 'referencegrants'],
  CanaryRelease: ['/apis/glidepath.dev/v1alpha1', 'canaryreleases'],
  Application: ['/apis/argoproj.io/v1alpha1', 'applications'],
  ClusterRole: [RBAC, 'clusterroles'],
  Role: [RBAC, 'roles'],
  RoleBinding: [RBAC, 'rolebindings'],
  CustomResourceDefinition: ['/apis/apiextensions.k8s.io/v1', 'customresourcedefinitions'],
} as const;
export type Kind = keyof typeof RESOURCES;

/** Which object. */
export interface Ref {
  readonly kind: Kind;
  readonly namespace?: string;
  readonly name: string;
}

/** How an object is written. */
export interface Manner {
  readonly manager?: string;
  /** Server-side apply takes fields from others only with it. */
  readonly force?: boolean;
  readonly dryRun?: boolean;
  readonly subresource?: 'status' | 'scale';
}

const MERGE = 'application/merge-patch+json';
const JSON_PATCH = 'application/json-patch+json';

/** Path of a list. */
export function pathOfList(kind: Kind, namespace?: string): string {
  const [base, plural] = RESOURCES[kind];
  return namespace === undefined ? `${base}/${plural}` : `${base}/namespaces/${namespace}/${plural}`;
}

function pathOf({ kind, namespace, name }: Ref, subresource?: string): string {
  return `${pathOfList(kind, namespace)}/${name}${subresource === undefined ? '' : `/${subresource}`}`;
}

function queryOf({ manager = 'glidepath-tests', force, dryRun = false }: Manner): Record<string, string> {
  return { fieldManager: manager, ...(force === undefined ? {} : { force: String(force) }), ...(dryRun ? { dryRun: 'All' } : {}) };
}

function refOf(object: PlainObject): Ref {
  const { name, namespace } = object.metadata;
  return { kind: object.kind as Kind, name, ...(namespace === undefined ? {} : { namespace }) };
}

/** A connection to the lab's API server. */
export class Cluster {
  readonly api: Api;

  private constructor(api: Api) {
    this.api = api;
  }

  /** @throws Error in one sentence when the lab is not up or this process is not inside it */
  static async connect(): Promise<Cluster> {
    const kubeconfig = process.env['KUBECONFIG'];
    const hint = 'these tests need the lab: run `npm run lab -- up`, then `npm run -s lab -- exec -- npx vitest run --project cluster`';
    if (kubeconfig === undefined || process.env['LAB_KIND'] === undefined) throw new Error(`not inside the lab; ${hint}`);
    const api = new Api(readAccess(kubeconfig));
    const answer = await api.send({ method: 'GET', path: '/readyz' }).catch((error: unknown) => ({ code: 0, body: String(error) }));
    if (answer.code === 200) return new Cluster(api);
    await api.close();
    throw new Error(`the lab's API server does not answer (${answer.code === 0 ? messageIn(answer.body) : answer.code}); ${hint}`);
  }

  /** The same cluster in the hands of another user, who has the rights of RBAC and no more; to be closed apart. */
  as(user: string): Cluster {
    return new Cluster(new Api({ ...this.api.access, user }));
  }

  /** Applies on the server's side; `force` unless the manner says otherwise. */
  async apply<T = KubeObject>(object: PlainObject, manner: Manner = {}): Promise<T> {
    return (await expectGood(await this.tryApply(object, { force: true, ...manner }), `apply ${object.kind} ${object.metadata.name}`)) as T;
  }

  /** Applies and hands out whatever the server says. */
  tryApply(object: PlainObject, manner: Manner = {}): Promise<ApiAnswer> {
    const path = pathOf(refOf(object), manner.subresource);
    return this.api.send({ method: 'PATCH', path, query: queryOf(manner), body: object, contentType: 'application/apply-patch+yaml' });
  }

  /** Creates and hands out whatever the server says. */
  tryCreate(object: PlainObject, manner: Manner = {}): Promise<ApiAnswer> {
    const { kind, namespace } = refOf(object);
    return this.api.send({ method: 'POST', path: pathOfList(kind, namespace), query: queryOf(manner), body: object });
  }

  async create<T = KubeObject>(object: PlainObject, manner: Manner = {}): Promise<T> {
    return (await expectGood(await this.tryCreate(object, manner), `create ${object.kind} ${object.metadata.name}`)) as T;
  }

  /** A list is a JSON Patch, an object is a merge patch. */
  async patch<T = KubeObject>(ref: Ref, patch: object, manner: Manner = {}): Promise<T> {
    const contentType = Array.isArray(patch) ? JSON_PATCH : MERGE;
    const path = pathOf(ref, manner.subresource);
    return (await this.api.must({ method: 'PATCH', path, query: queryOf(manner), body: patch, contentType })) as T;
  }

  get<T extends KubeObject<unknown, unknown> = KubeObject>(ref: Ref): Promise<T | undefined> {
    return this.api.get<T>(pathOf(ref));
  }

  async list<T = KubeObject>(kind: Kind, namespace?: string): Promise<readonly T[]> {
    return (await this.api.list(pathOfList(kind, namespace))).items as readonly T[];
  }

  /** Asks for the deletion; harmless when it is gone already. */
  async remove(ref: Ref, options: { readonly gracePeriodSeconds?: number } = {}): Promise<void> {
    const answer = await this.api.send({ method: 'DELETE', path: pathOf(ref), body: { ...options, propagationPolicy: 'Background' } });
    if (answer.code >= 300 && answer.code !== 404) throw new ApiError(`delete ${ref.kind} ${ref.name}`, answer);
  }

  close(): Promise<void> {
    return this.api.close();
  }
}

async function expectGood(answer: ApiAnswer, what: string): Promise<unknown> {
  if (answer.code >= 300) throw new ApiError(what, answer);
  return answer.body;
}

const run = promisify(execFile);

/** The CRD from `config/crd` and everything of `config/default` but the pod itself; the sample's image; a scrape every second. */
export async function installGlidepath(cluster: Cluster): Promise<void> {
  const config = join(PROJECT_FOLDER, 'config');
  const prepared = Promise.all([buildImage(SAMPLE_FOLDER, SAMPLE_IMAGE), setScrapeInterval('1s'), stopInstalledOperator(cluster)]);
  await run('kubectl', ['apply', '--server-side', '--force-conflicts', '-k', join(config, 'crd')]);
  await restoreRights();
  await prepared;
  // A new or changed CRD is served a moment later.
  const isServed = async () => (await cluster.api.send({ method: 'GET', path: pathOfList('CanaryRelease') })).code === 200;
  await waitFor('canaryreleases to be served', isServed);
}

/** An operator that somebody installed as a pod would drive the tests' releases too. */
async function stopInstalledOperator(cluster: Cluster): Promise<void> {
  const deployment = { kind: 'Deployment', namespace: SYSTEM_NAMESPACE, name: 'glidepath' } as const;
  if ((await cluster.get(deployment)) === undefined) return;
  await cluster.patch(deployment, { spec: { replicas: 0 } });
  const isGone = async () => (await cluster.list('Pod', SYSTEM_NAMESPACE)).length === 0;
  await waitFor('the installed operator to end', isGone, { ms: 40_000 });
}

/** The namespace, the ServiceAccount and the rights that `config/default` gives it. The Deployment is left out: the operator
 * runs as a process of the test, where it can be killed at any time. */
export async function restoreRights(): Promise<void> {
  const { stdout } = await run('kubectl', ['kustomize', join(PROJECT_FOLDER, 'config/default')], { maxBuffer: 2 ** 22 });
  const objects = parseAllDocuments(stdout).map((document) => document.toJS() as PlainObject);
  const wanted = objects.filter(({ kind }) => kind !== 'Deployment');
  const file = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: wanted });
  const applying = run('kubectl', ['apply', '--server-side', '--force-conflicts', '-f', '-']);
  applying.child.stdin?.end(file);
  await applying;
}

/** The rules of the operator's ClusterRole as `config/default` has them. */
export function readOperatorRules(): readonly Record<string, readonly string[]>[] {
  const documents = parseAllDocuments(readFileSync(join(PROJECT_FOLDER, 'config/default/operator-role.yaml'), 'utf8'));
  const role = documents.map((document) => document.toJS() as KubeObject).find(({ kind }) => kind === 'ClusterRole');
  return (role as unknown as { rules: readonly Record<string, readonly string[]>[] }).rules;
}

const POLL_MS = 50;

/**
 * Asks until the answer is neither false nor undefined.
 * @throws Error that says what was waited for and what was seen last
 */
export async function waitFor<T>(
  what: string,
  probe: () => Promise<T | false | undefined>,
  options: { readonly ms?: number; readonly lastSeen?: () => unknown } = {},
): Promise<T> {
  const { ms = 30_000, lastSeen } = options;
  const deadline = performance.now() + ms;
  for (;;) {
    const found = await probe();
    if (found !== false && found !== undefined) return found;
    if (performance.now() > deadline) {
      const seen = lastSeen === undefined ? '' : `; last seen: ${JSON.stringify(lastSeen())}`;
      throw new Error(`waited ${ms / 1000} s for ${what}${seen}`);
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}
