// The REST client: one request, one deadline, one translated error. Home writes hold the gate, all other writes of the normal
// lane wait at it. Only reads are retried here; the caller of a write decides whether to write again.

import pRetry from 'p-retry';
import { GlidepathError } from '../../../api/errors.ts';
import { ApiError, type Asked, translateFailure, translateStatus, unreadableAnswer } from './api-errors.ts';
import { Interrupted, pause, withDeadline } from './deadline.ts';
import { HomeGate } from './gate.ts';
import { HomeRace } from './race.ts';
import type { Lane, PooledKubeConfig } from './kubeconfig.ts';

export const JSON_PATCH = 'application/json-patch+json';
export const MERGE_PATCH = 'application/merge-patch+json';

export type Query = Readonly<Record<string, string | number | boolean | undefined>>;

export interface RestRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly query?: Query;
  /** Sent as JSON. */
  readonly body?: unknown;
  readonly contentType?: string;
  readonly accept?: string;
  /** The answer is a text and no JSON, as logs are. */
  readonly plain?: boolean;
  /** Default `normal`. */
  readonly lane?: Lane;
  /** From leaving the gate to the last byte of the answer; default 10 s. */
  readonly deadlineMs?: number;
  readonly signal?: AbortSignal;
  /** False: a read is not repeated either, the caller has a backoff of its own. */
  readonly repeat?: boolean;
}

export interface RestAnswer {
  readonly body: unknown;
  /** Characters of the answer. */
  readonly length: number;
  /** Texts of the Warning headers, such as `unknown field "status.message"`. */
  readonly warnings: readonly string[];
}

const DEADLINE_MS = 10_000;
const MOST_RETRY_AFTER_MS = 3_000;

export class Transport {
  readonly #config: PooledKubeConfig;
  readonly #userAgent: string;
  readonly gate: HomeGate;
  readonly #race: HomeRace;

  constructor(config: PooledKubeConfig, gate = new HomeGate(), userAgent = 'glidepath') {
    this.#config = config;
    this.gate = gate;
    this.#userAgent = userAgent;
    this.#race = new HomeRace(() => config.replace('home'));
  }

  /** @throws GlidepathError, see `api-errors.ts`; nothing else. */
  async request(request: RestRequest): Promise<RestAnswer> {
    const write = request.method !== 'GET';
    if (!write) return request.repeat === false ? this.#once(request) : this.#repeated(request);
    if (request.lane === 'home') return this.gate.hold(() => this.#race.run(() => this.#once(request)));
    if (request.lane !== 'watch') await this.gate.pass(request.signal);
    return this.#once(request);
  }

  /** Opens the sockets of the home lane, so that a burst of home writes pays no TLS handshake. Never throws. */
  async warm(connections: number): Promise<void> {
    const opening = Array.from({ length: connections }, () =>
      this.#once({ method: 'GET', path: '/version', lane: 'home' }).catch(() => undefined),
    );
    await Promise.all(opening);
  }

  /** Sends without reading the body and hands out the raw answer; for watches. The caller ends it with `signal`. */
  async open(path: string, query: Query, signal: AbortSignal): Promise<AsyncIterable<Buffer>> {
    const asked: Asked = { what: describe('WATCH', path), jsonPatch: false };
    try {
      const answer = await this.#send({ method: 'GET', path, query, lane: 'watch' }, signal);
      if (answer.statusCode === 200) return answer.body as AsyncIterable<Buffer>;
      const body = parseOrKeep(await answer.body.text());
      if (answer.statusCode === 401) this.#config.refresh();
      throw translateStatus(asked, answer.statusCode, body, single(answer.headers['retry-after']));
    } catch (error) {
      throw translateFailure(asked, signal.aborted ? signal.reason : error);
    }
  }

  #repeated(request: RestRequest): Promise<RestAnswer> {
    const { signal } = request;
    // A read on the home lane comes before a home write.
    const ask = () => (request.lane === 'home' ? this.#race.run(() => this.#once(request)) : this.#once(request));
    return pRetry(ask, {
      retries: 2,
      minTimeout: 100,
      randomize: true,
      ...(signal === undefined ? {} : { signal }),
      shouldRetry: ({ error }) => error instanceof GlidepathError && error.retryable,
      onFailedAttempt: async ({ error, retriesLeft }) => {
        if (retriesLeft === 0 || !(error instanceof ApiError) || error.retryAfterMs === undefined) return;
        await pause(Math.min(error.retryAfterMs, MOST_RETRY_AFTER_MS), signal);
      },
    }).catch((error: unknown) => {
      throw translateFailure(askedOf(request), signal?.aborted === true ? new Interrupted('canceled') : error);
    });
  }

  async #once(request: RestRequest): Promise<RestAnswer> {
    try {
      return await this.#attempt(request);
    } catch (error) {
      // A token may have been rotated since it was read; the refused request had no effect, so any verb may be sent again.
      if (!(error instanceof GlidepathError) || error.code !== 'GLIDEPATH_E_UNAUTHORIZED') throw error;
      this.#config.refresh();
      return this.#attempt(request);
    }
  }

  async #attempt(request: RestRequest): Promise<RestAnswer> {
    const asked = askedOf(request);
    try {
      return await withDeadline(request.signal, request.deadlineMs ?? DEADLINE_MS, async (signal) => {
        const answer = await this.#send(request, signal);
        const text = await answer.body.text();
        if (answer.statusCode < 200 || answer.statusCode > 299) {
          const retryAfter = single(answer.headers['retry-after']);
          throw translateStatus(asked, answer.statusCode, parseOrKeep(text), retryAfter);
        }
        const body = request.plain === true ? text : parseAnswer(asked, text);
        return { body, length: text.length, warnings: readWarnings(answer.headers['warning']) };
      });
    } catch (error) {
      throw translateFailure(asked, error);
    }
  }

  async #send(request: RestRequest, signal: AbortSignal) {
    const { origin, prefix, dispatcher, headers } = await this.#config.connect(request.lane ?? 'normal');
    const body = request.body === undefined ? null : toGoJson(request.body);
    return dispatcher.request({
      origin,
      path: `${prefix}${request.path}${buildQuery(request.query)}`,
      method: request.method,
      signal,
      body,
      headers: {
        ...headers,
        accept: request.accept ?? 'application/json',
        'user-agent': this.#userAgent,
        ...(body === null ? {} : { 'content-type': request.contentType ?? 'application/json' }),
      },
    });
  }
}

/**
 * JSON as Go's encoder writes it, with these characters escaped: the API server compares the strings of a JSON Patch's tests byte by byte
 * with what its encoder made of the object, so that a test of `a&b` would never hold.
 */
export function toGoJson(value: unknown): string {
  return JSON.stringify(value).replaceAll(/[<>&\u2028\u2029]/g, (found) => `\\u${found.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** `PATCH httproutes shop/store` from a path of the API server. */
export function describe(verb: string, path: string): string {
  const parts = path.split('/').filter((part) => part !== '');
  const rest = parts.slice(parts[0] === 'api' ? 2 : 3);
  if (parts[0] !== 'api' && (parts[0] !== 'apis' || rest.length === 0)) return `${verb} ${path}`;
  const namespaced = rest[0] === 'namespaces' && rest.length > 2;
  const namespace = namespaced ? rest[1] : undefined;
  const [plural = '', name, subresource] = namespaced ? rest.slice(2) : rest;
  const object = [namespace, name].filter((part) => part !== undefined).join('/');
  return `${verb} ${plural}${subresource === undefined ? '' : `/${subresource}`}${object === '' ? '' : ` ${object}`}`;
}

function askedOf(request: RestRequest): Asked {
  return { what: describe(request.method, request.path), jsonPatch: request.contentType === JSON_PATCH };
}

function buildQuery(query: Query | undefined): string {
  const given = new URLSearchParams();
  for (const [name, value] of Object.entries(query ?? {})) {
    if (value !== undefined) given.set(name, String(value));
  }
  return given.size === 0 ? '' : `?${given.toString()}`;
}

function parseAnswer(asked: Asked, text: string): unknown {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    throw unreadableAnswer(asked, 'not JSON');
  }
  if (typeof body !== 'object' || body === null) throw unreadableAnswer(asked, 'not an object');
  return body;
}

function parseOrKeep(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function single(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header[0] : header;
}

/** `299 - "unknown field \"status.x\""`: the text between the outer quotes; servers may join several with commas. */
export function readWarnings(header: string | string[] | undefined): readonly string[] {
  const lines = header === undefined ? [] : Array.isArray(header) ? header : [header];
  return lines.flatMap((line) =>
    [...line.matchAll(/\d{3} \S+ "((?:[^"\\]|\\.)*)"/g)].map((match) => (match[1] ?? '').replaceAll(/\\(.)/g, '$1')),
  );
}
