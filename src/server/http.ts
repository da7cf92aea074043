// Serves /metrics, /healthz and /readyz on the metrics address, and nothing else.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { GlidepathError, messageOf } from '../api/errors.ts';
import type { ProbeAnswer } from './probes.ts';

/** What the server serves. */
export interface ServerOptions {
  /** Without a host, every address of the machine; port 0 takes any free port. */
  readonly address: { readonly host?: string; readonly port: number };
  readonly metrics: { render(): Promise<string>; readonly contentType: string };
  readonly health: () => ProbeAnswer;
  readonly readiness: () => ProbeAnswer;
}

interface Page {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

const TEXT = 'text/plain; charset=utf-8';
/** Probes and scrapes are small and quick; slower ones are cut off. */
const REQUEST_TIMEOUT_MS = 10_000;
/** Answers under way get this long when the server closes. */
const CLOSE_GRACE_MS = 2_000;

/** The HTTP server of metrics and probes. */
export class OperatorServer {
  readonly #options: ServerOptions;
  readonly #server: Server;

  constructor(options: ServerOptions) {
    this.#options = options;
    this.#server = createServer({ requestTimeout: REQUEST_TIMEOUT_MS, headersTimeout: REQUEST_TIMEOUT_MS }, (request, response) => {
      void this.#respond(request, response);
    });
  }

  /**
   * Begins to listen.
   * @returns the port that was taken.
   * @throws GlidepathError GLIDEPATH_E_LISTEN when the address cannot be listened on.
   */
  async listen(): Promise<number> {
    const { host, port } = this.#options.address;
    await new Promise<void>((resolve, reject) => {
      const refuse = (cause: Error): void =>
        reject(
          new GlidepathError(
            'GLIDEPATH_E_LISTEN',
            `cannot listen on ${host ?? ''}:${port} (${cause.message}); set another --metrics-address`,
            { cause },
          ),
        );
      this.#server.once('error', refuse);
      this.#server.listen({ port, ...(host === undefined ? {} : { host }) }, () => {
        this.#server.off('error', refuse);
        resolve();
      });
    });
    return (this.#server.address() as AddressInfo).port;
  }

  /** Takes no more connections, lets answers under way end, and cuts off what takes longer than two seconds. */
  async close(): Promise<void> {
    if (!this.#server.listening) return;
    const cutOff = setTimeout(() => this.#server.closeAllConnections(), CLOSE_GRACE_MS);
    try {
      await new Promise<void>((resolve) => {
        this.#server.close(() => resolve());
        this.#server.closeIdleConnections();
      });
    } finally {
      clearTimeout(cutOff);
    }
  }

  async #respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const page = await this.#page(request);
    const body = Buffer.from(page.body);
    response.writeHead(page.status, {
      'content-type': page.type,
      'content-length': body.length,
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      ...(page.status === 405 ? { allow: 'GET, HEAD' } : {}),
      // A body that is not read would be taken for the next request.
      ...(page.status === 405 || !this.#server.listening ? { connection: 'close' } : {}),
    });
    response.end(request.method === 'HEAD' ? undefined : body);
  }

  async #page(request: IncomingMessage): Promise<Page> {
    if (request.method !== 'GET' && request.method !== 'HEAD') return textPage(405, 'only GET and HEAD are allowed');
    try {
      return await this.#show(request.url?.split('?')[0] ?? '/');
    } catch (error) {
      return textPage(500, messageOf(error));
    }
  }

  async #show(path: string): Promise<Page> {
    switch (path) {
      case '/metrics':
        return { status: 200, type: this.#options.metrics.contentType, body: await this.#options.metrics.render() };
      case '/healthz':
        return probePage(this.#options.health());
      case '/readyz':
        return probePage(this.#options.readiness());
      default:
        return textPage(404, 'not found; available are /metrics, /healthz and /readyz');
    }
  }
}

function textPage(status: number, line: string): Page {
  return { status, type: TEXT, body: `${line}\n` };
}

function probePage({ ok, lines }: ProbeAnswer): Page {
  return textPage(ok ? 200 : 503, [...lines, ok ? 'ok' : 'failed'].join('\n'));
}
