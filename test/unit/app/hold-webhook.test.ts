import { beforeEach, describe, expect, test } from 'vitest';
import { GlidepathError } from '../../../src/api/errors.ts';
import { HoldWebhook, type HoldWebhookOptions } from '../../../src/app/hold-webhook.ts';
import type { HoldTarget } from '../../../src/core/hold/review.ts';
import type { Json } from '../../../src/core/workload/objects.ts';
import type { ServingCertificate } from '../../../src/ports/hold.ts';
import { VirtualClock } from '../../fakes/virtual-clock.ts';

const STORE: HoldTarget = { namespace: 'shop', release: 'web', deployment: 'store' };
const MINUTE_MS = 60_000;

let clock: VirtualClock;
/** Everything that was done, in order. */
let done: string[];
let kept: ServingCertificate | undefined;
let targets: HoldTarget[];
let entries: readonly Json[] | undefined;
let faults: string[];
let failure: Error | undefined;
/** Certificates made from now on; those before are no longer good. */
let era: number;

const certificate = (name: string, authorities = name): ServingCertificate => ({ cert: name, key: `key of ${name}`, authorities });

function open(options: Partial<HoldWebhookOptions> = {}): HoldWebhook {
  let made = 0;
  return new HoldWebhook({
    clock,
    endpoint: { kind: 'service', namespace: 'glidepath-system' },
    certificates: {
      read: async () => {
        if (failure !== undefined) throw failure;
        return kept;
      },
      write: async (next) => {
        done.push(`keep ${next.cert}`);
        kept = next;
      },
    },
    maker: {
      make: (_now, previous) => {
        made += 1;
        const name = `c${era}${made}`;
        return certificate(name, `${name}${previous === undefined ? '' : `+${previous.cert}`}`);
      },
      isGood: ({ cert }) => cert.startsWith(`c${era}`),
    },
    registry: {
      register: async (next) => {
        const text = JSON.stringify(next);
        if (text === JSON.stringify(entries)) return false;
        entries = next;
        done.push(`register ${next.map((entry) => atob((entry['clientConfig'] as { caBundle: string }).caBundle)).join()}`);
        return true;
      },
    },
    targets: () => targets,
    serve: ({ cert }) => done.push(`serve ${cert}`),
    onRenewed: () => done.push('renewed'),
    onFault: (error) => faults.push((error as Error).message),
    ...options,
  });
}

const settle = () => clock.runTo(clock.now());

beforeEach(() => {
  clock = new VirtualClock();
  [done, targets, faults] = [[], [STORE], []];
  [kept, entries, failure] = [undefined, undefined, undefined];
  era = 1;
});

describe('the certificate', () => {
  test('the certificate is made by the leader when there is none, and trusted before it is kept and shown', async () => {
    const webhook = open();
    webhook.lead();
    await settle();
    expect(done).toEqual(['register c11', 'keep c11', 'renewed', 'serve c11']);
    expect(webhook.ready).toBe(true);
    await webhook.stop();
  });

  test('the certificate is shown by every replica once the leader has kept one, and made by none of the others', async () => {
    const webhook = open();
    webhook.start();
    await clock.runTo(clock.now() + 20_000);
    expect([webhook.ready, done]).toEqual([false, []]);
    kept = certificate('c1x');
    await clock.runTo(clock.now() + 5_000);
    expect([webhook.ready, done]).toEqual([true, ['serve c1x']]);
    await webhook.stop();
  });

  test('the certificate is renewed in its time; the API server then trusts both, because replicas still show the old one', async () => {
    const webhook = open();
    webhook.lead();
    await settle();
    done = [];
    era = 2;
    await clock.runTo(clock.now() + MINUTE_MS);
    expect(done).toEqual(['register c22+c11', 'keep c22', 'renewed', 'serve c22']);
    expect(kept?.authorities).toBe('c22+c11');
    await webhook.stop();
  });

  test('a certificate that another leader kept is taken over within a minute, without a restart', async () => {
    const webhook = open();
    webhook.lead();
    await settle();
    kept = certificate('c1other');
    done = [];
    await clock.runTo(clock.now() + MINUTE_MS);
    expect(done).toEqual(['serve c1other', 'register c1other']);
    await webhook.stop();
  });

  test('a certificate that cannot be used is reported, and the one before stays', async () => {
    let broken = false;
    const serve = ({ cert }: ServingCertificate) => {
      if (broken) throw new Error(`${cert} is none`);
    };
    const webhook = open({ serve });
    webhook.lead();
    await settle();
    broken = true;
    kept = certificate('c1bad');
    await clock.runTo(clock.now() + MINUTE_MS);
    expect([webhook.ready, faults]).toEqual([true, ['c1bad is none']]);
    await webhook.stop();
  });

  test('a certificate of a folder is never renewed by us, however old', async () => {
    era = 2;
    const webhook = open({ certificates: { read: async () => certificate('c1theirs', 'authority') } });
    webhook.lead();
    await settle();
    expect(done).toEqual(['serve c1theirs', 'register authority']);
    await webhook.stop();
  });
});

describe('the registration', () => {
  test('the registration follows the releases, and nothing is asked because of a status', async () => {
    const webhook = open();
    webhook.lead();
    await settle();
    const other = { ...STORE, deployment: 'other' };
    targets = [STORE, other];
    webhook.changed(STORE, STORE);
    await settle();
    expect(JSON.stringify(entries)).not.toContain('shop/other');
    webhook.changed(undefined, other);
    await settle();
    expect(JSON.stringify(entries)).toContain("['shop/other', 'shop/store']");
    targets = [];
    webhook.changed(STORE, undefined);
    await settle();
    expect(entries).toEqual([]);
    await webhook.stop();
  });

  test('the registration is written by the leader alone', async () => {
    kept = certificate('c1x');
    const webhook = open();
    webhook.start();
    webhook.changed(undefined, STORE);
    await webhook.cover('shop', 'store');
    await clock.runTo(clock.now() + 2 * MINUTE_MS);
    expect(done).toEqual(['serve c1x']);
    await webhook.stop();
  });

  test('a registration that someone removed is there again within a minute', async () => {
    const webhook = open();
    webhook.lead();
    await settle();
    entries = [];
    await clock.runTo(clock.now() + MINUTE_MS);
    expect(entries).toHaveLength(1);
    await webhook.stop();
  });

  test('the registration is waited for before a proof, with a second for the API server to see it; later nothing is', async () => {
    const webhook = open();
    targets = [];
    webhook.lead();
    await settle();
    targets = [STORE];
    let covered = false;
    const asked = webhook.cover('shop', 'store').then(() => (covered = true));
    await settle();
    expect([covered, entries?.length]).toEqual([false, 1]);
    await clock.runTo(clock.now() + 1_000);
    expect(covered).toBe(true);
    await asked;
    await webhook.cover('shop', 'store');
    await webhook.stop();
  });

  test('a registration that cannot be written lets the proof run, which then fails', async () => {
    failure = new Error('forbidden');
    const webhook = open();
    webhook.lead();
    await webhook.cover('shop', 'store');
    expect(webhook.ready).toBe(false);
    await webhook.stop();
  });
});

describe('a fault', () => {
  test('a fault is reported once, tried again soon, and reported again when it comes back', async () => {
    failure = new Error('away');
    const webhook = open();
    webhook.lead();
    await clock.runTo(clock.now() + MINUTE_MS);
    expect(faults).toEqual(['away']);
    failure = undefined;
    await clock.runTo(clock.now() + 5_000);
    expect(webhook.ready).toBe(true);
    failure = new Error('away');
    await clock.runTo(clock.now() + 2 * MINUTE_MS);
    expect(faults).toEqual(['away', 'away']);
    await webhook.stop();
  });

  test('a fault that is only another leader who was quicker is not reported', async () => {
    failure = new GlidepathError('GLIDEPATH_E_CONFLICT', 'modified');
    const webhook = open();
    webhook.lead();
    await settle();
    expect(faults).toEqual([]);
    await webhook.stop();
  });
});

test('stopped it does nothing more', async () => {
  const webhook = open();
  webhook.lead();
  await webhook.stop();
  done = [];
  kept = undefined;
  await clock.runTo(clock.now() + 10 * MINUTE_MS);
  expect([done, clock.pending]).toEqual([[], 0]);
});
