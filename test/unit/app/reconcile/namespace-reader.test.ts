import { expect, test } from 'vitest';
import type { Route } from '../../../../src/api/routes.ts';
import { NamespaceReader } from '../../../../src/app/reconcile/namespace-reader.ts';
import type { RouteStore } from '../../../../src/ports/routes.ts';
import { aRoute } from '../../../fixtures/builders.ts';

/** A store whose answers are given one after the other. */
function aStore() {
  const asked: string[] = [];
  const open: { readonly answer: (routes: readonly Route[]) => void; readonly fail: (why: Error) => void }[] = [];
  const readAll = (namespace: string) => {
    asked.push(namespace);
    return new Promise<readonly Route[]>((answer, fail) => open.push({ answer, fail }));
  };
  return { asked, open, reader: new NamespaceReader({ readAll } as Partial<RouteStore> as RouteStore) };
}

/** Lets promises settle. */
const settle = () => new Promise((resolve) => setImmediate(resolve));

test('a read is asked for at once, and each namespace by itself', () => {
  const { asked, reader } = aStore();
  void reader.read('shop');
  void reader.read('bank');
  expect(asked).toEqual(['shop', 'bank']);
});

test('who asks while a read is under way shares the next one with all others, because the first one may be too old', async () => {
  const { asked, open, reader } = aStore();
  const first = reader.read('shop');
  const [second, third] = [reader.read('shop'), reader.read('shop')];
  expect(asked).toHaveLength(1);
  open[0]?.answer([]);
  expect(await first).toEqual([]);
  await settle();
  expect(asked).toHaveLength(2);
  const late = reader.read('shop');
  open[1]?.answer([aRoute()]);
  expect(await Promise.all([second, third])).toEqual([[aRoute()], [aRoute()]]);
  await settle();
  expect(asked).toHaveLength(3);
  open[2]?.answer([]);
  expect(await late).toEqual([]);
});

test('after a read that failed the next one is asked for', async () => {
  const { asked, open, reader } = aStore();
  const first = reader.read('shop');
  const second = reader.read('shop');
  open[0]?.fail(new Error('503'));
  await expect(first).rejects.toThrow('503');
  await settle();
  open[1]?.answer([]);
  expect(await second).toEqual([]);
  await settle();
  void reader.read('shop');
  expect(asked).toHaveLength(3);
});
