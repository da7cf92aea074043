// The canary Deployment and the canary Service, built from yours: the same spec under other labels, owned by the release, so
// that they go with it whatever happens. Of your objects' metadata only that is copied by which gateways speak to a Service: no tool
// takes them for its own.

import { API_VERSION, CANARY_ROLE, KIND, TEMPLATE_ANNOTATION } from '../../api/names.ts';
import { keepApart } from './apart.ts';
import { pickBackendAnnotations } from './backend-annotations.ts';
import { nameCanary } from './canary-names.ts';
import { type DeploymentObject, isJson, type Json, type PodTemplate, type ServiceObject } from './objects.ts';
import { hashTemplate } from './template.ts';

type Labels = Readonly<Record<string, string>>;

/** Whom the canary belongs to. */
export interface Owner {
  readonly name: string;
  readonly uid: string;
}

export interface CanaryWish {
  readonly deployment: DeploymentObject;
  readonly service: ServiceObject;
  readonly owner: Owner;
  /** `spec.canary.labels`. */
  readonly labels: Labels;
}

/** Both objects as they are sent to the API server, the number of pods aside. */
export interface CanaryManifests {
  readonly deployment: Json & { readonly metadata: { readonly name: string }; readonly spec: { readonly template: PodTemplate } };
  readonly service: Json & { readonly metadata: { readonly name: string; readonly labels: Labels } };
}

export type CanaryPlan =
  | { readonly kind: 'manifests'; readonly manifests: CanaryManifests }
  | { readonly kind: 'impossible'; readonly message: string };

const OUR_LABELS: Labels = { [CANARY_ROLE.label]: CANARY_ROLE.value, 'app.kubernetes.io/managed-by': 'glidepath' };
/** Marks of GitOps tools: an object that carries one is taken for theirs, and pruned. */
const TRACKING = ['argocd.argoproj.io/', 'kustomize.toolkit.fluxcd.io/', 'helm.toolkit.fluxcd.io/'];
/** What of a Service's spec means the same for the canary; addresses and node ports are its own. */
const COPIED_SERVICE_FIELDS = ['sessionAffinity', 'sessionAffinityConfig', 'publishNotReadyAddresses', 'trafficDistribution'];

/** Builds both objects. */
export function buildCanary(wish: CanaryWish): CanaryPlan {
  const { deployment, service } = wish;
  const apart = keepApart(deployment.spec.selector.matchLabels ?? {}, service.spec.selector ?? {}, wish.labels);
  if (apart.kind === 'impossible') return apart;
  const template = buildTemplate(deployment.spec.template, apart.changed, wish.labels);
  const labels = template.metadata?.labels ?? {};
  const follow = (selector: Labels) => Object.fromEntries(Object.keys(selector).map((key) => [key, labels[key] ?? selector[key] ?? '']));
  return {
    kind: 'manifests',
    manifests: {
      deployment: buildDeployment(wish, template, follow(deployment.spec.selector.matchLabels ?? {})),
      service: buildService(wish, follow(service.spec.selector ?? {})),
    },
  };
}

/** The canary Deployment as it is created with so many pods. */
export function withReplicas({ deployment }: CanaryManifests, replicas: number): Json {
  return { ...deployment, spec: { ...deployment.spec, replicas } };
}

function buildDeployment({ deployment, owner }: CanaryWish, template: PodTemplate, matchLabels: Labels) {
  const { paused: _paused, selector, replicas: _replicas, template: held, ...rest } = deployment.spec;
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: {
      name: nameCanary(deployment.metadata.name),
      labels: OUR_LABELS,
      annotations: { [TEMPLATE_ANNOTATION]: hashTemplate(held) },
      ownerReferences: [ownerReference(owner)],
    },
    spec: { ...rest, selector: { ...selector, matchLabels }, template },
  };
}

function buildService({ service, owner }: CanaryWish, selector: Labels) {
  const copied = COPIED_SERVICE_FIELDS.filter((field) => service.spec[field] !== undefined).map((field) => [field, service.spec[field]]);
  const annotations = pickBackendAnnotations(service.metadata.annotations ?? {});
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: {
      name: nameCanary(service.metadata.name),
      labels: OUR_LABELS,
      ...(Object.keys(annotations).length === 0 ? {} : { annotations }),
      ownerReferences: [ownerReference(owner)],
    },
    spec: {
      ...Object.fromEntries(copied),
      type: 'ClusterIP',
      // Headless stays headless: gateways reach its pods directly.
      ...(service.spec.clusterIP === 'None' ? { clusterIP: 'None' } : {}),
      selector,
      ports: (service.spec.ports ?? []).map(({ nodePort: _nodePort, ...port }) => port),
    },
  };
}

function ownerReference({ name, uid }: Owner): Json {
  return { apiVersion: API_VERSION, kind: KIND, name, uid, controller: true };
}

function buildTemplate(template: PodTemplate, changed: Labels, wanted: Labels): PodTemplate {
  const { 'pod-template-hash': _hash, ...labels } = template.metadata?.labels ?? {};
  const annotations = withoutTracking(template.metadata?.annotations ?? {});
  return {
    metadata: {
      labels: { ...labels, ...wanted, ...changed, [CANARY_ROLE.label]: CANARY_ROLE.value },
      ...(Object.keys(annotations).length === 0 ? {} : { annotations }),
    },
    spec: keepLastWords(moveSelectors(template.spec ?? {}, template.metadata?.labels ?? {}, changed)),
  };
}

const WITH_LAST_WORDS = ['containers', 'initContainers'];

/**
 * What a container that crashes wrote last is kept in its status: after a rollback its pod and its logs are gone. Only where the owner
 * left the default; the template's hash is that of the owner's template, and does not know of it.
 */
function keepLastWords(spec: Json): Json {
  return Object.fromEntries(
    Object.entries(spec).map(([field, value]) => {
      if (!WITH_LAST_WORDS.includes(field) || !Array.isArray(value)) return [field, value];
      return [field, value.map((container: unknown) => (isJson(container) ? withLastWords(container) : container))];
    }),
  );
}

function withLastWords(container: Json): Json {
  const { terminationMessagePolicy: policy = 'File' } = container;
  return policy === 'File' ? { ...container, terminationMessagePolicy: 'FallbackToLogsOnError' } : container;
}

function withoutTracking(annotations: Labels): Labels {
  return Object.fromEntries(Object.entries(annotations).filter(([key]) => !TRACKING.some((prefix) => key.startsWith(prefix))));
}

/** Pods that keep away from their own kind, or spread with it, do so as canaries, too. */
function moveSelectors(spec: Json, before: Labels, changed: Labels): Json {
  const move = (part: unknown): unknown => moveIn(part, before, changed, false);
  return {
    ...spec,
    ...(spec['affinity'] === undefined ? {} : { affinity: move(spec['affinity']) }),
    ...(spec['topologySpreadConstraints'] === undefined ? {} : { topologySpreadConstraints: move(spec['topologySpreadConstraints']) }),
  };
}

function moveIn(value: unknown, before: Labels, changed: Labels, inSelector: boolean): unknown {
  if (Array.isArray(value)) return value.map((item) => moveIn(item, before, changed, inSelector));
  if (!isJson(value)) return value;
  if (inSelector && typeof value['key'] === 'string' && Array.isArray(value['values'])) {
    const { key, values } = value as { key: string; values: readonly unknown[] };
    return { ...value, values: values.map((one) => (one === before[key] ? (changed[key] ?? one) : one)) };
  }
  return Object.fromEntries(
    Object.entries(value).map(([key, field]) => {
      if (key === 'matchLabels' && inSelector && isJson(field)) return [key, moveLabels(field, before, changed)];
      return [key, moveIn(field, before, changed, inSelector || key === 'labelSelector')];
    }),
  );
}

function moveLabels(labels: Json, before: Labels, changed: Labels): Json {
  return Object.fromEntries(Object.entries(labels).map(([key, value]) => [key, value === before[key] ? (changed[key] ?? value) : value]));
}
