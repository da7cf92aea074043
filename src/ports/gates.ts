// Jobs and requests of gates.

import type { GateRequest } from '../core/release/gates/intents.ts';
import type { Json } from '../core/workload/objects.ts';

/** Whether a Job could be created. */
export type JobTrial =
  | { readonly kind: 'ready' }
  /** The operator has no right to create Jobs here. */
  | { readonly kind: 'forbidden'; readonly message: string }
  /** The template, a quota or an admission policy stands against it. */
  | { readonly kind: 'refused'; readonly message: string }
  /** The API server did not say. */
  | { readonly kind: 'unknown'; readonly message: string };

export interface JobStore {
  /** Creates it in a server-side dry-run. Never throws. */
  tryCreate(namespace: string, manifest: Json): Promise<JobTrial>;
  /** @returns it as stored; undefined where one of this name exists already @throws GlidepathError */
  create(namespace: string, manifest: Json): Promise<Json | undefined>;
  /** Straight from the API server. @returns undefined where there is none @throws GlidepathError */
  read(namespace: string, name: string): Promise<Json | undefined>;
  /** The last lines of the log of its newest pod, or why they cannot be read. Never throws. */
  readLog(namespace: string, name: string): Promise<string>;
  /** With its pods. An absent one is no error. @throws GlidepathError */
  delete(namespace: string, name: string): Promise<void>;
}

/** What an endpoint answered. */
export type GateAnswer =
  | { readonly kind: 'answered'; readonly status: number; readonly message?: string }
  | { readonly kind: 'unanswered'; readonly message: string };

export interface GateCaller {
  /** Why this address may not be called, or undefined. */
  refusal(url: string): string | undefined;
  /** Sends one signed request. Never throws; does not repeat it. */
  call(namespace: string, request: GateRequest): Promise<GateAnswer>;
}
