// Flux's two controllers that a Kustomization needs, each built from its own pinned modules, and their resource definitions.
import { join } from 'node:path';
import { ensurePinned, folderOf, type PinnedTool, versionOf } from '../pinned-tool.ts';
import { buildGo, copyFromModule } from '../tools.ts';

/** One fetches what Git has, the other applies it. */
export const FLUX_CONTROLLERS = ['source-controller', 'kustomize-controller'] as const;
export type FluxController = (typeof FLUX_CONTROLLERS)[number];

/** Whether the word names one of them. */
export function isFluxController(word: string): word is FluxController {
  return FLUX_CONTROLLERS.some((name) => name === word);
}

const MINUTES: Readonly<Record<FluxController, string>> = { 'source-controller': '5 min', 'kustomize-controller': '3 min' };

function toolOf(name: FluxController): PinnedTool {
  const pinFolder = join(import.meta.dirname, name);
  const module = `github.com/fluxcd/${name}`;
  return {
    name,
    pinFolder,
    module,
    usually: MINUTES[name],
    make: async (out, step) => {
      await buildGo(pinFolder, module, join(out, name), step);
      await copyFromModule(pinFolder, module, 'config/crd/bases/*.yaml', join(out, 'crds'));
    },
  };
}

const TOOLS: Readonly<Record<FluxController, PinnedTool>> = {
  'source-controller': toolOf('source-controller'),
  'kustomize-controller': toolOf('kustomize-controller'),
};

/** Builds both unless the cache has them. */
export async function ensureFlux(): Promise<void> {
  for (const name of FLUX_CONTROLLERS) await ensurePinned(TOOLS[name]);
}

/** The version that its go.mod pins. */
export const fluxVersion = (name: FluxController): string => versionOf(TOOLS[name]);

/** The folder with its program, and its resource definitions in the folder `crds`. */
export const fluxFolder = (name: FluxController): string => folderOf(TOOLS[name]);
