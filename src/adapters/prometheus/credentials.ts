// Headers and certificates for Prometheus from a Secret. Knows every secret value, to remove them from messages.
import { GlidepathError } from '../../api/errors.ts';
import { UNAVAILABLE } from './failure.ts';

/** Credentials, and the certificate authorities to trust. */
export interface Credentials {
  readonly headers: Readonly<Record<string, string>>;
  /** PEM; absent: the certificate authorities of the system. */
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

/** No credentials. */
export const NO_CREDENTIALS: Credentials = { headers: {} };

const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9a-zA-Z-]+$/;
const HEADER_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;
// These could smuggle a second request into the connection or send it elsewhere.
const RESERVED_HEADERS = new Set(['host', 'connection', 'content-length', 'content-type', 'transfer-encoding', 'expect', 'upgrade']);
const SHORTEST_SECRET = 4;

/**
 * Reads the keys `token`, or `username` and `password`, or `header-name` and `header-value`, or `headers` (a JSON
 * object), and beside them `ca.crt`, `tls.crt` with `tls.key`.
 * @throws GlidepathError GLIDEPATH_E_METRICS_UNAVAILABLE that names keys, never values.
 */
export function parseCredentials(secret: Readonly<Record<string, string>>): Credentials {
  const cert = secret['tls.crt'];
  const key = secret['tls.key'];
  if ((cert === undefined) !== (key === undefined)) throw wrong('tls.crt and tls.key belong together');
  const ca = secret['ca.crt'];
  return {
    headers: { ...readHeaders(secret), ...readAuthorization(secret) },
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined || key === undefined ? {} : { cert, key }),
  };
}

function wrong(words: string): GlidepathError {
  return new GlidepathError(UNAVAILABLE, words);
}

function readAuthorization(secret: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const token = secret['token']?.trim();
  const username = secret['username']?.trim();
  const password = secret['password']?.replace(/\r?\n$/, '');
  if ((username === undefined) !== (password === undefined)) throw wrong('username and password belong together');
  if (token !== undefined && username !== undefined) throw wrong('token and username exclude each other');
  if (token !== undefined) return { authorization: checkHeader('authorization', `Bearer ${token}`, 'token') };
  if (username === undefined) return {};
  return { authorization: `Basic ${Buffer.from(`${username}:${password}`, 'utf8').toString('base64')}` };
}

function readHeaders(secret: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const name = secret['header-name']?.trim();
  const value = secret['header-value']?.trim();
  if ((name === undefined) !== (value === undefined)) throw wrong('header-name and header-value belong together');
  const own = name === undefined || value === undefined ? {} : { [name]: value };
  return checkHeaders({ ...parseHeaderMap(secret['headers']), ...own });
}

function parseHeaderMap(text: string | undefined): Readonly<Record<string, string>> {
  if (text === undefined) return {};
  try {
    const parsed: unknown = JSON.parse(text);
    const isMap = typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed);
    const entries = isMap ? Object.entries(parsed) : [];
    if (entries.length > 0 && entries.every(([, value]) => typeof value === 'string')) {
      return Object.fromEntries(entries.map(([name, value]) => [name, String(value)]));
    }
  } catch {
    // A parse error repeats the text, which is secret.
  }
  throw wrong('headers is not a JSON object of names and texts');
}

/**
 * Headers with names in lower case.
 * @throws GlidepathError GLIDEPATH_E_METRICS_UNAVAILABLE for a header that cannot or must not be sent.
 */
export function checkHeaders(headers: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name.toLowerCase(), checkHeader(name, value, 'the value of a header')]),
  );
}

function checkHeader(name: string, value: string, what: string): string {
  if (!HEADER_NAME.test(name) || RESERVED_HEADERS.has(name.toLowerCase())) throw wrong('a header name cannot be used');
  if (!HEADER_VALUE.test(value)) throw wrong(`${what} has characters that a header cannot contain`);
  return value;
}

/** The text with every secret value of these credentials taken out, in plain and in Basic form. */
export function redact(text: string, { headers }: Credentials): string {
  const values = Object.values(headers).flatMap(spellSecrets);
  return values
    .filter((value) => value.length >= SHORTEST_SECRET)
    .toSorted((a, b) => b.length - a.length)
    .reduce((redacted, value) => redacted.replaceAll(value, '[secret]'), text);
}

function spellSecrets(header: string): readonly string[] {
  const [, scheme, rest] = /^(Bearer|Basic) (.*)$/s.exec(header) ?? [];
  if (scheme === undefined || rest === undefined) return [header];
  if (scheme === 'Bearer') return [header, rest];
  const pair = Buffer.from(rest, 'base64').toString('utf8');
  return [header, rest, pair, pair.slice(pair.indexOf(':') + 1)];
}
