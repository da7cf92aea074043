import { describe, expect, onTestFinished, test } from 'vitest';
import { cutNote, KubernetesEvents } from '../../../src/adapters/kubernetes/events/events.ts';
import { microTime } from '../../../src/adapters/kubernetes/client/micro-time.ts';
import type { CanaryRelease } from '../../../src/api/release.ts';
import type { Announcement } from '../../../src/ports/outbox.ts';
import { until } from '../../fixtures/until.ts';
import { VirtualClock } from '../../fakes/virtual-clock.ts';
import { createTransport, events, httpRoutes, routeNamed } from './harness.ts';

const release = (name = 'store'): CanaryRelease =>
  ({ metadata: { namespace: 'shop', name, uid: `uid-${name}` } }) as unknown as CanaryRelease;
/** Of every announcement another id, as the core makes them. */
let announced = 0;
const said = (note: string, reason = 'WeightShifted'): Announcement => {
  announced += 1;
  return {
    id: announced.toString(16).padStart(16, '0').padEnd(32, '0'),
    at: '2030-01-01T00:00:00.000Z',
    reason,
    type: 'Normal',
    note,
    action: 'Shift',
  };
};

async function start() {
  const harness = await createTransport();
  const clock = new VirtualClock();
  const dropped: string[] = [];
  const sink = new KubernetesEvents({
    transport: harness.transport,
    clock,
    instance: 'pod-1',
    onDropped: (what, why) => dropped.push(`${what}: ${why}`),
  });
  onTestFinished(() => sink.close());
  const written = () => harness.server.objects.list('/apis/events.k8s.io/v1/events', 'shop');
  return { ...harness, clock, dropped, sink, written };
}

describe('an event', () => {
  test('an event is written as events.k8s.io/v1 wants it', async () => {
    const { sink, written } = await start();
    void sink.publish(release(), said('25%'));
    const [event] = await until(() => written().length === 1 && written());
    expect(event).toMatchObject({
      eventTime: '2030-01-01T00:00:00.000000Z',
      reportingController: 'glidepath.dev/operator',
      reportingInstance: 'pod-1',
      action: 'Shift',
      reason: 'WeightShifted',
      type: 'Normal',
      note: '25%',
      regarding: { apiVersion: 'glidepath.dev/v1alpha1', kind: 'CanaryRelease', namespace: 'shop', name: 'store', uid: 'uid-store' },
    });
    expect(event?.['series']).toBeUndefined();
  });

  test('an event that is repeated folds into one series, which is written a minute later', async () => {
    const { sink, written, clock, server } = await start();
    void sink.publish(release(), said('25%'));
    await until(() => written().length === 1);
    clock.advanceBy(2_000);
    for (let count = 0; count < 6; count += 1) void sink.publish(release(), said('25%'));
    await until(() => clock.pending === 1);
    expect(server.requests.length).toBe(1);
    clock.advanceBy(60_000);
    await until(() => server.requests.length === 2 && written()[0]?.['series']);
    expect(written().map(({ series }) => series)).toEqual([{ count: 7, lastObservedTime: '2030-01-01T00:00:02.000000Z' }]);
  });

  test('an event with another note, of another release, or ten minutes later is another event', async () => {
    const { sink, written, clock } = await start();
    void sink.publish(release(), said('25%'));
    void sink.publish(release(), said('50%'));
    void sink.publish(release('other'), said('25%'));
    await until(() => written().length === 3);
    clock.advanceBy(600_000);
    void sink.publish(release(), said('25%'));
    await until(() => written().length === 4);
    expect(
      written()
        .map(({ note }) => note)
        .sort((a, b) => String(a).localeCompare(String(b))),
    ).toEqual(['25%', '25%', '25%', '50%']);
  });

  test('an event whose series has expired on the server goes on in a new one', async () => {
    const { sink, written, server, clock } = await start();
    void sink.publish(release(), said('25%'));
    const [first] = await until(() => written().length === 1 && written());
    server.remove(events, 'shop', first?.metadata.name ?? '');
    void sink.publish(release(), said('25%'));
    await until(() => clock.pending === 1);
    clock.advanceBy(60_000);
    await until(() => written().length === 1);
    expect(written()[0]).toMatchObject({ metadata: { name: first?.metadata.name }, series: { count: 2 } });
    expect(written()[0]?.metadata.uid).not.toBe(first?.metadata.uid);
  });

  test('an event is called after its announcement, so that the operator after a crash writes no second one', async () => {
    const { sink, written, transport, clock, dropped } = await start();
    const told = said('25%');
    await sink.publish(release(), told);
    const next = new KubernetesEvents({ transport, clock, instance: 'pod-2' });
    onTestFinished(() => next.close());
    await next.publish(release(), told);
    expect(dropped).toEqual([]);
    expect(written()).toHaveLength(1);
    expect(written()[0]).toMatchObject({
      metadata: { name: `store.${told.id.slice(0, 16)}`, annotations: { 'glidepath.dev/announcement': told.id } },
      eventTime: '2030-01-01T00:00:00.000000Z',
      reportingInstance: 'pod-1',
    });
  });

  test('the promise of an event resolves when it is written, and also where it never can be', async () => {
    const { sink, server, written } = await start();
    let delivered = false;
    let answer: () => void = () => undefined;
    const answered = new Promise<void>((resolve) => {
      answer = resolve;
    });
    server.fault({ when: ({ method }) => method === 'POST', action: { kind: 'delay', until: answered } });
    const publishing = sink.publish(release(), said('25%')).then(() => {
      delivered = true;
    });
    await until(() => server.requests.length > 0);
    expect(delivered).toBe(false);
    answer();
    await publishing;
    expect(written()).toHaveLength(1);
    server.fault({ when: ({ method }) => method === 'POST', action: { kind: 'status', code: 403 } });
    await sink.publish(release(), said('50%'));
    expect(written()).toHaveLength(1);
  });

  test('an event waits behind home writes', async () => {
    const { sink, server, transport, written } = await start();
    server.put(httpRoutes, routeNamed('store'));
    let answer: () => void = () => undefined;
    const answered = new Promise<void>((resolve) => {
      answer = resolve;
    });
    server.fault({ when: ({ method }) => method === 'PATCH', action: { kind: 'delay', until: answered } });
    const path = '/apis/gateway.networking.k8s.io/v1/namespaces/shop/httproutes/store';
    const home = transport.request({ method: 'PATCH', path, body: [], contentType: 'application/json-patch+json', lane: 'home' });
    void sink.publish(release(), said('25%'));
    await until(() => server.requests.length === 1);
    for (let round = 0; round < 50; round += 1) await new Promise((resolve) => setImmediate(resolve));
    expect(server.requests.length).toBe(1);
    answer();
    await home;
    await until(() => written().length === 1);
  });
});

describe('an event that cannot be written', () => {
  test('an event that cannot be written because its namespace is going is dropped, and the log says so', async () => {
    const { sink, server, dropped } = await start();
    server.fault({ when: () => true, action: { kind: 'status', code: 403, message: 'namespace shop is being terminated' } });
    void sink.publish(release(), said('25%'));
    await until(() => dropped.length === 1);
    expect(dropped[0]).toContain('event WeightShifted about store');
    expect(server.requests.length).toBe(1);
  });

  test('an event that cannot be written because the server is away is tried again', async () => {
    const { sink, server, written } = await start();
    server.fault({ when: () => true, action: { kind: 'status', code: 503 } });
    void sink.publish(release(), said('25%'));
    await until(() => written().length === 1);
    expect(server.requests.length).toBe(2);
  });

  test('an event of a release with too many events is dropped; others are written, and it is written again later', async () => {
    const { sink, dropped, clock, written } = await start();
    for (let number = 0; number < 40; number += 1) void sink.publish(release(), said(`note ${number}`));
    void sink.publish(release('other'), said('quiet'));
    await until(() => written().length === 26);
    expect(dropped.length).toBe(15);
    clock.advanceBy(5_000);
    void sink.publish(release(), said('later'));
    await until(() => written().length === 27);
  });

  test('an event that cannot be written never throws at whoever publishes, even when the log does', async () => {
    const { transport, clock } = { ...(await start()) };
    const sink = new KubernetesEvents({
      transport,
      clock,
      instance: 'x',
      onDropped: () => {
        throw new Error('log');
      },
    });
    for (let number = 0; number < 40; number += 1) void sink.publish(release(), said(`note ${number}`));
    await sink.close();
    expect(() => sink.publish(release(), said('after close'))).not.toThrow();
  });
});

describe('closing', () => {
  test('closing writes what is queued first', async () => {
    const { sink, written } = await start();
    for (let number = 0; number < 20; number += 1) void sink.publish(release(), said(`note ${number}`));
    await sink.close();
    expect(written().length).toBe(20);
  });
});

describe('forms', () => {
  test('a note is cut to the bytes the API server allows, at a whole character', () => {
    expect(cutNote('short')).toBe('short');
    const cut = cutNote('ü'.repeat(800));
    expect(Buffer.byteLength(cut)).toBeLessThanOrEqual(1_000);
    expect(cut).toMatch(/^ü+…$/);
  });

  test('a time has six digits behind the point', () => {
    expect(microTime(Date.UTC(2030, 0, 1, 0, 0, 0, 7))).toBe('2030-01-01T00:00:00.007000Z');
  });
});
