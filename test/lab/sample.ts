// The sample application as Kubernetes objects: versions behind Services, and a route that splits traffic over them.

import { ownMark } from './processes.ts';

/** A Kubernetes object as plain data. */
export interface PlainObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly labels?: Readonly<Record<string, string>> };
  readonly [field: string]: unknown;
}

/** The image that `SAMPLE_FOLDER` is built as. */
export const SAMPLE_IMAGE = 'glidepath-sample:1';
export const SAMPLE_FOLDER = `${import.meta.dirname}/sample`;
/** The Services' port; Contour names a backend's series `NAMESPACE_SERVICE_PORT`. */
export const SAMPLE_PORT = 80;
const CONTAINER_PORT = 8080;

export interface SampleVersion {
  readonly namespace: string;
  /** Name of the Deployment and the Service, and value of the label `app`. */
  readonly name: string;
  /** What the answers say in `x-version`. */
  readonly version: string;
  readonly replicas?: number;
  /** Share of answers that are 500. */
  readonly errorRate?: number;
  /** Share of answers that are 400. */
  readonly clientErrorRate?: number;
  readonly delayMs?: number;
  /** So long its pods answer after they were told to end; default: 2 s. */
  readonly drainMs?: number;
  /** Above 0 its pods do not get ready. */
  readonly unready?: number;
  readonly labels?: Readonly<Record<string, string>>;
  readonly image?: string;
}

/** On each namespace: the process that made it, as `isRunning` reads it. */
export const OWNER_LABEL = 'test.glidepath.dev/process';

/** A namespace of this name, which belongs to this process. */
export function sampleNamespace(name: string): PlainObject {
  return { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels: { [OWNER_LABEL]: ownMark() } } };
}

function containerOf(sample: SampleVersion): object {
  const { version, errorRate = 0, clientErrorRate = 0, delayMs = 0, unready = 0 } = sample;
  const drain = sample.drainMs === undefined ? {} : { DRAIN_MS: sample.drainMs };
  const settings = {
    VERSION: version,
    ERROR_RATE: errorRate,
    CLIENT_ERROR_RATE: clientErrorRate,
    DELAY_MS: delayMs,
    UNREADY: unready,
    ...drain,
  };
  return {
    name: 'app',
    image: sample.image ?? SAMPLE_IMAGE,
    imagePullPolicy: 'IfNotPresent',
    ports: [{ name: 'http', containerPort: CONTAINER_PORT }],
    env: Object.entries(settings).map(([name, value]) => ({ name, value: String(value) })),
    // A busy machine may take longer to answer than the second that is the default.
    readinessProbe: { httpGet: { path: '/healthz', port: 'http' }, periodSeconds: 1, timeoutSeconds: 5 },
    resources: { requests: { cpu: '5m', memory: '40Mi' }, limits: { memory: '160Mi' } },
  };
}

/** The Deployment of one version; Prometheus scrapes its pods. */
export function sampleDeployment(sample: SampleVersion): PlainObject {
  const labels = { app: sample.name, ...sample.labels };
  const annotations = { 'prometheus.io/scrape': 'true', 'prometheus.io/port': String(CONTAINER_PORT) };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: sample.name, namespace: sample.namespace, labels },
    spec: {
      replicas: sample.replicas ?? 1,
      selector: { matchLabels: { app: sample.name } },
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
      template: {
        metadata: { labels, annotations },
        spec: {
          terminationGracePeriodSeconds: 10,
          enableServiceLinks: false,
          automountServiceAccountToken: false,
          containers: [containerOf(sample)],
        },
      },
    },
  };
}

/** The Service over the pods of the label `app`. */
export function sampleService(sample: Pick<SampleVersion, 'namespace' | 'name'>): PlainObject {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: sample.name, namespace: sample.namespace, labels: { app: sample.name } },
    spec: { selector: { app: sample.name }, ports: [{ name: 'http', port: SAMPLE_PORT, targetPort: 'http' }] },
  };
}

/** Deployment and Service of one version. */
export function sampleObjects(sample: SampleVersion): readonly PlainObject[] {
  return [sampleDeployment(sample), sampleService(sample)];
}

export interface SampleRoute {
  readonly namespace: string;
  readonly name: string;
  readonly hostname: string;
  /** The Gateway in the namespace `default` that serves it; default: `edge`. */
  readonly gateway?: string;
  /** Prefix of the paths it serves. */
  readonly path?: string;
  /** Weight by Service name. */
  readonly weights: Readonly<Record<string, number>>;
}

/** A route on a gateway of the lab. */
export function sampleRoute(route: SampleRoute): PlainObject {
  const backendRefs = Object.entries(route.weights).map(([name, weight]) => ({ name, port: SAMPLE_PORT, weight }));
  return {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'HTTPRoute',
    metadata: { name: route.name, namespace: route.namespace },
    spec: {
      parentRefs: [{ name: route.gateway ?? 'edge', namespace: 'default' }],
      hostnames: [route.hostname],
      rules: [{ matches: [{ path: { type: 'PathPrefix', value: route.path ?? '/' } }], backendRefs }],
    },
  };
}
