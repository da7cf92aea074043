import { describe, expect, test } from 'vitest';
import { DeliveryQueue } from '../../../../src/adapters/notify/delivery-queue.ts';

function setUp(concurrency: number, waiting = 10) {
  const queue = new DeliveryQueue({ concurrency, waiting });
  const log: string[] = [];
  const ends = new Map<string, () => void>();
  const add = (lane: string, name: string): void =>
    queue.add(lane, {
      run: () => {
        log.push(`run ${name}`);
        return new Promise((resolve) => ends.set(name, resolve));
      },
      drop: () => log.push(`drop ${name}`),
    });
  const end = async (name: string): Promise<void> => {
    ends.get(name)?.();
    // The queue goes on in later turns of the microtask queue.
    for (let turn = 0; turn < 5; turn += 1) await Promise.resolve();
  };
  return { queue, log, add, end };
}

describe('deliveries', () => {
  test('deliveries of one lane run one after the other, those of others beside them', async () => {
    const { log, add, end } = setUp(8);
    add('a', 'a1');
    add('a', 'a2');
    add('b', 'b1');
    expect(log).toEqual(['run a1', 'run b1']);
    await end('a1');
    expect(log).toEqual(['run a1', 'run b1', 'run a2']);
  });

  test('deliveries are never more at once than allowed, and lanes take turns', async () => {
    const { log, add, end } = setUp(1);
    for (const name of ['a1', 'a2', 'b1']) add(name.slice(0, 1), name);
    expect(log).toEqual(['run a1']);
    await end('a1');
    await end('b1');
    expect(log).toEqual(['run a1', 'run b1', 'run a2']);
  });

  test('the oldest deliveries are given up when too many wait', () => {
    const { log, add } = setUp(1, 2);
    for (const name of ['a1', 'a2', 'a3', 'a4']) add('a', name);
    expect(log).toEqual(['run a1', 'drop a2']);
  });

  test('waiting deliveries can be given up, while the running one ends normally', async () => {
    const { queue, log, add, end } = setUp(1);
    for (const name of ['a1', 'a2']) add('a', name);
    add('b', 'b1');
    queue.clear();
    const idle = queue.whenIdle();
    await end('a1');
    await idle;
    expect(log).toEqual(['run a1', 'drop a2', 'drop b1']);
  });

  test('deliveries leave nothing behind once all have run', async () => {
    const { queue, log, add, end } = setUp(1);
    add('a', 'a1');
    await end('a1');
    await queue.whenIdle();
    add('a', 'a2');
    expect(log).toEqual(['run a1', 'run a2']);
  });
});
