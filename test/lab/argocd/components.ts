// Argo CD's programs in the bare lab: a redis, the server that reads Git, and the controller that applies what it read.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { type Component, whyNotOk } from '../component.ts';
import { KUBECONFIG, STATE } from '../settings.ts';
import { tryRun } from '../shell.ts';
import { argocdPath } from './tool.ts';

/** In the order in which they start. */
export const ARGOCD_NAMES = ['argocd-redis', 'argocd-repo-server', 'argocd-application-controller'] as const;
export type ArgocdName = (typeof ARGOCD_NAMES)[number];

/** Where Argo CD's own objects are. */
export const ARGOCD_NAMESPACE = 'argocd';
const FOLDER = join(STATE, 'argocd');
const GIT_CONFIG = join(FOLDER, 'gitconfig');
const OWN_KUBECONFIG = join(FOLDER, 'kubeconfig');
const REDIS_PORT = '6379';
const REDIS = `127.0.0.1:${REDIS_PORT}`;
const REPO_SERVER = '127.0.0.1:8081';

/** Repositories are folders of whoever runs the tests, and nothing of the host's own Git settings counts. */
const GIT_SETTINGS = '[protocol "file"]\n\tallow = always\n[safe]\n\tdirectory = *\n';

/** The programs look for their own objects in the namespace of the kubeconfig. */
function writeOwnKubeconfig(): void {
  const config = parse(readFileSync(KUBECONFIG, 'utf8')) as { readonly contexts: readonly { readonly context: object }[] };
  const contexts = config.contexts.map((entry) => ({ ...entry, context: { ...entry.context, namespace: ARGOCD_NAMESPACE } }));
  writeFileSync(OWN_KUBECONFIG, stringify({ ...config, contexts }), { mode: 0o600 });
}

async function prepare(): Promise<void> {
  mkdirSync(join(FOLDER, 'tmp'), { recursive: true });
  writeFileSync(GIT_CONFIG, GIT_SETTINGS);
  writeOwnKubeconfig();
}

function env(): Readonly<Record<string, string>> {
  return {
    KUBECONFIG: OWN_KUBECONFIG,
    TMPDIR: join(FOLDER, 'tmp'),
    GIT_CONFIG_GLOBAL: GIT_CONFIG,
    ARGOCD_GPG_ENABLED: 'false',
    ARGOCD_APP_CONF_PATH: FOLDER,
    ARGOCD_TLS_DATA_PATH: FOLDER,
    ARGOCD_SSH_DATA_PATH: FOLDER,
    ARGOCD_CONTROLLER_REPLICAS: '1',
  };
}

async function whyNoRedis(): Promise<string | undefined> {
  const { stdout, stderr } = await tryRun('redis-cli', ['-p', REDIS_PORT, 'ping']);
  return stdout.trim() === 'PONG' ? undefined : stderr.trim() || stdout.trim();
}

/** How each is called. Faults are looked for every 10 s at the latest; changes in Git whenever somebody asks for a refresh. */
export const ARGOCD_COMPONENTS: Readonly<Record<ArgocdName, Component>> = {
  'argocd-redis': {
    argv: () => ['redis-server', '--bind', '127.0.0.1', '--port', REDIS_PORT, '--save', '', '--appendonly', 'no', '--dir', FOLDER],
    whyNotReady: whyNoRedis,
    prepare,
  },
  'argocd-repo-server': {
    argv: () => [
      argocdPath('argocd-repo-server'),
      '--disable-tls',
      '--address=127.0.0.1',
      '--port=8081',
      '--metrics-address=127.0.0.1',
      '--metrics-port=8084',
      `--redis=${REDIS}`,
      '--revision-cache-expiration=1s',
      '--loglevel=warn',
    ],
    whyNotReady: () => whyNotOk('http://127.0.0.1:8084/healthz'),
    prepare,
    env,
  },
  'argocd-application-controller': {
    argv: () => [
      argocdPath('argocd-application-controller'),
      '--repo-server-plaintext',
      `--repo-server=${REPO_SERVER}`,
      `--redis=${REDIS}`,
      '--metrics-port=8082',
      '--app-resync=10',
      '--app-resync-jitter=0',
      '--status-processors=2',
      '--operation-processors=2',
      '--kubectl-parallelism-limit=4',
      '--enable-k8s-event=none',
      '--loglevel=info',
    ],
    whyNotReady: () => whyNotOk('http://127.0.0.1:8082/healthz'),
    prepare,
    env,
  },
};
