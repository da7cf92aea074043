// Traffic that has to come home does not wait for a dead connection: a home write that gets no answer, while no other one gets one
// either, is sent again over a new connection, and the first answer counts. Sent twice it does no harm: its tests hold for one of them only,
// or both ask for the same.

import { isGlidepathError } from '../../../api/errors.ts';
import { within } from './deadline.ts';
import type { Replaced } from './kubeconfig.ts';

/** An answer takes milliseconds, where any comes. */
const SILENCE_MS = 500;
/** The other attempt may have done what this one was refused for. */
const BESIDE_MS = 1_000;
/** An API server that is slow for everybody is not asked for everything twice. */
const MOST_AT_ONCE = 8;

type Outcome<T> = { readonly ok: true; readonly answer: T } | { readonly ok: false; readonly error: unknown };

export class HomeRace {
  readonly #replace: () => Replaced;
  #heardAtMs = Number.NEGATIVE_INFINITY;
  #underWay = 0;
  /** How often connections were found dead. */
  #deaths = 0;
  #replacedAtMs = Number.NEGATIVE_INFINITY;
  /** Connections that may be dead, until a new one answers. */
  #doubted: Replaced | undefined;

  /** @param replace makes later attempts use new connections */
  constructor(replace: () => Replaced) {
    this.#replace = replace;
  }

  /** @throws what the attempt throws whose answer counts */
  async run<T>(attempt: () => Promise<T>): Promise<T> {
    const deaths = this.#deaths;
    const startedMs = performance.now();
    const first = this.#settle(attempt());
    const early = await within(first, SILENCE_MS);
    if (early !== undefined) return this.#deliver(early, deaths, attempt);
    if (performance.now() - this.#heardAtMs < SILENCE_MS || this.#underWay >= MOST_AT_ONCE)
      return this.#deliver(await first, deaths, attempt);
    this.#underWay += 1;
    try {
      return unwrap(await this.#raceWith(first, startedMs, attempt));
    } finally {
      this.#underWay -= 1;
    }
  }

  /** What died with its connections is sent again: another write has shown that new ones work. */
  async #deliver<T>(outcome: Outcome<T>, deathsBefore: number, attempt: () => Promise<T>): Promise<T> {
    const died = !outcome.ok && isGlidepathError(outcome.error, 'GLIDEPATH_E_NETWORK') && this.#deaths > deathsBefore;
    return unwrap(died ? await this.#settle(attempt()) : outcome);
  }

  async #raceWith<T>(first: Promise<Outcome<T>>, startedMs: number, attempt: () => Promise<T>): Promise<Outcome<T>> {
    if (this.#replacedAtMs < startedMs) this.#useNewConnections();
    const second = this.#settle(attempt());
    const [winner, other] = await Promise.race([
      first.then((outcome) => [outcome, second] as const),
      second.then((outcome) => [outcome, first] as const),
    ]);
    if (winner.ok) {
      this.#settleDoubt(other === first ? 'dead' : 'slow');
      return winner;
    }
    const beside = await within(other, BESIDE_MS);
    return beside?.ok === true ? beside : winner;
  }

  #useNewConnections(): void {
    this.#doubted?.retire();
    this.#doubted = this.#replace();
    this.#replacedAtMs = performance.now();
  }

  /** The old connections: a new one has answered while they have not, or they have. */
  #settleDoubt(found: 'dead' | 'slow'): void {
    if (this.#doubted === undefined) return;
    if (found === 'slow') this.#doubted.retire();
    else {
      this.#deaths += 1;
      this.#doubted.kill();
    }
    this.#doubted = undefined;
  }

  async #settle<T>(asked: Promise<T>): Promise<Outcome<T>> {
    try {
      const answer = await asked;
      this.#heardAtMs = performance.now();
      return { ok: true, answer };
    } catch (error) {
      if (!isSilence(error)) this.#heardAtMs = performance.now();
      return { ok: false, error };
    }
  }
}

/** Everything else was said by the API server. */
function isSilence(error: unknown): boolean {
  return isGlidepathError(error, 'GLIDEPATH_E_TIMEOUT') || isGlidepathError(error, 'GLIDEPATH_E_NETWORK');
}

function unwrap<T>(outcome: Outcome<T>): T {
  if (outcome.ok) return outcome.answer;
  throw outcome.error;
}
