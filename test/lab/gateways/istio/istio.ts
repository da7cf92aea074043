// Istio's control plane in the bare lab, and its gateway: a pod of the lab's own Envoy, which has none of Istio's filters. It routes and
// tells statuses as Istio does; `istio_requests_total`, sidecars and ambient cannot be had without Istio's own proxy.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Component, whyNotOk } from '../../component.ts';
import { ensurePinned, folderOf, type PinnedTool, versionOf } from '../../pinned-tool.ts';
import { KUBECONFIG, STATE } from '../../settings.ts';
import { buildGo, copyFromModule } from '../../tools.ts';
import { ISTIO_NAMESPACE, istioMesh, XDS_PORT } from './objects.ts';

const PIN_FOLDER = join(import.meta.dirname, 'tool');
const MODULE = 'istio.io/istio';
const HEALTH = '127.0.0.1:8810';

const TOOL: PinnedTool = {
  name: 'istiod',
  pinFolder: PIN_FOLDER,
  module: MODULE,
  usually: '10 min',
  make: async (out, step) => {
    await buildGo(PIN_FOLDER, `${MODULE}/pilot/cmd/pilot-discovery`, join(out, 'istiod'), step);
    await copyFromModule(PIN_FOLDER, MODULE, 'manifests/charts/base/files/crd-all.gen.yaml', join(out, 'crds'));
  },
};

/** Builds Istio's control plane unless the cache has it. */
export const ensureIstio = (): Promise<void> => ensurePinned(TOOL);

/** The commit of its main branch that go.mod pins: no release is a version of the module. */
export const istioVersion = (): string => versionOf(TOOL).split('-').at(-1) ?? '';

/** Its resource definitions. */
export const istioDefinitions = (): string => join(folderOf(TOOL), 'crds');

/** How it is called. */
export const ISTIO_COMPONENT: Component = {
  argv: () => [
    join(folderOf(TOOL), 'istiod'),
    'discovery',
    '--kubeconfig',
    KUBECONFIG,
    '--clusterID',
    'Kubernetes',
    '--meshConfig',
    join(STATE, 'istio-mesh.yaml'),
    '--httpAddr',
    HEALTH,
    '--grpcAddr',
    `:${XDS_PORT}`,
    '--secureGRPCAddr',
    '127.0.0.1:8811',
    '--httpsAddr',
    '',
    '--monitoringAddr',
    '127.0.0.1:8812',
    '--ctrlz_port',
    '0',
  ],
  // A listener with a filter that Envoy does not have is refused as a whole.
  env: () => ({
    PILOT_ENABLE_METADATA_EXCHANGE: 'false',
    PILOT_ENABLE_ALPN_FILTER: 'false',
    PILOT_DISABLE_MX_ALPN: 'true',
    PILOT_ENABLE_GATEWAY_API_DEPLOYMENT_CONTROLLER: 'false',
    POD_NAMESPACE: ISTIO_NAMESPACE,
    POD_NAME: 'istiod-lab',
    ISTIOD_CUSTOM_HOST: 'localhost',
    ENABLE_CA_SERVER: 'true',
    INJECTION_WEBHOOK_CONFIG_NAME: '',
    VALIDATION_WEBHOOK_CONFIG_NAME: '',
  }),
  prepare: async () => writeFileSync(join(STATE, 'istio-mesh.yaml'), istioMesh()),
  whyNotReady: () => whyNotOk(`http://${HEALTH}/ready`),
};
