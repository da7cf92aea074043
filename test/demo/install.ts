// Installs the operator as its users do: the image of the project's Dockerfile as a pod from config/, and takes it away again.

import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { buildImage } from '../lab/images.ts';
import { showStep } from '../lab/progress.ts';
import { PROJECT_FOLDER, prometheusUrlForPods } from '../lab/settings.ts';
import { run } from '../lab/shell.ts';

const NAMESPACE = 'glidepath-system';
const DEPLOYMENT = 'deployment/glidepath';
const APPLY = ['apply', '--server-side', '--force-conflicts'];

interface Variable {
  readonly name: string;
  readonly value?: string;
}

interface Manifest {
  readonly kind: string;
  readonly spec: {
    readonly template: {
      readonly metadata: { readonly annotations?: object };
      readonly spec: { readonly containers: readonly { readonly image: string; readonly env: readonly Variable[] }[] };
    };
  };
}

/** The manifest with this cluster's image and Prometheus. The annotation starts a new pod, also for the image of a known name. */
function adaptDeployment(manifest: Manifest, image: string): object {
  const { template } = manifest.spec;
  const address: Variable = { name: 'GLIDEPATH_PROMETHEUS_URL', value: prometheusUrlForPods() };
  const containers = template.spec.containers.map((container) => ({
    ...container,
    image,
    env: container.env.map((variable) => (variable.name === address.name ? address : variable)),
  }));
  const metadata = { ...template.metadata, annotations: { ...template.metadata.annotations, 'installed-at': new Date().toISOString() } };
  return { ...manifest, spec: { ...manifest.spec, template: { ...template, metadata, spec: { ...template.spec, containers } } } };
}

/** Builds the image, applies config/crd and a folder with the operator, and waits until its pods are ready. */
export async function installOperator(folder = 'config/default'): Promise<void> {
  const image = await buildImage(PROJECT_FOLDER, 'glidepath:dev');
  await showStep('Installing the operator from config/', async () => {
    await run('kubectl', [...APPLY, '-k', join(PROJECT_FOLDER, 'config/crd')]);
    await run('kubectl', ['wait', '--for=condition=Established', '--timeout=30s', 'crd/canaryreleases.glidepath.dev']);
    const text = await run('kubectl', ['kustomize', join(PROJECT_FOLDER, folder)]);
    const items = parseAllDocuments(text)
      .map((document) => document.toJS() as Manifest)
      .map((manifest) => (manifest.kind === 'Deployment' ? adaptDeployment(manifest, image) : manifest));
    await run('kubectl', [...APPLY, '-f', '-'], { input: JSON.stringify({ apiVersion: 'v1', kind: 'List', items }) });
    await run('kubectl', ['-n', NAMESPACE, 'rollout', 'status', DEPLOYMENT, '--timeout=90s']);
  });
}

/** The last lines that the operator logged. */
export function readOperatorLog(lines: number): Promise<string> {
  return run('kubectl', ['-n', NAMESPACE, 'logs', DEPLOYMENT, `--tail=${lines}`]);
}

/** Ends the operator; its CRD, account and rights stay. Harmless when it is not there. */
export async function removeOperator(): Promise<void> {
  await run('kubectl', ['-n', NAMESPACE, 'delete', DEPLOYMENT, '--ignore-not-found', '--timeout=60s']);
}
