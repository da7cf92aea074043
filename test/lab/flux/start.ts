// Brings Flux up in a lab whose cluster is ready.
import { join } from 'node:path';
import { applyDefinitionsOf, applyObjects } from '../apply.ts';
import { FLUX_NAMESPACE } from './components.ts';
import { FLUX_CONTROLLERS, fluxFolder } from './tools.ts';

/** What its programs need in the cluster before they start. */
export async function prepareFlux(): Promise<void> {
  await Promise.all(FLUX_CONTROLLERS.map((name) => applyDefinitionsOf(join(fluxFolder(name), 'crds'))));
  await applyObjects([{ apiVersion: 'v1', kind: 'Namespace', metadata: { name: FLUX_NAMESPACE } }]);
}
