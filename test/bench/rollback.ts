// How long users see a bad release: from the first bad answer to the last one, by the load generator's own record. And how
// long a canary without endpoints keeps weight, as watched at the API server.

import { setTimeout as delay } from 'node:timers/promises';
import type { ScrapeInterval } from '../lab/configuration.ts';
import { setScrapeInterval } from '../lab/control.ts';
import { isBad, type LoadRecord, startLoad } from '../lab/load.ts';
import { say } from '../lab/progress.ts';
import { GATEWAY_URL, labKind, PROMETHEUS_URL } from '../lab/settings.ts';
import { Cluster, type ClusterObject } from './cluster.ts';
import { medianOf, printFigure } from './figures.ts';
import { applyRights, buildOperator, startOperator } from './operator-process.ts';
import { closeShop, deploy, dropRelease, openShop, ROUTE, routeTo, scale, shareOn, type Shop, startRelease, untilPhase } from './shop.ts';

const RPS = 50;
const RUNS = 5;
const DEFAULT_RUNS = 3;
const EMPTY_RUNS = 5;
/** Traffic before the release begins, so that Prometheus knows the serving version. */
const WARM_UP_MS = 3_000;
/** Traffic after the rollback, which must be free of bad answers. */
const AFTER_MS = 2_000;
const PATIENCE_MS = 60_000;
/** A scrape every minute takes its time. */
const SLOW_PATIENCE_MS = 600_000;
const SCRAPE_MS = 1_000;
/** What people set, beside the one second of the other figures. */
const SCRAPES = ['15s', '30s', '60s'] as const;
const SENTINEL_RUNS = 3;

const GOOD = 'store-v1';
const BAD = 'store-v2';
const STEADY = 'store-v3';
/** One look that breaks the limit acts at once, whatever serving does: what the peers do too. */
const FAST = { interval: '1s', checks: [{ name: 'errors', metric: 'ErrorRatio', max: '1%', onBreach: 'Rollback' }] } as const;

interface Exposure {
  readonly seconds: number;
  readonly badAnswers: number;
}

/** From the end of the first bad answer to the end of the last one. */
function measureExposure(records: readonly LoadRecord[]): Exposure {
  const times = records.filter(isBad).map(({ doneAtMs }) => doneAtMs);
  if (times.length === 0) throw new Error('the bad version never answered: nothing was measured');
  return { seconds: (Math.max(...times) - Math.min(...times)) / 1_000, badAnswers: times.length };
}

interface BadRelease {
  readonly spec: object;
  /** Begins so much later: each run ends right behind a scrape, and the next must not begin in step with it. */
  readonly phaseMs: number;
  readonly rps?: number;
  /** Traffic before, so that serving has been scraped. */
  readonly warmUpMs?: number;
}

/** Releases the bad version once, until it is rolled back. */
async function releaseBad(shop: Shop, name: string, { spec, phaseMs, rps = RPS, warmUpMs = WARM_UP_MS }: BadRelease): Promise<Exposure> {
  await routeTo(shop, GOOD, BAD);
  const load = startLoad({ url: GATEWAY_URL, host: shop.hostname, rps });
  try {
    await delay(warmUpMs + phaseMs);
    await startRelease(shop, name, [GOOD, BAD], spec);
    await untilPhase(shop, name, 'RolledBack', SLOW_PATIENCE_MS);
    await delay(AFTER_MS);
  } finally {
    await load.stop();
  }
  await dropRelease(shop, name);
  const exposure = measureExposure(load.records);
  say(`  ${name}: ${exposure.seconds.toFixed(2)} s, ${exposure.badAnswers} bad answers of ${load.records.length}`);
  return exposure;
}

async function repeat<T>(runs: number, work: (run: number) => Promise<T>): Promise<readonly T[]> {
  const results: T[] = [];
  for (let run = 1; run <= runs; run += 1) results.push(await work(run));
  return results;
}

interface Endpoints {
  readonly endpoints?: readonly { readonly conditions?: { readonly ready?: boolean; readonly terminating?: boolean } }[] | null;
}

function hasReadyEndpoint(slice: ClusterObject): boolean {
  const { endpoints } = slice as Endpoints;
  return (endpoints ?? []).some(({ conditions }) => conditions?.ready !== false && conditions?.terminating !== true);
}

/** When the Service has no ready endpoint any more, as the watch tells it. The Service has one slice only. */
function untilEmpty({ cluster, namespace }: Shop, service: string): Promise<number> {
  return cluster.until('EndpointSlice', namespace, `The loss of the last endpoint of ${service}`, PATIENCE_MS, ({ object, atMs }) =>
    object.metadata.labels?.['kubernetes.io/service-name'] === service && !hasReadyEndpoint(object) ? atMs : undefined,
  );
}

function untilShare({ cluster, namespace }: Shop, service: string, percent: number): Promise<number> {
  return cluster.until('HTTPRoute', namespace, `${percent}% for ${service}`, PATIENCE_MS, ({ object, atMs }) =>
    object.metadata.name === ROUTE && shareOn(object, service) === percent ? atMs : undefined,
  );
}

/** Takes all pods from a canary at 50%. @returns seconds from its last endpoint to the weight 0 on the route */
async function emptyCanary(shop: Shop, name: string): Promise<number> {
  await routeTo(shop, GOOD, STEADY);
  const load = startLoad({ url: GATEWAY_URL, host: shop.hostname, rps: RPS });
  try {
    await delay(WARM_UP_MS);
    await startRelease(shop, name, [GOOD, STEADY], { stages: [{ weight: 50, duration: '10m' }], analysis: FAST });
    await untilPhase(shop, name, 'Analyzing', PATIENCE_MS);
    await untilShare(shop, STEADY, 50);
    const both = Promise.all([untilEmpty(shop, STEADY), untilShare(shop, STEADY, 0)]);
    // The watches are under way before the pods go.
    await delay(500);
    await scale(shop, STEADY, 0);
    const [emptyAtMs, homeAtMs] = await both;
    await untilPhase(shop, name, 'RolledBack', PATIENCE_MS);
    return (homeAtMs - emptyAtMs) / 1_000;
  } finally {
    await load.stop();
    say(`  ${name}: ${load.records.filter(isBad).length} bad answers of ${load.records.length}`);
    await dropRelease(shop, name);
    await deploy(shop, [{ name: STEADY, version: 'v3' }]);
  }
}

/** Runs the benchmark. */
export async function runRollback(): Promise<void> {
  await setScrapeInterval('1s');
  await withShop([], measure);
}

/** The default manifest at a weight of 5% and 100 requests a second, where Prometheus scrapes as people let it. */
export async function runRollbackScrapes(): Promise<void> {
  await withShop([], async (shop) => {
    for (const scrape of SCRAPES) {
      const exposures = await repeatBad(shop, scrape, RUNS, 'default', { spec: {}, rps: 100 });
      printFigure(`rollback-exposure-${scrape}-seconds`, medianOf(exposures.map(({ seconds }) => seconds)), 's');
      printFigure(`rollback-exposure-${scrape}-worst-seconds`, Math.max(...exposures.map(({ seconds }) => seconds)), 's');
    }
  });
}

/** The same with the sentinel, which reads the gateway itself: of each figure the worst median of the scrape intervals. */
export async function runRollbackSentinel(): Promise<void> {
  const target = labKind() === 'k3d' ? 'projectcontour/app=envoy' : 'http://127.0.0.1:8804';
  const stages = [{ weight: 25, duration: '5m' }];
  const cases: readonly (readonly [figure: string, release: Pick<BadRelease, 'spec' | 'rps'>])[] = [
    ['rollback-sentinel-exposure-seconds', { spec: { stages, analysis: { checks: FAST.checks } } }],
    ['rollback-sentinel-default-seconds', { spec: { stages } }],
    ['rollback-sentinel-default-small-seconds', { spec: {}, rps: 100 }],
  ];
  await withShop([`--sentinel=${target}`], async (shop) => {
    const medians = new Map<string, number[]>(cases.map(([figure]) => [figure, []]));
    for (const scrape of SCRAPES) {
      for (const [index, [figure, release]] of cases.entries()) {
        const exposures = await repeatBad(shop, scrape, SENTINEL_RUNS, `sentinel-${index}`, release);
        medians.get(figure)?.push(medianOf(exposures.map(({ seconds }) => seconds)));
      }
    }
    for (const [figure, values] of medians) printFigure(figure, Math.max(...values), 's');
  });
}

/** Bad releases at one scrape interval, their starts spread over it. */
async function repeatBad(
  shop: Shop,
  scrape: ScrapeInterval,
  runs: number,
  name: string,
  release: Pick<BadRelease, 'spec' | 'rps'>,
): Promise<readonly Exposure[]> {
  await setScrapeInterval(scrape);
  const scrapeMs = Number.parseInt(scrape, 10) * 1_000;
  return repeat(runs, (run) =>
    releaseBad(shop, `${name}-${scrape}-${run}`, { ...release, phaseMs: (run * scrapeMs) / runs, warmUpMs: scrapeMs + WARM_UP_MS }),
  );
}

/** A shop with a good and a bad version, and the operator with these flags besides its own. */
async function withShop(flags: readonly string[], work: (shop: Shop) => Promise<void>): Promise<void> {
  await buildOperator();
  await applyRights();
  const cluster = new Cluster();
  const shop = await openShop(cluster, `bench-rollback-${process.pid}`);
  try {
    await deploy(shop, [
      { name: GOOD, version: 'v1' },
      { name: BAD, version: 'v2', errorRate: 0.5 },
      { name: STEADY, version: 'v3' },
    ]);
    const operator = await startOperator(cluster, [`--namespace=${shop.namespace}`, `--prometheus-url=${PROMETHEUS_URL}`, ...flags]);
    try {
      await work(shop);
    } catch (error) {
      process.stderr.write(operator.log());
      throw error;
    } finally {
      await operator.stop();
    }
  } finally {
    await closeShop(shop);
    await cluster.close();
    await setScrapeInterval('1s');
  }
}

async function measure(shop: Shop): Promise<void> {
  const stages = [{ weight: 25, duration: '1m' }];
  const fast = await repeat(RUNS, (run) =>
    releaseBad(shop, `fast-${run}`, { spec: { stages, analysis: FAST }, phaseMs: (run * SCRAPE_MS) / RUNS }),
  );
  printFigure('rollback-exposure-seconds', medianOf(fast.map(({ seconds }) => seconds)), 's');
  printFigure('rollback-exposure-worst-seconds', Math.max(...fast.map(({ seconds }) => seconds)), 's');
  printFigure('rollback-bad-answers', medianOf(fast.map(({ badAnswers }) => badAnswers)), 'answers');
  const slow = await repeat(DEFAULT_RUNS, (run) =>
    releaseBad(shop, `default-${run}`, { spec: {}, phaseMs: (run * SCRAPE_MS) / DEFAULT_RUNS }),
  );
  printFigure('rollback-default-exposure-seconds', medianOf(slow.map(({ seconds }) => seconds)), 's');
  const empty = await repeat(EMPTY_RUNS, (run) => emptyCanary(shop, `empty-${run}`));
  printFigure('empty-canary-home-seconds', medianOf(empty), 's');
}
