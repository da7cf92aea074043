// Watches every stored change and writes down what breaks a rule of the design, at the moment it happens: rules 1 to 4 and
// 11 need no scenario to be checked. It knows the objects and the truth about the traffic, and nothing of the core's facts.

import { FIELD_MANAGER, FINALIZER, HOME_MARK, KIND, RELEASE_ANNOTATION, ROUTE_KINDS, type RouteKind } from '../../../src/api/names.ts';
import type { CanaryRelease } from '../../../src/api/release.ts';
import { parseCached } from '../../../src/app/parsed.ts';
import { parseDuration } from '../../../src/api/duration.ts';
import type { Route } from '../../../src/api/routes.ts';
import type { Clock } from '../../../src/ports/clock.ts';
import type { MemoryApiServer, StoredChange, StoredObject } from './api-server.ts';
import { EndWatch } from './end-watch.ts';
import { isSame } from './json-patch.ts';
import { findWrong, isOurs as isOurRule, ourRulesOf, withoutFluxHold, withoutOurs } from './our-rules.ts';
import type { MemoryPrometheus } from './prometheus.ts';
import { describe, type Pair, RuleClaims } from './rule-claims.ts';
import { isMore, percentOf, type Weights, weightsOf, withoutWeights } from './shares.ts';
import type { MemoryTraffic } from './traffic.ts';

/** A raise that was written, for the stories. */
export interface Raise {
  readonly atMs: number;
  readonly route: string;
  readonly mark: string;
  readonly from: number;
  readonly to: number;
}

/** Times in a status are whole seconds. */
const DRAIN_MS = 9_000;
/** So late a watch may show an edit in the stories. */
const LATE_WATCH_MS = 1_000;
/** So long a foreign share may be off that a write crossed: home is written again after a second where another route refused it. */
const MENDED_MS = 2_500;

export class Guardian {
  readonly violations: string[] = [];
  /** Rules that a test breaks on purpose. */
  readonly tolerated = new Set<number>();
  readonly raises: Raise[] = [];
  /** Share of the canary after every write of ours, in order. */
  readonly shares: { readonly atMs: number; readonly route: string; readonly percent: number }[] = [];
  /** How many rules of ours a route had after a write of ours that added some. */
  readonly cohorts: { readonly atMs: number; readonly route: string; readonly count: number }[] = [];
  readonly #clock: Clock;
  readonly #api: MemoryApiServer;
  readonly #traffic: MemoryTraffic;
  readonly #prometheus: MemoryPrometheus;
  readonly #servedKinds: () => readonly RouteKind[];
  readonly #forgetsBackends: () => boolean;
  readonly #homed = new Set<string>();
  /** When the canary of a rule lost its last weight. */
  readonly #emptiedAt = new Map<string, number>();
  readonly #rules = new RuleClaims();
  readonly #ends: EndWatch;
  /** When somebody else edited a route last: a watch may not have shown it yet. */
  readonly #editedAt = new Map<string, number>();
  /** The same of Services and the endpoints behind them. */
  readonly #servicesAt = new Map<string, number>();

  constructor(
    clock: Clock,
    api: MemoryApiServer,
    traffic: MemoryTraffic,
    prometheus: MemoryPrometheus,
    servedKinds: () => readonly RouteKind[],
    /** The gateway forgets a backend of weight 0: then the least weight there is counts as nothing. */
    forgetsBackends: () => boolean,
  ) {
    this.#clock = clock;
    this.#api = api;
    this.#traffic = traffic;
    this.#prometheus = prometheus;
    this.#servedKinds = servedKinds;
    this.#forgetsBackends = forgetsBackends;
    this.#ends = new EndWatch({
      api,
      servedKinds,
      report: (rule, what) => this.#report(rule, what),
      isUnseen: (route) => this.#isUnseen(route),
      later: (check) => this.#clock.schedule(this.#clock.now() + MENDED_MS, check),
    });
    api.onChange((change) => this.#see(change));
  }

  #see(change: StoredChange): void {
    if (change.kind === 'Service') this.#servicesAt.set(change.name, this.#clock.now());
    const isRoute = (ROUTE_KINDS as readonly string[]).includes(change.kind);
    const isOurs = change.manager === FIELD_MANAGER;
    if (isRoute) {
      const [old, now] = [change.old, change.now] as unknown as [Route | undefined, Route | undefined];
      if (!isOurs && !isSame(old?.spec, now?.spec)) this.#editedAt.set(change.name, this.#clock.now());
      if (old !== undefined && now !== undefined && isOurs) this.#seeOurRules(old, now);
      this.#rules.follow(withoutOursOf(old), withoutOursOf(now), !isOurs);
    }
    if (isRoute && change.old !== undefined && change.now !== undefined)
      this.#seeRoute(
        change,
        withoutOurs(change.old as unknown as Route) as unknown as StoredObject,
        withoutOurs(change.now as unknown as Route) as unknown as StoredObject,
      );
    if (change.kind === KIND && isOurs && change.now !== undefined) this.#seeStatus(change.now);
    if (['Service', 'Deployment'].includes(change.kind) && isOurs && change.now === undefined)
      this.#ends.seeRemoval(change, this.#releases());
  }

  /** Rules of ours: they come with proof and under our mark alone, each is a copy with the canary alone or with a mirror to it, and none is there at home. */
  #seeOurRules(old: Route, now: Route): void {
    const [before, after] = [ourRulesOf(old), ourRulesOf(now)];
    const name = now.metadata.name;
    if (markOf(now)?.includes(`/${HOME_MARK}`) === true && after.length > 0) this.#report(1, `${name}: a rule of ours is left at home`);
    if (markOf(now) === undefined && after.length > 0) this.#report(3, `${name}: a rule of ours is left behind`);
    const added = after.filter((rule) => !before.some((one) => isSame(one, rule)));
    const release = this.#releaseOf(now);
    const pair = pairOf(release);
    if (added.length === 0) return;
    if (release === undefined || pair === undefined) {
      this.#report(3, `${name}: a rule of ours was added for no release`);
      return;
    }
    const others = (now.spec.rules ?? []).filter((one) => !isOurRule(one));
    for (const rule of added) for (const wrong of findWrong(rule, others, pair.canary)) this.#report(3, `${name}: a rule of ours ${wrong}`);
    this.cohorts.push({ atMs: this.#clock.now(), route: name, count: after.length });
    this.#checkProof(`${name}: a rule of ours was added`, markOf(old) ?? '', pair, release);
  }

  #releases(): readonly CanaryRelease[] {
    return this.#api
      .list(KIND)
      .map(parseCached)
      .filter((release) => release !== undefined);
  }

  #seeRoute(change: StoredChange, before: StoredObject, after: StoredObject): void {
    const [old, now] = [before as unknown as Route, after as unknown as Route];
    if (isSame(old.spec, now.spec) && isSame(old.metadata.annotations, now.metadata.annotations)) return;
    this.#noteEmptied(old, now);
    if (change.manager !== FIELD_MANAGER) {
      this.#rules.learnEdit(old, now, pairOf(this.#releaseOf(old)));
      return;
    }
    const release = this.#releaseOf(old) ?? this.#releaseOf(now) ?? this.#runningFor(now);
    const pair = pairOf(release);
    if (release === undefined || pair === undefined) {
      this.#report(3, `${now.metadata.name}: written for no release`);
      return;
    }
    // The canary's ref comes with our mark and goes with it.
    const isMarked = markOf(old) !== undefined || markOf(now) !== undefined;
    this.#checkOnlyOurs(old, now, release.spec.targetRef !== undefined && isMarked ? pair.canary : undefined);
    if (markOf(old) !== markOf(now) && markOf(now) === `${release.metadata.name}/${release.status?.release?.id}`)
      this.#rules.learnClaim(now, release);
    if (isFirstWeight(release)) this.#rules.learnClaimAgain(old, release);
    if (!(release.metadata.finalizers ?? []).includes(FINALIZER)) this.#report(11, `${now.metadata.name}: written without the finalizer`);
    for (const [index, rule] of (now.spec.rules ?? []).entries())
      this.#checkRule({ old, now, pair, release, index }, weightsOf(old.spec.rules?.[index], pair.serving), weightsOf(rule, pair.serving));
    const mark = markOf(now);
    if (mark === undefined) this.#rules.forget(now);
    const [ended, home] = mark?.split(`/${HOME_MARK}`) ?? [];
    if (ended !== undefined && home !== undefined) this.#homed.add(ended);
  }

  /** Rule 3: nothing but weights and our own annotation; of routes that Flux applies also the one that holds Flux off. */
  #checkOnlyOurs(old: Route, now: Route, added: string | undefined): void {
    const { name } = now.metadata;
    const rest = (route: Route) => ({ ...route.spec, rules: (route.spec.rules ?? []).map((rule) => withoutWeights(rule, added)) });
    if (!isSame(rest(old), rest(now))) this.#report(3, `${name}: something else than weights was written`);
    const foreign = (route: Route) => ({ ...withoutFluxHold(route), [RELEASE_ANNOTATION]: '' });
    if (!isSame(foreign(old), foreign(now))) this.#report(3, `${name}: a foreign annotation was written`);
    if (!isSame(old.metadata.labels, now.metadata.labels)) this.#report(3, `${name}: labels were written`);
  }

  #checkRule(at: RuleWrite, before: Weights, after: Weights): void {
    const { pair, now, index } = at;
    if (isSame([...before], [...after])) return;
    const total = [...after.values()].reduce((sum, weight) => sum + weight, 0);
    if (total === 0) this.#report(4, `${now.metadata.name} rule ${index}: all weights are 0`);
    if (!this.#rules.isClaimed(this.#rules.keyOf(now, index))) this.#checkForeignRule(at, before, after);
    this.#checkForeignShares(at, before, after);
    this.#rules.noteWrite(this.#rules.keyOf(now, index), pair, after);
    this.#checkRemoval(at, before, after);
    const [given, gives] = [before, after].map((weights) => this.#withoutResidual(weights, pair)) as [Weights, Weights];
    this.shares.push({ atMs: this.#clock.now(), route: now.metadata.name, percent: percentOf(gives, pair.serving, pair.canary) });
    const sum = (weights: Weights) => (weights.get(pair.serving) ?? 0) + (weights.get(pair.canary) ?? 0);
    if (isMore(gives.get(pair.canary) ?? 0, sum(gives), given.get(pair.canary) ?? 0, sum(given))) this.#checkRaise(at, given, gives);
  }

  /** The weights, where 1 of 100,000 or more that a gateway has to be left with counts as nothing. */
  #withoutResidual(weights: Weights, { serving, canary }: Pair): Weights {
    const isResidual = this.#forgetsBackends() && weights.get(canary) === 1 && (weights.get(serving) ?? 0) >= 99_999;
    return isResidual ? new Map([...weights, [canary, 0]]) : weights;
  }

  /** Rule 3: of a rule that the release did not claim nothing is written but that the canary gets nothing, in favour of its serving ref. */
  #checkForeignRule({ now, pair, index }: RuleWrite, before: Weights, after: Weights): void {
    const given = before.get(pair.canary) ?? 0;
    const heir = before.has(pair.serving) ? (before.get(pair.serving) ?? 0) + given : undefined;
    const isDrained = given > 0 && (after.get(pair.canary) ?? 0) === 0 && after.get(pair.serving) === heir;
    // A copy that stands in the place of ours since a moment ago: what is written there is put right by the next write.
    if (this.#isUnseen(now.metadata.name) && this.#rules.isCopy(now, index)) return;
    if (!isDrained) this.#report(3, `${now.metadata.name} rule ${index}: is none of ours, ${describe(before)} became ${describe(after)}`);
  }

  /** A running release whose canary the route names without its mark. */
  #runningFor(route: Route): CanaryRelease | undefined {
    return this.#releases().find(
      (release) =>
        release.metadata.namespace === route.metadata.namespace &&
        (route.spec.rules ?? []).some((rule) => weightsOf(rule).has(pairOf(release)?.canary ?? '')),
    );
  }

  #noteEmptied(old: Route, now: Route): void {
    const pair = pairOf(this.#releaseOf(old) ?? this.#releaseOf(now));
    if (pair === undefined) return;
    for (const [index, rule] of (now.spec.rules ?? []).entries()) {
      const [had, has] = [old.spec.rules?.[index], rule].map(
        (one) => (this.#withoutResidual(weightsOf(one), pair).get(pair.canary) ?? 0) > 0,
      );
      if (had === true && has === false) this.#emptiedAt.set(this.#rules.keyOf(now, index), this.#clock.now());
      if (has === true) this.#emptiedAt.delete(this.#rules.keyOf(now, index));
    }
  }

  /** Rule 4: a ref is taken away only when the gateways have long read that nothing goes there any more. */
  #checkRemoval({ old, now, pair, index, release }: RuleWrite, before: Weights, after: Weights): void {
    const name = `${now.metadata.name} rule ${index}`;
    if (!before.has(pair.canary) || after.has(pair.canary)) return;
    if ((this.#withoutResidual(before, pair).get(pair.canary) ?? 0) > 0)
      this.#report(4, `${name}: the ref of ${pair.canary} was removed with its weight`);
    const emptyMs = this.#clock.now() - (this.#emptiedAt.get(this.#rules.keyOf(now, index)) ?? Number.NEGATIVE_INFINITY);
    if (emptyMs < DRAIN_MS)
      this.#report(
        4,
        `${name}: the ref of ${pair.canary} was removed ${emptyMs} ms after its weight, ${release.status?.state} ${markOf(old)}`,
      );
  }

  /** Rule 3: every foreign backend keeps its exact share of the rule. */
  #checkForeignShares({ now, pair, index }: RuleWrite, before: Weights, after: Weights): void {
    const moved = this.#rules.findMovedShare(this.#rules.keyOf(now, index), pair, before, after);
    if (moved === undefined) return;
    // A lowering write is guarded by names only, so that it may cross an edit that no watch has shown: then the next one puts it right.
    if (this.#isUnseen(now.metadata.name)) {
      this.#rules.noteCrossed(this.#rules.keyOf(now, index), pair, before, after);
      this.#clock.schedule(this.#clock.now() + MENDED_MS, () => this.#checkAgain(now, index, pair));
    } else this.#report(3, `${now.metadata.name} rule ${index}: ${moved}`);
  }

  /** The rule at this place of a route a while after a write, unless somebody edited the route since. */
  #checkAgain({ kind, metadata: { namespace, name } }: Route, index: number, pair: Pair): void {
    const route = this.#api.get({ kind, namespace, name }) as unknown as Route | undefined;
    if (route === undefined || this.#isUnseen(name)) return;
    const weights = weightsOf(route.spec.rules?.[index], pair.serving);
    const moved = this.#rules.findMovedShare(this.#rules.keyOf(route, index), pair, weights, weights);
    if (moved === undefined || this.#rules.isLoweredOnly(this.#rules.keyOf(route, index), pair, weights)) return;
    this.#report(3, `${name} rule ${index}: ${moved}, and stays so`);
  }

  /** Somebody edited the route a moment ago: a watch may not have shown it yet. */
  #isUnseen(route: string): boolean {
    return this.#clock.now() - (this.#editedAt.get(route) ?? Number.NEGATIVE_INFINITY) <= LATE_WATCH_MS;
  }

  /** Rules 1 and 2: up only with proof, or because a person or the manifest says so; never again after home. */
  #checkRaise({ old, now, pair, release }: RuleWrite, before: Weights, after: Weights): void {
    const mark = markOf(old) ?? '';
    const [from, to] = [percentOf(before, pair.serving, pair.canary), percentOf(after, pair.serving, pair.canary)];
    this.raises.push({ atMs: this.#clock.now(), route: now.metadata.name, mark, from, to });
    this.#checkProof(`${now.metadata.name}: ${from}% to ${to}%`, mark, pair, release, to);
  }

  #checkProof(what: string, mark: string, pair: Pair, release: CanaryRelease, to = 0): void {
    if (mark !== `${release.metadata.name}/${release.status?.release?.id ?? ''}`) this.#report(2, `${what} under the mark "${mark}"`);
    if (this.#homed.has(mark)) this.#report(1, `${what} after home`);
    if (release.status?.state?.startsWith('rollingBack') === true) this.#report(1, `${what} while rolling back`);
    if (release.spec.analysis.mode !== 'Enforce') return;
    if (isFirstWeight(release)) return;
    if (this.#isOrdered(release)) return;
    if (release.spec.onServingEmpty === 'Promote' && to === 100 && this.#isEmpty(pair.serving, release)) return;
    // A write that had to be tried again may find a later word than the one that the raise was decided on.
    const { verdict, passAt = '' } = release.status?.release ?? {};
    const proven = verdict === 'Pass' || this.#clock.now() - Date.parse(passAt) <= 60_000;
    if (!proven) this.#report(2, `${what} with the verdict ${verdict ?? 'none'}`);
    this.#checkTruth(what, pair.canary, release);
  }

  /** No pod of the Service is ready. */
  #isEmpty(name: string, { metadata }: CanaryRelease): boolean {
    const service = this.#api.get({ kind: 'Service', namespace: metadata.namespace, name });
    return (service?.['spec'] as { readonly ready?: number } | undefined)?.ready === 0;
  }

  /** What the verdict cannot hide: Prometheus was asked, and the canary is not plainly bad. */
  #checkTruth(what: string, canary: string, { spec, status }: CanaryRelease): void {
    const now = this.#clock.now();
    const interval = parseDuration(spec.analysis.interval);
    // Between two scrapes there is nothing new to ask for.
    const scrape = Math.min(status?.release?.scrapeIntervalMs ?? 0, 60_000);
    const seen = Math.max(3 * interval, scrape) + parseDuration(spec.analysis.metrics.prometheus.timeout) + 1_000;
    if (now - this.#prometheus.answeredAt > seen)
      this.#report(2, `${what} although Prometheus has not answered since ${now - this.#prometheus.answeredAt} ms`);
    const bad = this.#traffic.versionOf(canary).errorRatio >= 0.5;
    if (bad && !this.#traffic.scrapeOutage && now - this.#traffic.changedAt(canary) > seen + 30_000)
      this.#report(2, `${what} although ${canary} answers errors since long`);
  }

  #isOrdered(release: CanaryRelease): boolean {
    const command = release.status?.lastHandledCommand;
    const mine = command?.release === release.status?.release?.id && command?.result === 'Done';
    const fresh = this.#clock.now() - Date.parse(command?.at ?? '') <= 120_000;
    if (mine && fresh && ['advance', 'promote', 'resume'].includes(command.verb)) return true;
    const { onInconclusive } = release.spec.analysis;
    if (release.status?.release?.verdict !== 'Inconclusive') return false;
    return onInconclusive === 'Promote' || (onInconclusive === 'Approve' && mine && command.verb === 'approve');
  }

  /** Rule 1: a status that says home may be stored only when every route is home. */
  #seeStatus(object: StoredObject): void {
    const release = parseCached(object);
    if (release !== undefined) this.#ends.seeStatus(release);
    const status = release?.status;
    const pair = pairOf(release);
    if (status?.state?.startsWith('rollingBack') !== true || pair === undefined || status.release?.retained === true) return;
    // Routes of a kind that is served no more can be neither seen nor written.
    const served = (status.release?.routes ?? []).filter(({ kind }) => this.#servedKinds().includes(kind as RouteKind));
    for (const recorded of served) {
      const route = this.#api.get({ kind: recorded.kind, namespace: object.metadata.namespace, name: recorded.name }) as Route | undefined;
      const share = Math.max(
        0,
        ...(route?.spec.rules ?? []).map((rule) =>
          weightsOf(rule).has(pair.serving) ? percentOf(this.#withoutResidual(weightsOf(rule), pair), pair.serving, pair.canary) : 0,
        ),
      );
      if (route !== undefined && ourRulesOf(route).length > 0 && !this.#isUnseen(recorded.name))
        this.#report(1, `status ${status.state} was stored while ${recorded.name} has a rule of ours`);
      if (share > 0 && !this.#isUnseen(recorded.name) && !this.#isHomeEmpty(object.metadata.namespace, pair))
        this.#report(1, `status ${status.state} was stored while ${recorded.name} gives the canary ${share}%`);
    }
  }

  /** Nothing answers at home, and the canary does: going there would be an outage. */
  #isHomeEmpty(namespace: string | undefined, pair: Pair): boolean {
    const [serving, canary] = [pair.serving, pair.canary].map((name) => {
      const service = this.#api.get({ kind: 'Service', namespace: namespace ?? '', name });
      return (service?.spec as { readonly ready?: number } | undefined)?.ready ?? 0;
    });
    const isUnseen = this.#clock.now() - (this.#servicesAt.get(pair.serving) ?? Number.NEGATIVE_INFINITY) <= LATE_WATCH_MS;
    return (serving === 0 || isUnseen) && (canary ?? 0) > 0;
  }

  #releaseOf(route: Route): CanaryRelease | undefined {
    const name = markOf(route)?.split('/')[0];
    const object = name === undefined ? undefined : this.#api.get({ kind: KIND, namespace: route.metadata.namespace, name });
    return parseCached(object);
  }

  #report(rule: number, what: string): void {
    if (this.tolerated.has(rule)) return;
    this.violations.push(`rule ${rule}: ${what} (${new Date(this.#clock.now()).toISOString()})`);
  }
}

interface RuleWrite {
  readonly old: Route;
  readonly now: Route;
  readonly pair: Pair;
  readonly release: CanaryRelease;
  readonly index: number;
}

/** The first weight above 0 has nothing that could have been proven before. */
function isFirstWeight({ spec, status }: CanaryRelease): boolean {
  const index = status?.release?.stageIndex ?? 0;
  return status?.state === 'stage.shifting' && spec.stages.slice(0, index).every(({ weight }) => weight === 0);
}

function withoutOursOf(route: Route | undefined): Route | undefined {
  return route === undefined ? undefined : withoutOurs(route);
}

function markOf(route: Route): string | undefined {
  return route.metadata.annotations?.[RELEASE_ANNOTATION];
}

function pairOf(release: CanaryRelease | undefined): Pair | undefined {
  const running = release?.status?.release;
  return running === undefined ? undefined : { serving: running.serving.service, canary: running.canary.service };
}
