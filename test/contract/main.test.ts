// The operator as a process: how it ends, when it cannot begin and when it is asked to.

import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { FAKE_RESOURCES } from '../fakes/api-server/resources.ts';
import { FakeApiServer } from '../fakes/api-server/server.ts';
import { until } from '../fixtures/until.ts';

const MAIN = resolve(import.meta.dirname, '../../src/main.ts');
/** No API server is there: watches would try for ever. */
const KUBECONFIG = {
  apiVersion: 'v1',
  kind: 'Config',
  'current-context': 'away',
  contexts: [{ name: 'away', context: { cluster: 'away', user: 'away' } }],
  clusters: [{ name: 'away', cluster: { server: 'https://127.0.0.1:1' } }],
  users: [{ name: 'away', user: {} }],
};

const taken = createServer();
let folder = '';
let address = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'operator-'));
  await writeFile(join(folder, 'kubeconfig'), JSON.stringify(KUBECONFIG));
  taken.listen(0, '127.0.0.1');
  await once(taken, 'listening');
  address = `127.0.0.1:${(taken.address() as AddressInfo).port}`;
});

afterAll(async () => {
  taken.close();
  await rm(folder, { recursive: true });
});

function run(...flags: readonly string[]): Promise<{ readonly code: unknown; readonly err: string }> {
  const { promise, resolve: settle } = Promise.withResolvers<{ readonly code: unknown; readonly err: string }>();
  const env = { ...process.env, KUBECONFIG: join(folder, 'kubeconfig') };
  execFile(process.execPath, [MAIN, ...flags], { env, timeout: 20_000, killSignal: 'SIGKILL' }, (error, _out, err) =>
    settle({ code: error?.code ?? 0, err }),
  );
  return promise;
}

test('an operator whose address for metrics is taken ends with one sentence that names the setting', async () => {
  const { code, err } = await run(`--metrics-address=${address}`);
  expect({ code, err }).toEqual({ code: 1, err: expect.stringMatching(/^[^\n]*--metrics-address[^\n]*\n$/) });
});

test('an operator whose address for the webhook is taken ends, too, although its watches are open by then', async () => {
  const { code, err } = await run('--metrics-address=127.0.0.1:0', `--webhook-address=${address}`, `--webhook-url=https://${address}`);
  expect({ code, err }).toEqual({ code: 1, err: expect.stringMatching(/^[^\n]*--webhook-address[^\n]*\n$/) });
});

test('a leader that is asked to end hands the lease back, and the next one leads within seconds', async () => {
  const server = await FakeApiServer.start();
  onTestFinished(() => server.stop());
  const env = { ...process.env, KUBECONFIG: await server.kubeconfig() };
  const start = () => {
    const flags = ['--metrics-address=127.0.0.1:0', '--leader-elect', '--leader-elect-namespace=glidepath-system'];
    const operator = spawn(process.execPath, [MAIN, ...flags], { env, stdio: 'ignore' });
    onTestFinished(() => void operator.kill('SIGKILL'));
    return operator;
  };
  const holder = () => {
    const lease = server.get(FAKE_RESOURCES.leases, 'glidepath-system', 'glidepath') as { spec?: { holderIdentity?: string } } | undefined;
    return lease?.spec?.holderIdentity;
  };
  const operator = start();
  await until(() => (holder() ?? '') !== '');
  const first = holder();
  operator.kill('SIGTERM');
  await once(operator, 'exit');
  expect(holder()).toBe('');
  start();
  // Fifteen seconds without the hand-over.
  await until(() => !['', first].includes(holder() ?? ''));
});
