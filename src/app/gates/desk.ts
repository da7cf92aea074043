// Runs the gates of releases in the background: creates and watches Jobs, sends requests, deletes what is left over. A release is visited
// again when something is known; nothing here decides. What was sent before a restart is not known here, and that is the point.

import { messageOf } from '../../api/errors.ts';
import type { CanaryRelease, CanaryReleaseStatus } from '../../api/release.ts';
import type { GateIntent } from '../../core/release/gates/intents.ts';
import type { ObservedCall, ObservedGates, ObservedJob } from '../../core/release/gates/observed.ts';
import { readJobResult } from '../../core/workload/job-result.ts';
import type { Json } from '../../core/workload/objects.ts';
import { Semaphore } from '../metrics/semaphore.ts';
import type { World } from '../world.ts';
import { GateTrials } from './trials.ts';

/** Time between two looks at a Job that runs. */
const LOOK_MS = 2_000;
/** Time between two tries to delete one. */
const DELETE_AGAIN_MS = 5_000;
/** Requests of one namespace at a time: no tenant takes the places of others. */
const MOST_CALLS = 8;

type JobIntent = Extract<GateIntent, { kind: 'runJob' }>;
type CallIntent = Extract<GateIntent, { kind: 'call' }>;

/** What is known of the gates of one release. */
interface Entry {
  /** Of the CanaryRelease: another object of the same name has gates of its own. */
  readonly uid: string;
  readonly namespace: string;
  readonly jobs: Map<string, ObservedJob | undefined>;
  /** Jobs that are being looked at, or will be. */
  readonly watched: Set<string>;
  /** What is under way for a Job: it is deleted behind it. */
  readonly looking: Map<string, Promise<unknown>>;
  readonly calls: Map<string, ObservedCall>;
  readonly leaving: Set<string>;
  readonly gone: Set<string>;
}

const NOTHING: Omit<ObservedGates, 'standing'> = { jobs: {}, calls: {}, gone: [] };

function seenIn({ jobs, calls, gone }: Entry): Omit<ObservedGates, 'standing'> {
  const seen = [...jobs].filter((one): one is [string, ObservedJob] => one[1] !== undefined);
  return { jobs: Object.fromEntries(seen), calls: Object.fromEntries(calls), gone: [...gone] };
}

export class GateDesk {
  readonly #world: World;
  readonly #onAnswer: (key: string) => void;
  readonly #trials: GateTrials;
  readonly #entries = new Map<string, Entry>();
  readonly #places = new Map<string, Semaphore>();
  #closed = false;

  /** @param onAnswer called with a release that has news and should be reconciled */
  constructor(world: World, onAnswer: (key: string) => void) {
    this.#world = world;
    this.#onAnswer = onAnswer;
    this.#trials = new GateTrials(world, onAnswer);
  }

  /** What is known now; undefined where the release has no gates and never had any. */
  read(key: string, release: CanaryRelease, status: CanaryReleaseStatus): ObservedGates | undefined {
    const entry = this.#entryOf(key, release);
    const standing = this.#trials.read(key, release, status);
    if (standing === undefined && status.release?.gates === undefined && status.internal?.leavingJobs === undefined) return undefined;
    return { standing: standing ?? { kind: 'ready' }, ...(entry === undefined ? NOTHING : seenIn(entry)) };
  }

  /**
   * Notes what a decision wants before it is committed: a request that was decided here and not sent yet differs from one that another
   * process has sent.
   */
  reserve(key: string, release: CanaryRelease, intents: readonly GateIntent[]): void {
    const calls = intents.filter((intent) => intent.kind === 'call');
    const former = this.#entryOf(key, release);
    if (calls.length === 0 && former === undefined) return;
    const entry = former ?? this.#open(key, release);
    for (const { key: call } of calls) if (!entry.calls.has(call)) entry.calls.set(call, { kind: 'unsent' });
    // Of what the status does not wait for any more nothing has to be known.
    for (const call of entry.calls.keys()) if (!calls.some((one) => one.key === call)) entry.calls.delete(call);
    for (const job of entry.jobs.keys()) if (!intents.some((one) => one.kind === 'runJob' && one.name === job)) entry.jobs.delete(job);
    for (const job of entry.gone) if (!intents.some((one) => one.kind === 'deleteJob' && one.name === job)) entry.gone.delete(job);
  }

  /** Begins what a decision wants, once it is committed. */
  carryOut(key: string, release: CanaryRelease, intents: readonly GateIntent[]): void {
    if (intents.length === 0 || this.#closed) return;
    const entry = this.#entryOf(key, release) ?? this.#open(key, release);
    for (const intent of intents) {
      switch (intent.kind) {
        case 'runJob':
          this.#runJob(key, entry, intent);
          break;
        case 'call':
          this.#call(key, entry, intent);
          break;
        case 'deleteJob':
          this.#deleteJob(key, entry, intent.name);
          break;
      }
    }
  }

  forget(key: string): void {
    this.#entries.delete(key);
    this.#trials.forget(key);
  }

  /** Begins nothing any more. */
  close(): void {
    this.#closed = true;
  }

  #entryOf(key: string, { metadata }: CanaryRelease): Entry | undefined {
    const entry = this.#entries.get(key);
    return entry?.uid === (metadata.uid ?? '') ? entry : undefined;
  }

  #open(key: string, { metadata }: CanaryRelease): Entry {
    const entry: Entry = {
      uid: metadata.uid ?? '',
      namespace: metadata.namespace,
      jobs: new Map(),
      watched: new Set(),
      looking: new Map(),
      calls: new Map(),
      leaving: new Set(),
      gone: new Set(),
    };
    this.#entries.set(key, entry);
    return entry;
  }

  #isOver(key: string, entry: Entry): boolean {
    return this.#closed || this.#entries.get(key) !== entry;
  }

  #runJob(key: string, entry: Entry, intent: JobIntent): void {
    if (entry.watched.has(intent.name)) return;
    entry.watched.add(intent.name);
    if (!entry.jobs.has(intent.name)) entry.jobs.set(intent.name, undefined);
    const looking = this.#lookAt(entry, intent).then((seen) => {
      entry.looking.delete(intent.name);
      entry.watched.delete(intent.name);
      this.#note(key, entry, intent, seen);
    });
    entry.looking.set(intent.name, looking);
  }

  #note(key: string, entry: Entry, intent: JobIntent, seen: ObservedJob): void {
    const { name } = intent;
    // The release may not wait for it any more.
    if (this.#isOver(key, entry) || !entry.jobs.has(name)) return;
    const isNews = JSON.stringify(entry.jobs.get(name)) !== JSON.stringify(seen);
    entry.jobs.set(name, seen);
    if (isNews) this.#onAnswer(key);
    if (seen.kind === 'succeeded' || seen.kind === 'failed') return;
    entry.watched.add(name);
    // A Job that was seen is not created again, whoever has deleted it since.
    const next: JobIntent = seen.kind === 'active' ? { kind: 'runJob', name } : intent;
    this.#later(LOOK_MS, () => {
      entry.watched.delete(name);
      if (!this.#isOver(key, entry) && entry.jobs.has(name)) this.#runJob(key, entry, next);
    });
  }

  #later(ms: number, run: () => void): void {
    const { clock } = this.#world;
    clock.schedule(clock.now() + ms, run);
  }

  async #lookAt({ namespace }: Entry, { name, manifest }: JobIntent): Promise<ObservedJob> {
    const { jobs } = this.#world;
    try {
      const made = manifest === undefined ? undefined : await this.#create(namespace, name, manifest);
      const found = made ?? (await jobs.read(namespace, name));
      return found === undefined ? { kind: 'absent' } : await this.#tell(namespace, name, found);
    } catch (thrown) {
      return { kind: 'refused', message: messageOf(thrown) };
    }
  }

  /** To look first spares an operator that was restarted a refused write. */
  async #create(namespace: string, name: string, manifest: Json): Promise<Json | undefined> {
    const { jobs } = this.#world;
    return (await jobs.read(namespace, name)) ?? (await jobs.create(namespace, manifest));
  }

  /** A Job that ended, with the end of its log. */
  async #tell(namespace: string, name: string, job: Json): Promise<ObservedJob> {
    const result = readJobResult(job);
    if (result.kind === 'active') return result;
    return { ...result, log: await this.#world.jobs.readLog(namespace, name) };
  }

  #call(key: string, entry: Entry, { key: call, request }: CallIntent): void {
    if (entry.calls.get(call)?.kind !== 'unsent') return;
    entry.calls.set(call, { kind: 'underWay' });
    const { gateCaller } = this.#world;
    void this.#placesOf(entry.namespace)
      .run(() => gateCaller.call(entry.namespace, request))
      .then((answer) => {
        if (this.#isOver(key, entry) || !entry.calls.has(call)) return;
        entry.calls.set(call, answer);
        this.#onAnswer(key);
      });
  }

  #placesOf(namespace: string): Semaphore {
    const known = this.#places.get(namespace) ?? new Semaphore(MOST_CALLS);
    this.#places.set(namespace, known);
    return known;
  }

  #deleteJob(key: string, entry: Entry, name: string): void {
    if (entry.leaving.has(name) || entry.gone.has(name)) return;
    entry.leaving.add(name);
    void this.#end(entry, name).then((isGone) => {
      if (!isGone) {
        this.#later(DELETE_AGAIN_MS, () => this.#deleteAgain(key, entry, name));
        return;
      }
      entry.gone.add(name);
      entry.leaving.delete(name);
      if (!this.#isOver(key, entry)) this.#onAnswer(key);
    });
  }

  #deleteAgain(key: string, entry: Entry, name: string): void {
    entry.leaving.delete(name);
    if (!this.#isOver(key, entry)) this.#deleteJob(key, entry, name);
  }

  /** A Job that is just being created is deleted when it is there. */
  async #end(entry: Entry, name: string): Promise<boolean> {
    try {
      await entry.looking.get(name);
      await this.#world.jobs.delete(entry.namespace, name);
      return true;
    } catch {
      return false;
    }
  }
}
