// Webhooks against a real receiver: what it gets, what it can verify, and what happens when it misbehaves.
import { createHash, createHmac } from 'node:crypto';
import { afterEach, describe, expect, test, vi } from 'vitest';
import type { NotificationReceiver } from '../../../src/adapters/notify/notification.ts';
import { createWebhookNotifier } from '../../../src/adapters/notify/webhook.ts';
import type { NotificationOutcome, WebhookNotifierOptions } from '../../../src/adapters/notify/webhook.ts';
import { parseRelease } from '../../../src/api/release.ts';
import type { CanaryRelease } from '../../../src/api/release.ts';
import type { Announcement } from '../../../src/ports/outbox.ts';
import { startWebhookReceiver } from '../../fakes/webhook-receiver.ts';
import type { Reaction } from '../../fakes/webhook-receiver.ts';

const NOW = Date.UTC(2026, 0, 2, 3, 4, 5, 678);
const KEY = 'the key of the shop';
const PATIENT = { timeout: 5_000, interval: 5 };

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

function release(notifications: readonly NotificationReceiver[], uid = 'uid-1'): CanaryRelease {
  const parsed = parseRelease({
    apiVersion: 'glidepath.dev/v1alpha1',
    kind: 'CanaryRelease',
    metadata: { name: 'store-api', namespace: 'shop', uid },
    spec: { services: [{ name: 'store-api-v1' }, { name: 'store-api-v2' }] },
    status: { observedGeneration: 1, phase: 'Analyzing', weight: 25 },
  });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  const running = { id: '7c1f0e22ab', revision: '1.8.1', stage: 'half' };
  const status = { ...parsed.release.status, release: running } as CanaryRelease['status'];
  const spec = { ...parsed.release.spec, notifications };
  return { ...parsed.release, spec, ...(status === undefined ? {} : { status }) };
}

function announce(note: string): Announcement {
  const at = new Date(NOW).toISOString();
  return {
    id: createHash('sha256').update(note).digest('hex').slice(0, 32),
    at,
    reason: 'RolledBack',
    type: 'Warning',
    action: 'RollBack',
    note,
  };
}

async function setUp(reactions: Reaction[] = [], options: Partial<WebhookNotifierOptions> = {}) {
  const receiver = await startWebhookReceiver(reactions);
  const outcomes: NotificationOutcome[] = [];
  const notifier = createWebhookNotifier({
    allow: [`${receiver.url}/hooks`],
    readSecret: () => Promise.resolve({ hmac: `${KEY}\n` }),
    onOutcome: (outcome) => outcomes.push(outcome),
    now: () => NOW,
    backoffMs: 1,
    ...options,
  });
  closers.push(
    () => receiver.close(),
    () => notifier.close(0),
  );
  const to: NotificationReceiver = { name: 'team', url: `${receiver.url}/hooks/team`, secretRef: { name: 'hooks' } };
  return { receiver, notifier, outcomes, to };
}

describe('a notification', () => {
  test('a notification says what happened to which release, as JSON of version 1', async () => {
    const { receiver, notifier, outcomes, to } = await setUp();
    void notifier.notify(release([to]), announce('errors 4% (limit 1%)'));
    await notifier.whenIdle();
    expect(receiver.received).toMatchObject([
      { method: 'POST', path: '/hooks/team', headers: { 'content-type': 'application/json', 'user-agent': 'glidepath' } },
    ]);
    expect(JSON.parse(receiver.received[0]?.body ?? '')).toEqual({
      version: 1,
      id: expect.stringMatching(/^[0-9a-f]{32}$/),
      release: { namespace: 'shop', name: 'store-api', uid: 'uid-1' },
      revision: '1.8.1',
      reason: 'RolledBack',
      message: 'errors 4% (limit 1%)',
      by: null,
      phase: 'Analyzing',
      weight: 25,
      stage: 'half',
      at: '2026-01-02T03:04:05.678Z',
    });
    expect(outcomes).toEqual([
      { namespace: 'shop', name: 'store-api', receiver: 'team', reason: 'RolledBack', result: 'sent', message: '' },
    ]);
  });

  test('a notification names the person whose command made it happen', async () => {
    const { receiver, notifier, to } = await setUp();
    void notifier.notify(release([to]), { ...announce('stage 1 is approved by ada'), by: 'ada' });
    await notifier.whenIdle();
    expect(JSON.parse(receiver.received[0]?.body ?? '')).toMatchObject({ by: 'ada' });
  });

  test('a notification carries a signature that the receiver can verify with the time and the body', async () => {
    const { receiver, notifier, to } = await setUp();
    void notifier.notify(release([to]), announce('a note with “quotes” and ünïcode'));
    await notifier.whenIdle();
    const [request] = receiver.received;
    const timestamp = request?.headers['x-glidepath-timestamp'];
    expect(timestamp).toBe(String(Math.floor(NOW / 1_000)));
    const expected = createHmac('sha256', KEY)
      .update(`${String(timestamp)}.${request?.body}`)
      .digest('hex');
    expect(request?.headers['x-glidepath-signature']).toBe(`sha256=${expected}`);
  });

  test('a notification is unsigned only where no Secret is named', async () => {
    const { receiver, notifier, to } = await setUp();
    void notifier.notify(release([{ name: to.name, url: to.url }]), announce('a'));
    await notifier.whenIdle();
    expect(receiver.received).toHaveLength(1);
    expect(receiver.received[0]?.headers).not.toHaveProperty('x-glidepath-signature');
  });

  test('a notification keeps its id over all tries, and no other has that id', async () => {
    const { receiver, notifier, to } = await setUp([503, 'reset']);
    void notifier.notify(release([to]), announce('a'));
    void notifier.notify(release([to]), announce('b'));
    await notifier.whenIdle();
    const [first, second, third, other] = receiver.received.map(({ body }) => (JSON.parse(body) as { id: string }).id);
    expect([second, third]).toEqual([first, first]);
    expect(other).not.toBe(first);
  });

  test('a notification is not sent when the release asks for none', async () => {
    const { receiver, notifier, outcomes } = await setUp();
    void notifier.notify(release([]), announce('a'));
    await notifier.whenIdle();
    expect([receiver.received, outcomes]).toEqual([[], []]);
  });
});

describe('the order', () => {
  test('the order of one release is kept, whatever has to be tried again', async () => {
    const { receiver, notifier, to } = await setUp([500, 'reset', 204, 429]);
    for (const note of ['1', '2', '3', '4']) void notifier.notify(release([to]), announce(note));
    await notifier.whenIdle();
    const notes = receiver.received.map(({ body }) => (JSON.parse(body) as { message: string }).message);
    expect(notes).toEqual(['1', '1', '1', '2', '2', '3', '4']);
  });

  test('the notifications of one release do not hold up another, nor one receiver the next', async () => {
    const { receiver, notifier, to } = await setUp(['hang']);
    void notifier.notify(release([to]), announce('stuck'));
    await vi.waitFor(() => expect(receiver.received).toHaveLength(1), PATIENT);
    void notifier.notify(release([{ ...to, name: 'other' }]), announce('a'));
    void notifier.notify(release([to], 'uid-2'), announce('b'));
    await vi.waitFor(() => expect(receiver.received).toHaveLength(3), PATIENT);
  });

  test('the oldest notification is given up when too many wait, and the log says so', async () => {
    const { receiver, notifier, outcomes, to } = await setUp(['hang'], { waiting: 2 });
    for (const note of ['1', '2', '3', '4']) void notifier.notify(release([to]), announce(note));
    expect(outcomes).toMatchObject([{ result: 'dropped' }]);
    await vi.waitFor(() => expect(receiver.received).toHaveLength(1), PATIENT);
  });
});

describe('a receiver that misbehaves', () => {
  test.each<[string, Reaction[], number, RegExp]>([
    ['always answers 503', [503, 503, 503, 503], 3, /answered 503/],
    ['always breaks the connection', ['reset', 'reset', 'reset', 'reset'], 3, /cannot be reached/],
    ['refuses the body', [400, 400], 1, /answered 400/],
    ['sends elsewhere', [307, 307], 1, /answered 307/],
  ])('a receiver that misbehaves and %s is given up, without its path in the message', async (_, reactions, tries, message) => {
    const { receiver, notifier, outcomes, to } = await setUp(reactions);
    void notifier.notify(release([to]), announce('a'));
    await notifier.whenIdle();
    expect(receiver.received).toHaveLength(tries);
    expect(outcomes).toMatchObject([{ result: 'failed', message: expect.stringMatching(message) }]);
    expect(outcomes[0]?.message).not.toContain('/hooks');
  });

  test('a receiver that never answers is waited for no longer than the time for a try', async () => {
    const { notifier, outcomes, to } = await setUp(['hang', 'hang', 'hang'], { timeoutMs: 20 });
    void notifier.notify(release([to]), announce('a'));
    await notifier.whenIdle();
    expect(outcomes).toMatchObject([{ result: 'failed', message: expect.stringMatching(/within 20 ms/) }]);
  });

  test('a receiver that misbehaves does not keep the operator from stopping', async () => {
    const { receiver, notifier, outcomes, to } = await setUp(['hang']);
    void notifier.notify(release([to]), announce('a'));
    void notifier.notify(release([to]), announce('b'));
    await vi.waitFor(() => expect(receiver.received).toHaveLength(1), PATIENT);
    await notifier.close(0);
    await notifier.whenIdle();
    expect(outcomes.map(({ result }) => result).toSorted()).toEqual(['dropped', 'failed']);
  });
});

describe('nothing is sent', () => {
  test.each([
    ['to an address beside the allow-list', (url: string) => `${url}/elsewhere`, /--notification-allow/],
    ['past the allow-list by dots', (url: string) => `${url}/hooks/../elsewhere`, /--notification-allow/],
    ['to an address with a password', (url: string) => url.replace('//', '//u:hunter2@'), /Secret/],
    ['to something that is no address', () => 'hunter2', /no URL/],
  ])('nothing is sent %s', async (_, at, message) => {
    const { receiver, notifier, outcomes, to } = await setUp();
    void notifier.notify(release([{ ...to, url: at(receiver.url) }]), announce('a'));
    await notifier.whenIdle();
    expect(receiver.received).toEqual([]);
    expect(outcomes).toMatchObject([{ result: 'refused', message: expect.stringMatching(message) }]);
    expect(JSON.stringify(outcomes)).not.toContain('hunter2');
  });

  test.each([
    ['cannot be read', () => Promise.reject(new Error('hunter2')), /Secret shop\/hooks cannot be read/],
    ['has no key', () => Promise.resolve({ other: 'hunter2' }), /no key "hmac"/],
  ])('unsigned where the Secret that should sign %s', async (_, readSecret, message) => {
    const { receiver, notifier, outcomes, to } = await setUp([], { readSecret });
    void notifier.notify(release([to]), announce('a'));
    await notifier.whenIdle();
    expect(receiver.received).toEqual([]);
    expect(outcomes).toMatchObject([{ result: 'failed', message: expect.stringMatching(message) }]);
    expect(JSON.stringify(outcomes)).not.toContain('hunter2');
  });
});
