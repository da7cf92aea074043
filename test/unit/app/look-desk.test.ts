import { expect, test } from 'vitest';
import { LookDesk, MOST_LOOKS_AT_ONCE } from '../../../src/app/look-desk.ts';
import type { LookQuestion } from '../../../src/app/looks.ts';
import type { World } from '../../../src/app/world.ts';
import type { MetricsAnswer } from '../../../src/ports/metrics.ts';
import { contour } from '../../../src/sources/contour.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';
import { after, aReleaseStatus, aSpec, aStatus, NAMESPACE } from '../../support/builders.ts';

const question: LookQuestion = {
  spec: aSpec(),
  status: aStatus({ weight: 5, release: aReleaseStatus() }),
  namespace: NAMESPACE,
  name: 'web',
  target: { namespace: NAMESPACE, timeoutMs: 1_000 },
  source: contour,
  canary: [{ namespace: NAMESPACE, service: 'v2', port: 80 }],
  serving: [{ namespace: NAMESPACE, service: 'v1', port: 80 }],
};
const away: MetricsAnswer = { ok: false, kind: 'unavailable', message: 'refused' };

/** A desk over a Prometheus that answers when it is told to. */
function aDesk() {
  const open: (() => void)[] = [];
  const asked: number[] = [];
  const told: string[] = [];
  const query = (_target: unknown, _query: string, atMs: number) => {
    asked.push(atMs);
    return new Promise<MetricsAnswer>((resolve) => open.push(() => resolve(away)));
  };
  const desk = new LookDesk({ metrics: { query } } as unknown as World, (key) => told.push(key));
  const settle = () => new VirtualClock().runBy(0);
  return { desk, open, asked, told, settle };
}

test('a thousand releases do not ask Prometheus all at once', async () => {
  const { desk, open, asked, told, settle } = aDesk();
  for (let index = 0; index < 1_000; index += 1) desk.ask(`shop/${index}`, 'id', question, [after(60)]);
  await settle();
  expect(asked).toHaveLength(MOST_LOOKS_AT_ONCE);
  for (let round = 0; told.length < 1_000 && round < 1_000; round += 1) {
    for (const answer of open.splice(0)) answer();
    await settle();
    expect(open.length).toBeLessThanOrEqual(MOST_LOOKS_AT_ONCE);
  }
  expect(new Set(told).size).toBe(1_000);
});

test('missed looks are given up when Prometheus cannot be asked, but not the last one', async () => {
  const { desk, open, asked, told, settle } = aDesk();
  const times = Array.from({ length: 40 }, (_, index) => after(10 * (index + 1)));
  desk.ask('shop/web', 'id', question, times);
  while (told.length === 0) {
    await settle();
    for (const answer of open.splice(0)) answer();
  }
  const expected = [...times.slice(0, 10), after(400)];
  expect(asked).toEqual(expected);
  expect(desk.take('shop/web', 'id').map(({ atMs }) => atMs)).toEqual(expected);
  expect(desk.take('shop/web', 'id')).toEqual([]);
});

test('a release has one question at a time, and the answers of another release are thrown away', async () => {
  const { desk, open, asked, settle } = aDesk();
  desk.ask('shop/web', 'old', question, [after(10)]);
  desk.ask('shop/web', 'new', question, [after(20)]);
  await settle();
  expect(asked).toEqual([after(10)]);
  for (const answer of open.splice(0)) answer();
  await settle();
  expect(desk.take('shop/web', 'new')).toEqual([]);
});

test('answers that arrive together are told together, after the last of them was read', async () => {
  const turns: (() => void)[] = [];
  const told: string[] = [];
  const world = { metrics: { query: () => Promise.resolve(away) }, afterArrivals: (work: () => void) => turns.push(work) };
  const desk = new LookDesk(world as unknown as World, (key) => told.push(key));
  const keys = ['shop/a', 'shop/b', 'shop/c'];
  for (const key of keys) desk.ask(key, 'id', question, [after(60)]);
  await new VirtualClock().runBy(0);
  expect(told).toEqual([]);
  expect(turns).toHaveLength(1);
  for (const turn of turns.splice(0)) turn();
  expect(told).toEqual(keys);
  desk.take('shop/a', 'id');
  desk.ask('shop/a', 'id', question, [after(70)]);
  await new VirtualClock().runBy(0);
  for (const turn of turns.splice(0)) turn();
  expect(told).toEqual([...keys, 'shop/a']);
});
