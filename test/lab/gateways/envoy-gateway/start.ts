// Brings Envoy Gateway up in a lab whose cluster is ready.
import { dirname, join } from 'node:path';
import { applyDefinitionsOf, applyObjects, kubectl } from '../../apply.ts';
import { buildImageOf } from '../../images.ts';
import { waitUntil } from '../../launch.ts';
import { probe } from '../../probe.ts';
import { KUBECONFIG } from '../../settings.ts';
import { run } from '../../shell.ts';
import { toolPath } from '../../tools.ts';
import { PROXY_ADDRESSES } from '../gateways.ts';
import { CONTROL_PLANE_OBJECTS, ENVOY_GATEWAY_IMAGE, ENVOY_GATEWAY_NAMESPACE, PROXY_NAMES, PROXY_OBJECTS } from './objects.ts';
import { envoyGatewayPath } from './tool.ts';

const IMAGE_FILES = [join(import.meta.dirname, 'image/Dockerfile'), envoyGatewayPath(), toolPath('envoy')];

const PATIENCE = '--timeout=120s';

async function whyNoAnswer(): Promise<string | undefined> {
  const answers = await Promise.all(
    Object.entries(PROXY_ADDRESSES).map(async ([name, address]) => ({ name, ...(await probe(`http://${address}`)) })),
  );
  const silent = answers.find(({ status }) => status === 0);
  return silent === undefined ? undefined : `${silent.name}: ${silent.body}`;
}

/** Image, definitions, certificates, control plane, and its gateways. */
export async function startEnvoyGateway(): Promise<void> {
  await Promise.all([buildImageOf(IMAGE_FILES, ENVOY_GATEWAY_IMAGE), applyDefinitionsOf(join(dirname(envoyGatewayPath()), 'crds'))]);
  await applyObjects([{ apiVersion: 'v1', kind: 'Namespace', metadata: { name: ENVOY_GATEWAY_NAMESPACE } }]);
  const env = { KUBECONFIG, ENVOY_GATEWAY_NAMESPACE };
  await run(envoyGatewayPath(), ['certgen', '--disable-topology-injector'], { env });
  await applyObjects([...CONTROL_PLANE_OBJECTS, ...PROXY_OBJECTS]);
  await kubectl('-n', ENVOY_GATEWAY_NAMESPACE, 'rollout', 'status', 'deployment/envoy-gateway', PATIENCE);
  await kubectl('-n', 'default', 'wait', '--for=condition=Programmed', PATIENCE, ...PROXY_NAMES.map((name) => `gateway/${name}`));
  await waitUntil('The gateways of Envoy Gateway do not answer', whyNoAnswer);
}
