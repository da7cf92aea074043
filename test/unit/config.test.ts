// What config/ installs: it can be read, it names what exists, it gives the operator no more rights than it needs, and the
// samples are manifests that the API accepts.
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { API_VERSION, COMMAND_VERBS, HELD_ANNOTATION, KIND, SERVICE_ACCOUNT, SYSTEM_NAMESPACE } from '../../src/api/names.ts';
import { parseRelease } from '../../src/api/release.ts';
import { findUnknownFields } from '../../src/api/unknown-fields.ts';
import { POLICY_KINDS } from '../../src/core/workload/policy-kinds.ts';
import { SETTING_LIST, envName } from '../../src/app/settings/definitions.ts';
import { parseSettings } from '../../src/app/settings/settings.ts';
import { findSource } from '../../src/sources/catalogue.ts';

interface Manifest {
  readonly file: string;
  readonly kind: string;
  readonly apiVersion: string;
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly labels?: Readonly<Record<string, string>> };
  readonly rules?: readonly RbacRule[];
  readonly [field: string]: unknown;
}

interface RbacRule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
  readonly resourceNames?: readonly string[];
}

const CONFIG = new URL('../../config/', import.meta.url);
/** Folders of manifests that are for this cluster; the others patch what other tools have. */
const OWN_FOLDERS = readdirSync(CONFIG).filter((folder) => !['argocd', 'flux', 'gateways'].includes(folder));
const WRITE_VERBS = ['create', 'update', 'patch', 'delete', 'deletecollection', 'bind', 'escalate', 'impersonate', '*'];

const manifests = OWN_FOLDERS.flatMap((folder) =>
  readdirSync(new URL(`${folder}/`, CONFIG))
    .filter((name) => name.endsWith('.yaml'))
    .flatMap((name) => readManifests(`${folder}/${name}`)),
);
const kustomizations = manifests.filter((manifest) => manifest.kind === 'Kustomization');
const releases = manifests.filter((manifest) => manifest.kind === 'CanaryRelease');

function readManifests(file: string): readonly Manifest[] {
  // YAML 1.1, as kubectl reads it: a bare Off or y is a boolean there.
  const documents = parseAllDocuments(readFileSync(new URL(file, CONFIG), 'utf8'), { version: '1.1' });
  return [...documents].map((document) => {
    if (document.errors.length > 0) throw new Error(`${file}: ${document.errors.join('; ')}`);
    return { ...(document.toJS() as Omit<Manifest, 'file'>), file } as Manifest;
  });
}

function find(kind: string, name: string): Manifest {
  const found = manifests.find((manifest) => manifest.kind === kind && manifest.metadata?.name === name && 'file' in manifest);
  if (found === undefined) throw new Error(`config/ has no ${kind} ${name}`);
  return found;
}

function rightsOf(rules: readonly RbacRule[] | undefined): readonly string[] {
  return (rules ?? []).flatMap((rule) =>
    rule.apiGroups.flatMap((group) => rule.resources.flatMap((resource) => rule.verbs.map((verb) => `${group}/${resource}: ${verb}`))),
  );
}

describe('config/', () => {
  test('every document is a Kubernetes object', () => {
    expect(manifests.length).toBeGreaterThan(15);
    const odd = manifests.filter((manifest) => typeof manifest.apiVersion !== 'string' || typeof manifest.kind !== 'string');
    expect(odd.map(({ file }) => file)).toEqual([]);
  });

  test('kustomizations name what exists, and every manifest of an installable folder is named', () => {
    const missing = kustomizations.flatMap(({ file, resources }) =>
      (resources as readonly string[])
        .filter((resource) => !existsSync(new URL(resource, new URL(file, CONFIG))))
        .map((one) => `${file}: ${one}`),
    );
    expect(missing).toEqual([]);
    for (const folder of ['commands', 'commands-stamp', 'default']) {
      const named = (kustomizations.find(({ file }) => file.startsWith(`${folder}/`))?.['resources'] ?? []) as readonly string[];
      const present = readdirSync(new URL(`${folder}/`, CONFIG)).filter((name) => name !== 'kustomization.yaml');
      expect(named.filter((resource) => !resource.startsWith('../')).toSorted()).toEqual(present.toSorted());
    }
  });

  test('the default has the policies that Kubernetes 1.30 serves, and not the stamp, which needs 1.36', () => {
    const resources = kustomizations.find(({ file }) => file.startsWith('default/'))?.['resources'] as readonly string[];
    expect(resources.filter((resource) => resource.startsWith('../'))).toEqual(['../commands']);
    const folders = manifests.filter(({ kind }) => kind.startsWith('MutatingAdmissionPolicy')).map(({ file }) => file.split('/')[0]);
    expect(new Set(folders)).toEqual(new Set(['commands-stamp', 'deployment-mode']));
  });

  test('no kustomization with policies sets a namespace, which would put one on them too; so each object names its own', () => {
    const withPolicies = kustomizations.filter(({ file }) => /^(commands|commands-stamp|default|ha)\//.test(file));
    expect(withPolicies).toHaveLength(4);
    for (const kustomization of withPolicies) expect(kustomization).not.toHaveProperty('namespace');
    const clusterWide = /^(Namespace|ClusterRole|.*Policy|.*PolicyBinding)$/;
    const homeless = manifests.filter(
      ({ file, kind, metadata }) =>
        file.startsWith('default/') && kind !== 'Kustomization' && !clusterWide.test(kind) && metadata.namespace === undefined,
    );
    expect(homeless.map(({ kind }) => kind)).toEqual(['ClusterRoleBinding']);
  });

  test('the operator is installed apart from the CRD, so that removing it removes no release', () => {
    expect(manifests.filter(({ kind }) => kind === 'CustomResourceDefinition')).toEqual([]);
    const reachable = kustomizations
      .filter(({ file }) => !file.startsWith('crd/'))
      .flatMap(({ resources }) => resources as readonly string[]);
    expect(reachable.filter((resource) => /crd/.test(resource))).toEqual([]);
    expect(kustomizations.find(({ file }) => file.startsWith('crd/'))?.['resources']).toEqual(['../../crds']);
  });

  test('no object but samples, those of the gateway and cluster-wide ones is outside of the own namespace', () => {
    const astray = manifests.filter(
      ({ file, metadata }) =>
        !/^(samples|sentinel|gates)\//.test(file) && (metadata?.namespace ?? 'glidepath-system') !== 'glidepath-system',
    );
    expect(astray.map(({ file }) => file)).toEqual([]);
  });
});

describe('the rights of the operator', () => {
  const rights = rightsOf(find('ClusterRole', 'glidepath').rules);

  test('the operator writes releases, routes and events, and nothing else in the cluster', () => {
    const writes = rights.filter((right) => WRITE_VERBS.some((verb) => right.endsWith(`: ${verb}`)));
    expect(writes.toSorted()).toEqual([
      'events.k8s.io/events: create',
      'events.k8s.io/events: patch',
      'gateway.networking.k8s.io/grpcroutes: patch',
      'gateway.networking.k8s.io/httproutes: patch',
      'gateway.networking.k8s.io/tcproutes: patch',
      'gateway.networking.k8s.io/tlsroutes: patch',
      'gateway.networking.k8s.io/udproutes: patch',
      'glidepath.dev/canaryreleases/status: update',
      'glidepath.dev/canaryreleases: patch',
      'glidepath.dev/canaryreleases: update',
    ]);
  });

  test('the operator reads what it watches, and lists pods without watching them', () => {
    for (const resource of ['httproutes', 'grpcroutes', 'tcproutes', 'tlsroutes', 'udproutes']) {
      for (const verb of ['get', 'list', 'watch']) expect(rights).toContain(`gateway.networking.k8s.io/${resource}: ${verb}`);
    }
    for (const verb of ['get', 'list', 'watch']) expect(rights).toContain(`discovery.k8s.io/endpointslices: ${verb}`);
    expect(rights.filter((right) => right.startsWith('/pods'))).toEqual(['/pods: get', '/pods: list']);
  });

  test('the operator may read no Secret, and no rule has a wildcard', () => {
    expect(rights.filter((right) => /secrets|\*/.test(right))).toEqual([]);
  });

  test('the rights of the operator allow it to read no CRDs but its own', () => {
    const rule = find('ClusterRole', 'glidepath').rules?.find(({ apiGroups }) => apiGroups.includes('apiextensions.k8s.io'));
    expect(rule).toMatchObject({ resourceNames: ['canaryreleases.glidepath.dev'], verbs: ['get'] });
  });

  test('the operator may hold a lease in its own namespace, by a Role', () => {
    const role = find('Role', 'glidepath-leader');
    expect(role.metadata.namespace).toBe('glidepath-system');
    expect(rightsOf(role.rules).every((right) => right.startsWith('coordination.k8s.io/leases: '))).toBe(true);
  });

  test('the sentinel may read pods of the gateway’s namespace, and its installation says which pods are asked', () => {
    expect(rightsOf(find('Role', 'glidepath-sentinel').rules)).toEqual(['/pods: get', '/pods: list']);
    const kustomization = kustomizations.find(({ file }) => file.startsWith('sentinel/'));
    expect(kustomization?.['resources']).toEqual(['../default', 'role.yaml']);
    const [setting] = /--sentinel=\S+/.exec(JSON.stringify(kustomization?.['patches'])) ?? [];
    const parsed = parseSettings([setting?.replace(/[\\"].*$/, '') ?? ''], {});
    const namespaces = manifests
      .filter(({ file, kind }) => file.startsWith('sentinel/') && kind !== 'Kustomization')
      .map(({ metadata }) => metadata.namespace);
    const { namespace } = find('Role', 'glidepath-sentinel').metadata;
    expect(parsed.ok && parsed.settings.sentinel).toEqual([{ kind: 'pods', namespace, label: 'app', value: 'envoy' }]);
    expect(new Set(namespaces)).toEqual(new Set([namespace]));
  });

  test('the example of a NetworkPolicy for the sentinel lets the operator alone in, at the port of the source, and is applied by nobody', () => {
    const { spec } = find('NetworkPolicy', 'glidepath-sentinel') as Manifest & { readonly spec: { readonly ingress: readonly object[] } };
    expect(spec.ingress).toEqual([
      {
        from: [
          {
            namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': SYSTEM_NAMESPACE } },
            podSelector: { matchLabels: { 'app.kubernetes.io/component': 'operator' } },
          },
        ],
        ports: [{ protocol: 'TCP', port: findSource('Contour')?.sentinel?.port }],
      },
    ]);
    expect(kustomizations.flatMap(({ resources }) => resources as readonly string[])).not.toContain('network-policy.yaml');
  });

  test('the sample for Secrets names them one by one and gives get alone', () => {
    const { rules } = find('Role', 'glidepath-secrets');
    expect(rightsOf(rules)).toEqual(['/secrets: get']);
    expect(rules?.every(({ resourceNames }) => (resourceNames ?? []).length > 0)).toBe(true);
  });
});

describe('Deployment mode', () => {
  interface Policy {
    readonly failurePolicy: string;
    readonly matchConditions: readonly { readonly expression: string }[];
    readonly matchConstraints: object;
    readonly paramKind: object;
  }
  const policies = [find('MutatingAdmissionPolicy', 'glidepath-hold'), find('ValidatingAdmissionPolicy', 'glidepath-hold-warning')];
  const specOf = (policy: Manifest) => policy['spec'] as Policy;

  test('the policies of Deployment mode look at Deployments that a release names, and refuse nothing when they cannot', () => {
    for (const policy of policies) {
      expect(specOf(policy)).toMatchObject({
        failurePolicy: 'Ignore',
        paramKind: { apiVersion: API_VERSION, kind: KIND },
        matchConstraints: { resourceRules: [{ apiGroups: ['apps'], operations: ['UPDATE'], resources: ['deployments'] }] },
      });
      expect(specOf(policy).matchConditions[0]?.expression).toBe(
        'has(params.spec.targetRef) && params.spec.targetRef.name == object.metadata.name',
      );
    }
  });

  test('nobody but the operator lifts a hold, and the mark of the hold is the one that the operator knows', () => {
    const text = JSON.stringify(policies[0]);
    expect(text).toContain(`request.userInfo.username != 'system:serviceaccount:${SYSTEM_NAMESPACE}:${SERVICE_ACCOUNT}'`);
    expect(text).toContain(`'${HELD_ANNOTATION}': params.metadata.name`);
  });

  test('the policies of Deployment mode are bound to every release, and the warning only warns', () => {
    const bindings = manifests.filter(({ file, kind }) => file.startsWith('deployment-mode/') && kind.endsWith('AdmissionPolicyBinding'));
    expect(bindings).toHaveLength(2);
    for (const { spec } of bindings as unknown as readonly { readonly spec: object }[]) {
      expect(spec).toMatchObject({ paramRef: { selector: {}, parameterNotFoundAction: 'Allow' } });
    }
    expect(find('ValidatingAdmissionPolicyBinding', 'glidepath-hold-warning')['spec']).toMatchObject({ validationActions: ['Warn'] });
  });

  test('Deployment mode may list the kinds of policies that are compared, and do nothing else with them', () => {
    const rights = rightsOf(find('ClusterRole', 'glidepath-deployment-mode').rules);
    const kinds = POLICY_KINDS.map(({ group, plural }) => `${group}/${plural}`);
    const others = ['apps/deployments', 'apps/replicasets', 'apps/replicasets/scale', '/services', '/pods'];
    expect(rights.filter((right) => !others.includes(right.split(': ')[0] ?? '')).toSorted()).toEqual(
      kinds.map((kind) => `${kind}: list`).toSorted(),
    );
  });

  test('the rights of Deployment mode are a role of their own that nothing binds', () => {
    const rights = rightsOf(find('ClusterRole', 'glidepath-deployment-mode').rules);
    expect(rights.filter((right) => WRITE_VERBS.some((verb) => right.endsWith(`: ${verb}`))).toSorted()).toEqual([
      '/services: create',
      '/services: delete',
      '/services: patch',
      'apps/deployments: create',
      'apps/deployments: delete',
      'apps/deployments: patch',
      'apps/replicasets/scale: patch',
    ]);
    const bound = manifests.filter(
      ({ kind, roleRef }) => kind.endsWith('Binding') && JSON.stringify(roleRef ?? '').includes('deployment-mode'),
    );
    expect(bound).toEqual([]);
  });
});

describe('the roles of people', () => {
  const aggregates = (role: Manifest) =>
    Object.keys(role.metadata.labels ?? {})
      .filter((label) => label.startsWith('rbac.authorization.k8s.io/aggregate-to-'))
      .map((label) => label.split('-').at(-1));

  test('viewers may not write, and everybody who may view a namespace is one', () => {
    const role = find('ClusterRole', 'glidepath-viewer');
    expect(rightsOf(role.rules).filter((right) => !/: (get|list|watch)$/.test(right))).toEqual([]);
    expect(aggregates(role)).toEqual(['view', 'edit', 'admin']);
  });

  test('editors move traffic, so viewers are none; nobody writes the status by hand', () => {
    const role = find('ClusterRole', 'glidepath-editor');
    expect(aggregates(role)).toEqual(['edit', 'admin']);
    expect(rightsOf(role.rules).filter((right) => right.includes('/status'))).toEqual(['glidepath.dev/canaryreleases/status: get']);
  });

  test('approvers give every command and edit nothing, and no role of the cluster is one by itself', () => {
    const role = find('ClusterRole', 'glidepath-approver');
    const commands = [...COMMAND_VERBS, 'abort'].map((verb) => `glidepath.dev/canaryreleases: ${verb}`);
    const reading = ['get', 'list', 'patch', 'watch'].map((verb) => `glidepath.dev/canaryreleases: ${verb}`);
    expect(rightsOf(role.rules).toSorted()).toEqual([...commands, ...reading, 'glidepath.dev/canaryreleases/status: get'].toSorted());
    expect(aggregates(role)).toEqual([]);
    expect(rightsOf(find('ClusterRole', 'glidepath-editor').rules)).toEqual(expect.arrayContaining(commands));
    expect(rightsOf(find('ClusterRole', 'glidepath').rules).filter((right) => commands.includes(right))).toEqual([]);
  });
});

describe('the Deployment', () => {
  const pod = (find('Deployment', 'glidepath')['spec'] as { template: { spec: PodSpec } }).template.spec;
  const container = pod.containers[0];

  interface PodSpec {
    readonly serviceAccountName?: string;
    readonly terminationGracePeriodSeconds?: number;
    readonly securityContext?: object;
    readonly containers: readonly {
      readonly image: string;
      readonly args: readonly string[];
      readonly env: readonly { readonly name: string }[];
      readonly securityContext: object;
      readonly [field: string]: unknown;
    }[];
  }

  test('the Deployment fits the restricted Pod Security Standard, which its namespace enforces', () => {
    expect(find('Namespace', 'glidepath-system').metadata.labels).toMatchObject({ 'pod-security.kubernetes.io/enforce': 'restricted' });
    expect(pod.securityContext).toMatchObject({ runAsNonRoot: true, runAsUser: 65_532, seccompProfile: { type: 'RuntimeDefault' } });
    expect(container?.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
  });

  test('the Deployment is probed on the port that it names, and has bounds', () => {
    expect(container).toMatchObject({
      livenessProbe: { httpGet: { path: '/healthz', port: 'http' } },
      readinessProbe: { httpGet: { path: '/readyz', port: 'http' } },
      ports: [{ name: 'http', containerPort: 8080 }],
      resources: { requests: { cpu: '50m', memory: '128Mi' }, limits: { memory: '512Mi' } },
      imagePullPolicy: 'IfNotPresent',
    });
    expect(pod).toMatchObject({ serviceAccountName: 'glidepath', terminationGracePeriodSeconds: 30 });
  });

  test('the Deployment gives only settings that the operator knows', () => {
    const flags: readonly string[] = SETTING_LIST.map(({ flag }) => flag);
    const variables: readonly string[] = [...SETTING_LIST.map(({ flag }) => envName(flag)), 'POD_NAME', 'POD_NAMESPACE'];
    const patches = kustomizations.flatMap((manifest) => (manifest['patches'] ?? []) as readonly { patch?: string }[]);
    const added = patches.flatMap(({ patch }) => [...(patch ?? '').matchAll(/value: --([a-z-]+)/g)].map(([, flag]) => flag ?? ''));
    expect(added).toEqual(['leader-elect', 'sentinel', 'webhook-address']);
    for (const flag of [...(container?.args ?? []).map((arg) => /^--([a-z-]+)/.exec(arg)?.[1] ?? arg), ...added])
      expect(flags).toContain(flag);
    for (const { name } of container?.env ?? []) expect(variables).toContain(name);
  });

  test('the Deployment is what the Service and the disruption budget select', () => {
    const labels = (find('Deployment', 'glidepath')['spec'] as { template: { metadata: { labels: object } } }).template.metadata.labels;
    expect(labels).toMatchObject((find('Service', 'glidepath-metrics')['spec'] as { selector: object }).selector);
    expect(labels).toMatchObject(
      (find('PodDisruptionBudget', 'glidepath')['spec'] as { selector: { matchLabels: object } }).selector.matchLabels,
    );
  });
});

describe('the samples', () => {
  test('there are some', () => {
    expect(releases.map(({ file }) => file).toSorted()).toEqual([
      'samples/blue-green.yaml',
      'samples/full-options.yaml',
      'samples/gates.yaml',
      'samples/minimal-deployment.yaml',
      'samples/minimal-services.yaml',
      'samples/store-api.yaml',
    ]);
  });

  test.each(releases.map((manifest) => ({ ...manifest })))('$file is accepted and has no unknown field', ({ file: _file, ...manifest }) => {
    expect(parseRelease(manifest)).toMatchObject({ ok: true });
    expect(findUnknownFields(manifest)).toEqual([]);
  });

  test('the route of the store names both Services of its release, with everything on the serving one', () => {
    const route = find('HTTPRoute', 'store');
    expect(route['spec']).toMatchObject({
      parentRefs: [{ name: 'shared', namespace: 'gateways' }],
      rules: [
        {
          name: 'api',
          matches: [{ path: { type: 'PathPrefix', value: '/store' } }],
          backendRefs: [
            { name: 'store-api-v1', weight: 100 },
            { name: 'store-api-v2', weight: 0 },
          ],
        },
      ],
    });
    const parsed = parseRelease(releases.find(({ file }) => file === 'samples/store-api.yaml'));
    expect(parsed.ok && parsed.release.spec.services?.map(({ name }) => name)).toEqual(['store-api-v1', 'store-api-v2']);
    expect(parsed.ok && parsed.release.spec.stages[0]?.weight).toBe(5);
  });
});
