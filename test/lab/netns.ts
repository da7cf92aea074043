// The one network namespace that holds the bare cluster: nothing of it leaks out, all of it goes with it.
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { NETNS, NETNS_PATH, NODE_ADDRESS, STATE } from './settings.ts';
import { run, tryRun } from './shell.ts';

/** The words in front of a command that make it run in the lab's namespace (`ip netns exec` would hide the cgroup mounts). */
export const ENTER_NETNS: readonly string[] = ['nsenter', `--net=${NETNS_PATH}`];
/** Tells the programs inside how to reach the machine's own network: the namespace of whoever started them there. */
const OUTSIDE_VARIABLE = 'LAB_OUTSIDE_NETNS';

/** The environment of a program that is started in the lab's namespace from outside. */
export function outsideEnvironment(): Readonly<Record<string, string>> {
  return isInsideLab() ? {} : { [OUTSIDE_VARIABLE]: `/proc/${process.pid}/ns/net` };
}

/** The words in front of a command that make it run in the machine's own network, wherever the caller is. */
export function leaveNetns(): readonly string[] {
  const outside = process.env[OUTSIDE_VARIABLE];
  return isInsideLab() && outside !== undefined ? ['nsenter', `--net=${outside}`] : [];
}

/** Holds the state folder of the lab that made the namespace. */
const OWNER_FILE = `/run/${NETNS}.state`;

/** Whether the lab's namespace exists. */
export function netnsExists(): boolean {
  return existsSync(NETNS_PATH);
}

/** Whether this process is in the lab's namespace. */
export function isInsideLab(): boolean {
  return netnsExists() && statSync(NETNS_PATH).ino === statSync('/proc/self/ns/net').ino;
}

/** The other state folder whose lab has the namespace now, if there is one. */
export function foreignOwner(): string | undefined {
  if (!netnsExists() || !existsSync(OWNER_FILE)) return undefined;
  const owner = readFileSync(OWNER_FILE, 'utf8');
  return owner !== STATE && existsSync(owner) ? owner : undefined;
}

function ip(line: string): Promise<string> {
  return run('nsenter', [`--net=${NETNS_PATH}`, 'ip', ...line.split(' ')]);
}

/** Makes the namespace with the node's address on a bridge (many kernels lack the dummy device). */
export async function createNetns(): Promise<void> {
  await run('ip', ['netns', 'add', NETNS]);
  writeFileSync(OWNER_FILE, STATE);
  await ip('link set lo up');
  await ip('link add node0 type bridge');
  await ip(`addr add ${NODE_ADDRESS}/24 dev node0`);
  await ip('link set node0 up');
  await ip(`route add default via ${NODE_ADDRESS}`);
}

/** Removes the namespace; harmless when there is none, or when it belongs to a lab with another state folder. */
export async function deleteNetns(): Promise<void> {
  if (!netnsExists() || foreignOwner() !== undefined) return;
  await tryRun('ip', ['netns', 'del', NETNS]);
  rmSync(OWNER_FILE, { force: true });
}
