// One reconcile of one release, in the order that rule 1 of the design demands: observe, decide, go home, commit, converge, emit.
// Home writes come before every other write of the whole operator: a release that has written home yields to the next one and
// commits afterwards.

import { withoutUndefined } from '../../api/absence.ts';
import { FINALIZER } from '../../api/names.ts';
import type { CanaryRelease, CanaryReleaseStatus } from '../../api/release.ts';
import type { Route } from '../../api/routes.ts';
import { decide, type Decision } from '../../core/release/decide.ts';
import type { WorkloadIntent } from '../../core/release/desired/intents.ts';
import type { RouteIntent } from '../../core/release/desired/route-intent.ts';
import type { Observation } from '../../core/release/observation.ts';
import { pairOf } from '../../core/release/facts/sides.ts';
import { dropDelivered, eventsOf, hasUncommitted, pendingIn, queueEvents } from '../../core/release/report/announcements.ts';
import type { ReleaseEvent } from '../../core/release/report/events.ts';
import { isRunning, parseState } from '../../core/release/state.ts';
import type { ReleaseKey } from '../../ports/releases.ts';
import { Announcer, log } from './announcer.ts';
import { GateDesk } from '../gates/desk.ts';
import { DrainDesk } from '../metrics/drain-desk.ts';
import { LayoutDesk } from '../metrics/layout-desk.ts';
import { LookDesk } from '../metrics/look-desk.ts';
import { dueQuestion } from '../metrics/question.ts';
import { endOfQuiet, needsCommit, noteProblems, shareCommitted, type Memory } from './memory.ts';
import { MemoryStore, nameOf } from './memory-store.ts';
import { observe } from '../observe/observer.ts';
import { parseCached } from '../parsed.ts';
import { SentinelDesk } from '../sentinel/desk.ts';
import { NamespaceReader } from './namespace-reader.ts';
import { forgetTraces, writeRoutes, type WriteOutcome } from './route-writer.ts';
import { commitStatus } from './status-writer.ts';
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

/** What one pass over a release goes by. */
interface Pass {
  readonly key: ReleaseKey;
  readonly release: CanaryRelease;
  /** As it was before the pass. */
  readonly memory: Memory;
  readonly observation: Observation;
  /** All routes of the namespace, where the decision is about routes that were just read from the API server. */
  readonly freshRoutes: readonly Route[] | undefined;
  readonly decision: Decision;
  readonly now: number;
}

const NOTHING_MORE: Outcome = { again: false, wakeAt: undefined, urgent: false };
const AGAIN: Outcome = { again: true, wakeAt: undefined, urgent: false };
/** Home writes that fail are tried again this soon, without limit. */
const HOME_RETRY_MS = 1_000;
/** Writes beside the routes that have to be taken back before a release goes. */
const LASTING: ReadonlySet<WorkloadIntent['kind']> = new Set(['createDeployment', 'createService', 'writeTemplate', 'rest']);
/** Passes of one visit: writes whose answers let the release continue at once, without waiting for the watch. */
const MOST_PASSES = 8;
/** What is deleted waits so long for its last announcements: nothing is left of it to announce them later. */
const LAST_WORDS_MS = 5_000;

export class Reconciler {
  readonly #world: World;
  readonly #memories: MemoryStore;
  readonly #desk: LookDesk;
  readonly #drains: DrainDesk;
  readonly #layouts: LayoutDesk;
  readonly #gates: GateDesk;
  readonly #sentinel: SentinelDesk | undefined;
  readonly #neighbours: Neighbours;
  readonly #reader: NamespaceReader;
  readonly #announcer: Announcer;

  /**
   * @param onLook a look was answered, or what a release waits for is delivered: it is to be visited at once
   * @param neighbours other releases that may share something with a release and its routes
   */
  constructor(world: World, onLook: (key: string) => void, neighbours: Neighbours) {
    this.#world = world;
    this.#neighbours = neighbours;
    this.#memories = new MemoryStore(world.clock);
    this.#reader = new NamespaceReader(world.routes);
    this.#desk = new LookDesk(world, onLook);
    this.#drains = new DrainDesk(world, onLook);
    this.#layouts = new LayoutDesk(world, onLook);
    this.#gates = new GateDesk(world, onLook);
    const { gateways } = world;
    this.#sentinel = gateways === undefined ? undefined : new SentinelDesk(world, gateways, onLook, (key) => this.#desk.phiOf(key));
    this.#announcer = new Announcer(world, onLook);
  }

  /** Works on one release until nothing more can be done now. @throws errors of status writes, for the queue's backoff */
  async reconcile(key: ReleaseKey): Promise<Outcome> {
    const started = performance.now();
    try {
      let freshRoutes: readonly Route[] | undefined;
      for (let pass = 1; ; pass += 1) {
        const outcome = await this.#pass(key, freshRoutes);
        if (outcome !== 'onward' && outcome !== 'read') return outcome;
        if (pass >= MOST_PASSES) return AGAIN;
        // Only the next decision is one about routes that were just read.
        freshRoutes = outcome === 'read' ? await this.#reader.read(key.namespace) : undefined;
      }
    } finally {
      this.#world.telemetry.reconcileSeconds((performance.now() - started) / 1_000);
    }
  }

  /** Begins nothing in the background any more. */
  close(): void {
    this.#sentinel?.close();
    this.#gates.close();
  }

  async #pass(key: ReleaseKey, freshRoutes: readonly Route[] | undefined): Promise<Outcome | 'onward' | 'read'> {
    const release = parseCached(this.#world.releases.cached(key));
    if (release === undefined) return this.#forget(key);
    const pass = await this.#decide(key, release, freshRoutes);
    const { decision, now } = pass;
    const lowered = await this.#lower(pass);
    this.#store(pass, lowered);
    if (decision.intents.some(({ kind }) => kind === 'home')) {
      await this.#brake(pass, lowered);
      return this.#afterHome(lowered, now);
    }
    // Others go home at this moment: what this one has to write waits behind them, without holding a place (rule 1).
    if (this.#hasToWrite(pass) && this.#world.untilQuiet?.() !== undefined) return { ...AGAIN, wakeAt: decision.wakeAt };
    if ((await commitStatus(this.#world, this.#memories, release)) === 'moved') return { ...AGAIN, urgent: true };
    // Behind the commit: a start that no status remembers could be a second one.
    this.#gates.carryOut(nameOf(key), release, decision.gateIntents);
    const written = await this.#converge(pass, lowered);
    // Writes to workloads are announced, too, and nothing is announced before it is committed.
    if (this.#hasNews(key) && (await commitStatus(this.#world, this.#memories, release)) === 'moved') return { ...AGAIN, urgent: true };
    this.#emit(pass);
    await this.#letGo(pass);
    return this.#next(pass, written);
  }

  async #decide(key: ReleaseKey, release: CanaryRelease, freshRoutes: readonly Route[] | undefined): Promise<Pass> {
    const world = this.#world;
    const memory = this.#withoutDelivered(this.#memories.open(release), key);
    const now = world.clock.now();
    const { status, writeProblems } = memory;
    const looks = this.#desk.take(nameOf(key), status.release?.id);
    const neighbours = (routes: readonly Route[]) => this.#neighbours(release, routes);
    const layoutOf = (routes: readonly Route[]) => this.#layouts.read(nameOf(key), release, routes);
    const seen = await observe(world, { release, status, writeProblems, looks, freshRoutes, neighbours, layoutOf });
    const sentinel = this.#sentinel?.read(nameOf(key), status.release?.id);
    const gates = this.#gates.read(nameOf(key), release, status);
    const drains = this.#drains.read(nameOf(key), status.release?.id);
    const observation = { ...seen, ...drains, ...withoutUndefined({ sentinel, gates }) };
    const decision = decide(release.spec, status, observation, now);
    this.#gates.reserve(nameOf(key), release, decision.gateIntents);
    const pass: Pass = { key, release, memory, observation, freshRoutes, decision, now };
    this.#askForLooks(pass);
    this.#count(pass);
    return pass;
  }

  /** What lowers the canary's share comes before every other write (rule 1). */
  async #lower({ key, release, memory, decision }: Pass): Promise<WriteOutcome> {
    const lowering = decision.intents.filter(isLowering);
    // A promotion that is taken back had its last write already, so the first one of the way back comes after the finalizer again.
    const undoes = lowering.length > 0 && !isRunning(parseState(memory.status.state) ?? 'blocked');
    if (undoes && !hasFinalizer(release)) await this.#world.releases.setFinalizer(key, true);
    return this.#write(release, decision, lowering);
  }

  #hasToWrite({ key, decision, now }: Pass): boolean {
    if (decision.intents.length + decision.workloadIntents.length > 0) return true;
    const memory = this.#memories.get(key);
    return memory !== undefined && needsCommit(memory, memory.status, now);
  }

  #hasNews(key: ReleaseKey): boolean {
    const memory = this.#memories.get(key);
    return memory !== undefined && hasUncommitted(memory.status, memory.committed);
  }

  /** Home was written, or is being refused: other releases may have to go home too, before anything is committed. */
  #afterHome({ problems }: WriteOutcome, now: number): Outcome {
    return problems.length === 0 ? AGAIN : { again: false, wakeAt: now + HOME_RETRY_MS, urgent: true };
  }

  /** Raises and workloads, behind the finalizer, which is there only from before the first write until after the last (rule 11). */
  async #converge({ key, release, decision }: Pass, lowered: WriteOutcome): Promise<WriteOutcome> {
    const world = this.#world;
    const raises = decision.intents.filter((intent) => !isLowering(intent));
    const begins = raises.length > 0 || decision.workloadIntents.some(({ kind }) => LASTING.has(kind));
    if (begins && !hasFinalizer(release)) await world.releases.setFinalizer(key, true);
    const raised = await this.#write(release, decision, raises);
    const moved = await writeWorkload(world, key.namespace, decision.workloadIntents);
    const problems = [...lowered.problems, ...raised.problems, ...moved.problems];
    this.#memories.update(key, (memory) => ({
      ...noteProblems(memory, problems, world.clock.now()),
      status: queueEvents(memory.status, withoutRepeated(moved.events, memory.status), world.clock.now(), memory.uid),
    }));
    // Not `wrote`: what the watch has not shown yet would be written again.
    return { problems, wrote: raised.wrote || lowered.wrote };
  }

  /** A release that wrote its last is let go, of one that is deleted when all is announced. */
  async #letGo({ key, release, freshRoutes, decision }: Pass): Promise<void> {
    if (!hasFinalizer(release) || isRunning(decision.state) || decision.keepsPaused || this.#hasLastWords(key, release)) return;
    // Not from the watch: a route that it has not shown yet may have been written to.
    const routes = freshRoutes ?? (await this.#reader.read(key.namespace).catch(() => this.#world.routes.cachedIn(key.namespace)));
    await forgetTraces(this.#world, key.namespace, routes);
    await this.#world.releases.setFinalizer(key, false);
  }

  #next({ key, decision }: Pass, { problems, wrote }: WriteOutcome): Outcome | 'onward' | 'read' {
    if (problems.length === 0 && (wrote || decision.transitions.length > 0)) return 'onward';
    if (problems.length === 0 && decision.readsRoutes) return 'read';
    const now = this.#world.clock.now();
    const retry = problems.length > 0 ? now + HOME_RETRY_MS : undefined;
    const later = this.#timesOfAnnouncements(key).filter((time) => time > now);
    const times = [decision.wakeAt, retry, ...later].filter((time) => time !== undefined);
    return { again: false, wakeAt: times.length === 0 ? undefined : Math.min(...times), urgent: isRunning(decision.state) };
  }

  /** When the stored status is written without what is delivered, and when a deleted release has waited long enough. */
  #timesOfAnnouncements(key: ReleaseKey): readonly number[] {
    const memory = this.#memories.get(key);
    if (memory === undefined || pendingIn(memory.committed).length === 0) return [];
    return [endOfQuiet(memory), memory.lastWordsUntilMs ?? 0];
  }

  /** A release that is being deleted still has something to announce, and some time left for it. */
  #hasLastWords(key: ReleaseKey, { metadata }: CanaryRelease): boolean {
    const memory = this.#memories.get(key);
    if (memory === undefined || metadata.deletionTimestamp === undefined || !this.#announcer.awaits(key)) return false;
    const now = this.#world.clock.now();
    const { lastWordsUntilMs = now + LAST_WORDS_MS } = memory;
    this.#memories.update(key, () => ({ lastWordsUntilMs }));
    return now < lastWordsUntilMs;
  }

  /** What was delivered meanwhile is not announced again. */
  #withoutDelivered(memory: Memory, key: ReleaseKey): Memory {
    const status = dropDelivered(memory.status, (id) => this.#announcer.isDelivered(key, id));
    if (status === memory.status) return memory;
    this.#memories.update(key, () => ({ status }));
    return { ...memory, status };
  }

  /** A route that cannot be written has a second brake: the canary Service is pointed at the serving pods. */
  async #brake({ observation: { workload }, decision: { status } }: Pass, outcome: WriteOutcome): Promise<void> {
    const selector = workload?.service?.spec.selector;
    const { canaryService } = workload ?? {};
    if (outcome.problems.length === 0 || selector === undefined || canaryService === undefined) return;
    if (status.release?.workload === undefined || JSON.stringify(canaryService.spec.selector) === JSON.stringify(selector)) return;
    const { name, namespace = '' } = canaryService.metadata;
    // Home is tried again in any case, every second.
    await this.#world.workloads.redirect(namespace, name, selector).catch(() => undefined);
  }

  async #write(release: CanaryRelease, decision: Decision, intents: readonly RouteIntent[]): Promise<WriteOutcome> {
    const current = decision.status.release;
    if (intents.length === 0 || current === undefined) return { wrote: false, problems: [] };
    const roles = { pair: pairOf(current), own: current.ownRules ?? [] };
    return writeRoutes(this.#world, release.metadata.namespace, roles, intents);
  }

  #askForLooks({ key, release, decision: { status }, observation, now }: Pass): void {
    const due = dueQuestion(this.#world.metrics, release, status, observation, now);
    const id = status.release?.id;
    if (due !== undefined && id !== undefined) this.#desk.ask(nameOf(key), id, due.question, due.times);
    this.#drains.consider(nameOf(key), release, status, observation, now);
    this.#layouts.consider(nameOf(key), release, status, observation, now);
    this.#sentinel?.consider(nameOf(key), release, status, observation);
  }

  #forget(key: ReleaseKey): Outcome {
    this.#desk.discard(nameOf(key));
    this.#drains.forget(nameOf(key));
    this.#layouts.forget(nameOf(key));
    this.#gates.forget(nameOf(key));
    this.#sentinel?.forget(nameOf(key));
    this.#announcer.forget(key);
    this.#world.workloads.forget(key.namespace, key.name);
    if (this.#memories.forget(key)) this.#world.telemetry.forget(key.namespace, key.name);
    return NOTHING_MORE;
  }

  #store({ key, decision, now }: Pass, { problems }: WriteOutcome): void {
    this.#memories.update(key, ({ uid, committed, transitions, drifts }) => ({
      status: statusOf(decision, committed, now, uid),
      writeProblems: problems,
      transitions: [...transitions, ...decision.transitions],
      drifts: [...drifts, ...decision.drifts],
    }));
  }

  #count({ key, release, memory, observation: { looks }, decision }: Pass): void {
    const { telemetry, clock } = this.#world;
    for (let look = 0; look < looks.length; look += 1) telemetry.look(release);
    if (looks.length > 0) for (const check of decision.status.checks ?? []) telemetry.verdict(release, check.name, check.verdict);
    const started = decision.transitions.find(({ to }) => to === 'rollingBack.goingHome');
    if (started !== undefined) {
      telemetry.rollback(release, started.reason);
      this.#memories.update(key, () => ({ failedAtMs: clock.now() }));
    }
    const home = decision.transitions.some(({ from }) => from === 'rollingBack.goingHome');
    if (home && memory.failedAtMs !== undefined) telemetry.rollbackSeconds((clock.now() - memory.failedAtMs) / 1_000);
  }

  /** After the commit: log lines, metrics, and whatever the stored status announces. */
  #emit({ key, release }: Pass): void {
    const memory = this.#memories.get(key);
    if (memory === undefined) return;
    log(this.#world, { ...release, status: memory.status }, memory);
    this.#announcer.announce({ ...release, status: memory.committed });
    this.#memories.update(key, () => ({ transitions: [], drifts: [] }));
  }
}

/** A write that is repeated until the watch shows it is announced once. */
function withoutRepeated(events: readonly ReleaseEvent[], status: CanaryReleaseStatus): readonly ReleaseEvent[] {
  const pending = pendingIn(status);
  return events.filter(({ reason, message }) => !pending.some((one) => one.reason === reason && one.message === message));
}

/** What a decision makes of the status, with what is to be announced of it. */
function statusOf(decision: Decision, committed: CanaryReleaseStatus, now: number, uid: string): CanaryReleaseStatus {
  const status = queueEvents(decision.status, eventsOf(decision), now, uid);
  return isRunning(decision.state) ? status : shareCommitted(committed, status);
}

function isLowering({ kind }: RouteIntent): boolean {
  return kind === 'home' || kind === 'lower';
}

function hasFinalizer({ metadata }: CanaryRelease): boolean {
  return metadata.finalizers?.includes(FINALIZER) === true;
}
