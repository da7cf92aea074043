// The demo: brings the lab up, installs the operator as a pod, serves real traffic, ships a good version and then a bad one,
// and ends with the figures it measured. Exit code 1 when something went otherwise than expected.

import { setTimeout as delay } from 'node:timers/promises';
import { Cluster, nowMs } from '../bench/cluster.ts';
import { enterLab } from '../bench/enter-lab.ts';
import { closeShop, deploy, openShop, routeTo, type Shop, ship, startRelease, untilPhase } from '../bench/shop.ts';
import { setScrapeInterval } from '../lab/control.ts';
import { type Load, startLoad } from '../lab/load.ts';
import { say, showStep } from '../lab/progress.ts';
import { GATEWAY_URL, LabError } from '../lab/settings.ts';
import { installOperator, readOperatorLog, removeOperator } from './install.ts';
import { type Act, findDisappointments, type Outcome, sumUp } from './outcome.ts';
import { formatOutcome } from './report.ts';
import { StageLog } from './stage-log.ts';
import { LiveView, paint } from './view.ts';

const NAMESPACE = 'glidepath-demo';
const RELEASE = 'store';
const RPS = 50;
const PATIENCE_MS = 120_000;
/** Traffic before the first release, and behind each: it shows that nothing bad comes late. */
const CALM_MS = 3_000;
/** Two Services take turns: what serves in one, is released in the other. */
const [BLUE, GREEN] = ['store-blue', 'store-green'];
const SPEC = {
  stages: [
    { weight: 25, duration: '10s' },
    { weight: 50, duration: '10s' },
  ],
  analysis: {
    interval: '1s',
    // A demo has little traffic and little time: raises are earned with fewer requests than by default.
    comparison: { riskBudget: '5%' },
    // The fastest there is: one look that breaks the limit takes the canary home, whatever serving does.
    checks: [{ name: 'errors', metric: 'ErrorRatio', max: '1%', onBreach: 'Rollback' }],
  },
};
const GOOD: Act = { title: 'A good version: v2', expected: 'Promoted', version: 'v2', service: GREEN };
const BAD: Act = { title: 'A bad version: v3 fails every second request', expected: 'RolledBack', version: 'v3', service: BLUE };

/** Shows one release until it has ended, and sums it up. */
async function play(shop: Shop, load: Load, act: Act, begin: () => Promise<void>): Promise<Outcome> {
  const log = new StageLog(shop.cluster, shop.namespace, RELEASE, [BLUE, GREEN]);
  const fromMs = nowMs();
  const { title, version, service } = act;
  const scene = () => ({ title, version, status: log.status, share: log.shareOf(service), records: load.records, fromMs, nowMs: nowMs() });
  const view = new LiveView(scene);
  try {
    await begin();
    const reached = await untilPhase(shop, RELEASE, act.expected, PATIENCE_MS).then(
      () => true,
      (error: unknown) => {
        if (!(error instanceof LabError)) throw error;
        return false;
      },
    );
    await delay(CALM_MS);
    return sumUp(act, load.records, log.changes, { fromMs, toMs: nowMs() }, reached);
  } finally {
    view.close();
    await log.close();
  }
}

async function playAll(shop: Shop): Promise<readonly Outcome[]> {
  await deploy(shop, [
    { name: BLUE, version: 'v1' },
    { name: GREEN, version: 'v2' },
  ]);
  await routeTo(shop, BLUE, GREEN);
  const load = startLoad({ url: GATEWAY_URL, host: shop.hostname, rps: RPS });
  try {
    await showStep(`Traffic: ${RPS} requests a second, all to v1`, () => delay(CALM_MS));
    const good = await play(shop, load, GOOD, () => startRelease(shop, RELEASE, [BLUE, GREEN], SPEC));
    const bad = await play(shop, load, BAD, () => ship(shop, [{ name: BLUE, version: 'v3', errorRate: 0.5 }]));
    return [good, bad];
  } finally {
    await load.stop();
  }
}

/** Waits until a namespace of an earlier run is gone. */
async function clearStage(cluster: Cluster): Promise<void> {
  await closeShop({ cluster, namespace: NAMESPACE });
  await showStep('Clearing the stage', () => cluster.untilGone('Namespace', NAMESPACE));
}

async function runDemo(cluster: Cluster): Promise<number> {
  await setScrapeInterval('1s');
  await installOperator();
  await clearStage(cluster);
  const shop = await openShop(cluster, NAMESPACE);
  const outcomes = await playAll(shop);
  for (const outcome of outcomes) process.stdout.write(`${formatOutcome(outcome)}\n`);
  const wrong = outcomes.flatMap(findDisappointments);
  for (const sentence of wrong) process.stdout.write(`${paint('red', 'NOT AS EXPECTED')}: ${sentence}\n`);
  if (wrong.length === 0)
    process.stdout.write(`${paint('green', 'As expected')}: the good version was promoted, the bad one rolled back.\n`);
  else process.stderr.write(await readOperatorLog(20));
  return wrong.length === 0 ? 0 : 1;
}

function untilInterrupted(): Promise<never> {
  return new Promise((_resolve, reject) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => reject(new LabError(`Interrupted by ${signal}.`)));
  });
}

async function main(words: readonly string[]): Promise<number> {
  const keep = words[0] === '--keep';
  if (words.length > (keep ? 1 : 0)) {
    say('usage: npm run -s demo [-- --keep]    --keep: leave the operator and the shop in the cluster');
    return 2;
  }
  const ended = await enterLab(import.meta.filename, words);
  if (ended !== undefined) return ended;
  const cluster = new Cluster();
  try {
    return await Promise.race([runDemo(cluster), untilInterrupted()]);
  } finally {
    if (!keep) {
      await closeShop({ cluster, namespace: NAMESPACE }).catch((error: unknown) => say(String(error)));
      await removeOperator();
    }
    await cluster.close();
  }
}

try {
  process.exit(await main(process.argv.slice(2)));
} catch (error) {
  if (!(error instanceof LabError)) throw error;
  say(error.message);
  process.exit(1);
}
