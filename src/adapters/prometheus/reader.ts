// The metrics port on Prometheus: checks address and credentials, applies one deadline to everything, retries broken connections
// quickly, reads credentials again once after a refusal, and returns a typed error in every other case.
import type { BlockReason } from '../../api/reasons.ts';
import { readFile } from 'node:fs/promises';
import pRetry from 'p-retry';
import { parseAddress, parseAllowList } from '../../api/addresses.ts';
import type { Matchers } from '../../api/matchers.ts';
import { GlidepathError, isGlidepathError, messageOf } from '../../api/errors.ts';
import type { MetricsAnswer, MetricsReader, MetricsTarget } from '../../ports/metrics.ts';
import { type Finding, readAnswer } from './answer.ts';
import type { Question } from './connection.ts';
import { CredentialCache } from './credential-cache.ts';
import { NO_CREDENTIALS, checkHeaders, parseCredentials, redact } from './credentials.ts';
import type { Credentials } from './credentials.ts';
import { UNAUTHORIZED, UNAVAILABLE, toFailure } from './failure.ts';
import { ConnectionPool } from './pool.ts';
import { endpointOf, refuseTarget, resolveTarget } from './targets.ts';
import type { Identity, TargetSettings } from './targets.ts';

/** What the reader needs from the operator's settings and surroundings. */
export interface PrometheusReaderOptions {
  /** The operator's own Prometheus; its path, if any, stands before `/api/v1`. */
  readonly operatorUrl?: string;
  /** Origins or URL prefixes that releases may name. */
  readonly allow: readonly string[];
  /** Checks may have queries of their own without a Secret of their own. */
  readonly allowQueries: boolean;
  /** File with the operator's bearer token. */
  readonly operatorTokenFile?: string;
  readonly operatorHeaders?: Readonly<Record<string, string>>;
  /** File with more of the operator's headers: a JSON object of names and values, such as X-Scope-OrgID. */
  readonly operatorHeadersFile?: string;
  /** Labels that every built-in query asks for. */
  readonly matchers?: Matchers;
  /** File with certificate authorities (PEM) that are trusted besides those of the system. */
  readonly caFile?: string;
  /** Decoded values of a Secret. */
  readonly readSecret: (namespace: string, name: string) => Promise<Readonly<Record<string, string>>>;
  /** Called with the duration of every query, in seconds, also of failed ones. */
  readonly onQuery?: (seconds: number) => void;
  /** Wall clock in milliseconds, for the age of credentials. */
  readonly now?: () => number;
}

interface Caller {
  readonly key: string;
  readonly load: () => Promise<Credentials>;
}

interface Ask extends Omit<Question, 'headers'> {
  /** Whose own queries these are. */
  readonly apart: string | undefined;
}

const KIB = 1024;
/** Of the operator's Prometheus, of one that a release names, and of an own query, whose answer is one number. Decoding takes the time of all. */
const MOST_BYTES = { operator: 8 * KIB * KIB, other: 2 * KIB * KIB, number: 64 * KIB };

const RETRIES = { retries: 2, minTimeout: 50, factor: 3, randomize: true } as const;

/** @throws GlidepathError GLIDEPATH_E_SETTING when an address or header of the options cannot be used. */
export function createPrometheusReader(options: PrometheusReaderOptions): PrometheusReader {
  return new PrometheusReader(options);
}

/** Asks Prometheus; owns its connections until `close`. */
export class PrometheusReader implements MetricsReader {
  readonly #options: PrometheusReaderOptions;
  readonly #settings: TargetSettings;
  readonly #pool = new ConnectionPool();
  readonly #credentials: CredentialCache;

  constructor(options: PrometheusReaderOptions) {
    this.#options = options;
    this.#settings = readSettings(options);
    this.#credentials = new CredentialCache(options.now ?? Date.now);
  }

  get matchers(): Matchers {
    return this.#options.matchers ?? {};
  }

  refusal(target: MetricsTarget, ownQueries: boolean): { readonly reason: BlockReason; readonly message: string } | undefined {
    return refuseTarget(this.#settings, target, ownQueries);
  }

  async query(target: MetricsTarget, query: string, atMs: number): Promise<MetricsAnswer> {
    const startedAt = performance.now();
    const deadline = new AbortController();
    const timer = setTimeout(() => deadline.abort(tooLate(target.timeoutMs)), target.timeoutMs);
    try {
      const apart = target.asks === 'number' ? target.namespace : undefined;
      const ask = { query, atMs, timeoutMs: target.timeoutMs, signal: deadline.signal, apart };
      return { ok: true, ...(await this.#answer(target, ask)) };
    } catch (thrown) {
      return { ok: false, ...toFailure(thrown) };
    } finally {
      clearTimeout(timer);
      this.#options.onQuery?.((performance.now() - startedAt) / 1_000);
    }
  }

  /** Ends all connections. */
  close(): void {
    this.#pool.close();
  }

  async #answer(target: MetricsTarget, asked: Omit<Ask, 'mostBytes'>): Promise<Finding> {
    const resolution = resolveTarget(this.#settings, target);
    if (!resolution.ok) throw new GlidepathError(UNAVAILABLE, resolution.message);
    const endpoint = endpointOf(resolution.url);
    const ask = { ...asked, mostBytes: target.asks === 'number' ? MOST_BYTES.number : this.#mostBytesOf(endpoint) };
    const caller = this.#callerOf(resolution.identity, target);
    const credentials = await beforeDeadline(this.#credentials.get(caller.key, caller.load), ask.signal);
    try {
      const finding = await this.#ask(endpoint, credentials, ask);
      this.#credentials.confirm(caller.key);
      return finding;
    } catch (thrown) {
      if (!isGlidepathError(thrown, UNAUTHORIZED)) throw thrown;
      const renewed = await beforeDeadline(this.#credentials.renew(caller.key, caller.load), ask.signal);
      if (renewed === undefined || JSON.stringify(renewed) === JSON.stringify(credentials)) throw thrown;
      const finding = await this.#ask(endpoint, renewed, ask);
      this.#credentials.confirm(caller.key);
      return finding;
    }
  }

  async #ask(endpoint: string, credentials: Credentials, ask: Ask): Promise<Finding> {
    const question = { ...ask, headers: credentials.headers };
    try {
      const answer = await this.#pool.with(endpoint, credentials, ask.apart, (connection) =>
        pRetry(() => connection.ask(question), {
          ...RETRIES,
          signal: ask.signal,
          shouldRetry: ({ error }) => isGlidepathError(error) && error.retryable,
        }),
      );
      const finding = readAnswer(answer);
      return { ...finding, warnings: finding.warnings.map((warning) => redact(warning, credentials)) };
    } catch (thrown) {
      // A server may repeat what it was sent, and its text ends in status and logs.
      const words = redact(`Prometheus at ${endpoint} ${messageOf(thrown)}`, credentials);
      throw new GlidepathError(isGlidepathError(thrown) ? thrown.code : UNAVAILABLE, words);
    }
  }

  #mostBytesOf(endpoint: string): number {
    const { operatorUrl } = this.#settings;
    return operatorUrl !== undefined && endpoint === endpointOf(operatorUrl) ? MOST_BYTES.operator : MOST_BYTES.other;
  }

  #callerOf(identity: Identity, { namespace, secretName }: MetricsTarget): Caller {
    if (identity === 'operator') return { key: 'operator', load: () => this.#loadOwn() };
    if (identity === 'anonymous' || secretName === undefined) {
      return { key: 'anonymous', load: () => this.#withOwnCa(NO_CREDENTIALS) };
    }
    return { key: `secret ${namespace}/${secretName}`, load: () => this.#loadSecret(namespace, secretName) };
  }

  async #loadOwn(): Promise<Credentials> {
    const { operatorTokenFile, operatorHeadersFile, operatorHeaders = {} } = this.#options;
    const headers = {
      ...checkHeaders(operatorHeaders),
      ...(operatorHeadersFile === undefined ? {} : await readHeadersFile(operatorHeadersFile)),
    };
    if (operatorTokenFile === undefined) return this.#withOwnCa({ headers });
    const token = await readOwnFile(operatorTokenFile);
    const credentials = parseCredentials({ token });
    return this.#withOwnCa({ headers: { ...headers, ...credentials.headers } });
  }

  async #loadSecret(namespace: string, name: string): Promise<Credentials> {
    const secret = await this.#options.readSecret(namespace, name).catch((thrown: unknown) => {
      const words = isGlidepathError(thrown) ? thrown.message : 'not found, or the operator may not read it';
      throw new GlidepathError(UNAVAILABLE, `Secret ${namespace}/${name} cannot be read: ${words}`);
    });
    try {
      return await this.#withOwnCa(parseCredentials(secret));
    } catch (thrown) {
      throw new GlidepathError(UNAVAILABLE, `Secret ${namespace}/${name} cannot be used: ${messageOf(thrown)}`);
    }
  }

  /** Certificate authorities are not credentials: the operator's apply to every address without its own. */
  async #withOwnCa(credentials: Credentials): Promise<Credentials> {
    const { caFile } = this.#options;
    if (caFile === undefined || credentials.ca !== undefined) return credentials;
    return { ...credentials, ca: await readOwnFile(caFile) };
  }
}

function readSettings(options: PrometheusReaderOptions): TargetSettings {
  const { operatorUrl: text, operatorHeaders = {}, allowQueries } = options;
  const allow = parseAllowList(options.allow);
  try {
    checkHeaders(operatorHeaders);
  } catch (thrown) {
    throw new GlidepathError('GLIDEPATH_E_SETTING', `headers for Prometheus: ${messageOf(thrown)}`, { cause: thrown });
  }
  if (text === undefined) return { allow, allowQueries };
  const parsed = parseAddress(text);
  if (!parsed.ok) throw new GlidepathError('GLIDEPATH_E_SETTING', `the address of Prometheus ${parsed.message}`);
  return { operatorUrl: parsed.url, allow, allowQueries };
}

/** @throws GlidepathError GLIDEPATH_E_METRICS_UNAVAILABLE that names the file, never a value. */
async function readHeadersFile(path: string): Promise<Credentials['headers']> {
  const headers = await readOwnFile(path);
  try {
    return parseCredentials({ headers }).headers;
  } catch (thrown) {
    throw new GlidepathError(UNAVAILABLE, `the operator cannot use its own file ${path}: ${messageOf(thrown)}`);
  }
}

async function readOwnFile(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (thrown) {
    throw new GlidepathError(UNAVAILABLE, `the operator cannot read its own file ${path}`, { cause: thrown });
  }
}

function tooLate(timeoutMs: number): GlidepathError {
  return new GlidepathError(UNAVAILABLE, `did not answer within ${timeoutMs} ms`);
}

/** The credentials, unless the deadline passes first. */
async function beforeDeadline<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  const late = Promise.withResolvers<never>();
  const refuse = (): void => late.reject(new GlidepathError(UNAVAILABLE, 'the credentials for Prometheus could not be read in time'));
  signal.addEventListener('abort', refuse, { once: true });
  try {
    return await Promise.race([promise, late.promise]);
  } finally {
    signal.removeEventListener('abort', refuse);
  }
}
