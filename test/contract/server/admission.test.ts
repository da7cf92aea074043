// The webhook over real TLS: a review in, a patch out, whatever else comes in, and another certificate without a new start.
import { type RequestOptions, request } from 'node:https';
import { connect, type DetailedPeerCertificate, type TLSSocket } from 'node:tls';
import { onTestFinished, describe, expect, test } from 'vitest';
import { createCertificateMaker } from '../../../src/adapters/certificates/self-signed.ts';
import { type HoldTarget, reviewHold } from '../../../src/core/hold/review.ts';
import { AdmissionServer, type AdmissionServerOptions } from '../../../src/server/admission.ts';
import { until } from '../../fixtures/until.ts';

const NAME = 'glidepath-webhook.glidepath-system.svc';
const maker = createCertificateMaker([NAME]);
const TARGET: HoldTarget = { namespace: 'shop', release: 'web', deployment: 'store' };

const withImage = (image: string) => ({
  metadata: { name: 'store' },
  spec: { template: { spec: { containers: [{ name: 'app', image }] } } },
});
const REVIEW = {
  apiVersion: 'admission.k8s.io/v1',
  kind: 'AdmissionReview',
  request: {
    uid: 'u-1',
    operation: 'UPDATE',
    namespace: 'shop',
    name: 'store',
    resource: { group: 'apps', version: 'v1', resource: 'deployments' },
    userInfo: { username: 'git' },
    oldObject: withImage('store:1'),
    object: withImage('store:2'),
  },
};

interface Answer {
  readonly status: number | undefined;
  readonly type: string | undefined;
  readonly body: string;
  readonly connection: string | undefined;
}

async function start(options: Partial<AdmissionServerOptions> = {}) {
  const held: HoldTarget[] = [];
  const server = new AdmissionServer({
    address: { host: '127.0.0.1', port: 0 },
    review: (body) => reviewHold(body, () => [TARGET]),
    onHeld: (target) => held.push(target),
    ...options,
  });
  onTestFinished(() => server.close());
  const port = await server.listen();
  const first = maker.make(Date.now());
  server.setCertificate(first);
  const send = (body: string, { ca = first.cert, ...wanted }: RequestOptions = {}) =>
    new Promise<Answer>((resolve, reject) => {
      const asked = request(
        {
          host: '127.0.0.1',
          port,
          servername: NAME,
          ca,
          method: 'POST',
          path: '/hold',
          agent: false,
          headers: { connection: 'keep-alive' },
          ...wanted,
        },
        (answer) => {
          const chunks: Buffer[] = [];
          answer.on('data', (chunk: Buffer) => chunks.push(chunk));
          answer.on('end', () => {
            const { 'content-type': type, connection } = answer.headers;
            resolve({ status: answer.statusCode, type, connection, body: Buffer.concat(chunks).toString() });
          });
        },
      );
      asked.on('error', reject);
      asked.end(body);
    });
  return { server, port, held, first, send };
}

describe('a review', () => {
  test('a review is answered with a patch that holds the Deployment', async () => {
    const { send, held } = await start();
    const answer = await send(JSON.stringify(REVIEW));
    expect(answer).toMatchObject({ status: 200, type: 'application/json' });
    const { response } = JSON.parse(answer.body) as { response: { uid: string; allowed: boolean; patchType: string; patch: string } };
    expect(response).toMatchObject({ uid: 'u-1', allowed: true, patchType: 'JSONPatch' });
    expect(JSON.parse(Buffer.from(response.patch, 'base64').toString())).toEqual([
      { op: 'add', path: '/metadata/annotations', value: { 'glidepath.dev/held': 'web' } },
      { op: 'add', path: '/spec/paused', value: true },
    ]);
    expect(held).toEqual([TARGET]);
  });

  test('a review of what is not held is allowed as it is', async () => {
    const { send, held } = await start();
    const same = { ...REVIEW, request: { ...REVIEW.request, object: withImage('store:1') } };
    expect(JSON.parse((await send(JSON.stringify(same))).body)).toMatchObject({ response: { uid: 'u-1', allowed: true } });
    expect(held).toEqual([]);
  });

  test('a review of a large Deployment is read whole, with letters beyond ASCII in the name of the release', async () => {
    const { send } = await start({ review: (body) => reviewHold(body, () => [{ ...TARGET, release: 'wéb' }]) });
    const large = { ...withImage('store:2'), status: { filler: 'x'.repeat(3_000_000) } };
    const answer = await send(JSON.stringify({ ...REVIEW, request: { ...REVIEW.request, object: large } }));
    const { response } = JSON.parse(answer.body) as { response: { patch: string } };
    expect(Buffer.from(response.patch, 'base64').toString()).toContain('"wéb"');
  });
});

describe('what is none', () => {
  test.each([
    ['no JSON', 'x', {}, 400, /^not an AdmissionReview/],
    ['nothing', '', {}, 400, /^not an AdmissionReview/],
    ['another version', JSON.stringify({ ...REVIEW, apiVersion: 'admission.k8s.io/v1beta1' }), {}, 400, /v1\n$/],
    ['a review without uid', JSON.stringify({ ...REVIEW, request: {} }), {}, 400, /no request.uid/],
    ['another path', JSON.stringify(REVIEW), { path: '/mutate' }, 404, /the webhook is at \/hold/],
    ['another method', '', { method: 'GET' }, 405, /only POST/],
  ] as const)('%s is told so', async (_what, body, options, status, message) => {
    const { send } = await start();
    expect(await send(body, options)).toMatchObject({ status, body: expect.stringMatching(message) });
    // The next one is answered as ever.
    expect((await send(JSON.stringify(REVIEW))).status).toBe(200);
  });

  test('more than a review can have is not read to its end', async () => {
    const { send } = await start();
    const outcome = await send('x'.repeat(9 * 1024 * 1024)).then(
      ({ status }) => status,
      () => 'cut off',
    );
    expect([413, 'cut off']).toContain(outcome);
    expect((await send(JSON.stringify(REVIEW))).status).toBe(200);
  });

  test('many large requests that do not end hold a bounded part of the memory, and a usual review is answered beside them', async () => {
    const { send, port, first } = await start();
    const codes: (number | undefined)[] = [];
    // Eight of 6 MiB, none of which ends: together twice of what is held.
    const open = Array.from({ length: 8 }, () => {
      const options = { host: '127.0.0.1', port, servername: NAME, ca: first.cert, method: 'POST', path: '/hold' };
      const asked = request(options, (answer) => codes.push(answer.statusCode));
      asked.on('error', () => codes.push(undefined));
      asked.write('x'.repeat(6 * 1024 * 1024));
      return asked;
    });
    await until(() => codes.length >= 3);
    expect(codes.every((code) => code === 503 || code === undefined)).toBe(true);
    expect((await send(JSON.stringify(REVIEW))).status).toBe(200);
    for (const asked of open) asked.destroy();
  });

  test('a decision that throws is a 500, which the API server ignores, and the server goes on', async () => {
    let broken = true;
    const review: AdmissionServerOptions['review'] = (body) => {
      if (broken) throw new Error('no releases');
      return reviewHold(body, () => [TARGET]);
    };
    const { send } = await start({ review });
    expect(await send(JSON.stringify(REVIEW))).toMatchObject({ status: 500, body: 'no releases\n' });
    broken = false;
    expect((await send(JSON.stringify(REVIEW))).status).toBe(200);
  });
});

describe('the certificate', () => {
  const shown = (port: number, ca: string) =>
    new Promise<{ readonly socket: TLSSocket; readonly certificate: DetailedPeerCertificate }>((resolve, reject) => {
      const socket = connect({ host: '127.0.0.1', port, servername: NAME, ca }, () =>
        resolve({ socket, certificate: socket.getPeerCertificate(true) }),
      );
      onTestFinished(() => void socket.destroy());
      socket.on('error', reject);
    });

  test('the certificate is changed without a restart: new connections get the new one, open ones continue', async () => {
    const { server, port, first, send } = await start();
    const old = await shown(port, first.cert);
    const next = maker.make(Date.now(), first);
    server.setCertificate(next);
    const fresh = await shown(port, next.authorities);
    expect(fresh.certificate.serialNumber).not.toBe(old.certificate.serialNumber);
    expect((await send(JSON.stringify(REVIEW), { ca: next.authorities })).status).toBe(200);
    await expect(send(JSON.stringify(REVIEW), { ca: first.cert })).rejects.toThrow(/certificate/);
    const answered = new Promise<string>((resolve) => old.socket.once('data', (data: Buffer) => resolve(data.toString())));
    old.socket.write('GET /hold HTTP/1.1\r\nhost: x\r\n\r\n');
    expect(await answered).toMatch(/^HTTP\/1\.1 405/);
  });

  test('a certificate that is none, or has another key, is refused, and the one before stays', async () => {
    const { server, first, send } = await start();
    const other = maker.make(Date.now());
    for (const wrong of [
      { cert: 'none', key: 'none' },
      { cert: other.cert, key: first.key },
    ])
      expect(() => server.setCertificate(wrong)).toThrow(expect.objectContaining({ code: 'GLIDEPATH_E_CERTIFICATE' }));
    expect((await send(JSON.stringify(REVIEW))).status).toBe(200);
  });

  test('a certificate that is missing at first fails handshakes, and the server lives until it comes', async () => {
    const server = new AdmissionServer({ address: { host: '127.0.0.1', port: 0 }, review: (body) => reviewHold(body, () => []) });
    onTestFinished(() => server.close());
    const port = await server.listen();
    await expect(shown(port, maker.make(Date.now()).cert)).rejects.toThrow();
    const late = maker.make(Date.now());
    server.setCertificate(late);
    expect((await shown(port, late.cert)).certificate.subject.CN).toBe('glidepath webhook');
  });
});

describe('the server', () => {
  test('the server says which address it cannot have, and which setting to change', async () => {
    const { port } = await start();
    const second = new AdmissionServer({ address: { host: '127.0.0.1', port }, review: () => ({ kind: 'malformed', message: '' }) });
    await expect(second.listen()).rejects.toMatchObject({
      code: 'GLIDEPATH_E_LISTEN',
      message: expect.stringMatching(/--webhook-address$/) as unknown,
    });
    await second.close();
  });

  test('a server that is about to end answers still, and sends everyone to others', async () => {
    const { server, send } = await start();
    expect((await send(JSON.stringify(REVIEW))).connection).toBe('keep-alive');
    server.leave();
    expect(await send(JSON.stringify(REVIEW))).toMatchObject({ status: 200, connection: 'close' });
  });

  test('the server closes although connections are kept alive, and takes no new ones', async () => {
    const { server, port, first, send } = await start();
    const socket = connect({ host: '127.0.0.1', port, servername: NAME, ca: first.cert });
    await new Promise((resolve) => socket.once('secureConnect', resolve));
    const closing = server.close();
    socket.destroy();
    await closing;
    await expect(send(JSON.stringify(REVIEW))).rejects.toThrow();
  });
});
