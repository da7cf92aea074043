// Cluster DNS in the bare lab: CoreDNS as a program on the node's address, behind the Service address that the kubelet tells pods.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Component, whyNotOk } from '../../component.ts';
import { ensurePinned, folderOf, type PinnedTool, versionOf } from '../../pinned-tool.ts';
import { DNS_SERVICE_ADDRESS, KUBECONFIG, NODE_ADDRESS, STATE } from '../../settings.ts';
import { buildGo } from '../../tools.ts';

const PIN_FOLDER = join(import.meta.dirname, 'tool');
const HEALTH = '127.0.0.1:8806';

const TOOL: PinnedTool = {
  name: 'coredns',
  pinFolder: PIN_FOLDER,
  module: 'github.com/coredns/coredns',
  usually: '2 min',
  make: (out, step) => buildGo(PIN_FOLDER, '.', join(out, 'coredns'), step),
};

/** Builds CoreDNS unless the cache has it. */
export const ensureDns = (): Promise<void> => ensurePinned(TOOL);

/** The version that go.mod pins. */
export const dnsVersion = (): string => versionOf(TOOL);

function corefile(): string {
  return `.:53 {
  bind ${NODE_ADDRESS}
  errors
  health ${HEALTH}
  kubernetes cluster.local {
    kubeconfig ${KUBECONFIG}
  }
}
`;
}

/** How it is called. */
export const DNS_COMPONENT: Component = {
  argv: () => [join(folderOf(TOOL), 'coredns'), '-conf', join(STATE, 'Corefile')],
  prepare: async () => writeFileSync(join(STATE, 'Corefile'), corefile()),
  whyNotReady: () => whyNotOk(`http://${HEALTH}/health`),
};

/** Gives it the address that pods ask. */
export const DNS_OBJECTS: readonly object[] = [
  {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'kube-dns', namespace: 'kube-system' },
    spec: {
      clusterIP: DNS_SERVICE_ADDRESS,
      ports: [
        { name: 'dns', protocol: 'UDP', port: 53, targetPort: 53 },
        { name: 'dns-tcp', protocol: 'TCP', port: 53, targetPort: 53 },
      ],
    },
  },
  {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: 'kube-dns-lab', namespace: 'kube-system', labels: { 'kubernetes.io/service-name': 'kube-dns' } },
    addressType: 'IPv4',
    ports: [
      { name: 'dns', protocol: 'UDP', port: 53 },
      { name: 'dns-tcp', protocol: 'TCP', port: 53 },
    ],
    endpoints: [{ addresses: [NODE_ADDRESS], conditions: { ready: true } }],
  },
];
