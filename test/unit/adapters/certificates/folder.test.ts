import { mkdtempSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createCertificateFolder } from '../../../../src/adapters/certificates/folder.ts';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'glidepath-folder-'));
  for (const name of ['tls.crt', 'tls.key', 'ca.crt']) writeFileSync(join(folder, name), `first ${name}`);
});

afterEach(() => rmSync(folder, { recursive: true }));

test('the folder of certificates is read again each time, because who mounts it replaces the files', async () => {
  const store = createCertificateFolder(folder);
  expect(await store.read()).toEqual({ cert: 'first tls.crt', key: 'first tls.key', authorities: 'first ca.crt' });
  writeFileSync(join(folder, 'tls.crt'), 'second');
  expect(await store.read()).toMatchObject({ cert: 'second' });
});

test('the folder of certificates is never written', () => {
  expect(createCertificateFolder(folder)).not.toHaveProperty('write');
});

test('without one of its files says which setting it is about', async () => {
  unlinkSync(join(folder, 'ca.crt'));
  await expect(createCertificateFolder(folder).read()).rejects.toMatchObject({
    code: 'GLIDEPATH_E_CERTIFICATE',
    message: expect.stringMatching(/ENOENT.*ca\.crt.*--webhook-cert-dir needs tls\.crt, tls\.key and ca\.crt/),
  });
});
