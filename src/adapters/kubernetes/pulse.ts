// Finds out within seconds that connections to the API server are dead: asks for something small again and again while releases run,
// over one connection that lives as long as the others, and when no answer comes all connections are replaced and all watches begin again.

import { isGlidepathError } from '../../api/errors.ts';
import type { PooledKubeConfig } from './client/kubeconfig.ts';
import type { Transport } from './client/transport.ts';
import type { Doubt } from './informer/doubt.ts';

/** An answer takes milliseconds; the API server may be busy. */
const PATIENCE_MS = 1_500;
/** An API server that answers no one must not be asked for new connections all the time. */
const BETWEEN_DOUBTS_MS = 10_000;

export class Pulse {
  readonly #transport: Transport;
  readonly #config: PooledKubeConfig;
  readonly #doubt: Doubt;
  #isUnderWay = false;
  #doubtedAtMs = Number.NEGATIVE_INFINITY;

  constructor(transport: Transport, config: PooledKubeConfig, doubt: Doubt) {
    this.#transport = transport;
    this.#config = config;
    this.#doubt = doubt;
  }

  /** Asks once. Never throws: an answer that is an error is an answer. */
  async beat(): Promise<void> {
    if (this.#isUnderWay) return;
    this.#isUnderWay = true;
    try {
      await this.#transport.request({ method: 'GET', path: '/version', lane: 'pulse', repeat: false, deadlineMs: PATIENCE_MS });
    } catch (error) {
      if (isGlidepathError(error, 'GLIDEPATH_E_TIMEOUT')) this.#castDoubt();
    } finally {
      this.#isUnderWay = false;
    }
  }

  #castDoubt(): void {
    const now = performance.now();
    if (now - this.#doubtedAtMs < BETWEEN_DOUBTS_MS) return;
    this.#doubtedAtMs = now;
    for (const lane of ['home', 'normal', 'watch', 'pulse'] as const) this.#config.replace(lane).retire();
    this.#doubt.cast();
  }
}
