// How long a stage may wait for proof.

import { parseDuration } from '../../api/duration.ts';
import type { Stage } from '../../api/release.ts';

/** The longest that a stage may wait for proof. */
export function timeoutOf(stage: Stage): number {
  const fallback = Math.max(30 * 60_000, 10 * parseDuration(stage.duration));
  return stage.timeout === undefined ? fallback : parseDuration(stage.timeout);
}
