import { describe, expect, test } from 'vitest';
import { LookDesk } from '../../../../src/app/metrics/look-desk.ts';
import { MOST_LOOKS_AT_ONCE, MOST_LOOKS_OF_ONE } from '../../../../src/app/metrics/look-places.ts';
import type { LookQuestion } from '../../../../src/app/metrics/queries.ts';
import type { World } from '../../../../src/app/world.ts';
import type { MetricsAnswer } from '../../../../src/ports/metrics.ts';
import { VirtualClock } from '../../../fakes/virtual-clock.ts';
import { after, aReleaseStatus, aSpec, aStatus, NAMESPACE } from '../../../fixtures/builders.ts';
import { withOneSource } from '../../../fixtures/look-question.ts';

const question: LookQuestion = {
  spec: aSpec(),
  status: aStatus({ weight: 5, release: aReleaseStatus() }),
  name: 'web',
  target: { namespace: NAMESPACE, timeoutMs: 1_000 },
  splitSide: 'both',
  ...withOneSource({}),
};
const away: MetricsAnswer = { ok: false, kind: 'unavailable', message: 'refused' };

/** A desk over a Prometheus that answers when it is told to. */
function aDesk() {
  const open: (() => void)[] = [];
  const asked: number[] = [];
  const told: string[] = [];
  const query = (_target: unknown, text: string, atMs: number) => {
    // One question of a look is enough to follow it by.
    if (text.startsWith('envoy_http_no_cluster')) return Promise.resolve(away);
    asked.push(atMs);
    return new Promise<MetricsAnswer>((resolve) => open.push(() => resolve(away)));
  };
  const desk = new LookDesk({ metrics: { query }, clock: new VirtualClock() } as unknown as World, (key) => told.push(key));
  const settle = () => new VirtualClock().runBy(0);
  return { desk, open, asked, told, settle };
}

const ofNamespace = (namespace: string, url?: string) => ({
  ...question,
  target: { ...question.target, namespace, ...(url === undefined ? {} : { url }) },
});

test('a thousand releases do not ask Prometheus all at once', async () => {
  const { desk, open, asked, told, settle } = aDesk();
  for (let index = 0; index < 1_000; index += 1) desk.ask(`shop/${index}`, 'id', ofNamespace(`shop-${index % 10}`), [after(60)]);
  await settle();
  expect(asked).toHaveLength(MOST_LOOKS_AT_ONCE);
  for (let round = 0; told.length < 1_000 && round < 1_000; round += 1) {
    for (const answer of open.splice(0)) answer();
    await settle();
    expect(open.length).toBeLessThanOrEqual(MOST_LOOKS_AT_ONCE);
  }
  expect(new Set(told).size).toBe(1_000);
});

test('a namespace, and a Prometheus that hangs, fill their own places and no others', async () => {
  const { desk, asked, settle } = aDesk();
  const url = 'https://prometheus.tenant.example';
  for (let index = 0; index < 100; index += 1) desk.ask(`tenant/${index}`, 'id', ofNamespace('tenant'), [after(60)]);
  await settle();
  expect(asked).toHaveLength(MOST_LOOKS_OF_ONE);
  for (let index = 0; index < 200; index += 1) desk.ask(`others/${index}`, 'id', ofNamespace(`others-${index % 20}`, url), [after(60)]);
  await settle();
  expect(asked).toHaveLength(MOST_LOOKS_OF_ONE + MOST_LOOKS_AT_ONCE);
  desk.ask('victim/web', 'id', ofNamespace('victim'), [after(61)]);
  await settle();
  expect(asked.at(-1)).toBe(after(61));
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

describe('answers of a burst', () => {
  /** A desk that gathers: `round` lets a moment pass. */
  function aGatheringDesk(releases: number) {
    const open: (() => void)[] = [];
    const rounds: (() => void)[] = [];
    const told: string[] = [];
    const query = () => new Promise<MetricsAnswer>((resolve) => open.push(() => resolve(away)));
    const clock = new VirtualClock();
    const world = { clock, metrics: { query }, afterArrivals: (work: () => void) => rounds.push(work) };
    const desk = new LookDesk(world as unknown as World, (key) => told.push(key));
    for (let index = 0; index < releases; index += 1) desk.ask(`shop/${index}`, 'id', question, [after(60)]);
    const settle = () => clock.runBy(0);
    const answer = async (): Promise<void> => {
      await settle();
      open.shift()?.();
      await settle();
    };
    const round = (): void => {
      clock.advanceBy(3);
      for (const work of rounds.splice(0)) work();
    };
    return { told, rounds, answer, round };
  }

  test('answers of a burst are reported together as long as every moment brings more, so that their home writes go out side by side', async () => {
    const { told, answer, round } = aGatheringDesk(5);
    await answer();
    await answer();
    round();
    await answer();
    expect(told).toEqual([]);
    round();
    expect(told).toEqual([]);
    round();
    expect(told).toEqual(['shop/0', 'shop/1', 'shop/2']);
  });

  test('an answer is reported at once when no other look is under way', async () => {
    const { told, rounds, answer } = aGatheringDesk(1);
    await answer();
    expect(told).toEqual(['shop/0']);
    expect(rounds).toEqual([]);
    const two = aGatheringDesk(2);
    await two.answer();
    expect(two.told).toEqual([]);
    await two.answer();
    expect(two.told).toEqual(['shop/0', 'shop/1']);
    two.round();
    expect(two.told).toHaveLength(2);
  });

  test('answers do not wait for an endless burst', async () => {
    const { told, answer, round } = aGatheringDesk(40);
    await answer();
    let rounds = 0;
    for (; told.length === 0 && rounds < 40; rounds += 1) {
      await answer();
      round();
    }
    expect(rounds).toBe(10);
    expect(told).toHaveLength(11);
  });
});
