// What kubectl is told when a person presses tab.

import { expect, test } from 'vitest';
import { call } from '../../unit/cli/fake-io.ts';
import { aRunningStatus, openShop } from './shop.ts';

async function complete(...words: readonly string[]): Promise<readonly string[]> {
  const shop = await openShop();
  shop.put('store-api', aRunningStatus());
  shop.put('checkout', undefined);
  const [command = '', ...rest] = words;
  const cluster = ['--kubeconfig', await shop.server.kubeconfig()];
  const { out } = await call(['__complete', command, ...(rest.length === 0 ? [] : cluster), ...rest]);
  return out.trimEnd().split('\n');
}

test('the script asks the plugin', async () => {
  const { code, out } = await call(['completion']);
  expect(code).toBe(0);
  expect(out).toMatch(/^#!\/bin\/sh\n[\s\S]*exec kubectl-canary __complete "\$@"\n$/);
});

test('commands are completed, with what they do, and files where a file is wanted', async () => {
  expect(await complete('pro')).toEqual([expect.stringMatching(/^promote\tGive the canary all traffic now/), ':4']);
  expect((await complete('')).map((line) => line.split('\t')[0])).not.toContain('__complete');
  expect(await complete('init', '')).toEqual([expect.stringMatching(/^services\t/), ':4']);
  expect(await complete('lint', '-f', '')).toEqual([':0']);
});

test('names of releases are completed from the cluster, once', async () => {
  expect(await complete('approve', '-n', 'shop', '')).toEqual(['checkout\t', 'store-api\tAnalyzing', ':4']);
  expect(await complete('approve', '-n', 'shop', 'sto')).toEqual(['store-api\tAnalyzing', ':4']);
  expect(await complete('approve', '-n', 'shop', 'store-api', '')).toEqual([':4']);
  expect(await complete('explain', '--context', 'nowhere', '')).toEqual([':4']);
});

test('options and their choices are completed', async () => {
  expect(await complete('watch', '--unt')).toEqual(['--until\tdone: end also when a person is needed', ':4']);
  expect(await complete('list', '-o', 'w')).toEqual(['wide', ':4']);
});
