// Whether an address in a release, which is not written by the operator's owner, may be called: it must be below an origin or URL
// prefix of an allow-list. Compared as parsed URLs, so that no spelling bypasses the list.
import { GlidepathError } from './errors.ts';

/** A text as an address, or why it is none. The message never repeats the text: it may contain a password. */
export type ParsedAddress = { readonly ok: true; readonly url: URL } | { readonly ok: false; readonly message: string };

// Servers differ in when they decode these, so they could lead out of a prefix with a path.
const HIDDEN_PATH = /%2e|%2f|%5c|%00/i;

/** Parses an http or https address without user, query and fragment. */
export function parseAddress(text: string): ParsedAddress {
  const url = URL.parse(text);
  if (url === null) return { ok: false, message: 'is no URL' };
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return { ok: false, message: 'must begin with http:// or https://' };
  if (url.username !== '' || url.password !== '') return { ok: false, message: 'must not contain a user or password: use a Secret' };
  if (text.includes('?') || text.includes('#')) return { ok: false, message: 'must not contain a query or fragment' };
  if (HIDDEN_PATH.test(url.pathname)) return { ok: false, message: 'must not contain encoded dots or slashes' };
  return { ok: true, url };
}

/** True if `address` has the origin of `prefix` and its path is that of the prefix or below it. */
export function isUnder(address: URL, prefix: URL): boolean {
  if (address.origin !== prefix.origin) return false;
  const base = prefix.pathname.replace(/\/+$/, '');
  return address.pathname === base || address.pathname.startsWith(`${base}/`);
}

/**
 * The entries of an allow-list, each an origin such as `https://prometheus.example` or a prefix such as
 * `https://metrics.example/tenants/shop`.
 * @throws GlidepathError GLIDEPATH_E_SETTING when an entry is no such address; the message gives its position.
 */
export function parseAllowList(entries: readonly string[]): readonly URL[] {
  return entries.map((entry, index) => {
    const parsed = parseAddress(entry);
    if (parsed.ok) return parsed.url;
    throw new GlidepathError('GLIDEPATH_E_SETTING', `entry ${index + 1} of the allow-list ${parsed.message}`);
  });
}
