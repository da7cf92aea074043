// One reconcile of one release, in the order that rule 1 of the design demands: observe, decide, go home, commit, converge, emit.
// Home writes come before every other write of the whole operator: a release that went home gives its place to the next one
// and commits afterwards.

import { FINALIZER } from '../../api/names.ts';
import { isGlidepathError } from '../../api/errors.ts';
import type { CanaryRelease, CanaryReleaseStatus } from '../../api/release.ts';
import type { Route } from '../../api/routes.ts';
import { decide, type Decision } from '../../core/release/decide.ts';
import type { WorkloadIntent } from '../../core/release/desired/intents.ts';
import type { RouteIntent } from '../../core/release/desired/routes.ts';
import type { Observation } from '../../core/release/observation.ts';
import { pairOf } from '../../core/release/facts/sides.ts';
import { isRunning, parseState } from '../../core/release/state.ts';
import type { ReleaseKey } from '../../ports/releases.ts';
import { announce } from './announcer.ts';
import { DrainDesk } from '../metrics/drain-desk.ts';
import { LookDesk } from '../metrics/look-desk.ts';
import { dueQuestion } from '../metrics/question.ts';
import { needsCommit, shareCommitted, type Memory } from './memory.ts';
import { observe } from '../observe/observer.ts';
import { parseCached } from '../parsed.ts';
import { forgetTraces, writeRoutes, type WriteOutcome } from './route-writer.ts';
import { writeWorkload } from './workload-writer.ts';
import type { World } from '../world.ts';

/** Other releases that may share something with a release and its routes. */
export type Neighbours = (release: CanaryRelease, routes: readonly Route[]) => readonly CanaryRelease[];

/** What the queue does next with the key. */
export interface Outcome {
  /** Again at once, behind the releases that may have to go home. */
  readonly again: boolean;
  /** Unix milliseconds of the next visit, if any. */
  readonly wakeAt: number | undefined;
  /** The next visit may take the release home, so it goes first. */
  readonly urgent: boolean;
}

const NOTHING_MORE: Outcome = { again: false, wakeAt: undefined, urgent: false };
/** Home writes that fail are tried again this soon, without limit. */
const HOME_RETRY_MS = 1_000;
/** Writes beside the routes that have to be taken back before a release goes. */
const LASTING: ReadonlySet<WorkloadIntent['kind']> = new Set(['createDeployment', 'createService', 'writeTemplate', 'rest']);
/** Passes of one visit: writes whose answers let the release go on at once, without waiting for the watch. */
const MOST_PASSES = 8;

export class Reconciler {
  readonly #world: World;
  readonly #memories = new Map<string, Memory>();
  readonly #desk: LookDesk;
  readonly #drains: DrainDesk;
  readonly #neighbours: Neighbours;

  /**
   * @param onLook a look was answered: its release is to be visited at once
   * @param neighbours other releases that may share something with a release and its routes
   */
  constructor(world: World, onLook: (key: string) => void, neighbours: Neighbours) {
    this.#world = world;
    this.#neighbours = neighbours;
    this.#desk = new LookDesk(world, onLook);
    this.#drains = new DrainDesk(world, onLook);
  }

  /** Works on one release until nothing more can be done now. @throws errors of status writes, for the queue's backoff */
  async reconcile(key: ReleaseKey): Promise<Outcome> {
    const started = performance.now();
    try {
      for (let pass = 1; ; pass += 1) {
        const outcome = await this.#pass(key);
        if (outcome !== 'onward') return outcome;
        if (pass >= MOST_PASSES) return { again: true, wakeAt: undefined, urgent: false };
      }
    } finally {
      this.#world.telemetry.reconcileSeconds((performance.now() - started) / 1_000);
    }
  }

  async #pass(key: ReleaseKey): Promise<Outcome | 'onward'> {
    const world = this.#world;
    const release = parseCached(world.releases.cached(key));
    if (release === undefined) {
      this.#forget(key);
      return NOTHING_MORE;
    }
    const memory = this.#remember(release);
    const now = world.clock.now();
    const looks = this.#desk.take(nameOf(key), memory.status.release?.id);
    const { status, writeProblems } = memory;
    const neighbours = (routes: readonly Route[]) => this.#neighbours(release, routes);
    const seen = await observe(world, { release, status, writeProblems, looks, neighbours });
    const drain = this.#drains.read(nameOf(key), memory.status.release?.id);
    const observation = drain === undefined ? seen : { ...seen, drain };
    const decision = decide(release.spec, memory.status, observation, now);
    this.#askForLooks(key, release, decision, observation, now);
    this.#count(release, memory, decision, observation.looks.length);
    const home = decision.intents.filter((intent) => intent.kind === 'home' || intent.kind === 'lower');
    // A promotion that is taken back had its last write already, so the first one of the way back comes after the finalizer again.
    const undoes = home.length > 0 && !isRunning(parseState(memory.status.state) ?? 'blocked');
    if (undoes && release.metadata.finalizers?.includes(FINALIZER) !== true) await world.releases.setFinalizer(key, true);
    const wentHome = await this.#write(release, decision, home);
    this.#store(key, decision, wentHome);
    const goesHome = decision.intents.some((intent) => intent.kind === 'home');
    if (goesHome) {
      await this.#brake(observation, decision, wentHome);
      return this.#afterHome(wentHome, now);
    }
    // Others go home at this moment: what this one has to write waits behind them, without holding a place (rule 1).
    if (this.#hasToWrite(key, decision, now) && world.untilQuiet?.() !== undefined)
      return { again: true, wakeAt: decision.wakeAt, urgent: false };
    return this.#commitAndConverge(key, release, decision, wentHome);
  }

  #hasToWrite(key: ReleaseKey, decision: Decision, now: number): boolean {
    const memory = this.#memories.get(nameOf(key));
    return (
      decision.intents.length + decision.workloadIntents.length > 0 || (memory !== undefined && needsCommit(memory, memory.status, now))
    );
  }

  /** Home was written, or is being refused: other releases may have to go home too, before anything is committed. */
  #afterHome(outcome: WriteOutcome, now: number): Outcome {
    if (outcome.problems.length === 0) return { again: true, wakeAt: undefined, urgent: false };
    return { again: false, wakeAt: now + HOME_RETRY_MS, urgent: true };
  }

  async #commitAndConverge(
    key: ReleaseKey,
    release: CanaryRelease,
    decision: Decision,
    lowered: WriteOutcome,
  ): Promise<Outcome | 'onward'> {
    const world = this.#world;
    const holds = release.metadata.finalizers?.includes(FINALIZER) === true;
    const running = isRunning(decision.state);
    const committed = await this.#commit(key, release);
    if (committed === 'moved') return { again: true, wakeAt: undefined, urgent: true };
    // The finalizer is there only from before the first write until after the last (rule 11).
    const raises = decision.intents.filter((intent) => intent.kind !== 'home' && intent.kind !== 'lower');
    const begins = decision.workloadIntents.some(({ kind }) => LASTING.has(kind));
    if ((raises.length > 0 || begins) && !holds) await world.releases.setFinalizer(key, true);
    const raised = await this.#write(release, decision, raises);
    const moved = await writeWorkload(world, key.namespace, decision.workloadIntents);
    const problems = [...lowered.problems, ...raised.problems, ...moved.problems];
    this.#noteProblems(key, problems);
    this.#tell(key, moved.events);
    if (!running && holds && !decision.keepsPaused) {
      await forgetTraces(world, key.namespace, decision.status.release?.routes ?? []);
      await world.releases.setFinalizer(key, false);
    }
    this.#emit(key, release);
    const goesOn = raised.wrote || lowered.wrote || decision.transitions.length > 0;
    if (goesOn && problems.length === 0) return 'onward';
    const retry = problems.length > 0 ? world.clock.now() + HOME_RETRY_MS : undefined;
    return { again: false, wakeAt: earliest(decision.wakeAt, retry), urgent: running };
  }

  /** A route that cannot be written has a second brake: the canary Service is pointed at the serving pods. */
  async #brake({ workload }: Observation, { status }: Decision, outcome: WriteOutcome): Promise<void> {
    const selector = workload?.service?.spec.selector;
    const { canaryService } = workload ?? {};
    if (outcome.problems.length === 0 || selector === undefined || canaryService === undefined) return;
    if (status.release?.workload === undefined || JSON.stringify(canaryService.spec.selector) === JSON.stringify(selector)) return;
    const { name, namespace = '' } = canaryService.metadata;
    // Home is tried again in any case, every second.
    await this.#world.workloads.redirect(namespace, name, selector).catch(() => undefined);
  }

  #tell(key: ReleaseKey, events: Memory['events']): void {
    const memory = this.#memories.get(nameOf(key));
    if (memory !== undefined && events.length > 0) this.#memories.set(nameOf(key), { ...memory, events: [...memory.events, ...events] });
  }

  async #write(release: CanaryRelease, decision: Decision, intents: readonly RouteIntent[]): Promise<WriteOutcome> {
    const current = decision.status.release;
    if (intents.length === 0 || current === undefined) return { wrote: false, problems: [] };
    const roles = { pair: pairOf(current), own: current.ownRules ?? [] };
    return writeRoutes(this.#world, release.metadata.namespace, roles, intents);
  }

  /** The last status, committed or not; a new object (another uid) or one that another operator wrote starts afresh. */
  #remember(release: CanaryRelease): Memory {
    const key = nameOf(release.metadata);
    const known = this.#memories.get(key);
    if (known !== undefined && known.uid === (release.metadata.uid ?? '')) return known;
    const status = release.status ?? { observedGeneration: -1 };
    const memory: Memory = {
      uid: release.metadata.uid ?? '',
      status,
      committed: status,
      resourceVersion: undefined,
      committedAtMs: this.#world.clock.now(),
      writeProblems: [],
      failingSince: new Map(),
      transitions: [],
      events: [],
      drifts: [],
      failedAtMs: undefined,
    };
    this.#memories.set(key, memory);
    return memory;
  }

  #askForLooks(key: ReleaseKey, release: CanaryRelease, decision: Decision, observation: Observation, now: number): void {
    const due = dueQuestion(this.#world.metrics, release, decision.status, observation, now);
    const id = decision.status.release?.id;
    if (due !== undefined && id !== undefined) this.#desk.ask(nameOf(key), id, due.question, due.times);
    this.#drains.consider(nameOf(key), release, decision.status, observation, now);
  }

  #forget(key: ReleaseKey): void {
    this.#desk.discard(nameOf(key));
    this.#drains.forget(nameOf(key));
    this.#world.workloads.forget(key.namespace, key.name);
    if (this.#memories.delete(nameOf(key))) this.#world.telemetry.forget(key.namespace, key.name);
  }

  #store(key: ReleaseKey, decision: Decision, outcome: WriteOutcome): void {
    const before = this.#memories.get(nameOf(key));
    if (before === undefined) return;
    this.#memories.set(nameOf(key), {
      ...before,
      status: isRunning(decision.state) ? decision.status : shareCommitted(before.committed, decision.status),
      writeProblems: outcome.problems,
      transitions: [...before.transitions, ...decision.transitions],
      events: [...before.events, ...decision.events],
      drifts: [...before.drifts, ...decision.drifts],
    });
  }

  #noteProblems(key: ReleaseKey, writeProblems: Memory['writeProblems']): void {
    const memory = this.#memories.get(nameOf(key));
    if (memory === undefined) return;
    const now = this.#world.clock.now();
    const failingSince = new Map(writeProblems.map(({ route }) => [route, memory.failingSince.get(route) ?? now]));
    const problems = writeProblems.map((problem) => ({ ...problem, sinceMs: failingSince.get(problem.route) ?? now }));
    this.#memories.set(nameOf(key), { ...memory, writeProblems: problems, failingSince });
  }

  /** Writes the status where that matters to a reader. `moved`: the object changed meanwhile, so it is decided again. */
  async #commit(key: ReleaseKey, release: CanaryRelease): Promise<'done' | 'moved'> {
    const memory = this.#memories.get(nameOf(key));
    const now = this.#world.clock.now();
    if (memory === undefined || !needsCommit(memory, memory.status, now)) return 'done';
    const version = newest(release.metadata.resourceVersion, memory.resourceVersion);
    try {
      await this.#put(key, release, memory, version);
      return 'done';
    } catch (thrown) {
      if (isGlidepathError(thrown, 'GLIDEPATH_E_NOT_FOUND')) return 'done';
      if (!isGlidepathError(thrown, 'GLIDEPATH_E_CONFLICT')) throw thrown;
      return this.#commitOnFreshRead(key, memory);
    }
  }

  /** Only we write the status: when it still says what we wrote last, just the rest of the object moved on. */
  async #commitOnFreshRead(key: ReleaseKey, memory: Memory): Promise<'done' | 'moved'> {
    const fresh = parseCached(await this.#world.releases.read(key));
    if (fresh === undefined || (fresh.metadata.uid ?? '') !== memory.uid) return 'moved';
    if (!isSameStatus(fresh.status, memory.committed)) {
      this.#memories.delete(nameOf(key));
      return 'moved';
    }
    await this.#put(key, fresh, memory, fresh.metadata.resourceVersion);
    return 'done';
  }

  async #put(key: ReleaseKey, release: CanaryRelease, memory: Memory, version: string | undefined): Promise<void> {
    const metadata = version === undefined ? release.metadata : { ...release.metadata, resourceVersion: version };
    const { unknownState: _unknown, ...object } = release;
    const stored = await this.#world.releases.replaceStatus({ ...object, metadata, status: memory.status });
    this.#memories.set(nameOf(key), {
      ...memory,
      committed: memory.status,
      committedAtMs: this.#world.clock.now(),
      resourceVersion: readVersion(stored),
    });
  }

  #count(release: CanaryRelease, memory: Memory, decision: Decision, looks: number): void {
    const { telemetry } = this.#world;
    for (let look = 0; look < looks; look += 1) telemetry.look(release);
    if (looks > 0) for (const check of decision.status.checks ?? []) telemetry.verdict(release, check.name, check.verdict);
    const started = decision.transitions.find((transition) => transition.to === 'rollingBack.goingHome');
    const key = nameOf(release.metadata);
    if (started !== undefined) {
      telemetry.rollback(release, started.reason);
      this.#memories.set(key, { ...memory, failedAtMs: this.#world.clock.now() });
    }
    const home = decision.transitions.some((transition) => transition.from === 'rollingBack.goingHome');
    if (home && memory.failedAtMs !== undefined) telemetry.rollbackSeconds((this.#world.clock.now() - memory.failedAtMs) / 1_000);
  }

  /** After the commit: events, notifications, log lines, metrics. */
  #emit(key: ReleaseKey, release: CanaryRelease): void {
    const memory = this.#memories.get(nameOf(key));
    if (memory === undefined) return;
    const told: CanaryRelease = { ...release, status: memory.status };
    announce(this.#world, told, memory);
    this.#memories.set(nameOf(key), { ...memory, transitions: [], events: [], drifts: [] });
  }
}

function nameOf(key: { readonly namespace: string; readonly name: string }): string {
  return `${key.namespace}/${key.name}`;
}

function earliest(a: number | undefined, b: number | undefined): number | undefined {
  if (a === undefined) return b;
  return b === undefined ? a : Math.min(a, b);
}

/** The newer of two resource versions: numbers on every API server since 1.35, else the cache's. */
function newest(cached: string | undefined, own: string | undefined): string | undefined {
  if (own === undefined || cached === undefined) return own ?? cached;
  if (!/^\d+$/.test(own) || !/^\d+$/.test(cached)) return cached;
  return BigInt(own) > BigInt(cached) ? own : cached;
}

function readVersion(stored: unknown): string | undefined {
  const metadata = typeof stored === 'object' && stored !== null && 'metadata' in stored ? stored.metadata : undefined;
  const version = typeof metadata === 'object' && metadata !== null && 'resourceVersion' in metadata ? metadata.resourceVersion : undefined;
  return typeof version === 'string' ? version : undefined;
}

/** The state and release say who wrote last; running numbers do not matter. */
function isSameStatus(fresh: CanaryReleaseStatus | undefined, ours: CanaryReleaseStatus): boolean {
  return (
    parseState(fresh?.state) === parseState(ours.state) &&
    fresh?.release?.id === ours.release?.id &&
    fresh?.release?.lookGridAt === ours.release?.lookGridAt
  );
}
