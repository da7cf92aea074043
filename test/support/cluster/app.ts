// One application on a stand: two or more Services, one route, load on it, and its CanaryRelease. The route is applied as a
// GitOps tool would do it, under a field manager of its own.

import type { CanaryReleaseStatus, SpecInput } from '../../../src/api/release.ts';
import { API_VERSION, KIND } from '../../../src/api/names.ts';
import { isBad, type Load, type LoadRecord, startLoad, summarise, within } from '../../lab/load.ts';
import { type PlainObject, SAMPLE_PORT, sampleRoute, sampleService } from '../../lab/sample.ts';
import { messageIn } from './api.ts';
import { waitFor } from './cluster.ts';
import type { ReleaseObject, RouteObject, RouteSpec, Stand } from './stand.ts';

/** Who applies the routes. */
export const OWNER = 'git';

export interface AppOptions {
  readonly name: string;
  /** Deployment behind each Service; Service names are `NAME-SUFFIX`. Default: v1 and v2 before the deployments one and two. */
  readonly services?: Readonly<Record<string, string>>;
  /** Weight of each Service by suffix; default: 1 for v1, 0 for the others. */
  readonly weights?: Readonly<Record<string, number>>;
  /** Changes the route before it is applied. */
  readonly route?: (spec: RouteSpec, app: App) => RouteSpec;
  /** Requests per second; 0 for none. */
  readonly rps?: number;
  /** Somebody else delivers Services and route: nothing is applied here, and no load is started. */
  readonly delivered?: 'by others';
}

/** Two short stages and one check: what most tests release with. */
export const QUICK_STAGES = [
  { weight: 20, duration: '3s' },
  { weight: 50, duration: '3s' },
] as const;

/** Looks every second, and little traffic is enough. One check decides: the comparison has tests of its own. */
export const QUICK_ANALYSIS = {
  interval: '1s',
  window: '10s',
  minRequests: 10,
  comparison: { mode: 'Off' },
  checks: [{ name: 'errors', metric: 'ErrorRatio', max: '5%' }],
} as const;

export class App {
  readonly stand: Stand;
  readonly name: string;
  readonly host: string;
  readonly #options: AppOptions;
  #load: Load | undefined;

  private constructor(stand: Stand, options: AppOptions) {
    this.stand = stand;
    this.name = options.name;
    this.host = `${options.name}.${stand.namespace}.test`;
    this.#options = options;
  }

  static async create(stand: Stand, options: AppOptions): Promise<App> {
    const app = new App(stand, options);
    if (options.delivered !== undefined) return app;
    const services = Object.entries(options.services ?? { v1: 'one', v2: 'two' });
    await Promise.all(services.map(([suffix, deployment]) => app.serve(suffix, deployment)));
    await stand.cluster.apply(app.routeObject(), { manager: OWNER });
    if (options.rps !== 0) await app.startLoad(options.rps ?? 25);
    return app;
  }

  /** Full name of the Service with this suffix. */
  service(suffix: string): string {
    return `${this.name}-${suffix}`;
  }

  /** Lets a Service of this app select the pods of a deployment. */
  async serve(suffix: string, deployment: string): Promise<void> {
    await this.stand.cluster.apply(this.serviceObject(suffix, deployment));
  }

  /** A Service of this app over the pods of a deployment. */
  serviceObject(suffix: string, deployment: string): PlainObject {
    const service = sampleService({ namespace: this.stand.namespace, name: this.service(suffix) });
    return { ...service, spec: { ...(service['spec'] as object), selector: { app: deployment } } };
  }

  /** The route as its owner has it in Git. */
  routeObject(): PlainObject {
    const { weights = {}, services = { v1: 'one', v2: 'two' }, route = (spec: RouteSpec) => spec } = this.#options;
    const named = Object.keys(services).map((suffix) => [this.service(suffix), weights[suffix] ?? (suffix === 'v1' ? 1 : 0)] as const);
    const { namespace } = this.stand;
    const plain = sampleRoute({ namespace, name: this.name, hostname: this.host, weights: Object.fromEntries(named) });
    return { ...plain, spec: route(plain['spec'] as RouteSpec, this) };
  }

  /** A backendRef of this app's Service. */
  backend(suffix: string, weight: number): { readonly name: string; readonly port: number; readonly weight: number } {
    return { name: this.service(suffix), port: SAMPLE_PORT, weight };
  }

  /** Sends requests and resolves with the first good answer. */
  async startLoad(rps: number): Promise<void> {
    const load = startLoad({ url: process.env['GATEWAY_URL'] ?? '', host: this.host, rps });
    this.#load = load;
    const isServed = async () => load.records.at(-1)?.status === 200;
    await waitFor(`${this.host} to be served`, isServed, { lastSeen: () => load.records.at(-1) });
  }

  async stopLoad(): Promise<void> {
    await this.#load?.stop();
  }

  /** The requests that were sent within this time and have ended. */
  records(fromMs = 0, toMs = Number.POSITIVE_INFINITY): readonly LoadRecord[] {
    return within(this.#load?.records ?? [], fromMs, toMs);
  }

  /** Figures over the answers to requests that were sent within this time. */
  answers(fromMs = 0, toMs = Number.POSITIVE_INFINITY) {
    return summarise(this.records(fromMs, toMs));
  }

  /** The first answers that were no good ones, of requests that were sent within this time. */
  badAnswers(fromMs = 0, toMs = Number.POSITIVE_INFINITY): readonly LoadRecord[] {
    return this.records(fromMs, toMs).filter(isBad).slice(0, 5);
  }

  /** The manifest of this app's release: v1 and v2 in two quick stages unless the spec says otherwise. */
  manifest(spec: Partial<SpecInput> = {}): PlainObject {
    const services = [{ name: this.service('v1') }, { name: this.service('v2') }];
    const analysis = { ...QUICK_ANALYSIS, ...spec.analysis };
    return {
      apiVersion: API_VERSION,
      kind: KIND,
      metadata: { name: this.name, namespace: this.stand.namespace },
      spec: { services, routeRefs: [{ name: this.name }], stages: QUICK_STAGES, ...spec, analysis },
    };
  }

  /** Applies the release. */
  async release(spec: Partial<SpecInput> = {}): Promise<void> {
    await this.stand.cluster.apply(this.manifest(spec));
  }

  get ref() {
    return { kind: 'CanaryRelease', namespace: this.stand.namespace, name: this.name } as const;
  }

  get routeRef() {
    return { kind: 'HTTPRoute', namespace: this.stand.namespace, name: this.name } as const;
  }

  /** The present route. @throws Error when it is not there */
  get route(): RouteObject {
    const route = this.stand.routes.last(this.name);
    if (route === undefined) throw new Error(`HTTPRoute ${this.name} is not there`);
    return route;
  }

  get status(): CanaryReleaseStatus | undefined {
    return this.stand.releases.last(this.name)?.status;
  }

  /** Waits for a status of the release. */
  until(what: string, find: (status: CanaryReleaseStatus, release: ReleaseObject) => boolean, ms?: number): Promise<CanaryReleaseStatus> {
    const holds = (release: ReleaseObject) => release.status !== undefined && find(release.status, release) && release.status;
    return this.stand.releases.until(this.name, what, holds, ms);
  }

  /** Waits until the release shows this phase. */
  untilPhase(phase: string, ms?: number): Promise<CanaryReleaseStatus> {
    return this.until(`phase ${phase}`, (status) => status.phase === phase, ms);
  }

  /** Waits until the route gives the canary this share in its first rule. */
  async untilShare(percent: number, canary = 'v2', serving = 'v1'): Promise<void> {
    const holds = (route: RouteObject) => shareIn(route, this.service(serving), this.service(canary)) === percent;
    await this.stand.routes.until(this.name, `share ${percent}% for ${canary}`, holds);
  }

  /** Orders the running release to do something, as kubectl annotate would. */
  async command(verb: string, stage?: number): Promise<void> {
    const id = this.status?.release?.id ?? '';
    const value = `${verb}:${id}${stage === undefined ? '' : `/${stage}`}:${new Date().toISOString()}`;
    await this.annotate('glidepath.dev/command', value);
  }

  async annotate(name: string, value: string): Promise<void> {
    await this.stand.cluster.patch(this.ref, { metadata: { annotations: { [name]: value } } }, { manager: 'kubectl-annotate' });
  }

  /** A server-side apply of the route with other weights and without force, as any tool would try after a release. */
  async applyByAnother(): Promise<string> {
    const manifest = this.routeObject();
    const spec = manifest['spec'] as RouteSpec;
    const rules = (spec.rules ?? []).map((rule) => ({
      ...rule,
      ...(rule.backendRefs === undefined ? {} : { backendRefs: rule.backendRefs.map((ref) => ({ ...ref, weight: 77 })) }),
    }));
    const changed = { ...manifest, spec: { ...spec, rules } };
    const answer = await this.stand.cluster.tryApply(changed, { manager: OWNER, force: false, dryRun: true });
    return answer.code === 200 ? 'applied' : messageIn(answer.body);
  }
}

/** Weights of a rule by Service name. */
export function weightsIn(route: RouteObject, rule = 0): Readonly<Record<string, number>> {
  return Object.fromEntries((route.spec.rules?.[rule]?.backendRefs ?? []).map(({ name, weight }) => [name, weight ?? 1]));
}

/** Percent of what serving and canary have together, in one rule. */
export function shareIn(route: RouteObject, serving: string, canary: string, rule = 0): number {
  const weights = weightsIn(route, rule);
  const [ours, theirs] = [weights[canary] ?? 0, weights[serving] ?? 0];
  return ours + theirs === 0 ? 0 : (100 * ours) / (ours + theirs);
}
