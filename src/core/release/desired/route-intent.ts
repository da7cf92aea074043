// A write to a route, as data.

import type { Cohort } from '../../../api/cohort.ts';
import type { RouteStanding, WantedWeights } from '../../routing/standing.ts';

/** One route and what is wanted of it. The patch is built again from a fresh read when a guard fails. */
export interface RouteIntent {
  readonly kind: 'home' | 'lower' | 'raise' | 'claim' | 'reclaim' | 'withdraw' | 'restore' | 'clean';
  readonly standing: RouteStanding;
  readonly wanted: WantedWeights;
  /** The requests for which the route is to have rules of ours; absent: it is to have none. */
  readonly cohort?: Cohort | undefined;
  /** The annotation's value that the intent sets or tests. */
  readonly mark: string;
}
