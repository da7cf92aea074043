// The objects of a probe: two pods behind two Services, and a route at a path of its own. They go by one label.

import { fieldsOf, listOf, textOf } from '../../adapters/kubernetes/client/fields.ts';
import { GATEWAY_GROUP } from '../../api/routes.ts';
import { PROBE_GRPC_PORT, PROBE_PORT, PROBE_SCRIPT, VERSION_HEADER } from './server.ts';

/** The label of all objects of a probe; its value is the probe's id. */
export const PROBE_LABEL = 'glidepath.dev/probe';
const SERVICE_PORT = 80;
const GRPC_SERVICE_PORT = 81;

export const PODS = { group: '', version: 'v1', plural: 'pods' };
export const SERVICES = { group: '', version: 'v1', plural: 'services' };
export const HTTP_ROUTES = { group: GATEWAY_GROUP, version: 'v1', plural: 'httproutes' };
export const GRPC_ROUTES = { group: GATEWAY_GROUP, version: 'v1', plural: 'grpcroutes' };

/** The two versions: `a` serves and `b` is the canary. */
export const VERSIONS = ['a', 'b'] as const;
export type Version = (typeof VERSIONS)[number];

/** Which probe, and where. */
export interface ProbePlace {
  readonly id: string;
  /** Secret of this probe, without which the client takes no orders. */
  readonly key: string;
  readonly namespace: string;
  readonly image: string;
}

/** Where requests go: the listener of a Gateway that takes them. */
export interface Listener {
  readonly gateway: string;
  readonly namespace: string;
  readonly section: string;
  readonly address: string;
  readonly port: number;
  readonly tls: boolean;
  /** The Host header. */
  readonly host: string;
  /** The same of gRPC calls: two kinds of route may not share one. Absent where the listener has a single name. */
  readonly grpcHost?: string;
}

export function nameOf({ id }: ProbePlace, version?: Version): string {
  return `glidepath-probe-${id}${version === undefined ? '' : `-${version}`}`;
}

/** The path that only requests of the probe have: other routes of the same host keep theirs. */
export function pathOfProbe({ id }: Pick<ProbePlace, 'id'>): string {
  return `/glidepath-probe-${id}`;
}

function labelsOf({ id }: ProbePlace, version: Version) {
  return { [PROBE_LABEL]: id, 'app.kubernetes.io/name': 'glidepath-probe', version };
}

/** The pod of a version. It needs no rights, and runs where the restricted Pod Security Standard holds. */
export function probePod(place: ProbePlace, version: Version): object {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: nameOf(place, version), namespace: place.namespace, labels: labelsOf(place, version) },
    spec: {
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      terminationGracePeriodSeconds: 1,
      securityContext: { runAsNonRoot: true, runAsUser: 65_532, seccompProfile: { type: 'RuntimeDefault' } },
      containers: [
        {
          name: 'probe',
          image: place.image,
          command: ['node', '-e', PROBE_SCRIPT],
          env: [
            { name: 'VERSION', value: version },
            { name: 'KEY', value: place.key },
          ],
          ports: [
            { name: 'http', containerPort: PROBE_PORT },
            { name: 'grpc', containerPort: PROBE_GRPC_PORT },
          ],
          readinessProbe: { httpGet: { path: '/healthz', port: 'http' }, periodSeconds: 1, timeoutSeconds: 5 },
          resources: { requests: { cpu: '10m', memory: '48Mi' }, limits: { memory: '160Mi' } },
          securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
        },
      ],
    },
  };
}

/** The Service over the pod of a version. */
export function probeService(place: ProbePlace, version: Version): object {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: nameOf(place, version), namespace: place.namespace, labels: labelsOf(place, version) },
    spec: {
      selector: { [PROBE_LABEL]: place.id, version },
      ports: [
        { name: 'http', port: SERVICE_PORT, targetPort: 'http' },
        { name: 'grpc', port: GRPC_SERVICE_PORT, targetPort: 'grpc', appProtocol: 'kubernetes.io/h2c' },
      ],
    },
  };
}

/** Weights of both versions. */
export type Weights = Readonly<Record<Version, number>>;

/** The rule for everybody, with both Services listed whatever their weights. */
export function weightedRule(place: ProbePlace, weights: Weights, filters: readonly object[] = []): object {
  return {
    matches: [{ path: { type: 'PathPrefix', value: pathOfProbe(place) } }],
    ...(filters.length === 0 ? {} : { filters }),
    backendRefs: VERSIONS.map((version) => ({ name: nameOf(place, version), port: SERVICE_PORT, weight: weights[version] })),
  };
}

/** The rule of a cohort: requests with the header go to the canary. */
export function headerRule(place: ProbePlace): object {
  return {
    matches: [
      {
        path: { type: 'PathPrefix', value: pathOfProbe(place) },
        headers: [{ type: 'Exact', name: COHORT_HEADER, value: 'true' }],
      },
    ],
    backendRefs: [{ name: nameOf(place, 'b'), port: SERVICE_PORT }],
  };
}

export const COHORT_HEADER = `${VERSION_HEADER}-cohort`;

/** The filter that sends a share of the requests to the canary as copies. */
export function mirrorFilter(place: ProbePlace, percent: number): object {
  return { type: 'RequestMirror', requestMirror: { backendRef: { name: nameOf(place, 'b'), port: SERVICE_PORT }, percent } };
}

/** The route of a probe. */
export function probeRoute(place: ProbePlace, listener: Listener, rules: readonly object[]): object {
  const { gateway, namespace, section, host } = listener;
  return {
    apiVersion: `${GATEWAY_GROUP}/v1`,
    kind: 'HTTPRoute',
    metadata: { name: nameOf(place), namespace: place.namespace, labels: { [PROBE_LABEL]: place.id } },
    spec: { parentRefs: [{ name: gateway, namespace, sectionName: section }], hostnames: [host], rules },
  };
}

/** The gRPC service that only calls of the probe name. */
function grpcServiceOf({ id }: Pick<ProbePlace, 'id'>): string {
  return `glidepath.probe${id}`;
}

/** The path of a call. */
export function pathOfCalls(place: Pick<ProbePlace, 'id'>): string {
  return `/${grpcServiceOf(place)}/Ask`;
}

/** The route of its calls. */
export function probeGrpcRoute(place: ProbePlace, listener: Listener, weights: Weights): object {
  const { gateway, namespace, section, grpcHost } = listener;
  const refs = VERSIONS.map((version) => ({ name: nameOf(place, version), port: GRPC_SERVICE_PORT, weight: weights[version] }));
  return {
    apiVersion: `${GATEWAY_GROUP}/v1`,
    kind: 'GRPCRoute',
    metadata: { name: nameOf(place), namespace: place.namespace, labels: { [PROBE_LABEL]: place.id } },
    spec: {
      parentRefs: [{ name: gateway, namespace, sectionName: section }],
      hostnames: [grpcHost],
      rules: [{ matches: [{ method: { service: grpcServiceOf(place) } }], backendRefs: refs }],
    },
  };
}

/**
 * The listener that takes the requests of the probe: the first one for HTTP, else for HTTPS.
 * @param address instead of the one in the Gateway's status, `HOST` or `HOST:PORT`
 * @returns undefined where the Gateway has none of either
 */
export function chooseListener(
  gateway: unknown,
  id: string,
  address: string | undefined,
): (Omit<Listener, 'address'> & { readonly address: string | undefined }) | undefined {
  const { metadata, spec, status } = fieldsOf(gateway);
  const listeners = listOf(fieldsOf(spec)['listeners']).map(fieldsOf);
  const chosen = listeners.find(({ protocol }) => protocol === 'HTTP') ?? listeners.find(({ protocol }) => protocol === 'HTTPS');
  if (chosen === undefined) return undefined;
  const [host, port] = splitAddress(address);
  const given = listOf(fieldsOf(status)['addresses']).map((one) => textOf(fieldsOf(one)['value']));
  return {
    gateway: textOf(fieldsOf(metadata)['name']) ?? '',
    namespace: textOf(fieldsOf(metadata)['namespace']) ?? '',
    section: textOf(chosen['name']) ?? '',
    address: host ?? given.find((one) => one !== undefined),
    port: port ?? Number(chosen['port'] ?? SERVICE_PORT),
    tls: chosen['protocol'] === 'HTTPS',
    host: hostFor(textOf(chosen['hostname']), id),
    ...(hasOneName(textOf(chosen['hostname'])) ? {} : { grpcHost: `grpc-${hostFor(textOf(chosen['hostname']), id)}` }),
  };
}

function splitAddress(address: string | undefined): readonly [host: string | undefined, port: number | undefined] {
  if (address === undefined) return [undefined, undefined];
  const found = /^(.*?)(?::(\d{1,5}))?$/.exec(address);
  return [found?.[1], found?.[2] === undefined ? undefined : Number(found[2])];
}

function hasOneName(hostname: string | undefined): boolean {
  return hostname !== undefined && hostname !== '' && !hostname.startsWith('*.');
}

/** A host of the probe's own, where the listener leaves room for one. */
function hostFor(hostname: string | undefined, id: string): string {
  if (hostname === undefined || hostname === '') return `glidepath-probe-${id}.example`;
  return hostname.startsWith('*.') ? `glidepath-probe-${id}${hostname.slice(1)}` : hostname;
}
