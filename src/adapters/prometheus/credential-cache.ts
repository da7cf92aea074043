// Remembers credentials for a minute. When Prometheus refuses them they are read again at once, and then not again before the minute
// is over or they have worked.
import type { Credentials } from './credentials.ts';

interface Entry {
  readonly credentials: Promise<Credentials>;
  readonly readAt: number;
  /** Read because of a refusal: another refusal does not read again. */
  readonly forced: boolean;
}

/** How long credentials are used without reading them again. */
export const CREDENTIALS_MAX_AGE_MS = 60_000;
const MAX_ENTRIES = 1_000;

/** Credentials by key. Concurrent reads of one key are one read; a failed read is not remembered. */
export class CredentialCache {
  readonly #now: () => number;
  readonly #entries = new Map<string, Entry>();

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Credentials at most a minute old. */
  get(key: string, load: () => Promise<Credentials>): Promise<Credentials> {
    const entry = this.#entries.get(key);
    const age = this.#now() - (entry?.readAt ?? Number.NEGATIVE_INFINITY);
    if (entry !== undefined && age >= 0 && age < CREDENTIALS_MAX_AGE_MS) return entry.credentials;
    return this.#load(key, load, false);
  }

  /** Fresh credentials after a refusal, or undefined when reading again has been tried already. */
  async renew(key: string, load: () => Promise<Credentials>): Promise<Credentials | undefined> {
    return this.#entries.get(key)?.forced === true ? undefined : this.#load(key, load, true);
  }

  /** The credentials worked, so the next refusal reads them again. */
  confirm(key: string): void {
    const entry = this.#entries.get(key);
    if (entry?.forced === true) this.#entries.set(key, { ...entry, forced: false });
  }

  #load(key: string, load: () => Promise<Credentials>, forced: boolean): Promise<Credentials> {
    const credentials = load();
    this.#entries.delete(key);
    this.#entries.set(key, { credentials, readAt: this.#now(), forced });
    const [oldest] = this.#entries.keys();
    if (this.#entries.size > MAX_ENTRIES && oldest !== undefined) this.#entries.delete(oldest);
    credentials.catch(() => {
      if (this.#entries.get(key)?.credentials === credentials) this.#entries.delete(key);
    });
    return credentials;
  }
}
