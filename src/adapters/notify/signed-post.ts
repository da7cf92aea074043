// One signed POST to an address that a release names: only below the allow-list, never after a redirect, and with the key of a Secret of
// the release's own namespace.

import type { Agent } from 'undici';
import { isUnder, parseAddress } from '../../api/addresses.ts';
import { GlidepathError, isGlidepathError } from '../../api/errors.ts';
import { signBody } from './notification.ts';

/** Reads the decoded values of a Secret. */
export type ReadValues = (namespace: string, name: string) => Promise<Readonly<Record<string, string>>>;

const HMAC_KEY = 'hmac';
/** Longest answer that is read. */
const MOST_BYTES = 64 * 1024;

/**
 * The address, or why it may not be called.
 * @param what such as `the url of gate "smoke"` @param flag the setting that would allow it
 */
export function permit(url: string, allow: readonly URL[], what: string, flag: string): URL | string {
  const parsed = parseAddress(url);
  if (!parsed.ok) return `${what} ${parsed.message}`;
  if (allow.some((prefix) => isUnder(parsed.url, prefix))) return parsed.url;
  return `${what} is not on the operator's allow-list; start the operator with ${flag} ${parsed.url.origin}`;
}

/** The key of the signature; what has a Secret is never sent unsigned. @throws GlidepathError */
export async function readHmacKey(readSecret: ReadValues, namespace: string, secret: string | undefined): Promise<string | undefined> {
  if (secret === undefined) return undefined;
  const where = `Secret ${namespace}/${secret}`;
  const values = await readSecret(namespace, secret).catch((thrown: unknown) => {
    const words = isGlidepathError(thrown) ? thrown.message : 'not found, or the operator may not read it';
    throw failure(`${where} cannot be read: ${words}`, true);
  });
  const key = values[HMAC_KEY]?.replace(/\r?\n$/, '') ?? '';
  if (key === '') throw failure(`${where} has no key "${HMAC_KEY}"`, false);
  return key;
}

/** What is posted, and how long the answer may take. */
export interface SignedPost {
  readonly url: URL;
  readonly body: string;
  readonly key: string | undefined;
  readonly atMs: number;
  readonly signal: AbortSignal;
}

/** The answer, whatever it says; its text only where it is short. Redirects are not followed: they could lead off the allow-list. */
export async function postSigned(agent: Agent, { url, body, key, atMs, signal }: SignedPost): Promise<{ status: number; text: string }> {
  const { origin, pathname, search } = url;
  const headers = { 'content-type': 'application/json', 'user-agent': 'glidepath', ...signBody(body, atMs, key) };
  // Whoever calls has a time limit of its own.
  const limits = { headersTimeout: 0, bodyTimeout: 0 };
  const response = await agent.request({ origin, path: `${pathname}${search}`, method: 'POST', body, headers, signal, ...limits });
  const text = await readShort(response.body);
  return { status: response.statusCode, text };
}

async function readShort(body: AsyncIterable<Uint8Array>): Promise<string> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const part of body) {
    bytes += part.length;
    if (bytes > MOST_BYTES) return '';
    parts.push(part);
  }
  return new TextDecoder().decode(Buffer.concat(parts));
}

export function failure(message: string, retryable: boolean): GlidepathError {
  return new GlidepathError('GLIDEPATH_E_NOTIFICATION', message, { retryable });
}
