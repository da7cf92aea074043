// Releases as Prometheus shows them: several replicas of the gateway, each scraped at times of its own, and errors that come in bursts.
// The judge gets the product's own cells of these samples, and what it makes of the half hour before.

import type { Cell as JudgedCell } from '../../../src/core/analysis/comparison/cells.ts';
import { type ArmSeries, bordersBetween, cellLength, cutCells } from '../../../src/core/analysis/comparison/cells.ts';
import { evidenceIn, foldCell, isWorthIt, startJudge, type JudgeState } from '../../../src/core/analysis/comparison/judge.ts';
import { measurePrior, PRIOR_MS } from '../../../src/core/analysis/comparison/prior.ts';
import { type CellContext, contextOf } from '../../../src/core/analysis/comparison/schedule.ts';
import { settingsFor, type JudgeSettings } from '../../../src/core/analysis/comparison/settings.ts';
import { SCRAPE_MARGIN_MS } from '../../../src/core/analysis/grid.ts';
import type { OutcomeOf } from '../../../src/core/analysis/outcome.ts';
import type { Series } from '../../../src/core/analysis/series.ts';
import { startErrorPeers } from './judges.ts';
import { drawGeometric, drawPoisson, type Random } from './random.ts';
import type { Rollback } from './rollback.ts';
import { addCounts, type Look } from './traffic.ts';

/** What befalls a release beside its share of bad answers. */
export type Incident =
  | { readonly kind: 'none' }
  /** One burst of bad answers of the canary beside its requests. */
  | { readonly kind: 'burst'; readonly size: number; readonly seconds: number }
  /** The canary answers nothing for a moment, on all replicas of the gateway or on one. */
  | { readonly kind: 'outage'; readonly seconds: number; readonly oneReplica: boolean };

/** A cell of the tables by scrapes. */
export interface ScrapeCell {
  readonly kind: 'scrapes';
  readonly section: 'scrapes';
  readonly scenario: string;
  readonly requestsPerSecond: number;
  readonly weightPercent: number | undefined;
  readonly lookSeconds: number;
  readonly isHealthy: boolean;
  readonly replicas: number;
  readonly scrapeSeconds: number;
  readonly stages: readonly { readonly weight: number; readonly seconds: number }[];
  readonly canaryBadShare: number;
  readonly stableBadShare: number;
  /** Bad answers come in bursts of this mean size, spread over so many seconds. */
  readonly burst: { readonly mean: number; readonly seconds: number };
  readonly incident: Incident;
}

const INTERVAL_MS = 10_000;
const ALPHA = 0.01;

const outcomeOf: OutcomeOf = ({ code }) => (code === '503' ? 'serverError' : 'success');

type Arm = 'canary' | 'stable';

/** A stretch of time with one weight, seconds since the release began. */
interface Stretch {
  readonly fromS: number;
  readonly toS: number;
  readonly weight: number;
}

function stretchesOf({ stages }: ScrapeCell): readonly Stretch[] {
  let fromS = 0;
  const stretches: Stretch[] = [{ fromS: -PRIOR_MS / 1_000, toS: 0, weight: 0 }];
  for (const { weight, seconds } of stages) {
    stretches.push({ fromS, toS: fromS + seconds, weight });
    fromS += seconds;
  }
  return stretches;
}

/** Bad answers that are no part of the even flow: when, and on which replica. */
interface Bad {
  readonly atS: number;
  readonly replica: number;
}

function drawBursts(random: Random, cell: ScrapeCell, arm: Arm, stretches: readonly Stretch[]): readonly Bad[] {
  const { burst, requestsPerSecond, replicas } = cell;
  const badShare = arm === 'canary' ? cell.canaryBadShare : cell.stableBadShare;
  return stretches.flatMap(({ fromS, toS, weight }) => {
    const share = arm === 'canary' ? weight : 1 - weight;
    const bursts = drawPoisson(random, (requestsPerSecond * share * badShare * (toS - fromS)) / burst.mean);
    return Array.from({ length: bursts }, () => fromS + random() * (toS - fromS)).flatMap((beganS) =>
      Array.from({ length: drawGeometric(random, burst.mean) }, () => ({
        atS: beganS + random() * burst.seconds,
        replica: Math.floor(random() * replicas),
      })),
    );
  });
}

interface Outage {
  readonly fromS: number;
  readonly toS: number;
  /** Undefined: all. */
  readonly replica: number | undefined;
}

/** @returns the outage, and the bad answers of a burst */
function drawIncident(
  random: Random,
  { incident, replicas }: ScrapeCell,
  endS: number,
): { readonly outage?: Outage; readonly bad: readonly Bad[] } {
  const fromS = random() * endS;
  switch (incident.kind) {
    case 'none':
      return { bad: [] };
    case 'burst':
      return {
        bad: Array.from({ length: incident.size }, () => ({
          atS: fromS + random() * incident.seconds,
          replica: Math.floor(random() * replicas),
        })),
      };
    case 'outage':
      return {
        bad: [],
        outage: { fromS, toS: fromS + incident.seconds, replica: incident.oneReplica ? Math.floor(random() * replicas) : undefined },
      };
  }
}

function overlap(fromS: number, toS: number, span: { readonly fromS: number; readonly toS: number }): number {
  return Math.max(0, Math.min(toS, span.toS) - Math.max(fromS, span.fromS));
}

interface Drawn {
  /** When each replica is scraped, seconds behind a multiple of the interval. */
  readonly offsets: readonly number[];
  readonly bad: readonly Bad[];
  readonly outage: Outage | undefined;
}

/** The counters of one arm, a pair of series for each replica. */
function drawArm(random: Random, cell: ScrapeCell, arm: Arm, { offsets, bad, outage }: Drawn): readonly Series[] {
  const stretches = stretchesOf(cell);
  const endS = stretches.at(-1)?.toS ?? 0;
  const badShare = arm === 'canary' ? cell.canaryBadShare : cell.stableBadShare;
  const perReplica = cell.requestsPerSecond / cell.replicas;
  return offsets.flatMap((offsetS, replica) => {
    const own = bad
      .filter((one) => one.replica === replica)
      .map(({ atS }) => atS)
      .sort((a, b) => a - b);
    const good: { atMs: number; value: number }[] = [];
    const failed: { atMs: number; value: number }[] = [];
    let [goodTotal, badTotal, next] = [0, 0, 0];
    const firstS = -PRIOR_MS / 1_000 - 2 * cell.scrapeSeconds + offsetS;
    for (let atS = firstS; atS <= endS; atS += cell.scrapeSeconds) {
      const fromS = atS - cell.scrapeSeconds;
      for (const stretch of stretches) {
        const seconds = overlap(fromS, atS, stretch);
        const share = arm === 'canary' ? stretch.weight : 1 - stretch.weight;
        if (seconds === 0 || share === 0) continue;
        const down =
          outage === undefined || (outage.replica !== undefined && outage.replica !== replica)
            ? 0
            : overlap(Math.max(fromS, stretch.fromS), Math.min(atS, stretch.toS), outage);
        goodTotal += drawPoisson(random, perReplica * share * (1 - badShare) * (seconds - down));
        if (down > 0) badTotal += drawPoisson(random, perReplica * share * down);
      }
      for (; next < own.length && (own[next] ?? Number.POSITIVE_INFINITY) <= atS; next += 1) badTotal += 1;
      good.push({ atMs: atS * 1_000, value: goodTotal });
      failed.push({ atMs: atS * 1_000, value: badTotal });
    }
    const labels = { instance: `gateway-${replica}` };
    return [
      { labels: { ...labels, code: '200' }, samples: good },
      { labels: { ...labels, code: '503' }, samples: failed },
    ];
  });
}

const toArm = (counts: readonly Series[]): ArmSeries => ({ counts, latency: [], perSecond: 1 });

/** A release as the judges see it. */
interface Shown {
  readonly settings: JudgeSettings;
  readonly cells: readonly JudgedCell[];
  /** A border of the grid of looks, milliseconds since the release began. */
  readonly anchorMs: number;
}

function drawRelease(cell: ScrapeCell, random: Random): Shown {
  const stretches = stretchesOf(cell);
  const endS = stretches.at(-1)?.toS ?? 0;
  const offsets = Array.from({ length: cell.replicas }, () => random() * cell.scrapeSeconds);
  const incident = drawIncident(random, cell, endS);
  const canaryBad = [...drawBursts(random, cell, 'canary', stretches), ...incident.bad];
  const canary = drawArm(random, cell, 'canary', { offsets, bad: canaryBad, outage: incident.outage });
  const serving = drawArm(random, cell, 'stable', { offsets, bad: drawBursts(random, cell, 'stable', stretches), outage: undefined });
  // Looks come right behind the scrapes of one replica.
  const anchorMs = (((offsets[0] ?? 0) * 1_000) % INTERVAL_MS) + SCRAPE_MARGIN_MS;
  const grid = { anchorMs, lengthMs: cellLength(INTERVAL_MS, 'caller') };
  const { prior } = measurePrior(toArm(serving), { fromMs: -PRIOR_MS, toMs: 0 }, grid, outcomeOf, 'whole');
  const borders = bordersBetween(grid, 0, endS * 1_000);
  const arms = { canary: toArm(canary), serving: toArm(serving) };
  const settings = settingsFor({ alpha: ALPHA, riskBudget: { ratio: 0.005, requests: 0 }, startMs: 0, prior });
  return { settings, cells: cutCells(arms, { fromMs: 0, borders }, outcomeOf, 'whole'), anchorMs };
}

/** One release past all judges. @returns who rolled it back, when, and after how many bad answers of the canary */
export function runScrapeRelease(cell: ScrapeCell, random: Random): readonly Rollback[] {
  const { settings, cells, anchorMs } = drawRelease(cell, random);
  const contexts = createContexts(cell);
  const lookMs = cell.lookSeconds * 1_000;
  const rollbacks: Rollback[] = [];
  let peers = startErrorPeers(60);
  let state = startJudge(settings);
  let isAsked = true;
  let [failed, since] = [0, NOTHING];
  for (const one of cells) {
    state = isAsked ? foldCell(settings, state, one, contexts(one)) : state;
    failed += one.canary.serverErrors;
    since = addCell(since, one);
    if (Math.round((one.toMs - anchorMs) / 10) % Math.round(lookMs / 10) !== 0) continue;
    const atSeconds = one.toMs / 1_000;
    const look: Look = { ...since, atSeconds, weight: contexts(one).present ?? 0 };
    since = NOTHING;
    const decided = peers.filter(({ rule }) => rule(look));
    peers = peers.filter((peer) => !decided.includes(peer));
    rollbacks.push(...decided.map(({ judge }) => ({ judge, seconds: atSeconds, failed })));
    if (!isAsked || !isConvicted(settings, state)) continue;
    isAsked = false;
    rollbacks.push({ judge: 'glidepath', seconds: atSeconds, failed });
  }
  return rollbacks;
}

const NOTHING: Pick<Look, 'seconds' | 'canary' | 'stable'> = {
  seconds: 0,
  canary: { requests: 0, bad: 0 },
  stable: { requests: 0, bad: 0 },
};

function addCell(before: typeof NOTHING, { fromMs, toMs, canary, serving }: JudgedCell): typeof NOTHING {
  return {
    seconds: before.seconds + (toMs - fromMs) / 1_000,
    canary: addCounts(before.canary, { requests: canary.requests, bad: canary.serverErrors }),
    stable: addCounts(before.stable, { requests: serving.requests, bad: serving.serverErrors }),
  };
}

/** What each cell is compared under, as the operator knows it from the status. */
function createContexts(cell: ScrapeCell): (one: JudgedCell) => CellContext {
  const spans = stretchesOf(cell)
    .filter(({ weight }) => weight > 0)
    .map(({ fromS, toS, weight }) => ({ weight: weight * 100, fromMs: fromS * 1_000, toMs: toS * 1_000 }));
  return (one) => contextOf(spans, one, { scrapeMs: cell.scrapeSeconds * 1_000 });
}

function isConvicted(settings: JudgeSettings, state: JudgeState): boolean {
  return evidenceIn(settings, state, 'errors') >= 1 / settings.alpha && isWorthIt(settings, state, 'errors');
}

const RELEASE = [0.05, 0.1, 0.25, 0.5].map((weight) => ({ weight, seconds: 300 }));
const NONE: Incident = { kind: 'none' };
const EVEN = { mean: 1, seconds: 0 };

type Story = Pick<ScrapeCell, 'scenario' | 'isHealthy' | 'canaryBadShare' | 'stableBadShare' | 'burst' | 'incident'>;

function healthy(scenario: string, story: Partial<Story> = {}): Story {
  return { scenario, isHealthy: true, canaryBadShare: 0.001, stableBadShare: 0.001, burst: EVEN, incident: NONE, ...story };
}

const HEALTHY: readonly Story[] = [
  healthy('even errors 0.1%'),
  healthy('even errors 2%', { canaryBadShare: 0.02, stableBadShare: 0.02 }),
  healthy('bursts of 5', { burst: { mean: 5, seconds: 0 } }),
  healthy('bursts of 20', { burst: { mean: 20, seconds: 0 } }),
  healthy('bursts of 20 over 10 s', { burst: { mean: 20, seconds: 10 } }),
  healthy('each: one burst of 20 over 10 s', { incident: { kind: 'burst', size: 20, seconds: 10 } }),
  healthy('each: canary out for 3 s', { incident: { kind: 'outage', seconds: 3, oneReplica: false } }),
];

const BAD: readonly Story[] = [5, 20, 50, 100].map((percent) => ({
  ...healthy(`canary ${percent}%`),
  isHealthy: false,
  canaryBadShare: percent / 100,
}));

const SCRAPES = [2, 15, 30, 60];
const REPLICAS = [1, 2, 5];
const RATES = [10, 100];

/** Healthy and bad canaries by the gateway's replicas and the scrape interval. */
export function planScrapes(): readonly ScrapeCell[] {
  return REPLICAS.flatMap((replicas) =>
    SCRAPES.flatMap((scrapeSeconds) =>
      RATES.flatMap((requestsPerSecond) =>
        [...HEALTHY, ...BAD].map(
          (story): ScrapeCell => ({
            kind: 'scrapes',
            section: 'scrapes',
            ...story,
            replicas,
            scrapeSeconds,
            requestsPerSecond,
            weightPercent: story.isHealthy ? undefined : 5,
            lookSeconds: 10,
            stages: story.isHealthy ? RELEASE : [{ weight: 0.05, seconds: 900 }],
          }),
        ),
      ),
    ),
  );
}
