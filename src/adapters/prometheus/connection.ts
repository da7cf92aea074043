// One Prometheus address over kept connections. Sends one instant query and returns the raw answer: status and text,
// bounded in bytes and in time, no redirect followed, no proxy of the environment used.
import { setImmediate } from 'node:timers/promises';
import tls from 'node:tls';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { Pool } from 'undici';
import { GlidepathError } from '../../api/errors.ts';
import type { RawAnswer } from './answer.ts';
import type { Credentials } from './credentials.ts';
import { UNUSABLE, describeTransportError, tooLarge } from './failure.ts';

/** One instant query. */
export interface Question {
  readonly query: string;
  readonly atMs: number;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  readonly headers: Readonly<Record<string, string>>;
  /** More of an answer is not read. */
  readonly mostBytes: number;
}

type Body = Awaited<ReturnType<Pool['request']>>['body'];

const QUERY_PATH = '/api/v1/query';
/**
 * The longest interval between looks, so that no look pays for a handshake. Looks of many releases come in one burst behind the
 * scrape. The server may close a connection earlier, or ask for that with a Keep-Alive header.
 */
const KEEP_ALIVE_MS = 10 * 60_000;
const unpack = promisify(gunzip);

/** Connections to one address with one set of certificates; headers come with each question. */
export class PrometheusConnection {
  readonly #pool: Pool;
  readonly #path: string;

  /** @throws an error of node:tls when a certificate or key is no PEM. */
  constructor(endpoint: string, certificates: Credentials, connections: number) {
    const { origin, pathname } = new URL(endpoint);
    this.#path = `${pathname.replace(/\/+$/, '')}${QUERY_PATH}`;
    this.#pool = new Pool(origin, {
      allowH2: false,
      connections,
      connect: readCertificates(certificates),
      keepAliveTimeout: KEEP_ALIVE_MS,
      keepAliveMaxTimeout: KEEP_ALIVE_MS,
      // Each question has a deadline of its own, which covers the whole answer.
      headersTimeout: 0,
      bodyTimeout: 0,
    });
  }

  /** @throws GlidepathError with a code of failure.ts. */
  async ask({ query, atMs, timeoutMs, signal, headers, mostBytes }: Question): Promise<RawAnswer> {
    const form = new URLSearchParams({ query, time: String(Math.round(atMs) / 1_000), timeout: `${timeoutMs}ms` });
    try {
      const response = await this.#pool.request({
        method: 'POST',
        path: this.#path,
        headers: {
          'user-agent': 'glidepath',
          accept: 'application/json',
          ...headers,
          'accept-encoding': 'gzip',
          'content-type': 'application/x-www-form-urlencoded',
        },
        body: form.toString(),
        signal,
      });
      const body = await readBody(response.body, response.headers['content-encoding'], mostBytes);
      // undici takes a connection for free one turn of the event loop later: the next question must find this one, not open another.
      await setImmediate();
      return { status: response.statusCode, body: body.toString('utf8') };
    } catch (thrown) {
      throw describeTransportError(thrown);
    }
  }

  /** Ends all connections, also those in use. */
  close(): void {
    this.#pool.destroy(() => undefined);
  }
}

/** The certificate authorities of the system, and these besides; parsed here, once for all connections. */
function readCertificates({ ca, cert, key }: Credentials): { readonly secureContext?: tls.SecureContext } {
  const certificates = {
    ...(ca === undefined ? {} : { ca: [...tls.getCACertificates('default'), ca] }),
    ...(cert === undefined || key === undefined ? {} : { cert, key }),
  };
  return Object.keys(certificates).length === 0 ? {} : { secureContext: tls.createSecureContext(certificates) };
}

async function readBody(body: Body, encoding: string | string[] | undefined, mostBytes: number): Promise<Buffer> {
  const whole = await collect(body, mostBytes);
  if (encoding === undefined || encoding === 'identity') return whole;
  if (encoding !== 'gzip') throw new GlidepathError(UNUSABLE, `answered in the encoding ${String(encoding)}, which was not requested`);
  try {
    return await unpack(whole, { maxOutputLength: mostBytes });
  } catch (thrown) {
    throw thrown instanceof RangeError ? tooLarge(mostBytes) : thrown;
  }
}

async function collect(body: Body, mostBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    // Leaving the loop ends the connection: the rest is not read.
    if (bytes > mostBytes) throw tooLarge(mostBytes);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
