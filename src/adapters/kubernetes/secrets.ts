// One Secret, read when it is needed and not stored.

import { Buffer } from 'node:buffer';
import { fieldsOf, textsOf } from './client/fields.ts';
import type { Transport } from './client/transport.ts';

/** Reads the decoded values of a Secret. @throws GlidepathError, whose message never holds a value. */
export type ReadSecret = (namespace: string, name: string) => Promise<Record<string, string>>;

export function createSecretReader(transport: Transport): ReadSecret {
  return async (namespace, name) => {
    const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/secrets/${encodeURIComponent(name)}`;
    const { body } = await transport.request({ method: 'GET', path });
    const values = Object.entries(textsOf(fieldsOf(body)['data']));
    return Object.fromEntries(values.map(([key, value]) => [key, Buffer.from(value, 'base64').toString('utf8')]));
  };
}
