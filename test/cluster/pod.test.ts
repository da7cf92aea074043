// The operator as its users install it: the image of the project's Dockerfile, as a pod from config/.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Cluster } from '../bench/cluster.ts';
import { closeShop, deploy, openShop, routeTo, type Shop, startRelease, untilPhase, ROUTE, shareOn } from '../bench/shop.ts';
import { installOperator, removeOperator } from '../demo/install.ts';
import { setScrapeInterval } from '../lab/control.ts';
import { type Load, startLoad } from '../lab/load.ts';
import { GATEWAY_URL } from '../lab/settings.ts';
import { run } from '../lab/shell.ts';

const PATIENCE_MS = 180_000;
const [BLUE, GREEN] = ['store-blue', 'store-green'];

interface Pod {
  readonly status: {
    readonly containerStatuses: readonly { readonly ready: boolean; readonly restartCount: number }[];
  };
  readonly spec: {
    readonly securityContext: object;
    readonly containers: readonly { readonly image: string; readonly securityContext: object }[];
  };
}

async function readPods(): Promise<readonly Pod[]> {
  const selector = 'app.kubernetes.io/component=operator';
  const text = await run('kubectl', ['-n', 'glidepath-system', 'get', 'pods', '-l', selector, '-o', 'json']);
  return (JSON.parse(text) as { readonly items: readonly Pod[] }).items;
}

/** What a program inside the operator's container prints. */
function inPod(script: string): Promise<string> {
  return run('kubectl', ['-n', 'glidepath-system', 'exec', 'deployment/glidepath', '--', 'node', '-e', script]);
}

describe('the operator as a pod from config/', () => {
  const cluster = new Cluster();
  let shop: Shop;
  let load: Load;

  beforeAll(async () => {
    await setScrapeInterval('1s');
    await installOperator();
    shop = await openShop(cluster, `gp-pod-${process.pid}`);
    await deploy(shop, [
      { name: BLUE, version: 'v1' },
      { name: GREEN, version: 'v2' },
    ]);
    await routeTo(shop, BLUE, GREEN);
    load = startLoad({ url: GATEWAY_URL, host: shop.hostname, rps: 50 });
  });

  afterAll(async () => {
    await load.stop();
    await closeShop(shop);
    await removeOperator();
    await cluster.close();
  });

  test('the operator as a pod is ready, and has not been started again', async () => {
    const pods = await readPods();
    expect(pods.flatMap(({ status }) => status.containerStatuses)).toEqual([expect.objectContaining({ ready: true, restartCount: 0 })]);
  });

  test('the operator as a pod runs as a user that is not root and has no capability', async () => {
    const printed = await inPod("console.log(process.getuid(), fs.readFileSync('/proc/1/status', 'utf8').match(/CapEff:\\s*(\\w+)/)[1])");
    expect(printed.trim()).toBe(`65532 ${'0'.repeat(16)}`);
  });

  test('the operator as a pod cannot write into its own file system', async () => {
    const printed = await inPod("try { fs.writeFileSync('/app/x', ''); console.log('written') } catch (error) { console.log(error.code) }");
    expect(printed.trim()).toBe('EROFS');
  });

  test('the operator as a pod drives a release to its promotion', async () => {
    const stages = [{ weight: 50, duration: '3s' }];
    await startRelease(shop, 'store', [BLUE, GREEN], {
      stages,
      analysis: { interval: '1s', minRequests: 20, comparison: { riskBudget: '10%' } },
    });
    await untilPhase(shop, 'store', 'Promoted', PATIENCE_MS);
    const routes = await cluster.list('HTTPRoute', shop.namespace);
    expect(routes.filter(({ metadata }) => metadata.name === ROUTE).map((route) => shareOn(route, GREEN))).toEqual([100]);
  });
});
