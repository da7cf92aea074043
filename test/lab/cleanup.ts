// Removes what ended programs leave on the machine: containers, mounts, control groups, sockets, dangling links.
import { existsSync, globSync, lstatSync, readdirSync, readFileSync, readlinkSync, rmdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { killLeftProcesses } from './processes.ts';
import { LAB_NAME, STATE } from './settings.ts';
import { tryRun } from './shell.ts';

const KUBELET_FOLDER = '/var/lib/kubelet';
const POD_LINKS = '/var/log/containers';

function listMounts(): readonly string[] {
  return readFileSync('/proc/mounts', 'utf8')
    .split('\n')
    .map((line) => (line.split(' ')[1] ?? '').replaceAll('\\040', ' '))
    .filter((point) => point.startsWith(`${STATE}/`))
    .toSorted()
    .toReversed();
}

async function unmountAll(): Promise<void> {
  for (const point of listMounts()) await tryRun('umount', ['-l', point]);
}

/** Shims keep their sockets outside of our folder and write down where. */
function listShimSockets(): readonly string[] {
  return globSync('containerd/state/io.containerd.runtime.v2.task/*/*/address', { cwd: STATE })
    .map((file) =>
      readFileSync(join(STATE, file), 'utf8')
        .trim()
        .replace(/^unix:\/\//, ''),
    )
    .filter((path) => path.startsWith('/run/containerd/s/'));
}

/** Removes the folders of control groups below one, deepest first; one that is in use stays. */
function removeGroups(folder: string): void {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.isDirectory()) removeGroups(join(folder, entry.name));
  }
  try {
    rmdirSync(folder);
  } catch {
    // In use by another kubelet: not ours.
  }
}

/** The kubelet makes its plugin socket here whatever its settings; another kubelet has more in this folder. */
function removeKubeletFolder(): void {
  const entries = existsSync(KUBELET_FOLDER) ? readdirSync(KUBELET_FOLDER, { recursive: true }).map(String) : ['none'];
  if (entries.every((entry) => entry.startsWith('device-plugins'))) rmSync(KUBELET_FOLDER, { recursive: true });
}

function removeDanglingLinks(): void {
  if (!existsSync(POD_LINKS)) return;
  for (const name of readdirSync(POD_LINKS)) {
    const link = join(POD_LINKS, name);
    if (lstatSync(link).isSymbolicLink() && readlinkSync(link).startsWith(`${STATE}/`)) rmSync(link);
  }
}

/** Removes everything that outlives the lab's programs. */
export async function removeLeftovers(): Promise<void> {
  const sockets = listShimSockets();
  await killLeftProcesses();
  await unmountAll();
  for (const socket of sockets) rmSync(socket, { force: true });
  for (const group of globSync(`/sys/fs/cgroup/{,*/}${LAB_NAME}`)) removeGroups(group);
  for (const result of globSync('/var/lib/cni/results/*')) if (readFileSync(result, 'utf8').includes(`${STATE}/`)) rmSync(result);
  removeKubeletFolder();
  removeDanglingLinks();
}
