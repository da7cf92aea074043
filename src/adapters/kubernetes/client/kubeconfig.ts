// Credentials from KUBECONFIG or the pod, and one pool of connections for each lane. HTTP/2 stays off: over one shared session a
// dying server truncates answers silently, and every watch ends with it.

import { withoutUndefined } from '../../../api/absence.ts';
import { createHash } from 'node:crypto';
import type { RequestOptions } from 'node:https';
import { type Cluster, KubeConfig } from '@kubernetes/client-node';
import { Agent, type Dispatcher, ProxyAgent } from 'undici';
import { GlidepathError, messageOf } from '../../../api/errors.ts';

/**
 * `home` and `normal` have a fixed number of sockets; `watch` opens one whenever it needs one, for watches, their lists and the
 * lease, which must not queue. `pulse` is one socket that lives as long as they do: while it answers, the network between has not
 * forgotten what was open.
 */
export type Lane = 'home' | 'normal' | 'watch' | 'pulse';

/** Everything one request needs to reach the API server. */
export interface Connection {
  readonly origin: string;
  /** Path that the server's URL carries in front of every API path; empty or without trailing slash. */
  readonly prefix: string;
  readonly dispatcher: Dispatcher;
  readonly headers: Readonly<Record<string, string>>;
}

/** Connections that get no new requests. One of the two has to be called. */
export interface Replaced {
  /** They end after their last answer. */
  retire(): void;
  /** They end now, and with them what is under way. */
  kill(): void;
}

export interface KubeConfigOptions {
  /** Reads the configuration again; default: KUBECONFIG, ~/.kube/config, or the pod's service account. */
  readonly load?: () => KubeConfig;
  readonly homeConnections?: number;
  readonly normalConnections?: number;
  /** Milliseconds on any clock; decides when credentials are read again. */
  readonly now: () => number;
}

interface TlsIdentity {
  readonly ca?: Buffer | string;
  readonly cert?: Buffer | string;
  readonly key?: Buffer | string;
  readonly servername?: string;
  readonly rejectUnauthorized?: boolean;
}

interface Identity {
  readonly cluster: Cluster;
  readonly origin: string;
  readonly prefix: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly tls: TlsIdentity;
  readonly fingerprint: string;
  readonly readAt: number;
}

/** Credential files are read again at most this often; reading them for each request would cost more than the request. */
const IDENTITY_TTL_MS = 5_000;
/** Below the 90 s after which the API server closes an idle connection, so that we never write into a closing one. */
const IDLE_SOCKET_MS = 60_000;
const HEADERS_TIMEOUT_MS = 30_000;
/** A socket that is idle for so long is probed each second, and is dead after ten probes without an answer. */
const TCP_KEEPALIVE_MS = 5_000;
const CONNECT_TIMEOUT_MS = 10_000;
export const HOME_CONNECTIONS = 32;
const NORMAL_CONNECTIONS = 32;

/** Loads what `kubectl` would use on this machine, or the service account inside a pod. */
export function loadDefaultConfig(): KubeConfig {
  const config = new KubeConfig();
  config.loadFromDefault();
  return config;
}

/** Loads one kubeconfig file. */
export function loadConfigFile(path: string): KubeConfig {
  const config = new KubeConfig();
  config.loadFromFile(path);
  return config;
}

/** A KubeConfig that keeps its connections; a rotated certificate gets new ones, the old ones end after their last answer. */
export class PooledKubeConfig {
  readonly #load: () => KubeConfig;
  readonly #now: () => number;
  readonly #sizes: Readonly<Record<Lane, number | undefined>>;
  readonly #pools = new Map<Lane, { readonly fingerprint: string; readonly dispatcher: Dispatcher }>();
  #config: KubeConfig | undefined;
  #identity: Promise<Identity> | undefined;
  #identityReadAt = Number.NEGATIVE_INFINITY;
  #closed = false;

  constructor(options: KubeConfigOptions) {
    this.#load = options.load ?? loadDefaultConfig;
    this.#now = options.now;
    this.#sizes = {
      home: options.homeConnections ?? HOME_CONNECTIONS,
      normal: options.normalConnections ?? NORMAL_CONNECTIONS,
      watch: undefined,
      pulse: 1,
    };
  }

  /** @throws GlidepathError `GLIDEPATH_E_CREDENTIALS` (retryable) when the configuration or a credential cannot be read. */
  async connect(lane: Lane): Promise<Connection> {
    if (this.#closed) throw new GlidepathError('GLIDEPATH_E_CANCELED', 'the connection to the API server is closed');
    const identity = await this.#readIdentity();
    const { origin, prefix, headers } = identity;
    return { origin, prefix, headers, dispatcher: this.#pool(lane, identity) };
  }

  /** Forgets every credential, cached tokens included: the next request reads configuration and files again. */
  refresh(): void {
    this.#config = undefined;
    this.#identity = undefined;
  }

  /** New connections from now on; what is under way on the old ones may still be answered. */
  replace(lane: Lane): Replaced {
    const old = this.#pools.get(lane)?.dispatcher;
    this.#pools.delete(lane);
    return {
      retire: () => void old?.close().catch(() => undefined),
      kill: () => void old?.destroy().catch(() => undefined),
    };
  }

  /** Ends all connections; requests under way fail. */
  async close(): Promise<void> {
    this.#closed = true;
    const pools = [...this.#pools.values()];
    this.#pools.clear();
    await Promise.allSettled(pools.map(({ dispatcher }) => dispatcher.destroy()));
  }

  #readIdentity(): Promise<Identity> {
    const now = this.#now();
    const age = now - this.#identityReadAt;
    if (this.#identity !== undefined && age >= 0 && age < IDENTITY_TTL_MS) return this.#identity;
    this.#identityReadAt = now;
    const reading = this.#buildIdentity().catch((error: unknown) => {
      if (this.#identity === reading) this.refresh();
      throw new GlidepathError('GLIDEPATH_E_CREDENTIALS', `cannot read the credentials of the API server: ${messageOf(error)}`, {
        retryable: true,
      });
    });
    this.#identity = reading;
    return reading;
  }

  async #buildIdentity(): Promise<Identity> {
    this.#config ??= this.#load();
    const config = this.#config;
    const cluster = config.getCurrentCluster();
    if (cluster === null) throw new Error('the kubeconfig has no current cluster; set current-context');
    const options: RequestOptions = {};
    await config.applyToHTTPSOptions(options);
    const { protocol, host, pathname } = new URL(cluster.server);
    const tls = tlsOf(options);
    return {
      cluster,
      origin: `${protocol}//${host}`,
      prefix: pathname.replace(/\/+$/, ''),
      headers: headersOf(options),
      tls,
      fingerprint: fingerprintOf(cluster, tls),
      readAt: this.#now(),
    };
  }

  #pool(lane: Lane, identity: Identity): Dispatcher {
    const known = this.#pools.get(lane);
    if (known?.fingerprint === identity.fingerprint) return known.dispatcher;
    const dispatcher = createDispatcher(identity, this.#sizes[lane]);
    this.#pools.set(lane, { fingerprint: identity.fingerprint, dispatcher });
    // Graceful: requests with the old certificate may finish.
    void known?.dispatcher.close().catch(() => undefined);
    return dispatcher;
  }
}

function createDispatcher(identity: Identity, connections: number | undefined): Dispatcher {
  const { cluster, tls } = identity;
  const connect = { ...tls, timeout: CONNECT_TIMEOUT_MS, keepAlive: true, keepAliveInitialDelay: TCP_KEEPALIVE_MS };
  const pool = {
    allowH2: false,
    connections: connections ?? null,
    keepAliveTimeout: IDLE_SOCKET_MS,
    keepAliveMaxTimeout: IDLE_SOCKET_MS,
    headersTimeout: HEADERS_TIMEOUT_MS,
    // Every request and every watch has its own timeout.
    bodyTimeout: 0,
  };
  if (cluster.proxyUrl === undefined || cluster.proxyUrl === null || cluster.proxyUrl === '') {
    return new Agent({ ...pool, connect });
  }
  if (!/^https?:/.test(cluster.proxyUrl)) throw new Error('proxy-url of the cluster must be http or https');
  return new ProxyAgent({ ...pool, uri: cluster.proxyUrl, requestTls: connect });
}

function tlsOf(options: RequestOptions): TlsIdentity {
  return {
    ...(options.ca == null ? {} : { ca: options.ca as Buffer | string }),
    ...(options.cert == null ? {} : { cert: options.cert as Buffer | string }),
    ...(options.key == null ? {} : { key: options.key as Buffer | string }),
    ...withoutUndefined({ servername: options.servername, rejectUnauthorized: options.rejectUnauthorized }),
  };
}

function headersOf(options: RequestOptions): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(options.headers ?? {})) {
    // A token file usually ends with a newline, which no header may hold.
    if (value !== undefined) headers[name.toLowerCase()] = String(value).trim();
  }
  if (options.auth != null) headers['authorization'] = `Basic ${Buffer.from(options.auth).toString('base64')}`;
  return headers;
}

function fingerprintOf(cluster: Cluster, tls: TlsIdentity): string {
  const hash = createHash('sha256');
  for (const part of [cluster.server, cluster.proxyUrl, tls.servername, String(tls.rejectUnauthorized), tls.ca, tls.cert, tls.key]) {
    hash.update(part ?? '').update('\0');
  }
  return hash.digest('hex');
}
