// What a judge did to one simulated release.

import type { JudgeName } from './judges.ts';

export interface Rollback {
  readonly judge: JudgeName;
  /** Since the release began. */
  readonly seconds: number;
  /** Bad requests of the canary until then; undefined where they are not counted. */
  readonly failed: number | undefined;
}
