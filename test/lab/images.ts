// Builds container images from Dockerfiles without a registry, and loads them into the lab.
// The one base name, `docker.io/library/node:24-bookworm-slim`, is a stand-in here: a minimal Debian with the Node binary
// of this project's packages. It lives in a storage of the lab's own, so it never shadows the real image elsewhere.
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, relative, resolve } from 'node:path';
import { loadK3dImage } from './k3d.ts';
import { leaveNetns } from './netns.ts';
import { withLockOf } from './lock.ts';
import { showStep } from './progress.ts';
import { CACHE, CONTAINERD_SOCKET, LabError, labKind, PROJECT_FOLDER } from './settings.ts';
import { run, tryRun } from './shell.ts';

export const BASE_IMAGE = 'docker.io/library/node:24-bookworm-slim';
const SNAPSHOT_SUITE = 'bookworm';
/** A busy mirror answers the next time. */
const APT_RETRIES = 'Acquire::Retries "5"';
const BASE_PACKAGES = 'ca-certificates,libstdc++6';
const AUTHORITIES = '/etc/ssl/certs/ca-certificates.crt';
/** Counts up when the recipe of the base changes, so that caches make it anew. */
const BASE_RECIPE = 2;
const STORAGE = join(CACHE, 'buildah');
const ARCHIVES = join(CACHE, 'images');
const NEVER_INPUT: ReadonlySet<string> = new Set(['.git', 'node_modules', 'coverage']);

/** Builders need the machine's network, also when a test inside the lab calls. */
function outside(command: string, args: readonly string[], cwd?: string): Promise<string> {
  const [program = '', ...words] = [...leaveNetns(), command, ...args];
  return run(program, words, cwd === undefined ? {} : { cwd });
}

async function storageDriver(): Promise<string> {
  const chosen = join(STORAGE, 'driver');
  if (existsSync(chosen)) return readFileSync(chosen, 'utf8');
  mkdirSync(STORAGE, { recursive: true });
  const overlay = await tryRun('buildah', [...storageArguments('overlay'), 'from', '--name', 'probe', 'scratch']);
  const works = overlay.code === 0 && (await tryRun('buildah', [...storageArguments('overlay'), 'mount', 'probe'])).code === 0;
  if (overlay.code === 0) await tryRun('buildah', [...storageArguments('overlay'), 'rm', 'probe']);
  const driver = works ? 'overlay' : 'vfs';
  writeFileSync(chosen, driver);
  return driver;
}

function storageArguments(driver: string): readonly string[] {
  return ['--root', join(STORAGE, driver), '--runroot', join('/run/glidepath-lab-buildah', driver), '--storage-driver', driver];
}

async function buildah(...args: readonly string[]): Promise<string> {
  return (await outside('buildah', [...storageArguments(await storageDriver()), ...args])).trim();
}

function nodeBinary(): string {
  const folders = ['node/bin', `node-linux-${process.arch}/bin`].map((folder) => join(PROJECT_FOLDER, 'node_modules', folder, 'node'));
  const found = folders.find((file) => existsSync(file));
  if (found === undefined) throw new LabError('The Node binary of the package node is missing: run npm ci first.');
  return found;
}

/** The npm that comes with the caller's Node, so that a Dockerfile may run it; none is fine. */
async function npmFolder(): Promise<string | undefined> {
  const root = await tryRun('npm', ['root', '--global']);
  const folders = [join(root.stdout.trim(), 'npm'), '/usr/lib/node_modules/npm', '/usr/local/lib/node_modules/npm'];
  return folders.find((folder) => existsSync(join(folder, 'bin/npm-cli.js')));
}

async function hasImage(tag: string): Promise<boolean> {
  return (await buildah('images', '--format', '{{.Name}}:{{.Tag}}')).split('\n').includes(tag);
}

async function addNpm(container: string): Promise<void> {
  const npm = await npmFolder();
  if (npm === undefined) return;
  await buildah('copy', container, npm, '/usr/local/lib/node_modules/npm');
  for (const name of ['npm', 'npx']) {
    await buildah(
      'run',
      '--isolation',
      'chroot',
      container,
      '--',
      'ln',
      '-s',
      `../lib/node_modules/npm/bin/${name}-cli.js`,
      `/usr/local/bin/${name}`,
    );
  }
}

/** A machine behind an inspecting proxy trusts authorities that Debian does not: a build has to trust them too. */
async function addAuthorities(container: string): Promise<void> {
  if (!existsSync(AUTHORITIES)) return;
  await buildah('copy', container, AUTHORITIES, AUTHORITIES);
  const npmrc = join(CACHE, `npmrc-${process.pid}`);
  writeFileSync(npmrc, `cafile=${AUTHORITIES}\n`);
  try {
    await buildah('copy', container, npmrc, '/usr/local/etc/npmrc');
  } finally {
    rmSync(npmrc);
  }
}

async function buildBase(version: string): Promise<void> {
  const archive = join(CACHE, `debian-${process.pid}.tar`);
  try {
    const options = ['--quiet', '--variant=minbase', `--aptopt=${APT_RETRIES}`, `--include=${BASE_PACKAGES}`];
    await outside('mmdebstrap', [...options, SNAPSHOT_SUITE, archive]);
    const container = await buildah('from', 'scratch');
    await buildah('add', container, archive, '/');
    await buildah('copy', '--chmod', '755', container, nodeBinary(), '/usr/local/bin/node');
    await buildah(
      'run',
      '--isolation',
      'chroot',
      container,
      '--',
      'useradd',
      '--uid',
      '1000',
      '--user-group',
      '--create-home',
      '--shell',
      '/bin/bash',
      'node',
    );
    await addNpm(container);
    await addAuthorities(container);
    await buildah(
      'config',
      '--env',
      `NODE_VERSION=${version}`,
      '--env',
      'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
      '--cmd',
      '["node"]',
      '--label',
      `node=${version}`,
      container,
    );
    await buildah('commit', '--rm', container, BASE_IMAGE);
  } finally {
    rmSync(archive, { force: true });
  }
}

/** Makes the stand-in for the base image, once for each version of Node. */
export async function ensureBaseImage(): Promise<void> {
  const version = (await run(nodeBinary(), ['--version'])).trim().slice(1);
  const recipe = `${version} recipe ${BASE_RECIPE}`;
  const made = join(STORAGE, 'base-version');
  const isMade = existsSync(made) && readFileSync(made, 'utf8') === recipe && (await hasImage(BASE_IMAGE));
  if (isMade) return;
  await showStep(`Base image of Debian and Node ${version} (once, usually 1 min)`, () => buildBase(version));
  writeFileSync(made, recipe);
}

/** Names that a .dockerignore excludes; its patterns with wildcards count as input, which only costs a build. */
function ignoredNames(folder: string): ReadonlySet<string> {
  const file = join(folder, '.dockerignore');
  const lines = existsSync(file) ? readFileSync(file, 'utf8').split('\n') : [];
  return new Set(lines.map((line) => line.trim().replace(/^\/|\/$/g, '')).filter((line) => line !== '' && !/[#!*?]/.test(line)));
}

function listInputs(folder: string, ignored: ReadonlySet<string>, below = folder): readonly string[] {
  return readdirSync(below, { withFileTypes: true }).flatMap((entry) => {
    const path = join(below, entry.name);
    if (NEVER_INPUT.has(entry.name) || ignored.has(relative(folder, path))) return [];
    return entry.isDirectory() ? listInputs(folder, ignored, path) : entry.isFile() ? [path] : [];
  });
}

function hashInputs(folder: string, tag: string): string {
  const hash = createHash('sha256')
    .update(tag)
    .update(readFileSync(join(STORAGE, 'base-version')));
  for (const file of listInputs(folder, ignoredNames(folder)).toSorted()) {
    const { size, mode } = statSync(file);
    hash.update(`${relative(folder, file)}\0${size}\0${mode}\0`).update(readFileSync(file));
  }
  return hash.digest('hex').slice(0, 16);
}

/** The full name under which Kubernetes looks for a short image name. */
export function fullImageName(tag: string): string {
  const withTag = /:[^/]+$/.test(tag) ? tag : `${tag}:latest`;
  const [first = '', ...rest] = withTag.split('/');
  const hasHost = rest.length > 0 && (/[.:]/.test(first) || first === 'localhost');
  if (hasHost) return withTag;
  return rest.length > 0 ? `docker.io/${withTag}` : `docker.io/library/${withTag}`;
}

async function buildArchive(folder: string, tag: string, archive: string): Promise<void> {
  await buildah('bud', '--isolation', 'chroot', '--pull-never', '--layers=false', '--tag', tag, folder);
  mkdirSync(ARCHIVES, { recursive: true });
  const temporary = `${archive}.${process.pid}`;
  await buildah('push', '--quiet', tag, `docker-archive:${temporary}:${tag}`);
  renameSync(temporary, archive);
  await tryRun('buildah', [...storageArguments(await storageDriver()), 'rmi', '--prune']);
}

/** One archive of each tag is kept: they are large. */
function removeFamily(family: string): void {
  for (const file of globSync(`${family}-${'?'.repeat(16)}.tar`, { cwd: ARCHIVES })) rmSync(join(ARCHIVES, file), { force: true });
}

async function importArchive(archive: string, tag: string): Promise<void> {
  const ctr = ['-a', CONTAINERD_SOCKET, '-n', 'k8s.io', 'images'];
  const label = `glidepath-lab/archive=${archive.slice(archive.lastIndexOf('/') + 1)}`;
  const present = await tryRun('ctr', [...ctr, 'ls', `name==${tag}`]);
  if (present.stdout.includes(label)) return;
  await run('ctr', [...ctr, 'import', archive]);
  await run('ctr', [...ctr, 'label', tag, label]);
}

/** The same from single files, each under its own name. */
export async function buildImageOf(files: readonly string[], name: string): Promise<void> {
  const context = mkdtempSync(join(tmpdir(), 'glidepath-lab-image-'));
  try {
    for (const file of files) copyFileSync(file, join(context, basename(file)));
    await buildImage(context, name);
  } finally {
    rmSync(context, { recursive: true });
  }
}

/**
 * Builds `folder/Dockerfile` as `tag` and loads it into the running lab; unchanged inputs are not built again.
 * @returns the full image name for a pod, with `imagePullPolicy: Never` or `IfNotPresent`
 */
export async function buildImage(folder: string, tag: string): Promise<string> {
  const source = resolve(folder);
  if (!existsSync(join(source, 'Dockerfile'))) throw new LabError(`There is no Dockerfile in ${source}.`);
  const name = fullImageName(tag);
  if (labKind() === 'k3d') {
    await run('docker', ['build', '--tag', name, source]);
    await loadK3dImage(name);
    return name;
  }
  // Labs that stand side by side share what is built.
  return withLockOf(join(CACHE, 'images.lock'), 'builds images now', () => buildOnce(source, name));
}

async function buildOnce(source: string, name: string): Promise<string> {
  await ensureBaseImage();
  const family = name.replaceAll(/[^\w.-]+/g, '_');
  const archive = join(ARCHIVES, `${family}-${hashInputs(source, name)}.tar`);
  if (!existsSync(archive)) {
    removeFamily(family);
    await showStep(`Building ${name}`, () => buildArchive(source, name, archive));
  }
  await importArchive(archive, name);
  return name;
}
