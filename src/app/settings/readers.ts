// Parsers of the values of settings. Each returns the value, or what to write instead. All are pure.
import { parseAddress } from '../../api/addresses.ts';
import { parseMatcher } from '../../api/matchers.ts';
import { isDuration, parseDuration } from '../../api/duration.ts';
import type { SentinelTarget } from '../../ports/gateways.ts';

/** A value, or the words that follow "write". */
export type Reading<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly write: string };

/** Turns the text of one setting into its value. */
export type Reader<T> = (text: string) => Reading<T>;

/** A listen address; without a host, every address of the machine. */
export interface ListenAddress {
  readonly host?: string;
  /** 0 takes any free port. */
  readonly port: number;
}

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const;
/** Log levels, the most verbose first. */
export type LogLevel = (typeof LOG_LEVELS)[number];

const NAMESPACE = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;
const ADDRESS = /^(\[[0-9a-fA-F:.]+\]|[^:[\]\s]*):([0-9]{1,5})$/;
const SHORTEST_RESYNC_MS = 1_000;

function accept<T>(value: T): Reading<T> {
  return { ok: true, value };
}

function refuse(write: string): { readonly ok: false; readonly write: string } {
  return { ok: false, write };
}

/** Any text as it is. */
export const readText: Reader<string> = (text) => accept(text);

export const readSwitch: Reader<boolean> = (text) => {
  if (text === 'true' || text === '1') return accept(true);
  if (text === 'false' || text === '0') return accept(false);
  return refuse('true or false');
};

export const readNamespace: Reader<string> = (text) =>
  NAMESPACE.test(text) ? accept(text) : refuse('names of namespaces such as shop,checkout');

export const readLogLevel: Reader<LogLevel> = (text) => {
  const level = LOG_LEVELS.find((known) => known === text);
  return level === undefined ? refuse(`one of ${LOG_LEVELS.join(' ')}`) : accept(level);
};

/** `label=value`; an empty value stands for a label that a series does not have. */
export const readMatcher: Reader<readonly [label: string, value: string]> = (text) => {
  const matcher = parseMatcher(text);
  return matcher === undefined ? refuse('labels with their values such as cluster=eu-1') : accept(matcher);
};

/** A whole number between two bounds. */
export function readWhole(least: number, most: number): Reader<number> {
  return (text) => {
    const value = /^[0-9]{1,9}$/.test(text) ? Number(text) : Number.NaN;
    return value >= least && value <= most ? accept(value) : refuse(`a whole number from ${least} to ${most}`);
  };
}

/** Milliseconds of a duration of at least a second. */
export const readInterval: Reader<number> = (text) => {
  const ms = isDuration(text) ? parseDuration(text) : 0;
  return ms >= SHORTEST_RESYNC_MS ? accept(ms) : refuse('a duration of at least 1s such as 10m or 1h30m');
};

/** `:8080`, `127.0.0.1:8080` or `[::1]:8080`. */
export const readListenAddress: Reader<ListenAddress> = (text) => {
  const [, host = '', digits = ''] = ADDRESS.exec(text) ?? [];
  const port = Number(digits);
  if (digits === '' || port > 65_535) return refuse('an address such as :8080 or 127.0.0.1:8080');
  return accept(host === '' ? { port } : { host: host.replace(/^\[|\]$/g, ''), port });
};

/** An address of an HTTP API, perhaps with a path, without the slash at its end. Also an entry of an allow-list. */
export const readUrl: Reader<string> = (text) => {
  const parsed = parseAddress(text);
  if (!parsed.ok) return refuse(`an address such as http://prometheus.monitoring:9090 (it ${parsed.message})`);
  return accept(`${parsed.url.origin}${parsed.url.pathname.replace(/\/+$/, '')}`);
};

/** Such an address, over TLS. */
export const readSecureUrl: Reader<string> = (text) =>
  text.startsWith('https://') ? readUrl(text) : refuse('an address such as https://10.0.0.5:9443');

const LABEL = /^(?:[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?\/)?[A-Za-z0-9](?:[-\w.]{0,61}[A-Za-z0-9])?$/;
const LABEL_VALUE = /^[A-Za-z0-9](?:[-\w.]{0,61}[A-Za-z0-9])?$/;
const SENTINEL_FORM = 'NAMESPACE/LABEL=VALUE such as projectcontour/app=envoy, or an address such as http://10.0.0.5:8002';

/** Pods of a gateway by a label, or the address of one outside of pods. */
export const readSentinelTarget: Reader<SentinelTarget> = (text) => {
  if (text.startsWith('http://')) {
    const parsed = parseAddress(text);
    const isOrigin = parsed.ok && parsed.url.pathname === '/';
    return isOrigin ? accept({ kind: 'address', origin: parsed.url.origin }) : refuse(SENTINEL_FORM);
  }
  const [, namespace = '', label = '', value = ''] = /^([^/=]+)\/([^=]+)=([^=]+)$/.exec(text) ?? [];
  const isGood = NAMESPACE.test(namespace) && LABEL.test(label) && LABEL_VALUE.test(value);
  return isGood ? accept({ kind: 'pods', namespace, label, value }) : refuse(SENTINEL_FORM);
};
