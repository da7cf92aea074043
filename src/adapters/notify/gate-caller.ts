// Sends the requests of gates, each once: whether one is repeated is decided by the core, from what the status remembers.

import { Agent } from 'undici';
import { parseAllowList } from '../../api/addresses.ts';
import { messageOf } from '../../api/errors.ts';
import type { GateRequest } from '../../core/release/gates/intents.ts';
import type { GateAnswer, GateCaller } from '../../ports/gates.ts';
import { permit, postSigned, readHmacKey, type ReadValues } from './signed-post.ts';

export interface HttpGateCallerOptions {
  /** Origins or URL prefixes that releases may name. */
  readonly allow: readonly string[];
  /** Decoded values of a Secret. */
  readonly readSecret: ReadValues;
  /** Wall clock in milliseconds. */
  readonly now?: () => number;
}

const MOST_MESSAGE = 200;

/** Owns its connections until `close`. */
export class HttpGateCaller implements GateCaller {
  readonly #options: HttpGateCallerOptions;
  readonly #allow: readonly URL[];
  readonly #agent = new Agent({ allowH2: false });
  readonly #closing = new AbortController();

  /** @throws GlidepathError GLIDEPATH_E_SETTING when an entry of the allow-list is no address. */
  constructor(options: HttpGateCallerOptions) {
    this.#options = options;
    this.#allow = parseAllowList(options.allow);
  }

  refusal(url: string): string | undefined {
    const permitted = this.#permit(url);
    return typeof permitted === 'string' ? permitted : undefined;
  }

  async call(namespace: string, { url, secretName, timeoutMs, body }: GateRequest): Promise<GateAnswer> {
    const permitted = this.#permit(url);
    if (typeof permitted === 'string') return { kind: 'unanswered', message: permitted };
    const signal = AbortSignal.any([AbortSignal.timeout(timeoutMs), this.#closing.signal]);
    try {
      const key = await readHmacKey(this.#options.readSecret, namespace, secretName);
      const atMs = (this.#options.now ?? Date.now)();
      const { status, text } = await postSigned(this.#agent, { url: permitted, body: JSON.stringify(body), key, atMs, signal });
      const message = readMessage(text);
      return { kind: 'answered', status, ...(message === undefined ? {} : { message }) };
    } catch (thrown) {
      // Never the path of an address, which may be a secret.
      const message = signal.aborted
        ? `${permitted.origin} did not answer within ${timeoutMs / 1_000}s`
        : `${permitted.origin}: ${messageOf(thrown)}`;
      return { kind: 'unanswered', message };
    }
  }

  async close(): Promise<void> {
    this.#closing.abort(new Error('the operator is shutting down'));
    await this.#agent.destroy();
  }

  #permit(url: string): URL | string {
    return permit(url, this.#allow, 'its url', '--gate-allow');
  }
}

/**
 * Only what an endpoint says on purpose reaches the status, `{"message": "…"}`: the address is written by whoever writes the release, and
 * must not be a way to read other answers.
 */
function readMessage(text: string): string | undefined {
  let answer: unknown;
  try {
    answer = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof answer !== 'object' || answer === null || !('message' in answer) || typeof answer.message !== 'string') return undefined;
  const message = answer.message
    .replaceAll(/[\p{Cc}\p{Cf}]/gu, ' ')
    .trim()
    .slice(0, MOST_MESSAGE);
  return message === '' ? undefined : message;
}
