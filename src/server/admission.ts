// Serves the webhook over TLS: answers AdmissionReviews, and loads a new certificate without a restart. Any failure here lets the
// write through: an answer that is no AdmissionReview counts as none (failurePolicy: Ignore).
import { createServer, type Server } from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { GlidepathError, messageOf } from '../api/errors.ts';
import { WEBHOOK_PATH } from '../core/hold/registration.ts';
import type { HoldAnswer, HoldTarget } from '../core/hold/review.ts';

export interface AdmissionServerOptions {
  /** Without a host, every address of the machine; port 0 takes any free port. */
  readonly address: { readonly host?: string; readonly port: number };
  readonly review: (body: unknown) => HoldAnswer;
  readonly onHeld?: (held: HoldTarget) => void;
}

interface Reply {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

const REQUEST_TIMEOUT_MS = 10_000;
const CLOSE_GRACE_MS = 2_000;
/** The API server takes objects of up to 3 MiB, and a review has two. */
const MOST_BYTES = 8 * 1024 * 1024;
/** Of all requests that are being read. Anyone in the cluster may connect, and the same process takes traffic home. */
const MOST_BYTES_IN_ALL = 24 * 1024 * 1024;
/** A review of a usual Deployment is read also while others fill the rest. */
const USUAL_BYTES = 256 * 1024;
const MOST_CONNECTIONS = 128;

/** The HTTPS server of the webhook. Until it has a certificate every handshake fails. */
export class AdmissionServer {
  readonly #options: AdmissionServerOptions;
  readonly #server: Server;
  #leaving = false;
  /** Bytes of requests that are being read. */
  #held = 0;

  constructor(options: AdmissionServerOptions) {
    this.#options = options;
    const limits = { requestTimeout: REQUEST_TIMEOUT_MS, headersTimeout: REQUEST_TIMEOUT_MS, minVersion: 'TLSv1.2' as const };
    this.#server = createServer(limits, (request, response) => {
      void this.#respond(request, response);
    });
    this.#server.maxConnections = MOST_CONNECTIONS;
    // A failed handshake is the caller's to report.
    this.#server.on('tlsClientError', () => undefined);
  }

  /**
   * Begins to listen.
   * @returns the port that was taken.
   * @throws GlidepathError GLIDEPATH_E_LISTEN when the address cannot be listened on.
   */
  async listen(): Promise<number> {
    const { host, port } = this.#options.address;
    await new Promise<void>((resolve, reject) => {
      const refuse = (cause: Error): void => {
        const message = `cannot listen on ${host ?? ''}:${port} (${cause.message}); set another --webhook-address`;
        reject(new GlidepathError('GLIDEPATH_E_LISTEN', message, { cause }));
      };
      this.#server.once('error', refuse);
      this.#server.listen({ port, ...(host === undefined ? {} : { host }) }, () => {
        this.#server.off('error', refuse);
        resolve();
      });
    });
    return (this.#server.address() as AddressInfo).port;
  }

  /**
   * New connections get this certificate; those that are open keep theirs.
   * @throws GlidepathError GLIDEPATH_E_CERTIFICATE when it is none, or does not fit its key. The old one stays.
   */
  setCertificate({ cert, key }: { readonly cert: string; readonly key: string }): void {
    try {
      this.#server.setSecureContext({ cert, key, minVersion: 'TLSv1.2' });
    } catch (cause) {
      throw new GlidepathError('GLIDEPATH_E_CERTIFICATE', `the certificate of the webhook cannot be used: ${messageOf(cause)}`, { cause });
    }
  }

  /** Continues to answer, but closes each connection after its answer, so that callers connect to other replicas. */
  leave(): void {
    this.#leaving = true;
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
    const reply = await this.#reply(request).catch((thrown: unknown) => textReply(500, messageOf(thrown)));
    // A caller that has disconnected reads no answer.
    if (response.destroyed) return;
    const body = Buffer.from(reply.body);
    const isOver = reply.status !== 200 || this.#leaving || !this.#server.listening;
    response.writeHead(reply.status, {
      'content-type': reply.type,
      'content-length': body.length,
      // What was not read of a request would be taken for the next one.
      ...(isOver ? { connection: 'close' } : {}),
    });
    response.end(body);
  }

  async #reply(request: IncomingMessage): Promise<Reply> {
    if (request.url?.split('?')[0] !== WEBHOOK_PATH) return textReply(404, `the webhook is at ${WEBHOOK_PATH}`);
    if (request.method !== 'POST') return textReply(405, 'only POST');
    const text = await this.#readText(request);
    if (text === 'too large') return textReply(413, `more than ${MOST_BYTES} bytes`);
    if (text === 'too many') return textReply(503, 'other requests are being read; try again');
    const answer = this.#options.review(parseOrUndefined(text.body));
    if (answer.kind === 'malformed') return textReply(400, answer.message);
    if (answer.held !== undefined) this.#options.onHeld?.(answer.held);
    return { status: 200, type: 'application/json', body: JSON.stringify(answer.body) };
  }

  async #readText(request: IncomingMessage): Promise<{ readonly body: string } | 'too large' | 'too many'> {
    const chunks: Buffer[] = [];
    let bytes = 0;
    try {
      for await (const chunk of request as AsyncIterable<Buffer>) {
        bytes += chunk.length;
        this.#held += chunk.length;
        if (bytes > MOST_BYTES) return 'too large';
        if (bytes > USUAL_BYTES && this.#held > MOST_BYTES_IN_ALL) return 'too many';
        chunks.push(chunk);
      }
      return { body: Buffer.concat(chunks).toString('utf8') };
    } finally {
      this.#held -= bytes;
    }
  }
}

function parseOrUndefined(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function textReply(status: number, line: string): Reply {
  return { status, type: 'text/plain; charset=utf-8', body: `${line}\n` };
}
