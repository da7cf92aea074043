import { describe, expect, test } from 'vitest';
import { type Life, live } from '../../../src/app/life-cycle.ts';
import { StoredSchema } from '../../../src/app/stored-schema.ts';
import { createLogger } from '../../../src/app/telemetry/log.ts';
import type { Candidacy, ChangeListener } from '../../../src/ports/cluster.ts';
import { VirtualClock } from '../../fakes/virtual-clock.ts';

const LEASE = { namespace: 'glidepath-system', name: 'glidepath', identity: 'pod-1' };

/** A life whose parts write down what is asked of them, in order. */
function startLife(change: Partial<Pick<Life, 'lease' | 'webhook'>> & { readonly drains?: boolean } = {}) {
  const clock = new VirtualClock();
  const done: string[] = [];
  const logged: string[] = [];
  const listeners: ChangeListener[] = [];
  const world: { synced: boolean; beats: number; candidacy: Candidacy | undefined } = { synced: false, beats: 0, candidacy: undefined };
  const note = (what: string) => async (): Promise<void> => void done.push(what);
  let ask = (): void => undefined;
  const asked = new Promise<void>((resolve) => {
    ask = resolve;
  });
  const life: Life = {
    log: createLogger({ level: 'info', destination: { write: (line) => void logged.push((JSON.parse(line) as { msg: string }).msg) } }),
    clock,
    cluster: {
      start: () => void done.push('watch'),
      synced: () => world.synced,
      onChange: (listener) => {
        listeners.push(listener);
        return () => undefined;
      },
      schemaLevel: async () => undefined,
      warm: async (connections) => void done.push(`warm ${connections ?? 'all'}`),
      beat: async () => {
        world.beats += 1;
      },
      runElection: async (candidacy) => {
        world.candidacy = candidacy;
        await new Promise((resolve) => candidacy.signal.addEventListener('abort', resolve, { once: true }));
        done.push('hand the lease back');
        return 'stopped';
      },
      close: note('close cluster'),
    },
    schema: new StoredSchema(),
    operator: {
      running: 3,
      start: (keys) => void done.push(`work on ${[...keys()].length}`),
      changed: ({ name }) => void done.push(`changed ${name}`),
      stop: change.drains === false ? () => new Promise(() => undefined) : note('finish patches'),
    },
    releases: () => [{ namespace: 'shop', name: 'store' }],
    server: {
      listen: async () => 8_080,
      close: note('close server'),
    },
    webhook: change.webhook,
    lease: change.lease,
    setLeader: (leads) => void done.push(leads ? 'leader' : 'no leader'),
    asked,
    exit: (code) => void done.push(`exit ${code}`),
    closers: [note('close reader')],
  };
  return { life, clock, done, logged, listeners, world, ask: () => ask(), ended: live(life) };
}

describe('the life of an operator', () => {
  test('an operator works once its watches are synced, and hears of changes from then on', async () => {
    const { clock, done, listeners, world } = startLife();
    await clock.runBy(1_000);
    expect(done).toEqual(['watch']);
    expect(listeners).toHaveLength(0);
    world.synced = true;
    await clock.runBy(20);
    expect(done).toEqual(['watch', 'warm all', 'leader', 'work on 1']);
    for (const listener of listeners) listener({ kind: 'Service', namespace: 'shop', name: 'store' });
    expect(done.at(-1)).toBe('changed store');
  });

  test('an operator with a lease works only when it was elected', async () => {
    const { clock, done, logged, world } = startLife({ lease: LEASE });
    world.synced = true;
    await clock.runBy(20);
    expect(world.candidacy).toMatchObject(LEASE);
    expect(done).toEqual(['watch', 'warm all']);
    world.candidacy?.onElected(4);
    expect(done.slice(2)).toEqual(['leader', 'work on 1']);
    expect(logged).toContain('became leader');
  });

  test('a lead that is lost ends the process at once, so that two never write', async () => {
    const { clock, done, world } = startLife({ lease: LEASE });
    world.synced = true;
    await clock.runBy(20);
    world.candidacy?.onElected(4);
    world.candidacy?.onLost();
    expect(done.slice(-2)).toEqual(['no leader', 'exit 1']);
  });

  test('connections for home writes stay open while releases run', async () => {
    const { clock, done, world } = startLife();
    world.synced = true;
    await clock.runBy(20);
    await clock.runBy(90_000);
    expect(done.filter((what) => what.startsWith('warm'))).toEqual(['warm all', 'warm 3', 'warm 3']);
    expect(world.beats).toBe(45);
  });

  test('an operator that ends completes the patches under way first, then gives up the lease, then closes every connection', async () => {
    const { clock, done, world, ask, ended } = startLife({ lease: LEASE });
    world.synced = true;
    await clock.runBy(20);
    world.candidacy?.onElected(4);
    ask();
    await clock.runBy(0);
    await ended;
    expect(done.slice(4)).toEqual(['finish patches', 'hand the lease back', 'close cluster', 'close server', 'close reader']);
    expect(clock.pending).toBe(0);
  });

  test('an operator that is asked to end before its watches are synced never leads', async () => {
    const { clock, done, ask, ended } = startLife();
    await clock.runBy(100);
    ask();
    await clock.runBy(100);
    await ended;
    expect(done).toEqual(['watch', 'finish patches', 'close cluster', 'close server', 'close reader']);
  });

  test('patches that do not end in time hold nothing up for longer than 20 seconds', async () => {
    const { clock, done, world, ask, ended } = startLife({ drains: false });
    world.synced = true;
    await clock.runBy(20);
    ask();
    await clock.runBy(19_999);
    expect(done).not.toContain('close cluster');
    await clock.runBy(1);
    await ended;
    expect(done.slice(-3)).toEqual(['close cluster', 'close server', 'close reader']);
  });

  test('the webhook answers before the operator works, and for five seconds after it was asked to end', async () => {
    const done: string[] = [];
    const webhook = {
      keeper: {
        start: () => void done.push('show the certificate'),
        lead: () => void done.push('keep the certificate'),
        changed: (old: unknown, now: unknown) => void done.push(`changed ${JSON.stringify([old ?? null, now ?? null])}`),
        stop: async () => void done.push('stop keeping'),
      },
      server: {
        listen: async () => 9_443,
        leave: () => void done.push('leave'),
        close: async () => void done.push('close webhook'),
      },
    };
    const { clock, listeners, world, ask, ended } = startLife({ webhook });
    await clock.runBy(0);
    expect(done).toEqual(['show the certificate']);
    const release = { metadata: { namespace: 'shop', name: 'store' }, spec: { targetRef: { kind: 'Deployment', name: 'api' } } };
    for (const listener of listeners) {
      listener({ kind: 'HTTPRoute', namespace: 'shop', name: 'store' });
      listener({ kind: 'CanaryRelease', namespace: 'shop', name: 'store', new: release });
    }
    expect(done.slice(1)).toEqual(['changed [null,{"namespace":"shop","release":"store","deployment":"api"}]']);
    world.synced = true;
    await clock.runBy(20);
    expect(done.slice(2)).toEqual(['keep the certificate']);
    ask();
    await clock.runBy(4_999);
    expect(done.slice(3)).toEqual(['leave', 'stop keeping']);
    await clock.runBy(1);
    await ended;
    expect(done.at(-1)).toBe('close webhook');
  });
});
