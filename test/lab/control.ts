// Stops and starts single parts of a running lab, for tests of what happens when one is away.
// Works inside the lab's namespace (a test run by `exec`) and outside of it.
import { runInside } from './bare.ts';
import { SCRAPE_INTERVALS, writePrometheusConfig, type ScrapeInterval } from './configuration.ts';
import { scaleK3d, scrapeK3d } from './k3d.ts';
import { startProgram, waitReady, waitUntil } from './launch.ts';
import { isInsideLab } from './netns.ts';
import { probe } from './probe.ts';
import { stopProcess } from './processes.ts';
import { LabError, labKind, PROMETHEUS_URL } from './settings.ts';

/** Parts that can be away while the rest of the lab goes on. */
export const STOPPABLE = [
  'prometheus',
  'apiserver',
  'envoy',
  'contour',
  'controllers',
  'scheduler',
  'argocd-repo-server',
  'argocd-application-controller',
] as const;
export type Stoppable = (typeof STOPPABLE)[number];

/** Whether the word names a part that can be stopped and started. */
export function isStoppable(word: string): word is Stoppable {
  return STOPPABLE.some((name) => name === word);
}

/** Whether the word is a scrape interval the lab offers. */
export function isScrapeInterval(word: string): word is ScrapeInterval {
  return SCRAPE_INTERVALS.some((interval) => interval === word);
}

async function runCommandInside(...args: readonly string[]): Promise<void> {
  if (!(await runInside(...args))) throw new LabError(`\`${args.join(' ')}\` failed in the lab.`);
}

/** Ends one part and resolves when it is gone. */
export async function stopComponent(name: Stoppable): Promise<void> {
  if (labKind() === 'k3d') return scaleK3d(name, 0);
  await stopProcess(name);
}

/** Starts one part and resolves when it is ready. */
export async function startComponent(name: Stoppable): Promise<void> {
  if (labKind() === 'k3d') return scaleK3d(name, 1);
  if (!isInsideLab()) return runCommandInside('start', name);
  await startProgram(name);
  await waitReady(name);
}

async function whyNotReloaded(interval: ScrapeInterval): Promise<string | undefined> {
  const { status, body } = await probe(`${PROMETHEUS_URL}/api/v1/status/config`);
  // Prometheus writes a minute as one.
  const said = interval === '60s' ? '1m' : interval;
  return status === 200 && body.includes(`scrape_interval: ${said}\\n`)
    ? undefined
    : `Prometheus runs with another configuration (${status})`;
}

/** Makes Prometheus scrape this often, and resolves when it runs so. */
export async function setScrapeInterval(interval: ScrapeInterval): Promise<void> {
  if (labKind() === 'k3d') return scrapeK3d(interval);
  if (!isInsideLab()) return runCommandInside('scrape', interval);
  // A reload would be felt by tests that run beside this one.
  if ((await whyNotReloaded(interval)) === undefined) return;
  writePrometheusConfig(interval);
  const { status, body } = await probe(`${PROMETHEUS_URL}/-/reload`, { method: 'POST' });
  if (status !== 200) throw new LabError(`Prometheus did not reload its configuration: ${status || 'no answer'} ${body.trim()}`);
  await waitUntil(`The scrape interval is not ${interval}`, () => whyNotReloaded(interval), 60_000);
}
