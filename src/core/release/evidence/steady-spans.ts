// Records when the canary had which weight without anybody changing it. The comparison reads Prometheus by these spans, so that
// a restart, and a backtest years later, compare the same seconds.

import { MAX_SERVED } from '../../../api/names.ts';
import { toExactTime } from '../../../api/times.ts';
import type { CanaryReleaseStatus, ReleaseStatus } from '../../../api/release.ts';
import { isJudged, type StateName } from '../state.ts';

type Served = NonNullable<ReleaseStatus['served']>;

/** States in which the weight is on its way, not steady. */
const SHIFTING: readonly StateName[] = ['preparing', 'stage.shifting', 'promoting.rollingOut'];

/** Opens a span when a weight has become steady and closes it when it is changed or somebody else changes it. */
export function noteSteadySpan(status: CanaryReleaseStatus, state: StateName, now: number): CanaryReleaseStatus {
  const { release } = status;
  if (release === undefined) return status;
  const served = release.served ?? [];
  const weight = status.weight ?? 0;
  const open = served.at(-1);
  const isOpen = open !== undefined && open.to === undefined;
  const steady = isSteady(status, state);
  if (isOpen && steady && open.weight === weight) return status;
  if (!isOpen && !steady) return status;
  // Milliseconds matter here: cells are as short as a second.
  const at = toExactTime(now);
  const closed: Served = isOpen ? [...served.slice(0, -1), { ...open, to: at }] : served;
  const next: Served = steady ? [...closed, { weight, from: at }] : closed;
  return { ...status, release: { ...release, served: next.slice(-MAX_SERVED) } };
}

/** The weight that the canary had before the present one was set, percent. */
export function formerWeight(release: ReleaseStatus): number {
  return release.served?.findLast(({ to }) => to !== undefined)?.weight ?? release.adoptedWeight ?? 0;
}

function isSteady({ weight, release }: CanaryReleaseStatus, state: StateName): boolean {
  if (!isJudged(state) || SHIFTING.includes(state)) return false;
  return (weight ?? 0) > 0 && release?.stageStartedAt !== undefined && release.driftSince === undefined;
}
