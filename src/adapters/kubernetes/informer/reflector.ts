// Keeps a sink equal to one list of the API server in spite of failures: LIST in pages, WATCH from there with
// bookmarks, resume after every fault from the last version seen, list again when that version is too old or a handler
// threw. It stops only on its signal and never throws.

import { isGlidepathError, messageOf } from '../../../api/errors.ts';
import { ApiError, translateStatus } from '../client/api-errors.ts';
import { pause } from '../client/deadline.ts';
import { listAll } from '../client/list.ts';
import { REFLECTOR_TIMES, type ReflectorTimes } from './reflector-times.ts';
import type { Doubt } from './doubt.ts';
import { Silence } from './idle-timeout.ts';
import { describe, type Transport } from '../client/transport.ts';
import { codeOf, isExpired, readEvents, versionOf, type WatchEvent } from './watch-stream.ts';

/** Where a reflector puts what it sees. `raw` objects are untrimmed. */
export interface Sink {
  /** A whole list. `tellAll`: a listener may have missed changes, so every object is reported again. */
  replace(trimmed: readonly unknown[], tellAll: boolean, listVersion: string | undefined): void;
  trim(raw: unknown): unknown;
  upsert(trimmed: unknown): void;
  remove(trimmed: unknown): void;
}

export interface ReflectorOptions {
  /** Name for health and logs, such as `httproutes` or `services shop`. */
  readonly name: string;
  readonly path: string;
  /** Only objects with these labels. */
  readonly labelSelector?: string;
  readonly transport: Transport;
  readonly sink: Sink;
  readonly now: () => number;
  readonly times?: Partial<ReflectorTimes>;
  /** Who may end its watches, which then begin again. */
  readonly doubt?: Doubt | undefined;
  readonly pageSize?: number;
  readonly onFault?: (error: unknown) => void;
  /** The kind is no longer served, or served again. */
  readonly onServed?: (served: boolean) => void;
}

export interface ReflectorHealth {
  readonly name: string;
  /** When anything came from the watch or a list succeeded. */
  readonly lastEventAt: number | undefined;
  /** Faults after which a list or a watch was begun again. */
  readonly restarts: number;
  /** False when the API server does not know the kind. */
  readonly served: boolean;
  readonly synced: boolean;
  /** Since when every attempt has failed. */
  readonly failingSince: number | undefined;
  readonly lastError: string | undefined;
}

/** A kind counts as missing after three answers, one that was served before later still: a starting API server also answers 404. */
const ABSENT_AFTER = 3;
/** After this many refusals of a version by the watch, the kind is listed again. */
const RELIST_AFTER = 4;

type WatchEnd = 'ended' | 'expired';

export class Reflector {
  readonly #options: ReflectorOptions;
  readonly #times: ReflectorTimes;
  #version = '';
  #synced = false;
  #served = true;
  /** True from a list until the watch behind it has shown something. */
  #freshlyListed = false;
  /** True when a listener may have missed a change. */
  #missed = false;
  #failures = 0;
  #notFound = 0;
  #notFoundSince: number | undefined;
  #restarts = 0;
  #lastEventAt: number | undefined;
  #failingSince: number | undefined;
  #lastError: string | undefined;

  constructor(options: ReflectorOptions) {
    this.#options = options;
    this.#times = { ...REFLECTOR_TIMES, ...options.times };
  }

  /** True once a first list is in the sink, or the kind is known to be absent. */
  get hasSynced(): boolean {
    return this.#synced || !this.#served;
  }

  /** What the sink has is what the API server shows: the last attempt to list or to watch did not fail. */
  get isCurrent(): boolean {
    return this.hasSynced && this.#failingSince === undefined;
  }

  health(): ReflectorHealth {
    return {
      name: this.#options.name,
      lastEventAt: this.#lastEventAt,
      restarts: this.#restarts,
      served: this.#served,
      synced: this.hasSynced,
      failingSince: this.#failingSince,
      lastError: this.#lastError,
    };
  }

  /** Runs until `stop` fires; then nothing is delivered any more. */
  async run(stop: AbortSignal): Promise<void> {
    while (!stop.aborted) {
      try {
        if (this.#version === '') await this.#list(stop);
        if (stop.aborted) return;
        await this.#watch(stop);
      } catch (error) {
        if (stop.aborted) return;
        await pause(this.#recordFault(error), stop);
      }
    }
  }

  async #list(stop: AbortSignal): Promise<void> {
    const { transport, path, sink, pageSize, labelSelector } = this.#options;
    const { items, resourceVersion } = await listAll(transport, path, {
      signal: stop,
      pick: (raw) => sink.trim(raw),
      ...(labelSelector === undefined ? {} : { query: { labelSelector } }),
      ...(pageSize === undefined ? {} : { pageSize }),
    });
    if (stop.aborted) return;
    this.#setServed(true);
    const tellAll = this.#missed;
    this.#missed = true;
    sink.replace(items, tellAll, resourceVersion);
    this.#missed = false;
    this.#version = resourceVersion ?? '';
    this.#synced = true;
    this.#freshlyListed = true;
    this.#notFound = 0;
    this.#lastEventAt = this.#options.now();
  }

  async #watch(stop: AbortSignal): Promise<void> {
    const seconds = Math.round(this.#times.watchSeconds * (0.9 + Math.random() * 0.2));
    const silence = new Silence(stop, this.#times.silenceMs);
    const trust = this.#options.doubt?.watch(() => silence.fire('the API server did not answer another request'));
    const begun = performance.now();
    const versionBefore = this.#version;
    let end: WatchEnd;
    try {
      end = await this.#follow(seconds, silence, stop);
    } catch (error) {
      if (performance.now() - begun >= this.#times.shortestWatchMs) this.#failures = 0;
      if (!isGlidepathError(error, 'GLIDEPATH_E_GONE')) throw error;
      end = 'expired';
    } finally {
      trust?.();
      silence.end();
    }
    const brief = this.#version === versionBefore && performance.now() - begun < this.#times.shortestWatchMs;
    if (end === 'expired') this.#version = '';
    if (!brief) this.#failures = 0;
    else if (end === 'ended' || this.#freshlyListed) throw endedAtOnce(end);
  }

  async #follow(seconds: number, silence: Silence, stop: AbortSignal): Promise<WatchEnd> {
    const { transport, path, labelSelector } = this.#options;
    const query = { watch: true, resourceVersion: this.#version, allowWatchBookmarks: true, timeoutSeconds: seconds, labelSelector };
    const chunks = await transport.open(path, query, silence.signal);
    this.#recordLife();
    for await (const event of readEvents(chunks, describe('WATCH', path))) {
      if (stop.aborted) return 'ended';
      silence.heard();
      if (event.type === 'ERROR') {
        if (isExpired(event.object)) return 'expired';
        throw translateStatus({ what: describe('WATCH', path), jsonPatch: false }, codeOf(event.object), event.object);
      }
      this.#deliver(event);
      this.#failures = 0;
      this.#recordLife();
    }
    return 'ended';
  }

  #deliver(event: WatchEvent): void {
    const { sink } = this.#options;
    const version = versionOf(event.object);
    try {
      if (event.type === 'DELETED') sink.remove(sink.trim(event.object));
      else if (event.type !== 'BOOKMARK') sink.upsert(sink.trim(event.object));
    } catch (error) {
      // The handler's state is unknown now: list again and report everything, which repairs it.
      this.#version = '';
      this.#missed = true;
      throw error;
    }
    if (version !== undefined) this.#version = version;
    this.#freshlyListed = false;
  }

  #recordLife(): void {
    this.#lastEventAt = this.#options.now();
    this.#notFound = 0;
    this.#failingSince = undefined;
    this.#lastError = undefined;
  }

  /** @returns how long to wait before the next try. */
  #recordFault(error: unknown): number {
    this.#failures += 1;
    this.#restarts += 1;
    this.#failingSince ??= this.#options.now();
    this.#lastError = messageOf(error);
    this.#options.onFault?.(error);
    this.#notFound = isGlidepathError(error, 'GLIDEPATH_E_NOT_FOUND') ? this.#notFound + 1 : 0;
    if (this.#notFound === 1) this.#notFoundSince = this.#failingSince;
    if (this.#notFound > 0 || this.#failures % RELIST_AFTER === 0) this.#version = '';
    if (this.#isAbsent()) {
      this.#becomeAbsent();
      return this.#times.absentMs * (0.5 + Math.random() / 2);
    }
    return Math.max(this.#jitteredBackoff(), error instanceof ApiError ? (error.retryAfterMs ?? 0) : 0);
  }

  #isAbsent(): boolean {
    if (this.#notFound < ABSENT_AFTER) return false;
    const since = this.#options.now() - (this.#notFoundSince ?? this.#options.now());
    return !this.#synced || !this.#served || since >= this.#times.believeAbsentMs;
  }

  #jitteredBackoff(): number {
    const { backoffMs, longestBackoffMs } = this.#times;
    const ceiling = Math.min(longestBackoffMs, backoffMs * 2 ** Math.min(this.#failures, 20));
    return backoffMs / 4 + Math.random() * ceiling;
  }

  #becomeAbsent(): void {
    this.#failingSince = undefined;
    if (!this.#served) return;
    try {
      this.#options.sink.replace([], false, undefined);
    } catch (error) {
      this.#missed = true;
      this.#options.onFault?.(error);
      return;
    }
    this.#setServed(false);
  }

  #setServed(served: boolean): void {
    if (this.#served === served) return;
    this.#served = served;
    this.#options.onServed?.(served);
  }
}

function endedAtOnce(end: WatchEnd): ApiError {
  const how = end === 'expired' ? 'the watch expired right after its list' : 'the watch ended at once';
  return new ApiError('GLIDEPATH_E_NETWORK', how, { retryable: true });
}
