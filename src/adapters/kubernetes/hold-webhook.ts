// The two objects of config/webhook that the operator fills: a Secret with the certificate, and the MutatingWebhookConfiguration.
// It creates neither, so that it needs no right to create and an uninstall is final.

import { Buffer } from 'node:buffer';
import { FIELD_MANAGER } from '../../api/names.ts';
import { GlidepathError, isGlidepathError } from '../../api/errors.ts';
import { WEBHOOK_CONFIGURATION, WEBHOOK_NAME } from '../../core/hold/registration.ts';
import type { Json } from '../../core/workload/objects.ts';
import type { CertificateStore, HoldRegistry, ServingCertificate } from '../../ports/hold.ts';
import { fieldsOf, listOf, textOf, textsOf } from './client/fields.ts';
import { pathOf } from './informer/kinds.ts';
import { MERGE_PATCH, type Transport } from './client/transport.ts';

const SECRETS = { group: '', version: 'v1', plural: 'secrets' };
const CONFIGURATIONS = { group: 'admissionregistration.k8s.io', version: 'v1', plural: 'mutatingwebhookconfigurations' };
const OWN = { fieldManager: FIELD_MANAGER };

/** The Secret `glidepath-webhook` of a namespace. */
export class CertificateSecret implements CertificateStore {
  readonly #transport: Transport;
  readonly #path: string;
  #version: string | undefined;

  constructor(transport: Transport, namespace: string) {
    this.#transport = transport;
    this.#path = pathOf(SECRETS, namespace, WEBHOOK_NAME);
  }

  async read(): Promise<ServingCertificate | undefined> {
    const body = fieldsOf(await read(this.#transport, this.#path));
    this.#version = textOf(fieldsOf(body['metadata'])['resourceVersion']);
    const { 'tls.crt': cert, 'tls.key': key, 'ca.crt': authorities } = textsOf(body['data']);
    if (cert === undefined || key === undefined || authorities === undefined) return undefined;
    const decode = (text: string) => Buffer.from(text, 'base64').toString('utf8');
    return { cert: decode(cert), key: decode(key), authorities: decode(authorities) };
  }

  /** @throws GlidepathError GLIDEPATH_E_CONFLICT when the Secret has changed since it was read. */
  async write({ cert, key, authorities }: ServingCertificate): Promise<void> {
    const encode = (text: string) => Buffer.from(text).toString('base64');
    const data = { 'tls.crt': encode(cert), 'tls.key': encode(key), 'ca.crt': encode(authorities) };
    const body = { metadata: { resourceVersion: this.#version }, data };
    await this.#transport.request({ method: 'PATCH', path: this.#path, query: OWN, contentType: MERGE_PATCH, body });
  }
}

/** The MutatingWebhookConfiguration `glidepath-hold`, whose entries are ours alone. */
export class WebhookConfiguration implements HoldRegistry {
  readonly #transport: Transport;
  readonly #path = pathOf(CONFIGURATIONS, undefined, WEBHOOK_CONFIGURATION);

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  async register(entries: readonly Json[]): Promise<boolean> {
    const there = listOf(fieldsOf(await read(this.#transport, this.#path))['webhooks']);
    if (sortedText(there) === sortedText(entries)) return false;
    const body = { webhooks: entries };
    await this.#transport.request({ method: 'PATCH', path: this.#path, query: OWN, contentType: MERGE_PATCH, body });
    return true;
  }
}

async function read(transport: Transport, path: string): Promise<unknown> {
  try {
    const { body } = await transport.request({ method: 'GET', path });
    return body;
  } catch (cause) {
    if (!isGlidepathError(cause, 'GLIDEPATH_E_NOT_FOUND') && !isGlidepathError(cause, 'GLIDEPATH_E_FORBIDDEN')) throw cause;
    throw new GlidepathError(cause.code, `${cause.message}; apply config/webhook, or run without --webhook-address`, { cause });
  }
}

/** The API server orders fields in its own way. */
function sortedText(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([one], [other]) => (one < other ? -1 : 1)))
      : part,
  );
}
