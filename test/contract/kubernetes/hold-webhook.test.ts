// The two objects that config/webhook installs empty and the operator fills.

import { beforeEach, describe, expect, test } from 'vitest';
import { CertificateSecret, WebhookConfiguration } from '../../../src/adapters/kubernetes/hold-webhook.ts';
import { buildRegistration } from '../../../src/core/hold/registration.ts';
import { FAKE_RESOURCES } from '../../fakes/api-server/resources.ts';
import { createTransport, secrets, type TransportHarness } from './harness.ts';

const { mutatingWebhooks } = FAKE_RESOURCES;
const NAMESPACE = 'glidepath-system';
const CERTIFICATE = { cert: 'CERT', key: 'KEY', authorities: 'CERTOLD' };
const ENTRIES = buildRegistration(
  [{ namespace: 'shop', release: 'web', deployment: 'store' }],
  { kind: 'service', namespace: NAMESPACE },
  'CERT',
);

let harness: TransportHarness;

beforeEach(async () => {
  harness = await createTransport();
});

const writes = () => harness.server.requests.filter(({ method }) => method !== 'GET');

describe('the Secret of the certificate', () => {
  test('the Secret of the certificate is empty at first, then read as it was written', async () => {
    harness.server.put(secrets, { metadata: { name: 'glidepath-webhook', namespace: NAMESPACE } });
    const secret = new CertificateSecret(harness.transport, NAMESPACE);
    expect(await secret.read()).toBeUndefined();
    await secret.write(CERTIFICATE);
    expect(await new CertificateSecret(harness.transport, NAMESPACE).read()).toEqual(CERTIFICATE);
    expect(harness.server.get(secrets, NAMESPACE, 'glidepath-webhook')?.['data']).toMatchObject({ 'tls.crt': btoa('CERT') });
  });

  test('the Secret of the certificate is not written over what another leader wrote meanwhile', async () => {
    harness.server.put(secrets, { metadata: { name: 'glidepath-webhook', namespace: NAMESPACE } });
    const [one, other] = [new CertificateSecret(harness.transport, NAMESPACE), new CertificateSecret(harness.transport, NAMESPACE)];
    await Promise.all([one.read(), other.read()]);
    await one.write(CERTIFICATE);
    await expect(other.write({ ...CERTIFICATE, cert: 'OTHER' })).rejects.toMatchObject({ code: 'GLIDEPATH_E_CONFLICT' });
    expect(await other.read()).toEqual(CERTIFICATE);
  });

  test('the Secret of the certificate is never created: where it is missing, or may not be read, the message says what to apply', async () => {
    const secret = new CertificateSecret(harness.transport, NAMESPACE);
    await expect(secret.read()).rejects.toMatchObject({ message: expect.stringMatching(/404.*; apply config\/webhook, or run without/) });
    harness.server.fault({ when: () => true, action: { kind: 'status', code: 403 } });
    await expect(secret.read()).rejects.toMatchObject({
      code: 'GLIDEPATH_E_FORBIDDEN',
      message: expect.stringContaining('apply config/webhook'),
    });
    expect(writes()).toEqual([]);
  });
});

describe('the MutatingWebhookConfiguration', () => {
  const stored = () => harness.server.get(mutatingWebhooks, undefined, 'glidepath-hold');

  test('the MutatingWebhookConfiguration is filled, and left alone while it is so, in whatever order its fields come', async () => {
    harness.server.put(mutatingWebhooks, { metadata: { name: 'glidepath-hold' } });
    const registry = new WebhookConfiguration(harness.transport);
    expect(await registry.register(ENTRIES)).toBe(true);
    expect(stored()?.['webhooks']).toEqual(ENTRIES);
    const turned = ENTRIES.map((entry) => Object.fromEntries(Object.entries(entry).toReversed()));
    harness.server.put(mutatingWebhooks, { metadata: { name: 'glidepath-hold' }, webhooks: turned });
    expect(await registry.register(ENTRIES)).toBe(false);
    expect(writes()).toHaveLength(1);
  });

  test('the MutatingWebhookConfiguration is emptied when no release names a Deployment any more', async () => {
    harness.server.put(mutatingWebhooks, { metadata: { name: 'glidepath-hold' }, webhooks: ENTRIES });
    expect(await new WebhookConfiguration(harness.transport).register([])).toBe(true);
    expect(stored()?.['webhooks']).toEqual([]);
  });

  test('the MutatingWebhookConfiguration is never created: an uninstall is final', async () => {
    await expect(new WebhookConfiguration(harness.transport).register(ENTRIES)).rejects.toMatchObject({
      code: 'GLIDEPATH_E_NOT_FOUND',
      message: expect.stringContaining('apply config/webhook'),
    });
    expect(stored()).toBeUndefined();
  });
});
