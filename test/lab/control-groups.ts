// The control group below which a lab's kubelet keeps its pods: one of its own, so that labs side by side do not end each other's.
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { LAB_NAME } from './settings.ts';

const MOUNT = '/sys/fs/cgroup';

/** Makes the group in every hierarchy: version 1 has one for each controller, version 2 one for all. */
export async function ensureControlGroup(): Promise<void> {
  if (existsSync(join(MOUNT, 'cgroup.controllers'))) {
    delegate(MOUNT);
    mkdirSync(join(MOUNT, LAB_NAME), { recursive: true });
    return;
  }
  for (const hierarchy of readdirSync(MOUNT)) {
    const folder = join(MOUNT, hierarchy);
    if (existsSync(join(folder, 'cgroup.procs'))) mkdirSync(join(folder, LAB_NAME), { recursive: true });
  }
}

/** Version 2 hands a controller down only where that is said. */
function delegate(folder: string): void {
  for (const controller of readFileSync(join(folder, 'cgroup.controllers'), 'utf8').trim().split(' ')) {
    try {
      writeFileSync(join(folder, 'cgroup.subtree_control'), `+${controller}`);
    } catch {
      // Not to be handed down here; the kubelet says which one it misses.
    }
  }
}
