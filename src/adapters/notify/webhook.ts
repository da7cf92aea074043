// Sends events of a release to its receivers by signed POST requests in the background: in order for each receiver, with three
// attempts, and without delaying a reconcile.
import pRetry from 'p-retry';
import { Agent } from 'undici';
import { parseAllowList } from '../../api/addresses.ts';
import { isGlidepathError, messageOf } from '../../api/errors.ts';
import type { CanaryRelease } from '../../api/release.ts';
import type { Announcement, Notifier } from '../../ports/outbox.ts';
import { DeliveryQueue } from './delivery-queue.ts';
import { describeNotification } from './notification.ts';
import type { Notification, NotificationReceiver } from './notification.ts';
import { failure, permit, postSigned, readHmacKey } from './signed-post.ts';

/** The result of one notification. */
export interface NotificationOutcome {
  readonly namespace: string;
  readonly name: string;
  readonly receiver: string;
  readonly reason: string;
  /** `refused`: not tried, because the address is not allowed; `dropped`: not tried, because too many waited. */
  readonly result: 'sent' | 'failed' | 'refused' | 'dropped';
  /** Why not; empty for `sent`. Never holds a secret, nor the path of an address, which may be one. */
  readonly message: string;
}

export interface WebhookNotifierOptions {
  /** Origins or URL prefixes that releases may name. */
  readonly allow: readonly string[];
  /** Decoded values of a Secret. */
  readonly readSecret: (namespace: string, name: string) => Promise<Readonly<Record<string, string>>>;
  /** Called with the result of each notification; must not throw. */
  readonly onOutcome?: (outcome: NotificationOutcome) => void;
  /** Wall clock in milliseconds. */
  readonly now?: () => number;
  /** Time for one try (default 5 s). */
  readonly timeoutMs?: number;
  /** Pause before the second try, about thrice that before the third (default 500 ms). */
  readonly backoffMs?: number;
  /** Notifications that wait for one receiver (default 32). */
  readonly waiting?: number;
}

const TRIES = 3;
const CONCURRENCY = 8;

/** @throws GlidepathError GLIDEPATH_E_SETTING when an entry of the allow-list is no address. */
export function createWebhookNotifier(options: WebhookNotifierOptions): WebhookNotifier {
  return new WebhookNotifier(options);
}

/** Sends webhooks; owns its connections and what waits to be sent until `close`. */
export class WebhookNotifier implements Notifier {
  readonly #options: WebhookNotifierOptions;
  readonly #allow: readonly URL[];
  readonly #agent = new Agent({ allowH2: false, connections: CONCURRENCY });
  readonly #queue: DeliveryQueue;
  readonly #closing = new AbortController();

  constructor(options: WebhookNotifierOptions) {
    this.#options = options;
    this.#allow = parseAllowList(options.allow);
    this.#queue = new DeliveryQueue({ concurrency: CONCURRENCY, waiting: options.waiting ?? 32 });
  }

  async notify(release: CanaryRelease, announcement: Announcement): Promise<void> {
    const { metadata } = release;
    const { notifications: receivers } = release.spec;
    if (receivers.length === 0) return;
    const notification = describeNotification(release, announcement);
    const owner = metadata.uid ?? `${metadata.namespace}/${metadata.name}`;
    await Promise.all(receivers.map((receiver) => this.#enqueue(`${owner} ${receiver.name}`, receiver, notification)));
  }

  /** Resolves when everything announced so far was sent or given up. */
  whenIdle(): Promise<void> {
    return this.#queue.whenIdle();
  }

  /** Gives what is under way this much time, then ends it. */
  async close(graceMs = 2_000): Promise<void> {
    const graceOver = Promise.withResolvers<void>();
    const timer = setTimeout(() => graceOver.resolve(), graceMs);
    await Promise.race([this.#queue.whenIdle(), graceOver.promise]);
    clearTimeout(timer);
    this.#queue.clear();
    this.#closing.abort(new Error('the operator is shutting down'));
    await this.#agent.destroy();
  }

  #now(): number {
    return (this.#options.now ?? Date.now)();
  }

  /** Resolves when it is sent, or given up. */
  #enqueue(lane: string, receiver: NotificationReceiver, notification: Notification): Promise<void> {
    const tell = (result: NotificationOutcome['result'], message: string): void => {
      const { namespace, name } = notification.release;
      this.#options.onOutcome?.({ namespace, name, receiver: receiver.name, reason: notification.reason, result, message });
    };
    const url = this.#permit(receiver);
    if (typeof url === 'string') {
      tell('refused', url);
      return Promise.resolve();
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    const deliver = () =>
      this.#deliver(url, receiver, notification).then(
        () => tell('sent', ''),
        (thrown: unknown) => tell('failed', messageOf(thrown)),
      );
    this.#queue.add(lane, {
      run: () => deliver().finally(resolve),
      drop: () => {
        tell('dropped', `too many notifications are waiting for ${url.origin}`);
        resolve();
      },
    });
    return promise;
  }

  /** The address, or why it may not be called. */
  #permit({ name, url }: NotificationReceiver): URL | string {
    return permit(url, this.#allow, `the url of notification "${name}"`, '--notification-allow');
  }

  async #deliver(url: URL, receiver: NotificationReceiver, notification: Notification): Promise<void> {
    const body = JSON.stringify(notification);
    const { namespace } = notification.release;
    await pRetry(async () => this.#post(url, body, await readHmacKey(this.#options.readSecret, namespace, receiver.secretRef?.name)), {
      retries: TRIES - 1,
      minTimeout: this.#options.backoffMs ?? 500,
      factor: 3,
      randomize: true,
      signal: this.#closing.signal,
      shouldRetry: ({ error }) => isGlidepathError(error) && error.retryable,
    });
  }

  async #post(url: URL, body: string, key: string | undefined): Promise<void> {
    const timeoutMs = this.#options.timeoutMs ?? 5_000;
    const signal = AbortSignal.any([AbortSignal.timeout(timeoutMs), this.#closing.signal]);
    const { status } = await postSigned(this.#agent, { url, body, key, atMs: this.#now(), signal }).catch((thrown: unknown) => {
      const words = signal.aborted ? `did not answer within ${timeoutMs} ms` : `cannot be reached: ${messageOf(thrown)}`;
      throw failure(`${url.origin} ${words}`, true);
    });
    if (status >= 200 && status < 300) return;
    throw failure(`${url.origin} answered ${status}`, status >= 500 || status === 408 || status === 429);
  }
}
