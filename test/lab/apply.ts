// Objects of the lab's cluster, applied by its owner `lab`.
import { KUBECONFIG } from './settings.ts';
import { run, type RunResult, tryRun } from './shell.ts';
import { toolPath } from './tools.ts';

function withKubeconfig(...args: readonly string[]): readonly string[] {
  return [`--kubeconfig=${KUBECONFIG}`, ...args];
}

/** Runs kubectl as the lab's admin. @returns what it printed */
export function kubectl(...args: readonly string[]): Promise<string> {
  return run(toolPath('kubectl'), withKubeconfig(...args));
}

/** Runs kubectl; resolves whatever its exit code. */
export function tryKubectl(...args: readonly string[]): Promise<RunResult> {
  return tryRun(toolPath('kubectl'), withKubeconfig(...args));
}

/** Applies objects to the lab. */
export async function applyObjects(objects: readonly object[]): Promise<void> {
  const list = { apiVersion: 'v1', kind: 'List', items: objects };
  await run(toolPath('kubectl'), withKubeconfig('apply', '--server-side', '--field-manager=lab', '--force-conflicts', '-f', '-'), {
    input: JSON.stringify(list),
  });
}

/** Applies the resource definitions of a folder, and resolves when all are served. */
export async function applyDefinitionsOf(folder: string): Promise<void> {
  await kubectl('apply', '--server-side', '--force-conflicts', '-f', folder);
  await kubectl('wait', '--for=condition=Established', '--timeout=60s', 'crd', '--all');
}
