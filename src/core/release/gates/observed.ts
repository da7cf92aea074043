// What was seen of gates: Jobs by their names, requests by their keys, and whether each gate of the spec may be run at all.

import type { BlockReason } from '../../../api/reasons.ts';

/** Whether the gates of the spec can be run, found out before the first write. */
export type GateStanding =
  | { readonly kind: 'unasked' }
  | { readonly kind: 'ready' }
  | { readonly kind: 'refused'; readonly reason: BlockReason; readonly about: string; readonly message: string };

/** One Job of ours. */
export type ObservedJob =
  /** There is none of this name. */
  | { readonly kind: 'absent' }
  /** It could not be created or read; tried again. */
  | { readonly kind: 'refused'; readonly message: string }
  | { readonly kind: 'active'; readonly uid: string }
  | { readonly kind: 'succeeded'; readonly uid: string; readonly log?: string }
  | { readonly kind: 'failed'; readonly uid: string; readonly message: string; readonly timedOut: boolean; readonly log?: string };

/** One request that this process knows of. A key that it does not know was sent by another process. */
export type ObservedCall =
  /** Decided here and not sent yet. */
  | { readonly kind: 'unsent' }
  | { readonly kind: 'underWay' }
  | { readonly kind: 'answered'; readonly status: number; readonly message?: string }
  /** No answer, or the request could not be made. */
  | { readonly kind: 'unanswered'; readonly message: string };

export interface ObservedGates {
  readonly standing: GateStanding;
  readonly jobs: Readonly<Record<string, ObservedJob>>;
  readonly calls: Readonly<Record<string, ObservedCall>>;
  /** Jobs of `status.internal.leavingJobs` that are gone. */
  readonly gone: readonly string[];
}
