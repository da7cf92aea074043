// The bundled command line under a Node that is too old: it says so, whatever its modules use while they load.

import { spawnSync } from 'node:child_process';
import { expect, onTestFinished, test } from 'vitest';
import { buildCanary } from '../../fixtures/cluster/canary-cli.ts';

/** As Node 20 is: without what came with Node 21. */
const OLD_NODE = `delete Map.groupBy; Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.20.2' } });`;

test('an old Node is named in one line, and nothing else is tried', async () => {
  const { program, remove } = await buildCanary();
  onTestFinished(remove);
  const preload = `data:text/javascript,${encodeURIComponent(OLD_NODE)}`;
  const { status, stderr } = spawnSync(process.execPath, ['--import', preload, program, '--help'], { encoding: 'utf8' });
  expect(stderr).toMatch(/^error: kubectl canary needs Node 24 or newer, .*\n$/);
  expect(status).toBe(2);
});
