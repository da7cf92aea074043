// Asks the pods of the gateways for their own counters: the running pods of the operator's setting, or fixed addresses. One request for
// each, bounded in bytes and time; no redirect is followed, and nothing that an answer says is ever asked.

import { Agent } from 'undici';
import { messageOf } from '../../api/errors.ts';
import { parseExposition } from '../../core/analysis/exposition.ts';
import type { GatewayAnswer, GatewayPod, GatewayReader, GatewayRound, SentinelTarget } from '../../ports/gateways.ts';

export interface GatewayReaderOptions {
  readonly targets: readonly SentinelTarget[];
  /** The running pods with a label. @throws GlidepathError */
  readonly listPods: (namespace: string, label: string, value: string) => Promise<readonly GatewayPod[]>;
  readonly now: () => number;
}

const MOST_BYTES = 256 * 1024;
const TIMEOUT_MS = 1_000;
/** Pods come and go; a list is asked for again when it is older than this. */
const LIST_MS = 10_000;
/** More are not asked: beyond it a second is short, and some pods show what all do. */
const MOST_PODS = 64;
const MOST_WORDS = 200;

interface Place {
  readonly target: string;
  /** With the port. */
  readonly origin: string;
}

/** What is known of the pods of one target. */
interface Pods {
  listedAtMs: number;
  pods: readonly GatewayPod[];
  problem: string | undefined;
  listing: Promise<void> | undefined;
}

/** `close` ends all connections. */
export class HttpGatewayReader implements GatewayReader {
  readonly #options: GatewayReaderOptions;
  readonly #agent = new Agent({ connections: 1, pipelining: 1, headersTimeout: 0, bodyTimeout: 0, connect: { timeout: TIMEOUT_MS } });
  readonly #pods = new Map<SentinelTarget, Pods>();

  constructor(options: GatewayReaderOptions) {
    this.#options = options;
  }

  async read(port: number, path: string): Promise<GatewayRound> {
    const found = await Promise.all(this.#options.targets.map((target) => this.#placesOf(target, port)));
    const places = new Map(found.flatMap((one) => one.places).map((place) => [place.target, place]));
    const asked = [...places.values()].slice(0, MOST_PODS);
    const answers = await Promise.all(asked.map((place) => this.#ask(place, path)));
    const left = places.size - asked.length;
    const problems = [
      ...found.flatMap(({ problem }) => problem ?? []),
      ...(left > 0 ? [`only ${MOST_PODS} of ${places.size} pods are asked`] : []),
    ];
    return { answers, problems };
  }

  async close(): Promise<void> {
    await this.#agent.destroy();
  }

  async #placesOf(
    target: SentinelTarget,
    port: number,
  ): Promise<{ readonly places: readonly Place[]; readonly problem: string | undefined }> {
    if (target.kind === 'address') return { places: [{ target: target.origin, origin: target.origin }], problem: undefined };
    const { pods, problem } = await this.#podsOf(target);
    const places = pods.map(({ name, address }) => ({
      target: `${target.namespace}/${name}`,
      origin: `http://${address.includes(':') ? `[${address}]` : address}:${port}`,
    }));
    return { places, problem };
  }

  /** Waits for the first list, for no later one: an API server that is away must not blind the sentinel. */
  async #podsOf(target: SentinelTarget & { readonly kind: 'pods' }): Promise<Pods> {
    const known = this.#pods.get(target) ?? { listedAtMs: Number.NEGATIVE_INFINITY, pods: [], problem: undefined, listing: undefined };
    this.#pods.set(target, known);
    if (this.#options.now() - known.listedAtMs < LIST_MS) return known;
    known.listing ??= this.#list(target, known);
    if (known.pods.length === 0) await known.listing;
    return known;
  }

  async #list({ namespace, label, value }: SentinelTarget & { readonly kind: 'pods' }, known: Pods): Promise<void> {
    const which = `pods of namespace ${namespace} with the label ${label}=${value}`;
    try {
      known.pods = await this.#options.listPods(namespace, label, value);
      known.problem = known.pods.length === 0 ? `no running ${which}` : undefined;
    } catch (thrown) {
      known.problem = `cannot list ${which}: ${messageOf(thrown)}`.slice(0, MOST_WORDS);
    }
    known.listedAtMs = this.#options.now();
    known.listing = undefined;
  }

  async #ask({ target, origin }: Place, path: string): Promise<GatewayAnswer> {
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    try {
      const { statusCode, headers, body } = await this.#agent.request({
        origin,
        path,
        method: 'GET',
        signal,
        headers: { 'user-agent': 'glidepath', accept: 'text/plain', 'accept-encoding': 'identity' },
      });
      const refusal = refuse(statusCode, headers['content-encoding']);
      const text = refusal === undefined ? await collect(body) : undefined;
      if (text === undefined) {
        // Ending it is an error of the stream, which nothing else waits for.
        body.on('error', () => undefined).destroy();
        return { ok: false, target, message: refusal ?? `answered with more than ${MOST_BYTES / 1024} KiB` };
      }
      const samples = parseExposition(text);
      return samples === undefined
        ? { ok: false, target, message: 'answered with something else than metrics in text format' }
        : { ok: true, target, samples };
    } catch (thrown) {
      const message = signal.aborted ? `did not answer within ${TIMEOUT_MS} ms` : `cannot be reached: ${sayFault(thrown)}`;
      return { ok: false, target, message: message.slice(0, MOST_WORDS) };
    }
  }
}

function refuse(status: number, encoding: string | string[] | undefined): string | undefined {
  if (status >= 300 && status <= 399) return `answered with a redirect (${status}), which is not followed`;
  if (status !== 200) return `answered with status ${status}`;
  return encoding === undefined || encoding === 'identity' ? undefined : 'answered in an encoding that was not requested';
}

/** The text; undefined when it is too long. */
async function collect(body: AsyncIterable<Buffer>): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    // Leaving the loop ends the connection: the rest is not read.
    if (bytes > MOST_BYTES) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** A name with several addresses fails with one error for each, in an error without a message. */
function sayFault(thrown: unknown): string {
  if (!(thrown instanceof AggregateError) || thrown.message !== '') return messageOf(thrown);
  return thrown.errors.map(messageOf).join('; ');
}
