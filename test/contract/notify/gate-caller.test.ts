// Requests of gates against a real receiver: signed, sent once, and only where the operator's owner allows it.

import { createHmac } from 'node:crypto';
import { afterEach, describe, expect, test } from 'vitest';
import { HttpGateCaller, type HttpGateCallerOptions } from '../../../src/adapters/notify/gate-caller.ts';
import type { GateRequest } from '../../../src/core/release/gates/intents.ts';
import { type Reaction, startWebhookReceiver } from '../../fakes/webhook-receiver.ts';

const NOW = Date.UTC(2026, 0, 2, 3, 4, 5, 678);
const KEY = 'the key of the shop';

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

const BODY: GateRequest['body'] = {
  version: 1,
  id: '0123456789abcdef0123456789abcdef',
  gate: 'qa',
  stage: 'half',
  attempt: 1,
  release: { namespace: 'shop', name: 'web', uid: 'uid-1', id: '7c1f0e22ab' },
  revision: '1.8.1',
  canary: { service: 'v2' },
  serving: { service: 'v1' },
  weight: 10,
  nextWeight: 50,
  at: '2026-01-02T03:04:05.678Z',
};

async function setUp(reactions: Reaction[] = [], options: Partial<HttpGateCallerOptions> = {}) {
  const receiver = await startWebhookReceiver(reactions);
  const caller = new HttpGateCaller({
    allow: [`${receiver.url}/gates`],
    readSecret: () => Promise.resolve({ hmac: `${KEY}\n` }),
    now: () => NOW,
    ...options,
  });
  closers.push(
    () => receiver.close(),
    () => caller.close(),
  );
  const request: GateRequest = { url: `${receiver.url}/gates/qa`, timeoutMs: 5_000, body: BODY };
  return { receiver, caller, request };
}

describe('a request of a gate', () => {
  test('a request says what it is about, and is signed as notifications are', async () => {
    const { receiver, caller, request } = await setUp();
    expect(await caller.call('shop', { ...request, secretName: 'qa' })).toEqual({ kind: 'answered', status: 204 });
    const [received] = receiver.received;
    expect(JSON.parse(received?.body ?? '')).toEqual(BODY);
    const timestamp = String(Math.floor(NOW / 1_000));
    const digest = createHmac('sha256', KEY).update(`${timestamp}.${received?.body}`).digest('hex');
    expect(received?.headers).toMatchObject({ 'x-glidepath-timestamp': timestamp, 'x-glidepath-signature': `sha256=${digest}` });
  });

  test.each([200, 302, 404, 429, 500, 503])('an answer of %d is reported as it is, and the request is not repeated', async (status) => {
    const { receiver, caller, request } = await setUp([status]);
    expect(await caller.call('shop', request)).toEqual({ kind: 'answered', status });
    expect(receiver.received).toHaveLength(1);
  });

  test('no answer is reported without the path of the address', async () => {
    const { caller, request } = await setUp(['reset', 'hang']);
    const reset = await caller.call('shop', request);
    expect(reset).toMatchObject({ kind: 'unanswered' });
    const slow = await caller.call('shop', { ...request, timeoutMs: 50 });
    expect(slow).toMatchObject({ kind: 'unanswered', message: expect.stringContaining('did not answer within 0.05s') });
    expect(JSON.stringify([reset, slow])).not.toContain('/gates');
  });

  test('without its key nothing is sent', async () => {
    const { receiver, caller, request } = await setUp([], { readSecret: () => Promise.resolve({ other: 'x' }) });
    expect(await caller.call('shop', { ...request, secretName: 'qa' })).toMatchObject({
      kind: 'unanswered',
      message: expect.stringContaining('Secret shop/qa has no key "hmac"'),
    });
    expect(receiver.received).toEqual([]);
  });

  test.each([
    ['beside the allow-list', '/elsewhere'],
    ['past it by dots', '/gates/../elsewhere'],
    ['past it by encoded dots', '/gates/%2e%2e/elsewhere'],
  ])('an address %s is refused and never called', async (_what, path) => {
    const { receiver, caller, request } = await setUp();
    const url = `${receiver.url}${path}`;
    expect(caller.refusal(url)).toMatch(/--gate-allow|must not contain/);
    expect(caller.refusal(request.url)).toBeUndefined();
    expect(await caller.call('shop', { ...request, url })).toMatchObject({ kind: 'unanswered' });
    expect(receiver.received).toEqual([]);
  });
});
