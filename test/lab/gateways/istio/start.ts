// Brings Istio up in a lab whose cluster is ready: what its control plane needs, and then its gateway.
import { join } from 'node:path';
import { applyDefinitionsOf, applyObjects, kubectl } from '../../apply.ts';
import { buildImageOf } from '../../images.ts';
import { waitUntil } from '../../launch.ts';
import { probe } from '../../probe.ts';
import { toolPath } from '../../tools.ts';
import { LAB_GATEWAYS } from '../gateways.ts';
import { istioDefinitions } from './istio.ts';
import { ISTIO_NAMESPACE, ISTIO_OBJECTS, PROXY_IMAGE } from './objects.ts';

const IMAGE_FILES = [join(import.meta.dirname, 'image/Dockerfile'), toolPath('envoy')];

/** Its image, definitions, namespace. */
export async function prepareIstio(): Promise<void> {
  await Promise.all([buildImageOf(IMAGE_FILES, PROXY_IMAGE), applyDefinitionsOf(istioDefinitions())]);
  await applyObjects([{ apiVersion: 'v1', kind: 'Namespace', metadata: { name: ISTIO_NAMESPACE } }]);
}

/** Its class and its gateway; resolves when that answers. */
export async function startIstioGateway(): Promise<void> {
  await applyObjects(ISTIO_OBJECTS);
  await kubectl('-n', 'default', 'rollout', 'status', 'deployment/edge-istio', '--timeout=60s');
  await kubectl('-n', 'default', 'wait', '--for=condition=Programmed', 'gateway/edge-istio', '--timeout=60s');
  await waitUntil('The gateway of Istio does not answer', async () => {
    const { status, body } = await probe(LAB_GATEWAYS.istio.url);
    return status > 0 ? undefined : body;
  });
}
