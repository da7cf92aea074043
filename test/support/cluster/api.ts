// Speaks to the lab's API server as its administrator: plain requests, so that a test decides about content types, field
// managers and force itself, and watches, so that it sees every version of an object and not only the last.

import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { Agent, request } from 'undici';
import { parse } from 'yaml';

/** A Kubernetes object as it was read. `Spec` and `Status` are what the test expects there. */
export interface KubeObject<Spec = Record<string, unknown>, Status = Record<string, unknown>> {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: KubeMetadata;
  readonly spec: Spec;
  readonly status?: Status;
}

export interface KubeMetadata {
  readonly name: string;
  readonly namespace?: string;
  readonly uid?: string;
  readonly generation?: number;
  readonly resourceVersion?: string;
  readonly deletionTimestamp?: string;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly labels?: Readonly<Record<string, string>>;
  readonly finalizers?: readonly string[];
  readonly ownerReferences?: readonly { readonly kind?: string; readonly name?: string; readonly uid?: string }[];
  readonly managedFields?: readonly { readonly manager?: string; readonly subresource?: string }[];
}

/** What the API server answered. */
export interface ApiAnswer {
  readonly code: number;
  readonly body: unknown;
}

/** An answer that the caller did not expect. */
export class ApiError extends Error {
  readonly code: number;

  constructor(what: string, { code, body }: ApiAnswer) {
    super(`${what}: ${code} ${messageIn(body)}`);
    this.code = code;
  }
}

/** One change that a watch told. */
export interface WatchEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly object: KubeObject<never, never>;
}

interface Send {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly contentType?: string;
}

/** The parts of a kubeconfig that a request needs. */
export interface Access {
  readonly server: string;
  readonly authority: string;
  readonly token?: string;
  readonly certificate?: string;
  readonly key?: string;
  /** Acts as this user, with this user's rights; the one who asks must be allowed to. */
  readonly user?: string;
}

/** Reads the only cluster and user of a kubeconfig with everything inline, as the lab writes it. */
export function readAccess(file: string): Access {
  const config = parse(readFileSync(file, 'utf8')) as {
    clusters: [{ cluster: Record<string, string> }];
    users: [{ user: Record<string, string> }];
  };
  const { cluster } = config.clusters[0];
  const { user } = config.users[0];
  const decode = (text: string | undefined) => (text === undefined ? undefined : Buffer.from(text, 'base64').toString());
  const [certificate, key] = [decode(user['client-certificate-data']), decode(user['client-key-data'])];
  return {
    server: cluster['server'] ?? '',
    authority: decode(cluster['certificate-authority-data']) ?? '',
    ...(user['token'] === undefined ? {} : { token: user['token'] }),
    ...(certificate === undefined ? {} : { certificate }),
    ...(key === undefined ? {} : { key }),
  };
}

/** A client with its own connections. */
export class Api {
  readonly access: Access;
  readonly #agent: Agent;

  constructor(access: Access) {
    this.access = access;
    const { authority, certificate, key } = access;
    const identity = certificate === undefined || key === undefined ? {} : { cert: certificate, key };
    this.#agent = new Agent({ connections: 64, connect: { ca: authority, ...identity }, bodyTimeout: 0 });
  }

  /** Sends a request whatever the answer is. */
  async send(what: Send): Promise<ApiAnswer> {
    const response = await this.#open(what);
    const text = await response.body.text();
    return { code: response.statusCode, body: text.startsWith('{') ? JSON.parse(text) : text };
  }

  /** Sends a request that must succeed. @throws ApiError */
  async must(what: Send): Promise<unknown> {
    const answer = await this.send(what);
    if (answer.code >= 300) throw new ApiError(`${what.method} ${what.path}`, answer);
    return answer.body;
  }

  /** Reads an object; undefined when it is not there. */
  async get<T extends KubeObject<unknown, unknown>>(path: string): Promise<T | undefined> {
    const answer = await this.send({ method: 'GET', path });
    if (answer.code === 404) return undefined;
    if (answer.code >= 300) throw new ApiError(`GET ${path}`, answer);
    return answer.body as T;
  }

  /** The objects of a list and its resourceVersion. */
  async list(path: string): Promise<{ items: readonly unknown[]; version: string }> {
    const body = (await this.must({ method: 'GET', path })) as { items: unknown[]; metadata: { resourceVersion: string } };
    return { items: body.items, version: body.metadata.resourceVersion };
  }

  /** Follows a list until the signal. */
  async *watch(path: string, version: string, signal: AbortSignal): AsyncGenerator<WatchEvent> {
    const query = { watch: '1', resourceVersion: version };
    const response = await this.#open({ method: 'GET', path, query }, signal);
    if (response.statusCode !== 200)
      throw new ApiError(`watch of ${path}`, { code: response.statusCode, body: await response.body.text() });
    for await (const line of createInterface({ input: response.body })) {
      const event = JSON.parse(line) as { type: string; object: unknown };
      if (event.type === 'ERROR') throw new ApiError(`watch of ${path}`, { code: 410, body: event.object });
      yield event as WatchEvent;
    }
  }

  async close(): Promise<void> {
    await this.#agent.destroy();
  }

  #open({ method, path, query = {}, body, contentType = 'application/json' }: Send, signal?: AbortSignal) {
    const { server, token, user } = this.access;
    const search = new URLSearchParams(query).toString();
    return request(`${server}${path}${search === '' ? '' : `?${search}`}`, {
      method,
      dispatcher: this.#agent,
      headers: {
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(user === undefined ? {} : { 'impersonate-user': user }),
        ...(body === undefined ? {} : { 'content-type': contentType }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(signal === undefined ? {} : { signal }),
    });
  }
}

/** The message of a Status answer, or whatever came instead. */
export function messageIn(body: unknown): string {
  const message = typeof body === 'object' && body !== null && 'message' in body ? body.message : body;
  return typeof message === 'string' ? message : JSON.stringify(message);
}
