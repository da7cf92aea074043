// Kubernetes events about releases: queued, counted in series, written after everything else. Nothing here may stop or slow a
// reconcile, so a failure is only a debug line. The name of an event comes from its announcement, so a repetition is no second event.

import { isGlidepathError, messageOf } from '../../../api/errors.ts';
import { ANNOUNCEMENT_ANNOTATION, API_VERSION, FIELD_MANAGER, KIND, REPORTING_CONTROLLER } from '../../../api/names.ts';
import type { CanaryRelease } from '../../../api/release.ts';
import type { Clock } from '../../../ports/clock.ts';
import type { Announcement, EventSink } from '../../../ports/outbox.ts';
import { pause } from '../client/deadline.ts';
import { type EventEntry, EventSeries, type Regarding } from './event-series.ts';
import { fieldsOf, textOf } from '../client/fields.ts';
import { microTime } from '../client/micro-time.ts';
import { MERGE_PATCH, type Transport } from '../client/transport.ts';

export interface EventsOptions {
  readonly transport: Transport;
  readonly clock: Clock;
  /** Name of this process, such as the pod's. */
  readonly instance: string;
  readonly onDropped?: (what: string, why: string) => void;
}

const WRITERS = 4;
const MOST_QUEUED = 5_000;
const ATTEMPTS = 3;
const DEADLINE_MS = 5_000;
const BETWEEN_UPDATES_MS = 60_000;
const FLUSH_MS = 2_000;
const LONGEST_NOTE_BYTES = 1_000;
/** Digits of an announcement's id in the name of its event. */
const ID_IN_NAME = 16;

export class KubernetesEvents implements EventSink {
  readonly #options: EventsOptions;
  readonly #series = new EventSeries();
  /** Entries with something to write, oldest first. */
  readonly #queue = new Set<EventEntry>();
  readonly #waiting = new Map<EventEntry, () => void>();
  readonly #writers = new Set<Promise<void>>();
  readonly #writing = new Set<EventEntry>();
  #busyWriters = 0;
  readonly #stop = new AbortController();
  #closed = false;

  constructor(options: EventsOptions) {
    this.#options = options;
  }

  publish(release: CanaryRelease, announcement: Announcement): Promise<void> {
    // The next operator finds it in the status.
    if (this.#closed) return new Promise(() => undefined);
    const entry = this.#series.record(regardingOf(release), announcement, this.#options.clock.now());
    if (entry === undefined) {
      this.#drop(announcement.reason, release.metadata.name, 'too many events about this release');
      return Promise.resolve();
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    entry.waiting.push({ count: entry.count, done: resolve });
    // Queued, being written or waiting for its next update: the next write includes the newest count.
    if (this.#queue.has(entry) || this.#writing.has(entry) || this.#waiting.has(entry)) return promise;
    if (entry.name === undefined) this.#enqueue(entry);
    else this.#updateLater(entry);
    return promise;
  }

  /** Writes what is queued, but waits no longer than two seconds for it. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const cancel of this.#waiting.values()) cancel();
    this.#waiting.clear();
    const timeUp = new AbortController();
    await Promise.race([Promise.all(this.#writers), pause(FLUSH_MS, timeUp.signal)]);
    timeUp.abort();
    this.#stop.abort();
    this.#queue.clear();
    await Promise.all(this.#writers);
  }

  #enqueue(entry: EventEntry): void {
    this.#queue.add(entry);
    if (this.#queue.size > MOST_QUEUED) {
      const [oldest] = this.#queue;
      if (oldest !== undefined) {
        this.#queue.delete(oldest);
        this.#giveUp(oldest, 'the queue is full');
      }
    }
    if (this.#busyWriters >= WRITERS) return;
    this.#busyWriters += 1;
    const writer = this.#drain().finally(() => this.#writers.delete(writer));
    this.#writers.add(writer);
  }

  async #drain(): Promise<void> {
    for (let [entry] = this.#queue; entry !== undefined; [entry] = this.#queue) {
      this.#queue.delete(entry);
      this.#writing.add(entry);
      await this.#write(entry);
      this.#writing.delete(entry);
      if (entry.count > entry.written && entry.name !== undefined && !this.#closed) this.#updateLater(entry);
    }
    this.#busyWriters -= 1;
  }

  /** A series grows on the server once a minute at most. */
  #updateLater(entry: EventEntry): void {
    const { clock } = this.#options;
    const cancel = clock.schedule(clock.now() + BETWEEN_UPDATES_MS, () => {
      this.#waiting.delete(entry);
      this.#enqueue(entry);
    });
    this.#waiting.set(entry, cancel);
  }

  async #write(entry: EventEntry): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        await (entry.name === undefined ? this.#create(entry) : this.#update(entry, entry.name));
        return finish(entry, entry.written);
      } catch (error) {
        // A terminating namespace refuses new events with 403; like any other failure it is only logged.
        const again = isGlidepathError(error) && error.retryable && attempt < ATTEMPTS && !this.#stop.signal.aborted;
        if (!again) return this.#giveUp(entry, messageOf(error));
        await pause(500 * attempt * (0.5 + Math.random()), this.#stop.signal);
      }
    }
  }

  async #create(entry: EventEntry): Promise<void> {
    const { namespace } = entry.regarding;
    const name = `${entry.regarding.name.slice(0, 200)}.${entry.announcement.id.slice(0, ID_IN_NAME)}`;
    const { count } = entry;
    const request = {
      method: 'POST' as const,
      path: pathOfEvents(namespace),
      query: { fieldManager: FIELD_MANAGER },
      body: this.#buildEvent(entry, name),
      deadlineMs: DEADLINE_MS,
      signal: this.#stop.signal,
    };
    await this.#options.transport.request(request).catch((error: unknown) => {
      // An operator before this one, or an earlier try whose answer was lost, has written it.
      if (!isGlidepathError(error, 'GLIDEPATH_E_CONFLICT')) throw error;
    });
    entry.name = name;
    entry.written = count;
  }

  async #update(entry: EventEntry, name: string): Promise<void> {
    const { count } = entry;
    try {
      await this.#options.transport.request({
        method: 'PATCH',
        path: `${pathOfEvents(entry.regarding.namespace)}/${name}`,
        query: { fieldManager: FIELD_MANAGER },
        contentType: MERGE_PATCH,
        body: { series: seriesOf(entry) },
        deadlineMs: DEADLINE_MS,
        signal: this.#stop.signal,
      });
      entry.written = count;
    } catch (error) {
      if (!isGlidepathError(error, 'GLIDEPATH_E_NOT_FOUND')) throw error;
      // Events expire after an hour; the series continues in a new one.
      entry.name = undefined;
      await this.#create(entry);
    }
  }

  #buildEvent(entry: EventEntry, name: string): unknown {
    const { regarding, announcement } = entry;
    return {
      apiVersion: 'events.k8s.io/v1',
      kind: 'Event',
      metadata: { name, namespace: regarding.namespace, annotations: { [ANNOUNCEMENT_ANNOTATION]: announcement.id } },
      eventTime: microTime(Date.parse(announcement.at)),
      reportingController: REPORTING_CONTROLLER,
      reportingInstance: this.#options.instance.slice(0, 128),
      action: announcement.action,
      reason: announcement.reason,
      type: announcement.type,
      note: cutNote(announcement.note),
      regarding: { apiVersion: API_VERSION, kind: KIND, ...regarding },
      ...(entry.count > 1 ? { series: seriesOf(entry) } : {}),
    };
  }

  #giveUp(entry: EventEntry, why: string): void {
    this.#drop(entry.announcement.reason, entry.regarding.name, why);
    if (!this.#stop.signal.aborted) finish(entry, entry.count);
  }

  #drop(reason: string, name: string, why: string): void {
    try {
      this.#options.onDropped?.(`event ${reason} about ${name}`, why);
    } catch {
      // A logger that throws must not stop a reconcile either.
    }
  }
}

/** Cuts at a whole character, so that the note stays below the 1,024 bytes that the API server allows. */
export function cutNote(note: string): string {
  if (Buffer.byteLength(note) <= LONGEST_NOTE_BYTES) return note;
  const cut = Buffer.from(note)
    .subarray(0, LONGEST_NOTE_BYTES - 3)
    .toString('utf8')
    .replace(/\uFFFD+$/, '');
  return `${cut}…`;
}

/** Calls the callbacks that wait for at most `count`. */
function finish(entry: EventEntry, count: number): void {
  for (const { done } of entry.waiting.filter((one) => one.count <= count)) done();
  entry.waiting.splice(0, entry.waiting.length, ...entry.waiting.filter((one) => one.count > count));
}

function seriesOf(entry: EventEntry): unknown {
  return { count: entry.count, lastObservedTime: microTime(entry.lastAtMs) };
}

function pathOfEvents(namespace: string): string {
  return `/apis/events.k8s.io/v1/namespaces/${encodeURIComponent(namespace)}/events`;
}

function regardingOf(release: CanaryRelease): Regarding {
  const { namespace, name, uid } = fieldsOf(release.metadata);
  return { namespace: textOf(namespace) ?? '', name: textOf(name) ?? '', uid: textOf(uid) ?? '' };
}
