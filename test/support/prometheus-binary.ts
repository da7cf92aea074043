// A real Prometheus process on a free port of 127.0.0.1, and promtool, where they are installed.
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** True if a program answers to `--version`. */
export function isInstalled(program: 'prometheus' | 'promtool'): boolean {
  return spawnSync(program, ['--version'], { stdio: 'ignore' }).status === 0;
}

/** What promtool says about a rule file with these expressions; undefined when it has nothing to say against them. */
export function checkExpressions(expressions: readonly string[]): string | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'glidepath-promtool-'));
  try {
    const file = join(folder, 'rules.yaml');
    const rules = expressions.map((expr, index) => ({ record: `check:${index}`, expr }));
    writeFileSync(file, JSON.stringify({ groups: [{ name: 'queries', rules }] }));
    const { status, stdout, stderr } = spawnSync('promtool', ['check', 'rules', file], { encoding: 'utf8' });
    return status === 0 ? undefined : `${stdout}${stderr}`;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function findFreePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Starts Prometheus scraping `target` (host:port) every second. It may not answer yet when this returns. */
export async function startPrometheus(target: string) {
  const folder = mkdtempSync(join(tmpdir(), 'glidepath-prometheus-'));
  const config = join(folder, 'prometheus.yaml');
  const scrape = { job_name: 'target', scrape_interval: '1s', static_configs: [{ targets: [target] }] };
  writeFileSync(config, JSON.stringify({ scrape_configs: [scrape] }));
  const port = await findFreePort();
  const flags = [`--config.file=${config}`, `--storage.tsdb.path=${folder}/data`, `--web.listen-address=127.0.0.1:${port}`];
  const child = spawn('prometheus', flags, { stdio: 'ignore' });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  return {
    url: `http://127.0.0.1:${port}`,
    async close(): Promise<void> {
      child.kill('SIGKILL');
      await ended;
      rmSync(folder, { recursive: true });
    },
  };
}
