// An application as a team with Argo CD has it: everything in a Git repository, and an Application that applies it with
// self-heal on. The recipe that lets releases work is the one of `config/argocd/application.yaml`.

import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { parse, stringify } from 'yaml';
import { ARGOCD_NAMESPACE } from '../../lab/argocd/components.ts';
import { API_URL } from '../../lab/settings.ts';
import type { PlainObject } from '../../lab/sample.ts';
import { ARGOCD_FOLDER, type ARGOCD_PATCH_FILES } from '../argocd-cm.ts';
import type { KubeObject } from './api.ts';
import { type Cluster, waitFor } from './cluster.ts';
import { ObjectWatch } from './object-watch.ts';

/** What Argo CD says of an Application. */
export interface ApplicationStatus {
  readonly health?: { readonly status?: string };
  readonly sync?: { readonly status?: string; readonly revision?: string };
  readonly operationState?: { readonly phase?: string; readonly message?: string; readonly syncResult?: { readonly revision?: string } };
}
/** An Application as the cluster has it. */
export type ApplicationObject = KubeObject<unknown, ApplicationStatus>;

interface Recipe {
  readonly metadata: { readonly annotations: Readonly<Record<string, string>> };
  readonly spec: {
    readonly syncPolicy: { readonly automated: object; readonly syncOptions: readonly string[] };
    readonly ignoreDifferences: readonly object[];
  };
}

const run = promisify(execFile);
const GIT_ENV = {
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_CONFIG_SYSTEM: '/dev/null',
  GIT_AUTHOR_NAME: 'team',
  GIT_AUTHOR_EMAIL: 'team@example.com',
  GIT_COMMITTER_NAME: 'team',
  GIT_COMMITTER_EMAIL: 'team@example.com',
};

/** Which Application of `config/argocd` has the recipe. */
export type RecipeFile = 'application.yaml' | 'application-deployment.yaml';

function readRecipe(file: RecipeFile): Recipe {
  return parse(readFileSync(new URL(file, ARGOCD_FOLDER), 'utf8')) as Recipe;
}

/** The object in a sync wave of Argo CD. */
export function inWave(object: PlainObject, wave: string): PlainObject {
  const annotations = { 'argocd.argoproj.io/sync-wave': wave };
  return { ...object, metadata: { ...object.metadata, annotations } as PlainObject['metadata'] };
}

/** Makes Argo CD judge releases by the health Lua of one patch of `config/argocd`. @throws Error where the lab has no Argo CD */
export async function customizeArgocd(cluster: Cluster, patch: (typeof ARGOCD_PATCH_FILES)[number]): Promise<void> {
  const ref = { kind: 'ConfigMap', namespace: ARGOCD_NAMESPACE, name: 'argocd-cm' } as const;
  if ((await cluster.get(ref)) === undefined) throw new Error('this lab has no Argo CD; bring it up with `npm run lab -- up --argocd`');
  const { data } = parse(readFileSync(new URL(patch, ARGOCD_FOLDER), 'utf8')) as { data: Record<string, string> };
  // What the other patch brought goes.
  await cluster.patch(ref, { data: { 'resource.customizations.health.apps_Deployment': null, ...data } });
}

/** One Application with a repository of its own. */
export class GitOpsApp {
  readonly name: string;
  readonly watch: ObjectWatch<ApplicationObject>;
  readonly #cluster: Cluster;
  readonly #folder: string;
  readonly #namespace: string;
  readonly #files = new Map<string, PlainObject>();
  /** Commits by their message, with the time. */
  readonly commits: { readonly atMs: number; readonly message: string }[] = [];

  private constructor(cluster: Cluster, namespace: string, name: string, watch: ObjectWatch<ApplicationObject>) {
    this.#cluster = cluster;
    this.#namespace = namespace;
    this.name = `${namespace}-${name}`;
    this.watch = watch;
    this.#folder = mkdtempSync(join(tmpdir(), 'glidepath-git-'));
  }

  /** A repository with a first commit, and the Application over it. */
  static async create(
    cluster: Cluster,
    options: {
      readonly namespace: string;
      readonly name: string;
      readonly recipe: RecipeFile | 'none';
      readonly objects: readonly PlainObject[];
    },
  ): Promise<GitOpsApp> {
    const watch = await ObjectWatch.open<ApplicationObject>(cluster, 'Application', ARGOCD_NAMESPACE);
    const app = new GitOpsApp(cluster, options.namespace, options.name, watch);
    await app.#git('init', '--quiet', '--initial-branch=main');
    await app.#write('first commit', options.objects);
    await cluster.apply(app.#manifest(options.recipe));
    return app;
  }

  /** Commits these objects over those of the same kind and name, and tells Argo CD, as a webhook of the Git server would. */
  async commit(message: string, ...objects: readonly PlainObject[]): Promise<void> {
    await this.#write(message, objects);
    const ref = { kind: 'Application', namespace: ARGOCD_NAMESPACE, name: this.name } as const;
    await this.#cluster.patch(ref, { metadata: { annotations: { 'argocd.argoproj.io/refresh': 'normal' } } });
  }

  /** Adds the recipe to an Application without it. */
  async addRecipe(file: RecipeFile): Promise<void> {
    await this.#cluster.apply(this.#manifest(file));
  }

  /** Waits until the Application shows this health and is in sync with the newest commit. */
  async untilHealth(health: string, ms = 60_000): Promise<void> {
    const { stdout } = await this.#git('rev-parse', 'HEAD');
    const holds = ({ status }: ApplicationObject) =>
      status?.health?.status === health && status.sync?.status === 'Synced' && status.sync.revision === stdout.trim();
    await this.watch.until(this.name, `${health} and Synced`, holds, ms);
  }

  /** Ends the sync that runs, as `argocd app terminate-op` does. */
  async terminate(): Promise<void> {
    const ref = { kind: 'Application', namespace: ARGOCD_NAMESPACE, name: this.name } as const;
    await this.#cluster.patch(ref, { status: { operationState: { phase: 'Terminating' } } });
  }

  /** Waits until Argo CD has compared the newest commit with the cluster. */
  async untilCompared(): Promise<ApplicationStatus> {
    const { stdout } = await this.#git('rev-parse', 'HEAD');
    const holds = ({ status }: ApplicationObject) => status?.sync?.revision === stdout.trim() && status;
    return this.watch.until(this.name, 'to know the newest commit', holds);
  }

  /** Waits until the newest commit was synced, and the Application shows this sync status all the same. */
  async untilSynced(sync: string): Promise<void> {
    const { stdout } = await this.#git('rev-parse', 'HEAD');
    const holds = ({ status }: ApplicationObject) => {
      const { phase, syncResult } = status?.operationState ?? {};
      return phase === 'Succeeded' && syncResult?.revision === stdout.trim() && status?.sync?.status === sync;
    };
    await this.watch.until(this.name, `${sync} after a sync`, holds);
  }

  /** Everything that health and sync status ever said, each once in a row. */
  get story(): readonly { readonly atMs: number; readonly health: string; readonly sync: string }[] {
    const said = this.watch.history(this.name).map(({ atMs, object: { status } }) => ({
      atMs,
      health: status?.health?.status ?? 'none',
      sync: status?.sync?.status ?? 'none',
    }));
    return said.filter(({ health, sync }, index) => health !== said[index - 1]?.health || sync !== said[index - 1]?.sync);
  }

  /** Removes the Application and the repository; what was applied stays. */
  async close(): Promise<void> {
    const ref = { kind: 'Application', namespace: ARGOCD_NAMESPACE, name: this.name } as const;
    await this.#cluster.remove(ref);
    await waitFor('the Application to be gone', async () => (await this.#cluster.get(ref)) === undefined);
    this.watch.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #manifest(file: RecipeFile | 'none'): PlainObject {
    const { metadata, spec } = readRecipe(file === 'none' ? 'application.yaml' : file);
    const { automated } = spec.syncPolicy;
    const recipe = { syncPolicy: spec.syncPolicy, ignoreDifferences: spec.ignoreDifferences };
    const annotations = file === 'none' ? {} : metadata.annotations;
    const source = { repoURL: `file://${this.#folder}`, targetRevision: 'main', path: '.' };
    return {
      apiVersion: 'argoproj.io/v1alpha1',
      kind: 'Application',
      metadata: { name: this.name, namespace: ARGOCD_NAMESPACE, annotations } as PlainObject['metadata'],
      spec: {
        project: 'default',
        source,
        destination: { server: API_URL, namespace: this.#namespace },
        ...(file === 'none' ? { syncPolicy: { automated } } : recipe),
      },
    };
  }

  /** YAML 1.1, as Argo CD reads it: a bare Off would be a boolean there. */
  async #write(message: string, objects: readonly PlainObject[]): Promise<void> {
    for (const object of objects) this.#files.set(`${object.kind}-${object.metadata.name}.yaml`, object);
    for (const [file, object] of this.#files) writeFileSync(join(this.#folder, file), stringify(object, { version: '1.1' }));
    await this.#git('add', '.');
    await this.#git('commit', '--quiet', '-m', message);
    this.commits.push({ atMs: Date.now(), message });
  }

  #git(...args: readonly string[]): Promise<{ readonly stdout: string }> {
    return run('git', args, { cwd: this.#folder, env: { ...process.env, ...GIT_ENV } });
  }
}
