// The program as a process of its own: streams, exit codes, and the same plan from threads as from one thread.

import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openWhenWorth, openWorkers, simulateBatch } from '../../../src/cli/plan/lanes.ts';
import { readReleases } from '../../../src/cli/manifest.ts';
import { type PlanQuestion, prepareSimulation } from '../../../src/cli/plan/simulation.ts';
import { aManifest } from '../../unit/cli/fake-io.ts';

const MAIN = resolve(import.meta.dirname, '../../../src/cli/main.ts');
const SHORT = aManifest(['stages: [{weight: 10, duration: 1m}]']);
let folder = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'canary-'));
  await writeFile(join(folder, 'web.yaml'), SHORT);
});

afterAll(() => rm(folder, { recursive: true }));

interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

function run(argv: readonly string[], input = '', env = process.env): Promise<Ended> {
  const { promise, resolve: settle } = Promise.withResolvers<Ended>();
  const child = execFile(process.execPath, [MAIN, ...argv], { cwd: folder, env }, (error, out, err) =>
    settle({ code: typeof error?.code === 'number' ? error.code : error === null ? 0 : -1, out, err }),
  );
  child.stdin?.end(input);
  return promise;
}

describe('the process', () => {
  test('plans a file and the standard input alike', async () => {
    const [file, stdin] = await Promise.all([
      run(['plan', '-f', 'web.yaml', '--runs', '2']),
      run(['plan', '-f', '-', '--runs', '2'], SHORT),
    ]);
    expect(file).toMatchObject({ code: 0, err: '' });
    expect(stdin).toEqual(file);
  });

  test('the process without any kubeconfig says so, and asks no cluster that no one named', async () => {
    const { KUBECONFIG: _kubeconfig, KUBERNETES_SERVICE_HOST: _host, ...env } = process.env;
    expect(await run(['list'], '', { ...env, HOME: folder })).toEqual({
      code: 2,
      out: '',
      err: 'error: no kubeconfig found; set --kubeconfig or KUBECONFIG\n',
    });
  });

  test('the process ends with 2 for what a person can fix, in one line on the error stream', async () => {
    expect(await run(['plan', '-f', 'none.yaml'])).toMatchObject({
      code: 2,
      out: '',
      err: expect.stringMatching(/^error: none\.yaml cannot be read .*\n$/),
    });
    expect((await run(['fly'])).code).toBe(2);
  });

  test('the process ends with 1 for what failed outside', async () => {
    const argv = ['backtest', '-f', 'web.yaml', '--prometheus', 'http://127.0.0.1:1', '--source', 'Contour', '--from', '-1h'];
    expect(await run(argv)).toMatchObject({ code: 1, out: '' });
  });
});

function aQuestion(): PlanQuestion {
  const [release] = readReleases(SHORT, 'web.yaml');
  if (release === undefined) throw new Error('the manifest holds no release');
  const version = (errorRatio: number) => ({ errorRatio, latencySeconds: 0.05 });
  const traffic = { rps: 50, serving: version(0.001), canary: version(0.02), badFromStage: 1, uppers: [0.1, 1, Number.POSITIVE_INFINITY] };
  return { release, traffic, seed: 3, approveAfterMs: undefined };
}

test('threads simulate the same runs as one thread', async () => {
  const question = aQuestion();
  const { lanes, close } = openWorkers(question, pathToFileURL(MAIN), 2);
  try {
    const batches = await Promise.all(lanes.map((lane, index) => lane(index * 4, index * 4 + 4)));
    expect(batches.flat()).toEqual(simulateBatch(prepareSimulation(question), 0, 8));
  } finally {
    await close();
  }
});

test('threads are started when the pace of a warm program leaves them enough to do, and only where there is more than one', async () => {
  /** Whether threads are started after each of these batches. @param batchesMs what each costs @param count processors */
  const startsAfter = async (batchesMs: readonly number[], remaining: number, count = 2): Promise<readonly boolean[]> => {
    let spentMs = 0;
    const io = { spent: () => spentMs, workers: { entry: pathToFileURL(MAIN), count } };
    const open = openWhenWorth(aQuestion(), io);
    const opened = batchesMs.map((ms) => {
      spentMs += ms;
      return open(remaining);
    });
    for (const lanes of opened) await lanes?.close();
    return opened.map((lanes) => lanes !== undefined);
  };
  expect(await startsAfter([900, 100], 2_500)).toEqual([false, true]);
  expect(await startsAfter([900, 50, 50, 400], 2_500)).toEqual([false, false, false, false]);
  expect(await startsAfter([3_000], 70)).toEqual([true]);
  expect(await startsAfter([3_000], 10)).toEqual([false]);
  expect(await startsAfter([3_000], 2_500, 1)).toEqual([false]);
});
