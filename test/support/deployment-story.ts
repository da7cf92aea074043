// A store as one Deployment behind one Service, its image in Git, a policy that holds what changes, and a release over it.

import { HELD_ANNOTATION } from '../../src/api/names.ts';
import type { SpecInput } from '../../src/api/release.ts';
import type { DeploymentObject } from '../../src/core/workload/objects.ts';
import type { StoredObject } from './memory/api-server.ts';
import { imageOf } from './memory/deployments.ts';
import { buildRule } from './memory/gateway.ts';
import { MemoryWorld, NAMESPACE, type WorldSettings } from './memory-world.ts';
import { SPEC, untilState } from './story.ts';

const KEY = { kind: 'Deployment', namespace: NAMESPACE, name: 'store' };

/** Spec of a release of the store's Deployment. */
export function deploymentSpec(change: Partial<SpecInput> = {}): SpecInput {
  const { services: _services, ...rest } = SPEC;
  return {
    ...rest,
    targetRef: { name: 'store' },
    service: { name: 'store' },
    ...change,
    analysis: { ...SPEC.analysis, ...change.analysis },
  };
}

/** The template that Git has for a version. */
function templateFor(image: string) {
  return { metadata: { labels: { app: 'store' } }, spec: { containers: [{ name: 'app', image }] } };
}

export class DeploymentStory {
  readonly world: MemoryWorld;

  private constructor(settings: WorldSettings) {
    this.world = new MemoryWorld(settings);
  }

  /** Four pods of store:1 serve; the operator runs, the release `web` is idle. */
  static async begin(change: Partial<SpecInput> = {}, settings: WorldSettings = {}): Promise<DeploymentStory> {
    const story = new DeploymentStory(settings);
    const { world } = story;
    const selector = { app: 'store' };
    const pods = { ready: 0, unready: 0, hashes: [] };
    const metadata = { name: 'store', namespace: NAMESPACE };
    world.api.create({ apiVersion: 'v1', kind: 'Service', metadata, spec: { selector, ports: [{ port: 80 }], ...pods } }, 'git');
    const spec = { replicas: 4, selector: { matchLabels: selector }, template: templateFor('store:1') };
    world.api.create({ apiVersion: 'apps/v1', kind: 'Deployment', metadata, spec }, 'git');
    world.createRoute('store', [buildRule({ store: 1, beta: 1 })]);
    await world.run(5_000);
    world.startOperator();
    world.createRelease('web', deploymentSpec(change));
    await untilState(world, 'idle');
    return story;
  }

  get deployment(): DeploymentObject {
    const found = this.world.api.get(KEY);
    if (found === undefined) throw new Error('the Deployment is gone');
    return found as unknown as DeploymentObject;
  }

  /** Git applies an image: whatever was paused is to be unpaused, and the policy sees to it that it is not. */
  apply(image: string): void {
    this.edit('argocd-controller', (spec) => ({ ...spec, paused: false, template: templateFor(image) }));
  }

  /** Git applies an image by a manifest that says nothing of a pause. */
  commit(image: string): void {
    this.edit('flux', (spec) => ({ ...spec, template: templateFor(image) }));
  }

  /** A write by somebody who is not the operator. */
  edit(manager: string, change: (spec: DeploymentObject['spec']) => DeploymentObject['spec']): void {
    this.world.api.update(KEY, manager, (old) => {
      const before = (old as unknown as DeploymentObject).spec;
      const spec = change(before);
      const changed = JSON.stringify(spec.template) !== JSON.stringify(before.template);
      const released = before.paused === true && spec.paused !== true;
      const held = this.world.holds && (changed || released);
      const annotations = { ...old.metadata.annotations, ...(held ? { [HELD_ANNOTATION]: 'web' } : {}) };
      return { ...old, spec: held ? { ...spec, paused: true } : spec, metadata: { ...old.metadata, annotations } } as StoredObject;
    });
  }

  /** Pods by image, as the serving Service has them behind it: all that are there, ready or not. */
  behindService(): Readonly<Record<string, number>> {
    const sets = this.world.deployments.replicaSets().filter(({ spec }) => spec.template.metadata?.labels?.['app'] === 'store');
    const present = sets.filter(({ status }) => (status?.replicas ?? 0) > 0);
    return Object.fromEntries(present.map(({ spec, status }) => [imageOf(spec.template), status?.replicas ?? 0]));
  }

  /** Pods that are ready behind the serving Service. */
  get ready(): number {
    const sets = this.world.deployments.replicaSets().filter(({ spec }) => spec.template.metadata?.labels?.['app'] === 'store');
    return sets.reduce((sum, { status }) => sum + (status?.readyReplicas ?? 0), 0);
  }

  /** Watches for moments at which the serving Service gets traffic and has fewer ready pods than this. */
  watchCapacity(least: number): readonly string[] {
    const short: string[] = [];
    this.world.api.onChange(({ kind }) => {
      if ((kind === 'ReplicaSet' || kind === 'HTTPRoute') && this.share < 100 && this.ready < least)
        short.push(`${this.ready} ready pods at ${100 - this.share}% (${this.world.status('web')?.state})`);
    });
    return short;
  }

  /** Images that ever had a pod behind the serving Service, in the order of their first. */
  watchImages(): readonly string[] {
    const seen: string[] = [];
    this.world.api.onChange(({ kind }) => {
      if (kind === 'ReplicaSet') for (const image of Object.keys(this.behindService())) if (!seen.includes(image)) seen.push(image);
    });
    return seen;
  }

  get canary(): DeploymentObject | undefined {
    return this.world.api.get({ ...KEY, name: 'store-canary' }) as unknown as DeploymentObject | undefined;
  }

  get share(): number {
    return this.world.share('store', 'store', 'store-canary');
  }

  /** Nothing of a release is left: neither canary nor ref, mark or finalizer. */
  leftovers(): readonly string[] {
    const { world } = this;
    const service = world.api.get({ kind: 'Service', namespace: NAMESPACE, name: 'store-canary' });
    const route = world.route('store');
    return [
      ...(this.canary === undefined ? [] : ['canary Deployment']),
      ...(service === undefined ? [] : ['canary Service']),
      ...(JSON.stringify(world.weights('store')) === '{"store":1,"beta":1}' ? [] : [`weights ${JSON.stringify(world.weights('store'))}`]),
      ...Object.keys(route.metadata.annotations ?? {}).filter((key) => key.startsWith('glidepath')),
      ...(world.release('web')?.metadata.finalizers ?? []),
    ];
  }
}

/** A bake that leaves time for what happens in it. */
export const BAKE = { promotion: { bake: '5m' } } satisfies Partial<SpecInput>;

/** A release of store:2 in a state. */
export async function startIn(state: string, change: Partial<SpecInput> = {}): Promise<DeploymentStory> {
  const story = await DeploymentStory.begin(change);
  story.apply('store:2');
  await untilState(story.world, state);
  return story;
}

/** The share that the canary has on the route, at every write of ours: after home the last one takes its ref away. */
export function sharesOf({ world }: DeploymentStory): readonly number[] {
  return world.guardian.shares.map(({ percent }) => percent);
}
