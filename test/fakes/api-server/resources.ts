// Which resources the fake API server serves, their discovery documents, and the parts of a path.

export interface FakeResource {
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly kind: string;
  /** Default true. */
  readonly namespaced?: boolean;
}

const gateway = 'gateway.networking.k8s.io';

const admission = { group: 'admissionregistration.k8s.io', version: 'v1' };

/** Resources that Glidepath uses. */
export const FAKE_RESOURCES = {
  releases: { group: 'glidepath.dev', version: 'v1alpha1', plural: 'canaryreleases', kind: 'CanaryRelease' },
  httpRoutes: { group: gateway, version: 'v1', plural: 'httproutes', kind: 'HTTPRoute' },
  grpcRoutes: { group: gateway, version: 'v1', plural: 'grpcroutes', kind: 'GRPCRoute' },
  tcpRoutes: { group: gateway, version: 'v1alpha2', plural: 'tcproutes', kind: 'TCPRoute' },
  tlsRoutes: { group: gateway, version: 'v1alpha3', plural: 'tlsroutes', kind: 'TLSRoute' },
  services: { group: '', version: 'v1', plural: 'services', kind: 'Service' },
  pods: { group: '', version: 'v1', plural: 'pods', kind: 'Pod' },
  secrets: { group: '', version: 'v1', plural: 'secrets', kind: 'Secret' },
  slices: { group: 'discovery.k8s.io', version: 'v1', plural: 'endpointslices', kind: 'EndpointSlice' },
  deployments: { group: 'apps', version: 'v1', plural: 'deployments', kind: 'Deployment' },
  replicaSets: { group: 'apps', version: 'v1', plural: 'replicasets', kind: 'ReplicaSet' },
  jobs: { group: 'batch', version: 'v1', plural: 'jobs', kind: 'Job' },
  events: { group: 'events.k8s.io', version: 'v1', plural: 'events', kind: 'Event' },
  horizontalPodAutoscalers: { group: 'autoscaling', version: 'v2', plural: 'horizontalpodautoscalers', kind: 'HorizontalPodAutoscaler' },
  gateways: { group: gateway, version: 'v1', plural: 'gateways', kind: 'Gateway' },
  gatewayClasses: { group: gateway, version: 'v1', plural: 'gatewayclasses', kind: 'GatewayClass', namespaced: false },
  configMaps: { group: '', version: 'v1', plural: 'configmaps', kind: 'ConfigMap' },
  applications: { group: 'argoproj.io', version: 'v1alpha1', plural: 'applications', kind: 'Application' },
  mutatingPolicies: { ...admission, plural: 'mutatingadmissionpolicies', kind: 'MutatingAdmissionPolicy', namespaced: false },
  mutatingPolicyBindings: {
    ...admission,
    plural: 'mutatingadmissionpolicybindings',
    kind: 'MutatingAdmissionPolicyBinding',
    namespaced: false,
  },
  validatingPolicies: { ...admission, plural: 'validatingadmissionpolicies', kind: 'ValidatingAdmissionPolicy', namespaced: false },
  validatingPolicyBindings: {
    ...admission,
    plural: 'validatingadmissionpolicybindings',
    kind: 'ValidatingAdmissionPolicyBinding',
    namespaced: false,
  },
  mutatingWebhooks: {
    ...admission,
    plural: 'mutatingwebhookconfigurations',
    kind: 'MutatingWebhookConfiguration',
    namespaced: false,
  },
  leases: { group: 'coordination.k8s.io', version: 'v1', plural: 'leases', kind: 'Lease' },
  networkPolicies: { group: 'networking.k8s.io', version: 'v1', plural: 'networkpolicies', kind: 'NetworkPolicy' },
  budgets: { group: 'policy', version: 'v1', plural: 'poddisruptionbudgets', kind: 'PodDisruptionBudget' },
  tlsPolicies: { group: gateway, version: 'v1alpha3', plural: 'backendtlspolicies', kind: 'BackendTLSPolicy' },
  ciliumPolicies: { group: 'cilium.io', version: 'v2', plural: 'ciliumnetworkpolicies', kind: 'CiliumNetworkPolicy' },
  crds: {
    group: 'apiextensions.k8s.io',
    version: 'v1',
    plural: 'customresourcedefinitions',
    kind: 'CustomResourceDefinition',
    namespaced: false,
  },
} as const satisfies Readonly<Record<string, FakeResource>>;

export interface ParsedPath {
  readonly resource: FakeResource;
  readonly collection: string;
  readonly namespace: string | undefined;
  readonly name: string | undefined;
  readonly subresource: string | undefined;
}

/** Not served until a test says so: a cluster may lack them. */
const OPTIONAL: ReadonlySet<FakeResource> = new Set([
  FAKE_RESOURCES.tcpRoutes,
  FAKE_RESOURCES.tlsRoutes,
  FAKE_RESOURCES.tlsPolicies,
  FAKE_RESOURCES.ciliumPolicies,
  FAKE_RESOURCES.applications,
]);

export class FakeResources {
  readonly #served = new Map<string, FakeResource>();

  constructor() {
    for (const resource of Object.values(FAKE_RESOURCES)) if (!OPTIONAL.has(resource)) this.serve(resource);
  }

  serve(resource: FakeResource): void {
    this.#served.set(this.collectionOf(resource), resource);
  }

  /** As if the CRD were deleted. */
  unserve(resource: FakeResource): void {
    this.#served.delete(this.collectionOf(resource));
  }

  apiVersionOf(resource: FakeResource): string {
    return resource.group === '' ? resource.version : `${resource.group}/${resource.version}`;
  }

  collectionOf(resource: FakeResource): string {
    return `${resource.group === '' ? '/api' : '/apis'}/${this.apiVersionOf(resource)}/${resource.plural}`;
  }

  parse(path: string): ParsedPath | undefined {
    const parts = path.split('/').slice(1);
    const root = parts.splice(0, parts[0] === 'api' ? 2 : 3);
    const namespaced = parts[0] === 'namespaces' && parts.length > 2;
    const namespace = namespaced ? parts.splice(0, 2)[1] : undefined;
    const [plural, name, subresource] = parts;
    const collection = `/${root.join('/')}/${plural}`;
    const resource = this.#served.get(collection);
    return resource === undefined ? undefined : { resource, collection, namespace, name, subresource };
  }

  /** A discovery document, or undefined when the path is none or the group is not served. */
  discover(path: string): unknown {
    if (path === '/version') return { major: '1', minor: '36' };
    const [, root, group, version, more] = path.split('/');
    if (root !== 'apis' || more !== undefined) return undefined;
    if (group === undefined) return { kind: 'APIGroupList', apiVersion: 'v1', groups: this.#listGroups() };
    const served = [...this.#served.values()].filter((resource) => resource.group === group);
    if (served.length === 0) return undefined;
    return version === undefined ? describeGroup(served, group) : resourceList(served, group, version);
  }

  #listGroups(): readonly unknown[] {
    const all = [...this.#served.values()];
    const names = new Set(all.map(({ group }) => group).filter((group) => group !== ''));
    return [...names].map((group) =>
      describeGroup(
        all.filter((resource) => resource.group === group),
        group,
      ),
    );
  }
}

function describeGroup(served: readonly FakeResource[], group: string): unknown {
  const versions = [...new Set(served.map(({ version }) => version))].map((version) => ({ groupVersion: `${group}/${version}`, version }));
  return { kind: 'APIGroup', apiVersion: 'v1', name: group, versions, preferredVersion: versions[0] };
}

function resourceList(served: readonly FakeResource[], group: string, version: string): unknown {
  const resources = served
    .filter((resource) => resource.version === version)
    .flatMap(({ plural, kind, namespaced = true }) => [
      { name: plural, kind, namespaced, verbs: ['get', 'list', 'watch', 'patch', 'update'] },
      { name: `${plural}/status`, kind, namespaced, verbs: ['get', 'patch', 'update'] },
    ]);
  return resources.length === 0 ? undefined : { kind: 'APIResourceList', apiVersion: 'v1', groupVersion: `${group}/${version}`, resources };
}
