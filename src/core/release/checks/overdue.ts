// What the spec wants when a wait has lasted too long, as tables: a new word of the schema does not compile before it has its place.

import type { CanaryReleaseSpec } from '../../../api/release.ts';

/** What a wait that lasted too long leads to. */
export type Consequence = 'pause' | 'reduce' | 'rollback' | 'advance' | 'ask';

const UNAVAILABLE: Readonly<Record<CanaryReleaseSpec['analysis']['onUnavailable']['then'], Consequence>> = {
  Pause: 'pause',
  Reduce: 'reduce',
  Rollback: 'rollback',
};
const INCONCLUSIVE: Readonly<Record<CanaryReleaseSpec['analysis']['onInconclusive'], Consequence>> = {
  Pause: 'pause',
  Promote: 'advance',
  Rollback: 'rollback',
  Approve: 'ask',
};
const BLOCKED: Readonly<Record<CanaryReleaseSpec['onBlocked']['then'], Consequence>> = { Pause: 'pause', Rollback: 'rollback' };
const DEADLINE: Readonly<Record<CanaryReleaseSpec['deadline']['then'], Consequence>> = { Pause: 'pause', Rollback: 'rollback' };

/** Prometheus did not answer for `onUnavailable.after`. */
export function afterOutage({ analysis }: CanaryReleaseSpec): Consequence {
  return UNAVAILABLE[analysis.onUnavailable.then];
}

/** A stage timed out without proof. */
export function afterTimeout({ analysis }: CanaryReleaseSpec): Consequence {
  return INCONCLUSIVE[analysis.onInconclusive];
}

/** The release was blocked for `onBlocked.after`. */
export function afterBlock({ onBlocked }: CanaryReleaseSpec): Consequence {
  return BLOCKED[onBlocked.then];
}

/** The release took longer than `deadline.after`. */
export function afterDeadline({ deadline }: CanaryReleaseSpec): Consequence {
  return DEADLINE[deadline.then];
}
