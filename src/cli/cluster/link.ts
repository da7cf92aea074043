// One connection to the cluster that kubectl would speak to, for the time of one command; and its errors with what
// to do about them.

import { KubeConfig } from '@kubernetes/client-node';
import { messageOf, isGlidepathError } from '../../api/errors.ts';
import { PooledKubeConfig } from '../../adapters/kubernetes/client/kubeconfig.ts';
import { type RestAnswer, type RestRequest, Transport } from '../../adapters/kubernetes/client/transport.ts';
import { withCleanTexts } from '../../core/workload/one-line.ts';
import type { CliIo } from '../io.ts';
import { failure, usageError } from '../usage.ts';

/** Which cluster, as the options say. */
export interface ClusterChoice {
  readonly kubeconfig?: string;
  readonly context?: string;
}

/** The connection. */
export interface ClusterLink {
  readonly transport: Transport;
  /** Name of the context, for messages. */
  readonly context: string;
  /** Namespace of the context. */
  readonly namespace: string;
  /** @throws GlidepathError as the transport does */
  readonly request: (request: RestRequest) => Promise<unknown>;
}

const CONNECTIONS = 8;

/**
 * Runs a command with a connection, and closes it whatever happens.
 * @throws GlidepathError in one sentence that ends with what to do
 */
export async function withCluster<T>(choice: ClusterChoice, io: CliIo, run: (link: ClusterLink) => Promise<T>): Promise<T> {
  const config = loadConfig(choice);
  const context = config.getCurrentContext();
  const pool = new PooledKubeConfig({ now: io.now, load: () => loadConfig(choice), homeConnections: 1, normalConnections: CONNECTIONS });
  const transport = new CleanTransport(pool, undefined, 'kubectl-canary');
  const link: ClusterLink = {
    transport,
    context,
    namespace: config.getContextObject(context)?.namespace ?? 'default',
    request: async (request) => (await transport.request(request)).body,
  };
  try {
    return await run(link);
  } catch (thrown) {
    throw addFix(thrown, context);
  } finally {
    await pool.close();
  }
}

/** Whoever writes an object must not write to the terminal of those who read it: no answer has control characters. */
class CleanTransport extends Transport {
  override async request(request: RestRequest): Promise<RestAnswer> {
    const answer = await super.request(request);
    return { ...answer, body: withCleanTexts(answer.body) };
  }
}

function loadConfig({ kubeconfig, context }: ClusterChoice): KubeConfig {
  const config = new KubeConfig();
  try {
    if (kubeconfig === undefined) config.loadFromDefault();
    else config.loadFromFile(kubeconfig);
  } catch (thrown) {
    throw usageError(`the kubeconfig cannot be read (${messageOf(thrown)}); set --kubeconfig or KUBECONFIG`);
  }
  if (isMadeUp(config)) throw usageError('no kubeconfig found; set --kubeconfig or KUBECONFIG');
  if (context === undefined) return config;
  const known = config.getContexts().map(({ name }) => name);
  if (!known.includes(context)) throw usageError(`--context ${context} not found in the kubeconfig; it has ${known.join(', ') || 'none'}`);
  config.setCurrentContext(context);
  return config;
}

/** Names of the contexts; none where no kubeconfig can be read. */
export function listContexts({ kubeconfig }: ClusterChoice): readonly string[] {
  try {
    return loadConfig(kubeconfig === undefined ? {} : { kubeconfig })
      .getContexts()
      .map(({ name }) => name);
  } catch {
    return [];
  }
}

/** Without any file the library invents a cluster at localhost:8080, where API servers once listened without TLS. */
function isMadeUp(config: KubeConfig): boolean {
  return config.getCurrentContext() === 'loaded-context' && config.getCurrentCluster()?.server === 'http://localhost:8080';
}

/** What a person does about an error of the API server. */
function addFix(thrown: unknown, context: string): unknown {
  const message = messageOf(thrown);
  // Not the refusals of the policies in config/commands: those name the one role that is missing.
  if (isGlidepathError(thrown, 'GLIDEPATH_E_FORBIDDEN')) {
    const roles =
      'glidepath-viewer to read releases, glidepath-approver to steer them where config/commands is installed, or glidepath-editor';
    return failure(`${message}; ask for the role ${roles}`, thrown);
  }
  if (isGlidepathError(thrown, 'GLIDEPATH_E_UNAUTHORIZED') || isGlidepathError(thrown, 'GLIDEPATH_E_CREDENTIALS'))
    return failure(`${message}; log in to the cluster of context ${context} again`, thrown);
  if (isGlidepathError(thrown, 'GLIDEPATH_E_NETWORK') || isGlidepathError(thrown, 'GLIDEPATH_E_TIMEOUT'))
    return failure(`the API server of context ${context} does not answer (${message}); check --context and the network path to it`, thrown);
  return thrown;
}
