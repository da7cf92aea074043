// The gateways' own counters, read past Prometheus. Which pods are asked is the operator's setting and never a release's.

import type { CounterReading } from '../core/analysis/sentinel.ts';

/** What one pod of a gateway answered. */
export type GatewayAnswer =
  | ({ readonly ok: true } & CounterReading)
  /** The message begins behind the name of the pod: `did not answer within 1000 ms`. */
  | { readonly ok: false; readonly target: string; readonly message: string };

/** One reading of all pods. */
export interface GatewayRound {
  readonly answers: readonly GatewayAnswer[];
  /** Why pods are not known, in sentences. */
  readonly problems: readonly string[];
}

export interface GatewayReader {
  /**
   * Asks every pod of the setting once, each at most a second long. Never throws.
   * @param port of the pods; targets that are addresses have one of their own
   * @param path with its query, which keeps the answer small
   */
  read(port: number, path: string): Promise<GatewayRound>;
}

/** What `--sentinel` names. */
export type SentinelTarget =
  | { readonly kind: 'pods'; readonly namespace: string; readonly label: string; readonly value: string }
  /** `http://HOST:PORT`, for a gateway outside of pods. */
  | { readonly kind: 'address'; readonly origin: string };

/** A running pod with the setting's label. */
export interface GatewayPod {
  readonly name: string;
  readonly address: string;
}
