// The idle timeout of a watch: a connection whose other end is gone sends nothing at all, so silence beyond the distance of bookmarks
// is a failure. Attaches to a long-lived stop signal and detaches again.

import { ApiError } from '../client/api-errors.ts';

/** Fires when nothing was received for this long, or together with `stop`. */
export class Silence {
  readonly #controller = new AbortController();
  readonly #stop: AbortSignal;
  readonly #timer: NodeJS.Timeout;
  readonly #onStop = (): void => this.#controller.abort(new ApiError('GLIDEPATH_E_CANCELED', 'the watch was stopped'));

  constructor(stop: AbortSignal, ms: number) {
    this.#stop = stop;
    stop.addEventListener('abort', this.#onStop, { once: true });
    this.#timer = setTimeout(() => this.fire('the watch received nothing'), ms);
    if (stop.aborted) this.#onStop();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Ends the watch as one that has failed. */
  fire(why: string): void {
    this.#controller.abort(new ApiError('GLIDEPATH_E_TIMEOUT', why, { retryable: true }));
  }

  heard(): void {
    this.#timer.refresh();
  }

  end(): void {
    clearTimeout(this.#timer);
    this.#stop.removeEventListener('abort', this.#onStop);
    this.#onStop();
  }
}
