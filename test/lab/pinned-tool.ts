// A program of the lab that is built from a go.mod of its own, into a cache folder of its own: whoever does not ask for it neither
// builds it nor gets other tools because of it.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { ensureBuildPrerequisites } from './prerequisites.ts';
import { showStep, type Step } from './progress.ts';
import { CACHE, LabError } from './settings.ts';

/** A pinned program and how it is made. */
export interface PinnedTool {
  /** Begins the name of its cache folder. */
  readonly name: string;
  /** Holds go.mod, go.sum and, where the program is ours, its main.go. */
  readonly pinFolder: string;
  /** Its module, as go.mod names it. */
  readonly module: string;
  /** How long it takes on 2 cores when nothing is cached. */
  readonly usually: string;
  /** Builds it. @param out an empty folder */
  readonly make: (out: string, step: Step) => Promise<void>;
}

/** The version that go.mod pins, such as `v3.2.11`. */
export function versionOf({ pinFolder, module }: Pick<PinnedTool, 'pinFolder' | 'module'>): string {
  const words = readFileSync(join(pinFolder, 'go.mod'), 'utf8').split(/\s+/);
  const version = words.find((word, index) => words[index - 1] === module && word.startsWith('v'));
  if (version === undefined) throw new LabError(`${pinFolder}/go.mod does not name ${module}.`);
  return version;
}

/** The cache folder of what the present pins describe. */
export function folderOf({ name, pinFolder }: Pick<PinnedTool, 'name' | 'pinFolder'>): string {
  const hash = createHash('sha256').update(process.arch);
  for (const file of readdirSync(pinFolder).toSorted()) hash.update(readFileSync(join(pinFolder, file)));
  return join(CACHE, `${name}-${hash.digest('hex').slice(0, 12)}`);
}

/** Builds it unless the cache has it; a broken-off build leaves nothing behind that looks finished. */
export async function ensurePinned(tool: PinnedTool): Promise<void> {
  const folder = folderOf(tool);
  if (existsSync(folder)) return;
  ensureBuildPrerequisites();
  const temporary = `${folder}.${process.pid}`;
  rmSync(temporary, { recursive: true, force: true });
  mkdirSync(temporary, { recursive: true });
  try {
    await showStep(`${tool.name} ${versionOf(tool)}, once: cold usually ${tool.usually} on 2 cores`, (step) => tool.make(temporary, step));
    if (!existsSync(folder)) renameSync(temporary, folder);
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}
