// One cause turns all releases bad at once: how long until the last route is home, against the same patches sent bare.
//
// What is measured:
// - mass-abort-seconds: from the API server's receipt of the operator's first home patch (audit log) to the arrival of the
//   last home event at a watch of ours.
// - bare-patch-seconds: from just before the first patch is sent to the arrival of the last home event at the same kind of
//   watch. The same JSON patches on the same routes, by the operator's own REST client with its 32 home connections already
//   open, with the same account, no limiter, the operator stopped; median of three.
// - mass-abort-cause-seconds and mass-abort-first-home-seconds: from the scrape that first holds errors to the last and the
//   first home event. Looks come behind the scrape by 0.12 s on purpose, and each asks this benchmark's own Prometheus.

import { setTimeout as delay } from 'node:timers/promises';
import { RELEASE_ANNOTATION } from '../../src/api/names.ts';
import { say, showStep } from '../lab/progress.ts';
import { LabError } from '../lab/settings.ts';
import { AuditReader } from './audit.ts';
import { type BadNews, startBadNews } from './bad-news.ts';
import { Cluster, type ClusterObject, nowMs } from './cluster.ts';
import { type App, CANARY_PART, createApps, createReleases, crowdOf, dropCrowds, inBatches, servicesOf } from './crowd.ts';
import { medianOf, printFigure } from './figures.ts';
import { accountConfig, applyRights, buildOperator, OPERATOR_USER, startOperator } from './operator-process.ts';
import { RoutePatcher } from './route-patcher.ts';
import { shareOn, statusOf } from './shop.ts';

const PREFIX = 'bench-abort';
const SCRAPE_MS = 10_000;
const BARE_RUNS = 3;
const SETTLE_PATIENCE_MS = 150_000;
const HOME_PATIENCE_MS = 60_000;
const SPEC = {
  stages: [{ weight: 25, duration: '1h' }],
  // One look decides for all of them: what is measured is how fast they go home once they are known to be bad.
  analysis: { interval: '10s', metrics: { source: 'Contour' }, comparison: { mode: 'Off' } },
};

interface Homecoming {
  readonly firstMs: number;
  readonly lastMs: number;
}

function isHome(route: ClusterObject): boolean {
  const [, canary] = servicesOf(route.metadata.name);
  return shareOn(route, canary) === 0 && route.metadata.annotations?.[RELEASE_ANNOTATION]?.endsWith('/home') === true;
}

function keyOf({ namespace = '', name }: { readonly namespace?: string; readonly name: string }): string {
  return `${namespace}/${name}`;
}

/** When the first and the last route came home, as a watch tells it. @param ready called once the watch has shown all routes */
async function watchHomecoming(cluster: Cluster, apps: readonly App[], ready: () => void): Promise<Homecoming> {
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(new LabError('Not all routes came home in time.')), HOME_PATIENCE_MS);
  const away = new Set(apps.map(keyOf));
  const unseen = new Set(away);
  const times: number[] = [];
  try {
    for await (const { object, atMs } of cluster.follow('HTTPRoute', undefined, stop.signal)) {
      const key = keyOf(object.metadata);
      if (unseen.delete(key) && unseen.size === 0) ready();
      if (isHome(object) && away.delete(key)) times.push(atMs);
      if (away.size === 0) break;
    }
  } finally {
    clearTimeout(timer);
    stop.abort();
  }
  if (away.size > 0) throw new LabError(`${away.size} of ${apps.length} routes did not come home.`);
  return { firstMs: Math.min(...times), lastMs: Math.max(...times) };
}

async function untilAllAnalyze(cluster: Cluster, apps: readonly App[]): Promise<void> {
  const missing = new Set(apps.map(keyOf));
  await cluster.until('CanaryRelease', undefined, `The phase Analyzing of ${apps.length} releases`, SETTLE_PATIENCE_MS, ({ object }) => {
    if (statusOf(object).phase === 'Analyzing') missing.delete(keyOf(object.metadata));
    return missing.size === 0 ? true : undefined;
  });
}

/** All releases turn bad at once. */
async function measureAbort(cluster: Cluster, apps: readonly App[], news: BadNews) {
  const { promise: watching, resolve: ready } = Promise.withResolvers<void>();
  const homecoming = watchHomecoming(cluster, apps, ready);
  await Promise.race([watching, homecoming]);
  const audit = new AuditReader();
  const causeMs = news.turnBad();
  const { firstMs, lastMs } = await homecoming;
  await delay(500);
  const patches = audit.read(OPERATOR_USER).filter(({ verb, objectRef }) => verb === 'patch' && objectRef?.resource === 'httproutes');
  audit.close();
  const sentMs = Math.min(...patches.map(({ requestReceivedTimestamp }) => Date.parse(requestReceivedTimestamp)));
  return { seconds: (lastMs - sentMs) / 1_000, causeSeconds: (lastMs - causeMs) / 1_000, firstSeconds: (firstMs - causeMs) / 1_000 };
}

/** The same patches without an operator around them. */
async function measureBare(cluster: Cluster, patcher: RoutePatcher, apps: readonly App[]): Promise<number> {
  await inBatches(apps, (app) => patcher.raise(app));
  await patcher.warm();
  const { promise: watching, resolve: ready } = Promise.withResolvers<void>();
  const homecoming = watchHomecoming(cluster, apps, ready);
  await Promise.race([watching, homecoming]);
  const startedMs = nowMs();
  await Promise.all(apps.map((app) => patcher.takeHome(app)));
  const { lastMs } = await homecoming;
  const seconds = (lastMs - startedMs) / 1_000;
  say(`  bare: ${seconds.toFixed(3)} s`);
  return seconds;
}

async function measure(cluster: Cluster, apps: readonly App[], news: BadNews): Promise<void> {
  const operator = await startOperator(cluster, [`--prometheus-url=${news.url}`, '--log-level=error']);
  try {
    await showStep(`${apps.length} releases to 25%`, async () => {
      await createReleases(cluster, apps, SPEC);
      await untilAllAnalyze(cluster, apps);
    });
    // The looks of all have found their place right behind the scrape by then.
    await showStep('Two calm looks', () => delay(2 * SCRAPE_MS));
    const abort = await measureAbort(cluster, apps, news);
    say(`  abort: ${abort.seconds.toFixed(3)} s`);
    await operator.stop();
    const patcher = new RoutePatcher(await accountConfig(cluster));
    const bare: number[] = [];
    for (let run = 0; run < BARE_RUNS; run += 1) bare.push(await measureBare(cluster, patcher, apps));
    await patcher.close();
    const at = apps.length === 30 ? '' : `-${apps.length}`;
    printFigure(`mass-abort${at}-seconds`, abort.seconds, 's');
    printFigure(`mass-abort${at}-first-home-seconds`, abort.firstSeconds, 's');
    printFigure(`mass-abort${at}-cause-seconds`, abort.causeSeconds, 's');
    printFigure(`bare-patch${at}-seconds`, medianOf(bare), 's');
    printFigure(`mass-abort${at}-ratio`, abort.seconds / medianOf(bare), 'x');
  } catch (error) {
    process.stderr.write(operator.log());
    throw error;
  } finally {
    await operator.stop();
  }
}

/** Runs the benchmark. */
export async function runMassAbort(count: number): Promise<void> {
  await buildOperator();
  await applyRights();
  const cluster = new Cluster();
  const apps = crowdOf(`${PREFIX}-${process.pid}`, count);
  const news = await startBadNews({ scrapeMs: SCRAPE_MS, canaryPart: CANARY_PART });
  try {
    await dropCrowds(cluster, PREFIX);
    await showStep(`Backends and routes of ${count} releases`, () => createApps(cluster, apps));
    await measure(cluster, apps, news);
  } finally {
    await showStep('Clearing up', () => dropCrowds(cluster, PREFIX));
    await news.close();
    await cluster.close();
  }
}
