// The election over real sockets: one leads, nobody leads twice, a leader that cannot renew stops before the next begins.

import { describe, expect, onTestFinished, test } from 'vitest';
import { type ElectionOptions, runElection } from '../../../src/adapters/kubernetes/leader/election.ts';
import { loadConfigFile, PooledKubeConfig } from '../../../src/adapters/kubernetes/client/kubeconfig.ts';
import { Transport } from '../../../src/adapters/kubernetes/client/transport.ts';
import type { FakeApiServer } from '../../fakes/api-server/server.ts';
import { until } from '../../fixtures/until.ts';
import { VirtualClock } from '../../fakes/virtual-clock.ts';
import { leases, startFake } from './harness.ts';

interface Candidate {
  readonly stop: AbortController;
  readonly log: string[];
  readonly outcome: Promise<'stopped' | 'lost'>;
  readonly clock: VirtualClock;
}

async function candidate(
  server: FakeApiServer,
  identity: string,
  clock: VirtualClock,
  extra: Partial<ElectionOptions> = {},
): Promise<Candidate> {
  const path = await server.kubeconfig();
  const config = new PooledKubeConfig({ now: () => clock.now(), load: () => loadConfigFile(path) });
  onTestFinished(() => config.close());
  const stop = new AbortController();
  const log: string[] = [];
  const outcome = runElection(new Transport(config, undefined, identity), {
    namespace: 'glidepath-system',
    name: 'glidepath',
    identity,
    clock,
    onElected: (epoch) => log.push(`elected ${epoch}`),
    onLost: () => log.push('lost'),
    onFault: () => log.push('fault'),
    signal: stop.signal,
    ...extra,
  });
  onTestFinished(async () => {
    stop.abort();
    await outcome;
  });
  return { stop, log, outcome, clock };
}

const lease = (server: FakeApiServer): Record<string, unknown> | undefined =>
  server.get(leases, 'glidepath-system', 'glidepath')?.['spec'] as Record<string, unknown> | undefined;
const by = (identity: string) => (request: { readonly userAgent: string | undefined }) => request.userAgent === identity;

/** Moves time in steps, each of which lets what is under way on sockets come to an end. */
async function pass(clock: VirtualClock, ms: number, done: () => boolean = () => false): Promise<void> {
  for (let left = ms; left > 0 && !done(); left -= 500) {
    await clock.runBy(500);
    await new Promise((resolve) => setTimeout(resolve, 4));
  }
}

describe('an election', () => {
  test('an election makes a lease that says who leads, in times that Go understands', async () => {
    const server = await startFake();
    const one = await candidate(server, 'one', new VirtualClock());
    await until(() => one.log.length === 1);
    expect(one.log).toEqual(['elected 0']);
    expect(lease(server)).toMatchObject({
      holderIdentity: 'one',
      leaseDurationSeconds: 15,
      leaseTransitions: 0,
      renewTime: expect.stringMatching(/\.\d{6}Z$/),
    });
  });

  test('an election has one leader, however long the other waits', async () => {
    const server = await startFake();
    const clock = new VirtualClock();
    const one = await candidate(server, 'one', clock);
    await until(() => one.log.length === 1);
    const two = await candidate(server, 'two', clock);
    await pass(clock, 60_000);
    expect([one.log, two.log]).toEqual([['elected 0'], []]);
    expect(server.requests.filter(by('one')).length).toBeGreaterThan(15);
  });

  test('an election is won at once after the leader was stopped, because it handed the lease back', async () => {
    const server = await startFake();
    const clock = new VirtualClock();
    const one = await candidate(server, 'one', clock);
    await until(() => one.log.length === 1);
    const two = await candidate(server, 'two', clock);
    one.stop.abort();
    expect(await one.outcome).toBe('stopped');
    expect(one.log).toEqual(['elected 0']);
    await pass(clock, 5_000, () => two.log.length > 0);
    expect(two.log).toEqual(['elected 1']);
  });

  test('an election is lost by a leader that the API server does not answer, before the other wins it', async () => {
    const server = await startFake();
    const clock = new VirtualClock();
    const order: string[] = [];
    const one = await candidate(server, 'one', clock, { onLost: () => order.push('one lost') });
    await until(() => one.log.length === 1);
    const two = await candidate(server, 'two', clock, { onElected: () => order.push('two elected') });
    server.fault({ when: by('one'), times: 1_000, action: { kind: 'status', code: 503 } });
    await pass(clock, 60_000, () => order.length === 2);
    expect(order).toEqual(['one lost', 'two elected']);
    expect(await one.outcome).toBe('lost');
    expect(lease(server)).toMatchObject({ holderIdentity: 'two', leaseTransitions: 1 });
    two.stop.abort();
  });

  test('an election is lost at once by a leader who finds another name on the lease', async () => {
    const server = await startFake();
    const clock = new VirtualClock();
    const one = await candidate(server, 'one', clock);
    await until(() => one.log.length === 1);
    server.put(leases, {
      metadata: { name: 'glidepath', namespace: 'glidepath-system' },
      spec: { ...lease(server), holderIdentity: 'thief' },
    });
    await pass(clock, 5_000, () => one.log.includes('lost'));
    expect(await one.outcome).toBe('lost');
    expect(lease(server)).toMatchObject({ holderIdentity: 'thief' });
  });

  test('an election survives a lost answer to a renewal', async () => {
    const server = await startFake();
    const clock = new VirtualClock();
    const one = await candidate(server, 'one', clock);
    await until(() => one.log.length === 1);
    server.fault({ when: ({ method }) => method === 'PUT', action: { kind: 'loseAnswer' } });
    await pass(clock, 30_000);
    expect(one.log).toEqual(['elected 0', 'fault']);
  });

  test('an election does not believe the times that others write: a lease from the far past is waited for all the same', async () => {
    const server = await startFake();
    const clock = new VirtualClock();
    const spec = { holderIdentity: 'dead', leaseDurationSeconds: 15, renewTime: '2001-01-01T00:00:00.000000Z', leaseTransitions: 4 };
    server.put(leases, { metadata: { name: 'glidepath', namespace: 'glidepath-system' }, spec });
    const begun = clock.now();
    const one = await candidate(server, 'one', clock);
    await pass(clock, 60_000, () => one.log.length > 0);
    expect(one.log).toEqual(['elected 5']);
    expect(clock.now() - begun).toBeGreaterThanOrEqual(15_000);
  });

  test('an election of candidates that start at the same moment has one winner', async () => {
    const server = await startFake();
    const clock = new VirtualClock();
    const all = await Promise.all(['a', 'b', 'c'].map((name) => candidate(server, name, clock)));
    await pass(clock, 10_000);
    expect(all.flatMap(({ log }) => log.filter((line) => line.startsWith('elected')))).toEqual(['elected 0']);
  });

  test('an election that is stopped before it was won leaves the lease alone', async () => {
    const server = await startFake();
    const clock = new VirtualClock();
    const one = await candidate(server, 'one', clock);
    await until(() => one.log.length === 1);
    const two = await candidate(server, 'two', clock);
    await until(() => server.requests.some(by('two')));
    two.stop.abort();
    expect(await two.outcome).toBe('stopped');
    expect(lease(server)).toMatchObject({ holderIdentity: 'one' });
  });
});
