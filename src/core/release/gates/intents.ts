// What is to be done for gates, as data: Jobs to create and to watch, requests to send, Jobs to delete.

import type { Json } from '../../workload/objects.ts';

export type GateIntent =
  /** @property manifest absent once the Job was seen: it is never created a second time */
  | { readonly kind: 'runJob'; readonly name: string; readonly manifest?: Json }
  | { readonly kind: 'call'; readonly key: string; readonly request: GateRequest }
  | { readonly kind: 'deleteJob'; readonly name: string };

/** A request of a gate; it is signed where it is sent. */
export interface GateRequest {
  readonly url: string;
  /** Secret of the release's namespace whose key `hmac` signs. */
  readonly secretName?: string;
  readonly timeoutMs: number;
  readonly body: GateQuestion;
}

/** The JSON body. Fields are only ever added; a receiver ignores what it does not know. */
export interface GateQuestion {
  readonly version: 1;
  /** The same for every request of one run of a gate: a receiver can drop repetitions. */
  readonly id: string;
  readonly gate: string;
  /** Name or number of the stage that waits; null for the promotion. */
  readonly stage: string | null;
  /** Number of this request. */
  readonly attempt: number;
  readonly release: { readonly namespace: string; readonly name: string; readonly uid: string; readonly id: string };
  readonly revision: string;
  readonly canary: { readonly service: string };
  readonly serving: { readonly service: string };
  /** The canary's share in percent now, and once the gate has passed; null where that is the promotion. */
  readonly weight: number;
  readonly nextWeight: number | null;
  /** When the request was decided, RFC 3339 in UTC. */
  readonly at: string;
}
