// One cause turns all releases bad at once: how long until the last route is home, against the same patches sent bare. Three
// times, because one time differs by half from the next: after each the canaries are well again, and all releases are retried.
// The figures are medians; the worst of the three is printed beside them.
//
// What is measured:
// - mass-abort-seconds: from the API server's receipt of the operator's first home patch (audit log) to the arrival of the
//   last home event at a watch of ours.
// - bare-patch-seconds: from just before the first patch is sent to the arrival of the last home event at the same kind of
//   watch. The same JSON patches on the same routes, by the operator's own REST client with its 32 home connections already
//   open, with the same account, no limiter, the operator stopped.
// - mass-abort-cause-seconds and mass-abort-first-home-seconds: from the scrape that first holds errors to the last and the
//   first home event. Looks come behind the scrape by 0.12 s on purpose, and each asks this benchmark's own Prometheus.

import { setTimeout as delay } from 'node:timers/promises';
import { formatCommand } from '../../src/api/command.ts';
import { COMMAND_ANNOTATION, RELEASE_ANNOTATION } from '../../src/api/names.ts';
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
const ROUNDS = 3;
const SETTLE_PATIENCE_MS = 600_000;
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

interface Abort {
  readonly seconds: number;
  readonly causeSeconds: number;
  readonly firstSeconds: number;
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

/** Waits until every release is in the phase. @returns the ids of what is released, by namespace/name */
async function untilAll(cluster: Cluster, apps: readonly App[], phase: string): Promise<ReadonlyMap<string, string>> {
  const ids = new Map<string, string>();
  const what = `The phase ${phase} of ${apps.length} releases`;
  return cluster.until('CanaryRelease', undefined, what, SETTLE_PATIENCE_MS, ({ object }) => {
    const status = statusOf(object);
    if (status.phase === phase) ids.set(keyOf(object.metadata), status.release?.id ?? '');
    return ids.size === apps.length ? ids : undefined;
  });
}

/** Every rolled back release once more, with canaries that are well again. */
async function retryAll(cluster: Cluster, apps: readonly App[], news: BadNews): Promise<void> {
  const ids = await untilAll(cluster, apps, 'RolledBack');
  news.turnGood();
  const at = new Date().toISOString();
  await inBatches(apps, (app) => {
    const command = formatCommand({ verb: 'retry', id: ids.get(keyOf(app)) ?? '', at });
    const metadata = { annotations: { [COMMAND_ANNOTATION]: command } };
    return cluster.merge('CanaryRelease', app.namespace, app.name, { metadata });
  });
}

/** All releases turn bad at once. */
async function measureAbort(cluster: Cluster, apps: readonly App[], news: BadNews): Promise<Abort> {
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

/** The same releases, turned bad again and again. */
async function measureAborts(cluster: Cluster, apps: readonly App[], news: BadNews): Promise<readonly Abort[]> {
  const aborts: Abort[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    await showStep(`${apps.length} releases to 25%`, async () => {
      await (round === 0 ? createReleases(cluster, apps, SPEC) : retryAll(cluster, apps, news));
      await untilAll(cluster, apps, 'Analyzing');
    });
    // The looks of all have found their place right behind the scrape by then.
    await showStep('Two calm looks', () => delay(2 * SCRAPE_MS));
    const abort = await measureAbort(cluster, apps, news);
    say(`  abort: ${abort.seconds.toFixed(3)} s`);
    aborts.push(abort);
  }
  return aborts;
}

async function measureBares(cluster: Cluster, apps: readonly App[]): Promise<readonly number[]> {
  const patcher = new RoutePatcher(await accountConfig(cluster));
  const bare: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) bare.push(await measureBare(cluster, patcher, apps));
  await patcher.close();
  return bare;
}

function printFigures(at: string, aborts: readonly Abort[], bares: readonly number[]): void {
  const seconds = aborts.map((abort) => abort.seconds);
  printFigure(`mass-abort${at}-seconds`, medianOf(seconds), 's');
  printFigure(`mass-abort${at}-worst-seconds`, Math.max(...seconds), 's');
  printFigure(`mass-abort${at}-first-home-seconds`, medianOf(aborts.map(({ firstSeconds }) => firstSeconds)), 's');
  printFigure(`mass-abort${at}-cause-seconds`, medianOf(aborts.map(({ causeSeconds }) => causeSeconds)), 's');
  printFigure(`bare-patch${at}-seconds`, medianOf(bares), 's');
  printFigure(`bare-patch${at}-worst-seconds`, Math.max(...bares), 's');
  printFigure(`mass-abort${at}-ratio`, medianOf(seconds) / medianOf(bares), 'x');
}

async function measure(cluster: Cluster, apps: readonly App[], news: BadNews): Promise<void> {
  const operator = await startOperator(cluster, [`--prometheus-url=${news.url}`, '--log-level=error']);
  try {
    const aborts = await measureAborts(cluster, apps, news);
    await operator.stop();
    printFigures(apps.length === 30 ? '' : `-${apps.length}`, aborts, await measureBares(cluster, apps));
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
