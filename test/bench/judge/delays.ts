// Releases whose samples reach Prometheus late, as with remote write, Thanos or Mimir: the whole operator over the memory world, whose
// traffic has no chance in it. What late samples change is when a verdict comes; which one it is depends on the samples alone.

import type { MemoryWorld } from '../../fakes/memory/world.ts';
import { buildStore } from '../../fixtures/story.ts';
import { medianOf } from '../figures.ts';

const DELAYS_SECONDS = [0, 30, 120, 300];
const SCRAPES_SECONDS = [15, 60];
/** Error ratios of the canary; serving has 0.1%. */
const CANARIES = [0.001, 0.05, 0.5];
const SERVING = 0.001;
const RPS = 100;
/** How far behind the operator's clock the scrapes are, shares of an interval. */
const PHASES = [0, 0.2, 0.4, 0.6, 0.8];
/** So long the cluster has run before the release. */
const BEFORE_MS = 1_900_000;

/** One line of JSON a cell: what became of its releases, and the median time until then. */
export async function measureDelays(tell: (text: string) => void): Promise<readonly object[]> {
  const lines: object[] = [];
  for (const scrapeSeconds of SCRAPES_SECONDS)
    for (const canaryErrors of CANARIES)
      for (const delaySeconds of DELAYS_SECONDS) {
        const ends = await Promise.all(PHASES.map((phase) => runDelayed({ scrapeSeconds, canaryErrors, delaySeconds, phase })));
        const name = canaryErrors === SERVING ? 'judge-delays-promoted' : 'judge-delays-rolled-back';
        const wanted = canaryErrors === SERVING ? 'promoted' : 'rolledBack';
        const right = ends.filter(({ state }) => state === wanted);
        tell(`delays: ${delaySeconds} s late, scrapes of ${scrapeSeconds} s, canary ${canaryErrors}`);
        lines.push({
          name,
          value: (100 * right.length) / ends.length,
          unit: 'percent',
          delaySeconds,
          scrapeSeconds,
          canaryErrors,
          releases: ends.length,
          ...(right.length === 0 ? {} : { medianSeconds: medianOf(right.map(({ seconds }) => seconds)) }),
        });
      }
  return lines;
}

interface Delayed {
  readonly scrapeSeconds: number;
  readonly canaryErrors: number;
  readonly delaySeconds: number;
  readonly phase: number;
}

/** @returns where the release ended, and seconds from its begin until then */
async function runDelayed(cell: Delayed): Promise<{ readonly state: string; readonly seconds: number }> {
  const scrapeMs = cell.scrapeSeconds * 1_000;
  const world = buildStore({ rps: RPS, scrapeMs, scrapePhaseMs: Math.round(cell.phase * scrapeMs) });
  world.setVersion('v1', { errorRatio: SERVING });
  world.setVersion('v2', { errorRatio: cell.canaryErrors });
  world.prometheus.delayMs = cell.delaySeconds * 1_000;
  await world.run(BEFORE_MS);
  world.createRelease('web', { services: [{ name: 'v1' }, { name: 'v2' }] });
  const took = await world.until('the end', () => isOver(world));
  return { state: world.status('web')?.state ?? '', seconds: Math.round(took / 1_000) };
}

function isOver(world: MemoryWorld): boolean {
  const state = world.status('web')?.state;
  return state === 'promoted' || state === 'rolledBack' || state === 'paused';
}
