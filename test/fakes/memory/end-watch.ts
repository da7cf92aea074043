// Asks at each end of a release whether its canary still gets anything, over all rules of all routes, whoever wrote them; and at each
// removal of a canary's Service or Deployment whether a rule still names it.

import { KIND, type RouteKind } from '../../../src/api/names.ts';
import type { CanaryRelease } from '../../../src/api/release.ts';
import type { Route, RouteRule } from '../../../src/api/routes.ts';
import type { MemoryApiServer, StoredChange } from './api-server.ts';
import { weightsOf } from './shares.ts';

interface SeenRule {
  readonly route: Route;
  readonly rule: RouteRule;
  readonly index: number;
}

export class EndWatch {
  readonly #api: MemoryApiServer;
  readonly #servedKinds: () => readonly RouteKind[];
  readonly #report: (rule: number, what: string) => void;
  readonly #isUnseen: (route: string) => boolean;
  readonly #later: (check: () => void) => void;
  /** Rules that were there before a release gave its first weight, by release: they are its user's own. */
  readonly #own = new Map<string, Set<string>>();
  readonly #ended = new Set<string>();

  constructor(parts: {
    readonly api: MemoryApiServer;
    readonly servedKinds: () => readonly RouteKind[];
    readonly report: (rule: number, what: string) => void;
    /** Somebody edited this route a moment ago: the last look at it may have been before that. */
    readonly isUnseen: (route: string) => boolean;
    /** When a late edit has been seen. */
    readonly later: (check: () => void) => void;
  }) {
    this.#api = parts.api;
    this.#servedKinds = parts.servedKinds;
    this.#report = parts.report;
    this.#isUnseen = parts.isUnseen;
    this.#later = parts.later;
  }

  /** A status that the operator stored. */
  seeStatus(release: CanaryRelease): void {
    const current = release.status?.release;
    if (current === undefined) return;
    this.#learnOwn(release);
    const id = `${keyOf(release)} ${current.finishedAt}`;
    if (current.finishedAt === undefined || this.#ended.has(id)) return;
    this.#ended.add(id);
    this.#seeEnd(release);
  }

  /** The operator deletes an object. */
  seeRemoval({ kind, namespace, name }: StoredChange, releases: readonly CanaryRelease[]): void {
    for (const release of releases) {
      const { state, release: current } = release.status ?? {};
      const isCanary = current?.workload !== undefined && [current.workload.canary, current.canary.service].includes(name);
      const ends = state?.startsWith('rollingBack') === true || state === 'promoting.restoring';
      if (release.metadata.namespace !== namespace || !isCanary || !ends) continue;
      for (const { route, rule } of this.#strange(release))
        this.#report(4, `${kind} ${name} was removed while ${describe(route, rule)} names it`);
    }
  }

  #seeEnd(release: CanaryRelease): void {
    const { state = '', release: current } = release.status ?? {};
    // What a person keeps, or takes back by the Deployment alone, is as that person has it.
    const isKept = current?.retained === true || (current?.undone === true && current.workload !== undefined);
    if (current === undefined || isKept) return;
    if (current.workload === undefined && (state !== 'rolledBack' || (current.maxWeight ?? 0) === 0)) return;
    if (current.workload === undefined && release.metadata.deletionTimestamp !== undefined) return;
    for (const { route, rule } of this.#strange(release)) {
      const weight = weightsOf(rule).get(current.canary.service) ?? 0;
      // Between the last look and the write of the status somebody may still edit: then the release has to name the rule.
      if (current.workload === undefined && this.#isUnseen(route.metadata.name)) this.#later(() => this.#seeTold(release, current.id));
      else if (weight > 0 || current.workload !== undefined)
        this.#report(1, `status ${state} was stored while ${describe(route, rule)} gives ${current.canary.service} weight ${weight}`);
    }
  }

  #seeTold({ metadata: { namespace, name } }: CanaryRelease, id: string): void {
    const now = this.#api.get({ kind: KIND, namespace, name }) as unknown as CanaryRelease | undefined;
    if (now?.status?.state !== 'rolledBack' || now.status.release?.id !== id) return;
    const told = now.status.conditions?.find(({ type }) => type === 'OtherCanaryRules')?.message ?? '';
    for (const { route, rule, index } of this.#strange(now)) {
      const weight = weightsOf(rule).get(now.status.release.canary.service) ?? 0;
      if (weight > 0 && !told.includes(`rule ${rule.name ?? `rules[${index}]`} of ${route.kind} ${route.metadata.name}`))
        this.#report(1, `${describe(route, rule)} was edited as release ${id} ended, gives the canary weight ${weight}, and is not named`);
    }
  }

  /** Rules that name the canary and are not the user's own. */
  #strange(release: CanaryRelease): readonly SeenRule[] {
    const own = this.#own.get(keyOf(release)) ?? new Set();
    return this.#naming(release).filter((seen) => !namesOf(seen).some((name) => own.has(name)));
  }

  #naming({ metadata, status }: CanaryRelease): readonly SeenRule[] {
    const canary = status?.release?.canary.service ?? '';
    const routes = this.#servedKinds().flatMap((kind) => this.#api.list(kind)) as unknown as readonly Route[];
    return routes
      .filter((route) => route.metadata.namespace === metadata.namespace)
      .flatMap((route) => (route.spec.rules ?? []).map((rule, index) => ({ route, rule, index })))
      .filter(({ rule }) => weightsOf(rule).has(canary));
  }

  #learnOwn(release: CanaryRelease): void {
    const { canary, serving, workload, maxWeight = 0, undone } = release.status?.release ?? {};
    const key = keyOf(release);
    const known = this.#own.get(key);
    const begins = known === undefined;
    if (!begins && maxWeight > 0) return;
    const own = known ?? new Set<string>();
    this.#own.set(key, own);
    for (const seen of this.#naming(release)) {
      const weights = weightsOf(seen.rule);
      const alone = !weights.has(serving?.service ?? '');
      const isOwn = alone || (begins && undone !== true && (workload !== undefined || (weights.get(canary?.service ?? '') ?? 0) > 0));
      if (isOwn) for (const name of namesOf(seen)) own.add(name);
    }
  }
}

/** What a rule can be found by again: its name, or its place among those that take the same requests. */
function namesOf({ route, rule }: SeenRule): readonly string[] {
  const of = `${route.kind} ${route.metadata.name}`;
  const matches = `${of} ${JSON.stringify(rule.matches ?? null)}`;
  return rule.name === undefined ? [matches] : [matches, `${of} ${rule.name}`];
}

function keyOf({ metadata, status }: CanaryRelease): string {
  return `${metadata.namespace}/${metadata.name} ${status?.release?.id} ${status?.release?.undone === true}`;
}

function describe(route: Route, rule: RouteRule): string {
  return `rule ${rule.name ?? `${(route.spec.rules ?? []).indexOf(rule)}`} of ${route.metadata.name}`;
}
