import { describe, expect, test } from 'vitest';
import { backoffMs, type QueueObserver, WorkQueue, type WorkQueueOptions } from '../../../../src/app/queue/work-queue.ts';
import { VirtualClock } from '../../../fakes/virtual-clock.ts';

interface Work {
  readonly key: string;
  readonly finish: () => void;
  readonly fail: (error: unknown) => void;
}

/** A queue whose processings end when the test says so. */
function setUp(options: Partial<WorkQueueOptions> = {}) {
  const clock = new VirtualClock(0);
  const started: string[] = [];
  const open: Work[] = [];
  const queue = new WorkQueue({
    clock,
    maxConcurrent: 1,
    random: () => 0,
    process: (key) => {
      started.push(key);
      return new Promise<void>((finish, fail) => open.push({ key, finish, fail }));
    },
    ...options,
  });
  const take = (): Work => open.shift() ?? expect.unreachable('nothing is processed');
  const finish = async (): Promise<void> => {
    take().finish();
    await clock.runBy(0);
  };
  const fail = async (): Promise<void> => {
    take().fail(new Error('no'));
    await clock.runBy(0);
  };
  return { clock, queue, started, finish, fail };
}

describe('the order of work', () => {
  test('nothing is processed before start, and what came before is kept', async () => {
    const { clock, queue, started } = setUp();
    queue.add('a');
    await clock.runBy(0);
    expect(started).toEqual([]);
    expect(queue.depth).toBe(1);
    queue.start();
    await clock.runBy(0);
    expect(started).toEqual(['a']);
  });

  test('a caller that adds is never held up by the processing', () => {
    const { queue, started } = setUp();
    queue.start();
    queue.add('a');
    expect(started).toEqual([]);
  });

  test('a key that is added twice is processed once', async () => {
    const { queue, started, finish, clock } = setUp();
    queue.start();
    queue.add('a');
    queue.add('a', 'urgent');
    queue.add('a');
    await clock.runBy(0);
    await finish();
    expect(started).toEqual(['a']);
  });

  test('keys come in the order in which they were added, urgent ones first', async () => {
    const { clock, queue, started, finish } = setUp();
    queue.start();
    for (const key of ['a', 'b', 'c']) queue.add(key);
    queue.add('d', 'urgent');
    queue.add('c', 'urgent');
    await clock.runBy(0);
    for (let index = 0; index < 3; index++) await finish();
    expect(started).toEqual(['d', 'c', 'a', 'b']);
  });

  test('an urgent key does not become less urgent', async () => {
    const { clock, queue, started, finish } = setUp();
    queue.add('a');
    queue.add('b', 'urgent');
    queue.add('b');
    queue.start();
    await clock.runBy(0);
    await finish();
    expect(started).toEqual(['b', 'a']);
  });

  test('a key that is added while it is processed comes again afterwards, never at the same time', async () => {
    const { clock, queue, started, finish } = setUp({ maxConcurrent: 4 });
    queue.start();
    queue.add('a');
    await clock.runBy(0);
    queue.add('a');
    queue.add('a');
    await clock.runBy(0);
    expect(started).toEqual(['a']);
    await finish();
    expect(started).toEqual(['a', 'a']);
    await finish();
    expect(started).toEqual(['a', 'a']);
    expect(queue.running).toBe(0);
  });

  test('a key that became urgent while it was processed overtakes', async () => {
    const { clock, queue, started, finish } = setUp();
    queue.start();
    queue.add('a');
    await clock.runBy(0);
    queue.add('b');
    queue.add('a', 'urgent');
    queue.add('a');
    await finish();
    expect(started).toEqual(['a', 'a']);
  });

  test('normal keys leave places free for urgent ones', async () => {
    const { clock, queue, started } = setUp({ maxConcurrent: 3, mostNormal: 2 });
    queue.start();
    for (const key of ['a', 'b', 'c']) queue.add(key);
    await clock.runBy(0);
    expect(started).toEqual(['a', 'b']);
    queue.add('d', 'urgent');
    await clock.runBy(0);
    expect(started).toEqual(['a', 'b', 'd']);
    expect(queue.depth).toBe(1);
  });

  test('nothing normal is begun before the hold is over; what is urgent is', async () => {
    const hold = Promise.withResolvers<void>();
    let held: Promise<void> | undefined = hold.promise;
    const { clock, queue, started } = setUp({ maxConcurrent: 3, holdNormal: () => held });
    queue.start();
    queue.add('a');
    queue.add('b', 'urgent');
    await clock.runBy(0);
    expect(started).toEqual(['b']);
    held = undefined;
    hold.resolve();
    await clock.runBy(0);
    expect(started).toEqual(['b', 'a']);
  });

  test('a normal key that has ended makes room for the next one', async () => {
    const { clock, queue, started, finish } = setUp({ maxConcurrent: 3, mostNormal: 1 });
    queue.start();
    for (const key of ['a', 'b']) queue.add(key);
    await clock.runBy(0);
    expect(started).toEqual(['a']);
    await finish();
    expect(started).toEqual(['a', 'b']);
  });

  test('no more than maxConcurrent keys are processed at once', async () => {
    const { clock, queue, started, finish } = setUp({ maxConcurrent: 2 });
    queue.start();
    for (const key of ['a', 'b', 'c']) queue.add(key);
    await clock.runBy(0);
    expect(started).toEqual(['a', 'b']);
    expect(queue.running).toBe(2);
    await finish();
    expect(started).toEqual(['a', 'b', 'c']);
  });
});

describe('work at a time', () => {
  test('a key is added at its time and not before', async () => {
    const { clock, queue, started } = setUp();
    queue.start();
    queue.addAt('a', 100);
    await clock.runTo(99);
    expect(started).toEqual([]);
    await clock.runTo(100);
    expect(started).toEqual(['a']);
  });

  test('the earliest of several times is kept, and a time in the past is now', async () => {
    const { clock, queue, started, finish } = setUp();
    queue.start();
    queue.addAt('a', 100);
    queue.addAt('a', 50);
    queue.addAt('a', 200);
    queue.addAt('b', 0);
    await clock.runTo(49);
    expect(started).toEqual(['b']);
    await finish();
    await clock.runTo(50);
    await finish();
    await clock.runTo(1_000);
    expect(started).toEqual(['b', 'a']);
  });

  test('an urgent time overtakes keys that are ready', async () => {
    const { clock, queue, started, finish } = setUp();
    queue.start();
    queue.addAt('verdict', 10, 'urgent');
    queue.add('a');
    queue.add('b');
    await clock.runTo(10);
    await finish();
    expect(started).toEqual(['a', 'verdict']);
  });

  test('a time that comes while the key is processed brings it again', async () => {
    const { clock, queue, started, finish } = setUp();
    queue.start();
    queue.add('a');
    queue.addAt('a', 10);
    await clock.runTo(10);
    expect(started).toEqual(['a']);
    await finish();
    expect(started).toEqual(['a', 'a']);
  });

  test('a time that is no number is now, not never', async () => {
    const { clock, queue, started } = setUp();
    queue.start();
    queue.addAt('a', Number.NaN);
    await clock.runBy(0);
    expect(started).toEqual(['a']);
  });
});

describe('failures', () => {
  test('failures wait 5 ms, then twice as long each time, up to 5 minutes and a quarter', () => {
    const waits = Array.from({ length: 20 }, (_, index) => backoffMs(index + 1, () => 0));
    expect(waits.slice(0, 4)).toEqual([5, 10, 20, 40]);
    expect(waits.at(-1)).toBe(300_000);
    expect(backoffMs(5_000, () => 0)).toBe(300_000);
    expect(backoffMs(5_000, () => 1)).toBe(375_000);
  });

  test('failures of a key with a longest backoff of its own wait no longer than that', async () => {
    const retries: number[] = [];
    const { clock, queue, fail } = setUp({
      onFailure: (_key, _error, retryAtMs) => retries.push(retryAtMs - clock.now()),
      longestBackoffMs: (key) => (key === 'runs' ? 15 : undefined),
    });
    queue.start();
    for (const key of ['runs', 'idle']) {
      queue.add(key);
      for (let failure = 1; failure <= 4; failure += 1) {
        await clock.runBy(failure === 1 ? 0 : (retries.at(-1) ?? 0));
        await fail();
      }
      queue.discard(key);
    }
    expect(retries).toEqual([5, 10, 15, 15, 5, 10, 20, 40]);
  });

  test('failures are repeated after the backoff of their own key', async () => {
    const failures: [string, unknown, number][] = [];
    const { clock, queue, started, fail, finish } = setUp({ onFailure: (...failure) => failures.push(failure) });
    queue.start();
    queue.add('a');
    await clock.runBy(0);
    await fail();
    queue.add('b');
    await clock.runBy(0);
    await fail();
    expect(failures).toEqual([
      ['a', new Error('no'), 5],
      ['b', new Error('no'), 5],
    ]);
    await clock.runTo(5);
    await fail();
    await finish();
    expect(queue.failuresOf('a')).toBe(2);
    await clock.runTo(14);
    expect(started).toEqual(['a', 'b', 'a', 'b']);
    await clock.runTo(15);
    expect(started).toEqual(['a', 'b', 'a', 'b', 'a']);
  });

  test('failures are forgotten after a success and by forget', async () => {
    const { clock, queue, fail, finish } = setUp();
    queue.start();
    queue.add('a');
    await clock.runBy(0);
    await fail();
    await clock.runTo(5);
    await finish();
    expect(queue.failuresOf('a')).toBe(0);
    queue.add('a');
    await clock.runBy(0);
    await fail();
    queue.forget('a');
    expect(queue.failuresOf('a')).toBe(0);
    expect(clock.pending).toBe(1);
  });

  test('failures of an urgent key are repeated as urgent ones', async () => {
    const { clock, queue, started, fail, finish } = setUp();
    queue.start();
    queue.add('home', 'urgent');
    await clock.runBy(0);
    await fail();
    for (const key of ['a', 'b', 'c']) queue.add(key);
    await clock.runTo(5);
    await finish();
    expect(started).toEqual(['home', 'a', 'home']);
  });

  test('a processing that throws at once is a failure like any other', async () => {
    const failures: unknown[] = [];
    const { clock, queue } = setUp({
      onFailure: (_key, error) => failures.push(error),
      process: () => {
        throw new Error('at once');
      },
    });
    queue.start();
    queue.add('a');
    await clock.runBy(0);
    expect(failures).toEqual([new Error('at once')]);
    expect(queue.running).toBe(0);
  });

  test('a discarded key is not repeated', async () => {
    const { clock, queue, started, fail } = setUp();
    queue.start();
    queue.add('a');
    await clock.runBy(0);
    await fail();
    queue.discard('a');
    await clock.runTo(1_000_000);
    expect(started).toEqual(['a']);
    expect(clock.pending).toBe(0);
  });
});

describe('the end', () => {
  test('drain finishes what runs, starts nothing more, and leaves no timer', async () => {
    const { clock, queue, started, finish } = setUp({ maxConcurrent: 2 });
    queue.start();
    for (const key of ['a', 'b', 'c']) queue.add(key);
    queue.addAt('d', 100);
    await clock.runBy(0);
    let drained = 0;
    const ends = [queue.drain(), queue.drain()].map((end) => end.then(() => drained++));
    queue.add('e');
    queue.add('a');
    queue.addAt('f', 1);
    await finish();
    expect(drained).toBe(0);
    await finish();
    await Promise.all(ends);
    await clock.runTo(1_000);
    expect(started).toEqual(['a', 'b']);
    expect(clock.pending).toBe(0);
    expect(queue.depth).toBe(0);
  });

  test('drain plans no repetition of what fails meanwhile', async () => {
    const { clock, queue, fail } = setUp();
    queue.start();
    queue.add('a');
    await clock.runBy(0);
    const end = queue.drain();
    await fail();
    await end;
    expect(clock.pending).toBe(0);
  });

  test('drain resolves at once when nothing runs, also before start', async () => {
    const { clock, queue, started } = setUp();
    queue.add('a');
    await queue.drain();
    queue.start();
    await clock.runBy(0);
    expect(started).toEqual([]);
  });
});

test('the observer sees depth, waiting time, working time and repetitions', async () => {
  const seen: string[] = [];
  const note =
    (name: string) =>
    (value?: number | string): void => {
      seen.push(value === undefined ? name : `${name} ${value}`);
    };
  const observer: QueueObserver = {
    added: note('added'),
    depth: note('depth'),
    running: note('running'),
    waited: note('waited'),
    worked: note('worked'),
    retried: note('retried'),
  };
  const { clock, queue, fail } = setUp({ observer });
  queue.add('a');
  queue.add('a');
  queue.add('a', 'urgent');
  await clock.runTo(2_000);
  queue.start();
  await clock.runTo(2_500);
  await fail();
  expect(seen).toEqual(['added normal', 'depth 1', 'depth 0', 'running 1', 'waited 2', 'retried', 'worked 0.5', 'running 0']);
});
