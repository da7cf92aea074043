// Argo CD as one program, built from pinned modules as the lab's other tools are.
import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { ensurePinned, folderOf, type PinnedTool, versionOf } from '../pinned-tool.ts';
import { buildGo, copyFromModule } from '../tools.ts';

/** Its go.mod, with the `replace` block of Argo CD's own, and go.sum. */
const PIN_FOLDER = join(import.meta.dirname, 'tool');
const MODULE = 'github.com/argoproj/argo-cd/v3';
/** The one binary decides by the name it is called by which program it is. */
const PROGRAMS = ['argocd-repo-server', 'argocd-application-controller'] as const;
export type ArgocdProgram = (typeof PROGRAMS)[number];

const TOOL: PinnedTool = {
  name: 'argocd',
  pinFolder: PIN_FOLDER,
  module: MODULE,
  usually: '7 min',
  make: async (out, step) => {
    await buildGo(PIN_FOLDER, `${MODULE}/cmd`, join(out, 'argocd'), step, [`${MODULE}/common.version=${argocdVersion()}`]);
    await copyFromModule(PIN_FOLDER, MODULE, 'manifests/crds/*-crd.yaml', join(out, 'crds'));
    for (const program of PROGRAMS) symlinkSync('argocd', join(out, program));
  },
};

/** The version that go.mod pins, such as `v3.2.11`. */
export function argocdVersion(): string {
  return versionOf(TOOL);
}

/** The cache folder of what the present pins describe. */
export function argocdFolder(): string {
  return folderOf(TOOL);
}

/** One of its programs. */
export function argocdPath(program: ArgocdProgram): string {
  return join(argocdFolder(), program);
}

/** Builds Argo CD unless the cache has it. */
export async function ensureArgocd(): Promise<void> {
  await ensurePinned(TOOL);
}
