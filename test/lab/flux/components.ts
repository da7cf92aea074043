// Flux's programs in the bare lab: a Git server that they read, source-controller and kustomize-controller.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Component, NOT_STARTED, whyNotOk } from '../component.ts';
import { probe } from '../probe.ts';
import { LAB_FOLDER, STATE } from '../settings.ts';
import { FLUX_CONTROLLERS, type FluxController, fluxFolder } from './tools.ts';

/** In the order in which they start. */
export const FLUX_NAMES = ['git-server', ...FLUX_CONTROLLERS] as const;
export type FluxName = (typeof FLUX_NAMES)[number];

/** Where Flux's own objects are. */
export const FLUX_NAMESPACE = 'flux-system';
const FOLDER = join(STATE, 'flux');
/** Repositories in this folder are served. */
export const GIT_ROOT = join(FOLDER, 'git');
const GIT_PORT = '9418';
/** Where a repository of that folder is read, inside the lab's network. */
export const gitUrlOf = (repository: string): string => `http://127.0.0.1:${GIT_PORT}/${repository}/.git`;

const ARTIFACTS = '127.0.0.1:9790';
const HEALTH: Readonly<Record<FluxController, string>> = {
  'source-controller': '127.0.0.1:9440',
  'kustomize-controller': '127.0.0.1:9441',
};

async function prepare(): Promise<void> {
  for (const folder of ['git', 'artifacts', 'tmp']) mkdirSync(join(FOLDER, folder), { recursive: true });
  // Nothing of the host's own Git settings counts.
  writeFileSync(join(FOLDER, 'gitconfig'), '[safe]\n\tdirectory = *\n');
}

function controller(name: FluxController, args: readonly string[]): Component {
  return {
    argv: () => [
      join(fluxFolder(name), name),
      `--health-addr=${HEALTH[name]}`,
      '--events-addr=',
      '--enable-leader-election=false',
      ...args,
    ],
    whyNotReady: () => whyNotOk(`http://${HEALTH[name]}/readyz`),
    prepare,
    env: () => ({ RUNTIME_NAMESPACE: FLUX_NAMESPACE, TMPDIR: join(FOLDER, 'tmp') }),
  };
}

/** How each is called. */
export const FLUX_COMPONENTS: Readonly<Record<FluxName, Component>> = {
  'git-server': {
    argv: () => [process.execPath, '--max-old-space-size=64', join(LAB_FOLDER, 'flux/git-server.ts'), GIT_ROOT, GIT_PORT],
    // Its root is no repository: 404 is its answer.
    whyNotReady: async () => ((await probe(`http://127.0.0.1:${GIT_PORT}/`)).status === 404 ? undefined : NOT_STARTED),
    prepare,
    env: () => ({ GIT_CONFIG_GLOBAL: join(FOLDER, 'gitconfig'), GIT_CONFIG_SYSTEM: '/dev/null' }),
  },
  'source-controller': controller('source-controller', [
    `--storage-path=${join(FOLDER, 'artifacts')}`,
    `--storage-addr=${ARTIFACTS}`,
    // Told in the status of each source; the controllers run beside each other, so loopback does.
    `--storage-adv-addr=${ARTIFACTS}`,
    '--metrics-addr=127.0.0.1:8281',
  ]),
  'kustomize-controller': controller('kustomize-controller', ['--metrics-addr=127.0.0.1:8282']),
};
