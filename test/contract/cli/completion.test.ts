// What kubectl is told when a person presses tab.

import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test, vi } from 'vitest';
import { call } from '../../unit/cli/fake-io.ts';
import { FAKE_RESOURCES } from '../../fakes/api-server/resources.ts';
import { aRunningStatus, openShop } from './shop.ts';

async function complete(...words: readonly string[]): Promise<readonly string[]> {
  const shop = await openShop();
  shop.put('store-api', aRunningStatus());
  shop.put('checkout', undefined);
  for (const name of ['store', 'checkout'])
    shop.server.put(FAKE_RESOURCES.deployments, { metadata: { name, namespace: 'shop' }, spec: {} });
  const [command = '', ...rest] = words;
  const cluster = ['--kubeconfig', await shop.server.kubeconfig()];
  const { out } = await call(['__complete', command, ...(rest.length === 0 ? [] : cluster), ...rest]);
  return out.trimEnd().split('\n');
}

test.each(['canary', 'glidepath'])('the script asks the plugin that it is named after: %s', async (name) => {
  const { code, out } = await call(['completion']);
  expect(code).toBe(0);
  const folder = await mkdtemp(join(tmpdir(), 'completion-'));
  await writeFile(join(folder, `kubectl-${name}`), '#!/bin/sh\necho "$0 $*"\n', { mode: 0o755 });
  await writeFile(join(folder, `kubectl_complete-${name}`), out, { mode: 0o755 });
  const PATH = `${folder}:${process.env['PATH'] ?? ''}`;
  const { stdout } = await promisify(execFile)(`kubectl_complete-${name}`, ['watch', '--for', ''], { env: { PATH } });
  expect(stdout).toBe(`${folder}/kubectl-${name} __complete watch --for \n`);
  await rm(folder, { recursive: true });
});

test('commands are completed, with what they do, and files where a file is wanted', async () => {
  expect(await complete('prom')).toEqual([expect.stringMatching(/^promote\tPromote the canary now/), ':4']);
  expect((await complete('')).map((line) => line.split('\t')[0])).not.toContain('__complete');
  expect(await complete('init', 'ser')).toEqual([expect.stringMatching(/^services\t/), ':4']);
  expect(await complete('lint', '-f', '')).toEqual([':0']);
});

test('names of releases are completed from the cluster, once', async () => {
  expect(await complete('approve', '-n', 'shop', '')).toEqual(['checkout\t', 'store-api\tAnalyzing', ':4']);
  expect(await complete('approve', '-n', 'shop', 'sto')).toEqual(['store-api\tAnalyzing', ':4']);
  expect(await complete('approve', '-n', 'shop', 'store-api', '')).toEqual([':4']);
  expect(await complete('explain', '--context', 'nowhere', '')).toEqual([':4']);
});

test('options and their choices are completed', async () => {
  expect(await complete('watch', '--unt')).toEqual(['--until\tdone: exit also when the release waits for a person', ':4']);
  expect(await complete('list', '-o', 'w')).toEqual(['wide', ':4']);
});

test('a name is completed, and no file, where nothing is typed before it', async () => {
  const { server, put } = await openShop();
  put('store-api', undefined, { namespace: 'default' });
  vi.stubEnv('KUBECONFIG', await server.kubeconfig());
  expect((await call(['__complete', 'watch', ''])).out).toBe('store-api\t\n:4\n');
  vi.unstubAllEnvs();
});

test('Deployments are completed where one is wanted, and contexts', async () => {
  expect(await complete('watch', '-n', 'shop', '--for', 'deploy/s')).toEqual(['deploy/store', ':4']);
  expect(await complete('init', '-n', 'shop', '')).toEqual([expect.stringMatching(/^services\t/), 'deploy/checkout', 'deploy/store', ':4']);
  expect(await complete('list', '--context', '')).toEqual(['fake', ':4']);
});

test('words that look like options of the completion itself are none', async () => {
  expect((await complete('doctor', '--')).map((line) => line.split('\t')[0])).toContain('--prometheus');
  expect(await complete('list', '--vers')).toEqual([':4']);
});
