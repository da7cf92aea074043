// Starts programs of the bare lab and waits until they are ready; one that dies is named with the last lines of its log.
import { setTimeout as delay } from 'node:timers/promises';
import { COMPONENTS, type ComponentName } from './components.ts';
import { livingPid, logTail, startProcess } from './processes.ts';
import { KUBECONFIG, LabError, STATE } from './settings.ts';
import { toolsFolder } from './tools.ts';

const READY_PATIENCE_MS = 90_000;
const POLL_MS = 50;

/** Whether the program lives and answers; undefined when it does, else what is wrong. */
export async function whyNotHealthy(name: ComponentName): Promise<string | undefined> {
  return livingPid(name) === undefined ? 'is not running' : COMPONENTS[name].whyNotReady();
}

/** Starts the program unless it runs. The caller is in the lab's namespace. */
export async function startProgram(name: ComponentName): Promise<void> {
  if (livingPid(name) !== undefined) return;
  await COMPONENTS[name].prepare?.();
  const path = `${toolsFolder()}:${process.env['PATH'] ?? ''}`;
  startProcess(name, COMPONENTS[name].argv(), { PATH: path, KUBECONFIG, ...COMPONENTS[name].env?.() });
}

/** Waits until the condition holds, asking again and again; throws with what is missing when the patience ends. */
export async function waitUntil(what: string, whyNot: () => Promise<string | undefined>, patienceMs = READY_PATIENCE_MS): Promise<void> {
  const deadline = performance.now() + patienceMs;
  for (;;) {
    const reason = await whyNot();
    if (reason === undefined) return;
    if (performance.now() > deadline) throw new LabError(`${what} after ${patienceMs / 1000} s: ${reason}`);
    await delay(POLL_MS);
  }
}

/** Waits until the program is ready; names it with the last lines of its log when it dies or takes too long. */
export async function waitReady(name: ComponentName): Promise<void> {
  await waitUntil(`${name} is not ready`, async () => {
    if (livingPid(name) === undefined)
      throw new LabError(`${name} ended while it started; the last lines of ${STATE}/log/${name}.log:\n${logTail(name)}`);
    return COMPONENTS[name].whyNotReady();
  }).catch((error: unknown) => {
    if (error instanceof LabError && !error.message.includes('\n')) error.message += `\n${logTail(name)}`;
    throw error;
  });
}
