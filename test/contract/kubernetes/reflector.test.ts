// A watch that survives everything: the faults of a real API server, one by one, over real sockets.

import { setImmediate } from 'node:timers/promises';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { Reflector } from '../../../src/adapters/kubernetes/informer/reflector.ts';
import type { ReflectorTimes } from '../../../src/adapters/kubernetes/informer/reflector-times.ts';
import { trimRelease } from '../../../src/adapters/kubernetes/releases.ts';
import { buildReflectors } from '../../../src/adapters/kubernetes/informer/kinds.ts';
import { type CachedObject, ObjectCache } from '../../../src/adapters/kubernetes/informer/object-cache.ts';
import type { SeenRequest } from '../../fakes/api-server/server.ts';
import { until } from '../../fixtures/until.ts';
import { createTransport, QUICK, releaseNamed, releases } from './harness.ts';

const isList = ({ watch, path }: SeenRequest): boolean => !watch && path.endsWith('/canaryreleases');
const isWatch = ({ watch }: SeenRequest): boolean => watch;

interface Started {
  readonly cache: ObjectCache<CachedObject>;
  readonly told: string[];
  readonly reflector: Reflector;
  readonly server: Awaited<ReturnType<typeof createTransport>>['server'];
  readonly stop: AbortController;
  readonly ended: Promise<void>;
  readonly served: boolean[];
  begin(): void;
  names(): string[];
  /** Writes a release and waits until the cache has it: the watch is alive. */
  expectAlive(name: string): Promise<void>;
}

async function prepare(
  options: { times?: Partial<ReflectorTimes>; pageSize?: number; onTold?: (text: string) => void } = {},
): Promise<Started> {
  const { server, transport } = await createTransport();
  const told: string[] = [];
  const served: boolean[] = [];
  const cache = new ObjectCache<CachedObject>((old, now) => {
    const text = `${old === undefined ? 'new' : now === undefined ? 'gone' : 'changed'} ${(now ?? old)?.metadata.name}`;
    options.onTold?.(text);
    told.push(text);
  });
  const kind = { resource: releases, cache, trim: trimRelease, onServed: (isServed: boolean) => served.push(isServed) };
  const [reflector] = buildReflectors(
    { ...kind, ...(options.pageSize === undefined ? {} : { pageSize: options.pageSize }) },
    { transport, now: () => Date.now(), times: { ...QUICK, ...options.times } },
  );
  if (reflector === undefined) throw new Error('no reflector');
  const stop = new AbortController();
  let end: () => void = () => undefined;
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  const begin = (): void => void reflector.run(stop.signal).then(end);
  onTestFinished(() => stop.abort());
  const names = (): string[] => [...cache.all()].map(({ metadata }) => metadata.name).sort();
  const expectAlive = async (name: string): Promise<void> => {
    server.put(releases, releaseNamed(name));
    await until(() => cache.get('shop', name));
  };
  return { cache, told, reflector, server, stop, ended, served, begin, names, expectAlive };
}

async function start(options: Parameters<typeof prepare>[0] = {}): Promise<Started> {
  const started = await prepare(options);
  started.server.put(releases, releaseNamed('first'));
  started.begin();
  await until(() => started.reflector.hasSynced && started.server.openWatches === 1);
  return started;
}

const listsOf = ({ server }: Started): number => server.requests.filter(isList).length;
const watchesOf = ({ server }: Started): readonly SeenRequest[] => server.requests.filter(isWatch);

describe('a reflector in good weather', () => {
  test('a reflector asks for pages of about a megabyte, whatever the objects weigh', async () => {
    const started = await prepare({});
    const weighing = (characters: number) => ({ metadata: { annotations: { 'example.org/note': 'x'.repeat(characters) } } });
    for (let number = 0; number < 120; number += 1) {
      const { metadata, ...rest } = releaseNamed(`heavy-${String(number).padStart(3, '0')}`);
      started.server.put(releases, { ...rest, metadata: { ...metadata, ...weighing(60_000).metadata } });
    }
    started.begin();
    await until(() => started.reflector.hasSynced);
    expect(started.names()).toHaveLength(120);
    const limits = started.server.requests.filter(({ query }) => query['limit'] !== undefined).map(({ query }) => Number(query['limit']));
    expect(limits[0]).toBe(50);
    expect(limits.slice(1).every((limit) => limit >= 10 && limit <= 20)).toBe(true);
  });

  test('a reflector lists in pages and follows what is created, changed and deleted', async () => {
    const started = await prepare({ pageSize: 2 });
    for (const name of ['a', 'b', 'c', 'd', 'e']) started.server.put(releases, releaseNamed(name));
    started.begin();
    await until(() => started.server.openWatches === 1);
    expect(started.names()).toEqual(['a', 'b', 'c', 'd', 'e']);
    expect(started.server.requests.filter(isList).map(({ query }) => query['continue'])).toEqual([undefined, '2', '4']);
    started.server.put(releases, releaseNamed('a', { spec: { paused: true } }));
    started.server.remove(releases, 'shop', 'b');
    await until(() => started.told.includes('gone b'));
    expect(started.told.slice(5)).toEqual(['changed a', 'gone b']);
  });

  test('a reflector asks for bookmarks and an end, and continues from the last version when the server ends the watch', async () => {
    const started = await start();
    const [first] = watchesOf(started);
    expect(first?.query).toMatchObject({ allowWatchBookmarks: 'true' });
    expect(Number(first?.query['timeoutSeconds'])).toBeGreaterThan(200);
    await started.expectAlive('second');
    const { version } = started.server.objects;
    started.server.endWatches(releases, 'clean');
    await until(() => watchesOf(started).length === 2);
    expect(watchesOf(started)[1]?.query['resourceVersion']).toBe(String(version));
    expect(listsOf(started)).toBe(1);
    expect(started.reflector.health().restarts).toBe(0);
  });

  test('resumes from a bookmark, although no object of its kind has changed', async () => {
    const started = await start();
    started.server.sendToWatches(releases, { type: 'BOOKMARK', object: { kind: 'CanaryRelease', metadata: { resourceVersion: '4711' } } });
    started.server.endWatches(releases, 'clean');
    await until(() => watchesOf(started).length >= 2);
    expect(watchesOf(started)[1]?.query['resourceVersion']).toBe('4711');
    expect(started.told).toEqual(['new first']);
  });

  test('a reflector reads an object that comes in many small pieces, cut inside a character', async () => {
    const started = await start();
    const line = `${JSON.stringify({ type: 'ADDED', object: { ...releaseNamed('grün'), metadata: { name: 'grün', namespace: 'shop', resourceVersion: '99' } } })}\n`;
    const bytes = Buffer.from(line);
    const cut = bytes.indexOf(Buffer.from('ü')) + 1;
    for (const piece of [bytes.subarray(0, cut), bytes.subarray(cut)]) {
      started.server.sendToWatches(releases, piece);
      await setImmediate();
    }
    await until(() => started.cache.get('shop', 'grün'));
    expect(started.reflector.health().restarts).toBe(0);
  });
});

describe('a reflector survives', () => {
  test('a 429 at the watch: it resumes from the same version without a new list', async () => {
    const started = await start();
    started.server.fault({ when: isWatch, action: { kind: 'status', code: 429, headers: { 'retry-after': '0' } } });
    started.server.endWatches(releases, 'clean');
    await until(() => watchesOf(started).length === 3);
    await started.expectAlive('later');
    expect(listsOf(started)).toBe(1);
    expect(started.reflector.health().restarts).toBe(1);
  });

  test('a connection torn in the middle of a line', async () => {
    const started = await start();
    started.server.endWatches(releases, 'torn');
    await started.expectAlive('later');
    expect(listsOf(started)).toBe(1);
    expect(started.reflector.health().restarts).toBe(1);
  });

  test('a list that answers 503, again and again', async () => {
    const started = await prepare();
    started.server.put(releases, releaseNamed('first'));
    started.server.fault({ when: isList, times: 3, action: { kind: 'status', code: 503 } });
    started.begin();
    await until(() => started.reflector.hasSynced);
    await started.expectAlive('later');
    expect(listsOf(started)).toBe(4);
  });

  test('an ERROR event 500 inside the stream', async () => {
    const started = await start();
    started.server.sendToWatches(releases, { type: 'ERROR', object: { kind: 'Status', code: 500, message: 'etcd is away' } });
    await started.expectAlive('later');
    expect(listsOf(started)).toBe(1);
    expect(started.reflector.health().restarts).toBe(1);
  });

  test('an ERROR event 410: it lists again and tells what went missing meanwhile', async () => {
    const started = await start();
    await started.expectAlive('second');
    const hold = started.server.fault({ when: isWatch, times: 1_000, action: { kind: 'status', code: 503 } });
    started.server.endWatches(releases, 'torn');
    await until(() => started.reflector.health().restarts > 0);
    started.server.remove(releases, 'shop', 'first');
    started.server.put(releases, releaseNamed('second', { spec: { paused: true } }));
    started.server.objects.compact();
    hold();
    await until(() => started.told.includes('gone first') && started.told.includes('changed second'));
    await started.expectAlive('later');
    expect(started.names()).toEqual(['later', 'second']);
  });

  test('a 410 as the HTTP answer of the watch', async () => {
    const started = await start();
    started.server.fault({ when: isWatch, action: { kind: 'status', code: 410, reason: 'Expired' } });
    started.server.endWatches(releases, 'clean');
    await until(() => listsOf(started) === 2);
    await started.expectAlive('later');
    expect(started.names()).toEqual(['first', 'later']);
  });

  test('a 410 in the middle of a paged list', async () => {
    const started = await prepare({ pageSize: 1 });
    for (const name of ['a', 'b', 'c']) started.server.put(releases, releaseNamed(name));
    started.server.fault({ when: (seen) => seen.query['continue'] === '2', action: { kind: 'status', code: 410, reason: 'Expired' } });
    started.begin();
    await until(() => started.reflector.hasSynced);
    expect(started.names()).toEqual(['a', 'b', 'c']);
    expect(started.reflector.health().restarts).toBe(0);
  });

  test('a handler that throws: it lists again and tells every object anew', async () => {
    let broken = true;
    const started = await start({
      onTold: (text) => {
        if (text === 'new bad' && broken) {
          broken = false;
          throw new Error('handler');
        }
      },
    });
    started.server.put(releases, releaseNamed('bad'));
    await until(() => started.told.includes('new bad'));
    expect(listsOf(started)).toBe(2);
    expect(started.told).toEqual(['new first', 'new bad', 'new first']);
  });

  test('a handler that throws at a deletion: the deletion is told again', async () => {
    let broken = true;
    const started = await start({
      onTold: (text) => {
        if (text === 'gone first' && broken) {
          broken = false;
          throw new Error('handler');
        }
      },
    });
    started.server.remove(releases, 'shop', 'first');
    await until(() => started.told.includes('gone first'));
    expect(started.names()).toEqual([]);
  });

  test('a watch that sends a page of HTML', async () => {
    const started = await start();
    started.server.fault({ when: isWatch, action: { kind: 'body', text: '<html>\nmaintenance</html>\n' } });
    started.server.endWatches(releases, 'clean');
    await started.expectAlive('later');
    expect(started.reflector.health().restarts).toBe(1);
  });

  test('a list that is HTML, one that is cut off, one whose connection is reset', async () => {
    const started = await prepare();
    started.server.put(releases, releaseNamed('first'));
    started.server.fault({ when: isList, action: { kind: 'body', text: '<html></html>' } });
    started.server.fault({ when: isList, action: { kind: 'truncate' } });
    started.server.fault({ when: isList, action: { kind: 'reset' } });
    started.begin();
    await until(() => started.reflector.hasSynced);
    expect(started.names()).toEqual(['first']);
    expect(started.reflector.health().restarts).toBe(3);
  });

  test('a watch that answers nothing at all', async () => {
    const started = await start({ times: { watchSeconds: 0, silenceMs: 30 } });
    await until(() => watchesOf(started).length > 2);
    started.server.fault({ when: isWatch, action: { kind: 'hang' } });
    await until(() => started.reflector.health().restarts > 0);
    await started.expectAlive('later');
    expect(started.names()).toEqual(['first', 'later']);
  });

  test('a watch that the server ends at once, without spinning', async () => {
    const started = await prepare({ times: { shortestWatchMs: 60_000 } });
    started.server.fault({ when: isWatch, times: 3, action: { kind: 'body', text: '' } });
    started.begin();
    await until(() => started.reflector.health().restarts === 3);
    await started.expectAlive('later');
    expect(started.reflector.health().restarts).toBe(3);
  });

  test('a token that was rotated while the watch was open', async () => {
    const started = await start();
    await started.server.rotateToken('second-token');
    started.server.endWatches(releases, 'clean');
    await started.expectAlive('later');
    expect(listsOf(started)).toBe(1);
  });

  test('a deleted object that comes back under the same name: one change, another uid', async () => {
    const started = await start();
    const before = started.cache.get('shop', 'first')?.metadata.uid;
    const hold = started.server.fault({ when: isWatch, times: 1_000, action: { kind: 'status', code: 503 } });
    started.server.endWatches(releases, 'torn');
    await until(() => started.reflector.health().restarts > 0);
    started.server.remove(releases, 'shop', 'first');
    started.server.put(releases, releaseNamed('first'));
    started.server.objects.compact();
    hold();
    await until(() => started.told.includes('changed first'));
    expect(started.cache.get('shop', 'first')?.metadata.uid).not.toBe(before);
  });
});

describe('a kind that the API server does not serve', () => {
  test('a kind that the API server does not serve counts as synced, is said to be missing, and is found when it comes', async () => {
    const started = await prepare();
    started.server.resources.unserve(releases);
    started.begin();
    await until(() => started.served.includes(false));
    expect(started.reflector.health()).toMatchObject({ served: false, synced: true });
    await started.expectAlive('first');
    expect(started.served).toEqual([false, true]);
  });

  test('a kind that is not served any more takes its objects along', async () => {
    const started = await start();
    started.server.resources.unserve(releases);
    started.server.endWatches(releases, 'clean');
    await until(() => started.told.includes('gone first'));
    expect(started.reflector.health().served).toBe(false);
  });

  test('a kind is not believed to be gone so soon: an API server that starts answers 404, too', async () => {
    const started = await start({ times: { believeAbsentMs: 3_600_000 } });
    started.server.fault({ when: () => true, times: 6, action: { kind: 'status', code: 404, reason: 'NotFound' } });
    started.server.endWatches(releases, 'clean');
    await started.expectAlive('later');
    expect(started.served).toEqual([]);
    expect(started.told).toEqual(['new first', 'new later']);
  });
});

describe('a reflector that is stopped', () => {
  test('a reflector that is stopped during its list ends, delivers nothing and opens no watch', async () => {
    const started = await prepare();
    started.server.put(releases, releaseNamed('first'));
    started.server.fault({ when: isList, action: { kind: 'hang' } });
    started.begin();
    await until(() => listsOf(started) === 1);
    started.stop.abort();
    await started.ended;
    expect(watchesOf(started)).toEqual([]);
    expect(started.told).toEqual([]);
  });

  test('a reflector that is stopped during its watch closes it', async () => {
    const started = await start();
    started.stop.abort();
    await started.ended;
    await until(() => started.server.openWatches === 0);
    expect(listsOf(started)).toBe(1);
  });

  test('a reflector that is stopped during a backoff ends at once', async () => {
    const started = await prepare({ times: { backoffMs: 3_600_000, longestBackoffMs: 3_600_000 } });
    started.server.fault({ when: isList, times: 100, action: { kind: 'status', code: 500 } });
    started.begin();
    await until(() => started.reflector.health().restarts === 1);
    started.stop.abort();
    await started.ended;
    expect(started.reflector.hasSynced).toBe(false);
  });
});
