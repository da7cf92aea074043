// What a manifest alone says about its metrics source: the gaps of the one that it names, and whether the operator would refuse it.

import type { CanaryReleaseSpec } from '../api/release.ts';
import { findSource } from '../sources/catalogue.ts';
import { hazardsOf, refuseBlind } from '../sources/hazards.ts';

export interface SourceGaps {
  /** Why the operator would not begin a release. */
  readonly refusal: string | undefined;
  /** What to know before trusting the source, each a sentence. */
  readonly gaps: readonly string[];
}

/** With source Auto only the cluster knows; a spec that lists no routes is taken to be about HTTPRoutes. */
export function findSourceGaps({ analysis, routeRefs }: CanaryReleaseSpec): SourceGaps {
  const source = findSource(analysis.metrics.source);
  if (source === undefined || analysis.mode === 'Off') return { refusal: undefined, gaps: [] };
  const kinds = routeRefs.length === 0 ? (['HTTPRoute'] as const) : [...new Set(routeRefs.map(({ kind }) => kind))];
  return {
    refusal: refuseBlind(source, kinds, analysis)?.message,
    gaps: hazardsOf(source, kinds).map(({ message }) => `metrics source ${source.name}: ${message}`),
  };
}
