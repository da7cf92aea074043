// Which stage a recording was in: the weights were not recorded, so the highest stage counts whose weight the canary's share of
// the requests has reached, and a stage never ends before the next one begins.

import type { CanaryReleaseSpec, CanaryReleaseStatus } from '../../api/release.ts';
import type { Cell } from '../../core/analysis/comparison/cells.ts';
import { toTime } from '../../api/times.ts';
import type { ReplayQuestion } from './question.ts';

/** A share that is this part of a stage's weight has reached it: shares of small numbers scatter. */
const REACHED = 0.85;
/** Fewer requests than this since the last look are too few to know a share; then the whole window is used. */
const ENOUGH = 500;
/** This many canary requests must be expected of a stage before its weight can be seen. */
const EXPECTED = 20;

/** Where the recording is at a look. */
export interface FoundStage {
  /** The canary's share of the requests in whole percent, at least 1 while it has any. */
  readonly weight: number;
  readonly index: number;
  readonly isNew: boolean;
}

/** The status of a release in its first stage. */
export function startStatus({ startMs, servingName, canaryName, spec }: ReplayQuestion): CanaryReleaseStatus {
  const at = toTime(startMs);
  return {
    observedGeneration: -1,
    state: 'stage.analyzing',
    weight: 0,
    serving: { service: servingName },
    release: {
      id: '0000000000',
      revision: canaryName,
      attempt: 1,
      templateHashes: [],
      serving: { service: servingName },
      canary: { service: canaryName },
      startedAt: at,
      shiftedAt: at,
      stageStartedAt: at,
      cleanSince: at,
      stageIndex: 0,
      stage: spec.stages[0]?.name ?? '1',
      stageRequests: 0,
    },
  };
}

/** @param window requests of the looks' window */
export function findStage(
  spec: CanaryReleaseSpec,
  { release }: CanaryReleaseStatus,
  cells: readonly Cell[],
  window: { readonly canary: number; readonly serving: number },
): FoundStage {
  const canary = sum(cells.map((cell) => cell.canary.requests));
  const serving = sum(cells.map((cell) => cell.serving.requests));
  const seen = canary + serving >= ENOUGH ? { canary, serving } : window;
  const total = seen.canary + seen.serving;
  const share = total === 0 ? 0 : seen.canary / total;
  const present = release?.stageIndex ?? 0;
  const reached = spec.stages.findLastIndex(({ weight }) => total * (weight / 100) >= EXPECTED && share >= REACHED * (weight / 100));
  const index = Math.max(present, reached);
  return { weight: share === 0 ? 0 : Math.max(1, Math.round(share * 100)), index, isNew: index > present };
}

/** The status with the weight that was seen; a stage that begins has a clock of its own. */
export function enterStage(spec: CanaryReleaseSpec, status: CanaryReleaseStatus, found: FoundStage, atMs: number): CanaryReleaseStatus {
  const { release } = status;
  if (release === undefined) return status;
  if (!found.isNew) return { ...status, weight: found.weight };
  const { passInStage: _pass, passAt: _passAt, verdict: _verdict, ...rest } = release;
  const at = toTime(atMs);
  const clock = { shiftedAt: at, stageStartedAt: at, cleanSince: at, stageRequests: 0 };
  return {
    ...status,
    weight: found.weight,
    release: { ...rest, ...clock, stageIndex: found.index, stage: spec.stages[found.index]?.name ?? String(found.index + 1) },
  };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
