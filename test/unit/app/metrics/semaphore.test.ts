// How many tasks run at a time, and in which order the others get their place.
import { expect, test } from 'vitest';
import { Semaphore } from '../../../../src/app/metrics/semaphore.ts';

/** Tasks that end when they are told to. */
function openTasks(semaphore: Semaphore, names: readonly string[]) {
  const started: string[] = [];
  const ends = new Map(names.map((name) => [name, Promise.withResolvers<string>()]));
  const results = names.map((name) =>
    semaphore.run(() => {
      started.push(name);
      return ends.get(name)?.promise ?? Promise.reject(new Error(name));
    }),
  );
  return { started, ends, results };
}

test('tasks start at once until all places are taken, and then in the order in which they came', async () => {
  const semaphore = new Semaphore(2);
  const { started, ends, results } = openTasks(semaphore, ['a', 'b', 'c', 'd']);
  expect(started).toEqual(['a', 'b']);
  expect(semaphore).toMatchObject({ taken: 2, isFull: true });
  ends.get('b')?.resolve('of b');
  expect(await results[1]).toBe('of b');
  expect(started).toEqual(['a', 'b', 'c']);
  expect(semaphore.taken).toBe(2);
  for (const end of ends.values()) end.resolve('done');
  await Promise.all(results);
  expect(started).toEqual(['a', 'b', 'c', 'd']);
  expect(semaphore).toMatchObject({ taken: 0, isFull: false });
});

test('a task that fails leaves its place to the next one', async () => {
  const semaphore = new Semaphore(1);
  const { started, ends, results } = openTasks(semaphore, ['a', 'b']);
  ends.get('a')?.reject(new Error('broken'));
  await expect(results[0]).rejects.toThrow('broken');
  expect(started).toEqual(['a', 'b']);
  ends.get('b')?.resolve('of b');
  expect(await results[1]).toBe('of b');
  expect(semaphore.taken).toBe(0);
});

test('a place that is handed on is never free in between', async () => {
  const semaphore = new Semaphore(1);
  const { ends, results } = openTasks(semaphore, ['a', 'b']);
  ends.get('a')?.resolve('of a');
  await results[0];
  const late = openTasks(semaphore, ['c']);
  expect(late.started).toEqual([]);
  for (const end of [...ends.values(), ...late.ends.values()]) end.resolve('done');
  await Promise.all([...results, ...late.results]);
});
