// Every I/O call of an operator passes here: it is counted and logged, may be answered by a fault of the test, and may be the
// one at which the operator is killed. A killed operator's calls never return, as those of a dead process.

import type { GlidepathError } from '../../../src/api/errors.ts';

export type CallVerb =
  | 'patch'
  | 'annotate'
  | 'status'
  | 'finalizer'
  | 'readRoute'
  | 'readRoutes'
  | 'readRelease'
  | 'readPolicies'
  | 'workload'
  | 'job'
  | 'call'
  | 'event';

/** One call to the API server. */
export interface Call {
  readonly verb: CallVerb;
  /** `HTTPRoute store`. */
  readonly target: string;
  readonly lane?: 'home' | 'normal';
  readonly body?: unknown;
}

/** A call that was made, with its time and outcome. */
export interface LoggedCall extends Call {
  readonly atMs: number;
  readonly operator: string;
  readonly outcome: string;
}

/** What a test does to a call: an error instead of it, an error although it was carried out, or no answer at all. */
export type Fault =
  | { readonly when: 'never' }
  | { readonly when: 'instead'; readonly error: GlidepathError }
  | { readonly when: 'afterwards'; readonly error: GlidepathError };
export type FaultPlan = (call: Call) => Fault | undefined;

/** Kill the operator around its n-th write, counted from 1. */
export interface CrashPlan {
  readonly write: number;
  readonly side: 'before' | 'after';
}

const NEVER = new Promise<never>(() => undefined);
/** An operator that looks so often while the clock stands still, or within a second, goes round in circles. */
const MOST_LOOKS_AT_ONE_INSTANT = 1_500;
const MOST_LOOKS_IN_A_SECOND = 2_000;

export class CallGate {
  readonly #now: () => number;
  readonly #log: (call: Call, outcome: string) => void;
  readonly #fault: FaultPlan;
  readonly #crash: CrashPlan | undefined;
  readonly #onCrash: () => void;
  #writes = 0;
  #dead = false;
  #instant = { atMs: -1, looks: 0 };
  #second = { atMs: -1, looks: 0 };

  constructor(parts: {
    readonly now: () => number;
    readonly log: (call: Call, outcome: string) => void;
    readonly fault: FaultPlan;
    readonly crash: CrashPlan | undefined;
    readonly onCrash: () => void;
  }) {
    this.#now = parts.now;
    this.#log = parts.log;
    this.#fault = parts.fault;
    this.#crash = parts.crash;
    this.#onCrash = parts.onCrash;
  }

  get dead(): boolean {
    return this.#dead;
  }

  get writes(): number {
    return this.#writes;
  }

  kill(): void {
    this.#dead = true;
  }

  /** Counts a look into the caches, which cost nothing but may go round in circles too. */
  touch(): void {
    const atMs = this.#now();
    this.#instant = { atMs, looks: this.#instant.atMs === atMs ? this.#instant.looks + 1 : 1 };
    this.#second = atMs - this.#second.atMs < 1_000 ? { ...this.#second, looks: this.#second.looks + 1 } : { atMs, looks: 1 };
    if (this.#instant.looks <= MOST_LOOKS_AT_ONE_INSTANT && this.#second.looks <= MOST_LOOKS_IN_A_SECOND) return;
    this.#dead = true;
    this.#log({ verb: 'readRelease', target: 'caches' }, 'SPINS');
  }

  /** Carries a call out, unless a fault or the end of the operator comes between. */
  async pass<T>(call: Call, carryOut: () => T): Promise<T> {
    this.touch();
    await Promise.resolve();
    if (this.#dead) return NEVER;
    const writes = !call.verb.startsWith('read');
    if (writes) this.#writes += 1;
    if (writes && this.#isCrash('before')) return this.#die();
    const fault = this.#fault(call);
    if (fault?.when === 'never') return NEVER;
    if (fault?.when === 'instead') return this.#fail(call, fault.error);
    const answer = this.#carryOut(call, carryOut);
    if (writes && this.#isCrash('after')) return this.#die();
    if (fault !== undefined) return this.#fail(call, fault.error);
    await Promise.resolve();
    return this.#dead ? NEVER : answer;
  }

  #carryOut<T>(call: Call, carryOut: () => T): T {
    try {
      const answer = carryOut();
      this.#log(call, 'ok');
      return answer;
    } catch (thrown) {
      this.#log(call, thrown instanceof Error && 'code' in thrown ? String(thrown.code) : String(thrown));
      throw thrown;
    }
  }

  #fail(call: Call, error: GlidepathError): never {
    this.#log(call, error.code);
    throw error;
  }

  #isCrash(side: CrashPlan['side']): boolean {
    return this.#crash?.write === this.#writes && this.#crash.side === side;
  }

  #die(): Promise<never> {
    this.#dead = true;
    this.#onCrash();
    return NEVER;
  }
}
