// One Prometheus address over kept connections. The client library sends the question; two interceptors give each
// request its own deadline and headers and take the answer before the library loses parts of it.
import { AsyncLocalStorage } from 'node:async_hooks';
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import tls from 'node:tls';
import { PrometheusDriver } from 'prometheus-query';
import type { PrometheusConnectionOptions } from 'prometheus-query';
import { GlidepathError } from '../../api/errors.ts';
import { readAnswer } from './answer.ts';
import type { Finding } from './answer.ts';
import type { Credentials } from './credentials.ts';
import { UNUSABLE, describeTransportError } from './failure.ts';

type RequestHook = NonNullable<PrometheusConnectionOptions['requestInterceptor']>['onFulfilled'];
type ResponseHook = NonNullable<PrometheusConnectionOptions['responseInterceptor']>['onFulfilled'];

/** One instant query. */
export interface Question {
  readonly query: string;
  readonly atMs: number;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  readonly headers: Readonly<Record<string, string>>;
}

const MAX_ANSWER_BYTES = 8 * 1024 * 1024;
/** All are kept: looks of many releases come in one burst behind the scrape, and none is to pay for a handshake. */
const KEEP_ALIVE = { keepAlive: true, maxSockets: 32, maxFreeSockets: 32, scheduling: 'lifo' } as const;
// What the library may parse once the real answer was taken.
const TAKEN = { status: 'success', data: { resultType: 'matrix', result: [] } };

/** The certificate authorities of the system, and these besides. */
function createHttpsAgent({ ca, cert, key }: Credentials): HttpsAgent {
  return new HttpsAgent({
    ...KEEP_ALIVE,
    ...(ca === undefined ? {} : { ca: [...tls.getCACertificates('default'), ca] }),
    ...(cert === undefined || key === undefined ? {} : { cert, key }),
  });
}

/** Connections to one address with one set of certificates; headers come with each question. */
export class PrometheusConnection {
  readonly #httpAgent: HttpAgent;
  readonly #httpsAgent: HttpsAgent;
  readonly #driver: PrometheusDriver;
  readonly #questions = new AsyncLocalStorage<{ readonly question: Question; finding?: Finding }>();

  /** @throws an error of node:tls when a certificate or key is no PEM. */
  constructor(endpoint: string, certificates: Credentials) {
    this.#httpAgent = new HttpAgent(KEEP_ALIVE);
    this.#httpsAgent = createHttpsAgent(certificates);
    this.#driver = new PrometheusDriver({
      endpoint,
      preferPost: true,
      requestInterceptor: { onFulfilled: (config) => this.#prepare(config) },
      responseInterceptor: {
        onFulfilled: (response) => this.#take(response),
        // An error that carries half an answer would lose its cause in the library.
        onRejected: (thrown: unknown) => {
          throw describeTransportError(thrown);
        },
      },
    });
  }

  /** @throws GlidepathError with a code of failure.ts. */
  async ask(question: Question): Promise<Finding> {
    const context: { readonly question: Question; finding?: Finding } = { question };
    const time = new Date(Math.round(question.atMs));
    try {
      await this.#questions.run(context, () => this.#driver.instantQuery(question.query, time, `${question.timeoutMs}ms`));
    } catch (thrown) {
      throw describeTransportError(unwrap(thrown));
    }
    if (context.finding === undefined) throw new GlidepathError(UNUSABLE, 'gives no answer that can be read');
    return context.finding;
  }

  /** Ends all connections, also those in use. */
  close(): void {
    this.#httpAgent.destroy();
    this.#httpsAgent.destroy();
  }

  readonly #prepare: RequestHook = (config) => {
    const question = this.#questions.getStore()?.question;
    if (question === undefined) throw new GlidepathError(UNUSABLE, 'was asked without a question');
    config.signal = question.signal;
    config.timeout = 0;
    config.maxRedirects = 0;
    config.maxContentLength = MAX_ANSWER_BYTES;
    config.proxy = false;
    config.httpAgent = this.#httpAgent;
    config.httpsAgent = this.#httpsAgent;
    config.responseType = 'text';
    config.transformResponse = [(body: unknown) => body];
    config.validateStatus = () => true;
    config.headers.set({ 'user-agent': 'glidepath', accept: 'application/json', ...question.headers });
    return config;
  };

  readonly #take: ResponseHook = (response) => {
    const context = this.#questions.getStore();
    const finding = readAnswer({ status: response.status, body: String(response.data ?? '') });
    if (context !== undefined) context.finding = finding;
    return { ...response, data: TAKEN };
  };
}

/** The library throws plain objects; what was thrown first is under `original`. */
function unwrap(thrown: unknown): unknown {
  if (typeof thrown !== 'object' || thrown === null || thrown instanceof Error) return thrown;
  if ('original' in thrown) return thrown.original;
  return new Error('error' in thrown ? String(thrown.error) : 'unknown error of the client library');
}
