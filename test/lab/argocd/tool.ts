// Argo CD as one program, built from pinned modules as the lab's other tools are. It has a cache folder of its own: whoever does
// not ask for Argo CD neither builds it nor gets other tools because of it.
import { createHash } from 'node:crypto';
import { chmodSync, copyFileSync, existsSync, globSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { basename, join } from 'node:path';
import { ensureBuildPrerequisites } from '../prerequisites.ts';
import { showStep } from '../progress.ts';
import { CACHE, LabError } from '../settings.ts';
import { buildGo, findModule } from '../tools.ts';

/** Its go.mod, with the `replace` block of Argo CD's own, and go.sum. */
const PIN_FOLDER = join(import.meta.dirname, 'tool');
const MODULE = 'github.com/argoproj/argo-cd/v3';
/** The one binary decides by the name it is called by which program it is. */
const PROGRAMS = ['argocd-repo-server', 'argocd-application-controller'] as const;
export type ArgocdProgram = (typeof PROGRAMS)[number];

/** The version that go.mod pins, such as `v3.2.11`. */
export function argocdVersion(): string {
  const version = /argo-cd\/v3 (v\S+)/.exec(readFileSync(join(PIN_FOLDER, 'go.mod'), 'utf8'))?.[1];
  if (version === undefined) throw new LabError('test/lab/argocd/tool/go.mod does not name argo-cd.');
  return version;
}

/** The cache folder of what the present pins describe. */
export function argocdFolder(): string {
  const hash = createHash('sha256').update(process.arch);
  for (const file of ['go.mod', 'go.sum']) hash.update(readFileSync(join(PIN_FOLDER, file)));
  return join(CACHE, `argocd-${hash.digest('hex').slice(0, 12)}`);
}

/** One of its programs. */
export function argocdPath(program: ArgocdProgram): string {
  return join(argocdFolder(), program);
}

async function copyDefinitions(out: string): Promise<void> {
  const module = await findModule(PIN_FOLDER, MODULE);
  mkdirSync(join(out, 'crds'));
  for (const file of globSync('manifests/crds/*-crd.yaml', { cwd: module })) {
    const copy = join(out, 'crds', basename(file));
    copyFileSync(join(module, file), copy);
    chmodSync(copy, 0o644);
  }
}

/** Builds Argo CD unless the cache has it; a broken-off build leaves nothing behind that looks finished. */
export async function ensureArgocd(): Promise<void> {
  const folder = argocdFolder();
  if (existsSync(folder)) return;
  ensureBuildPrerequisites();
  const temporary = `${folder}.${process.pid}`;
  rmSync(temporary, { recursive: true, force: true });
  mkdirSync(temporary, { recursive: true });
  try {
    const version = argocdVersion();
    await showStep(`Argo CD ${version}, once: cold usually 7 min on 2 cores`, async (step) => {
      const variables = [`${MODULE}/common.version=${version}`];
      await buildGo(PIN_FOLDER, `${MODULE}/cmd`, join(temporary, 'argocd'), step, variables);
      await copyDefinitions(temporary);
    });
    for (const program of PROGRAMS) symlinkSync('argocd', join(temporary, program));
    if (!existsSync(folder)) renameSync(temporary, folder);
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}
