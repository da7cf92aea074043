import { LONGEST_DRAIN_MS } from '../../src/core/release/drain.ts';
import { describe, expect, test } from 'vitest';
import type { MemoryWorld } from '../fakes/memory/world.ts';
import { buildStore, reasonsOf, untilState } from '../fixtures/story.ts';

const DELAYS = [0, 30, 45, 60, 120, 150, 300];
const CASES = [5_000, 15_000].flatMap((scrapeMs) => DELAYS.map((delay) => ({ scrapeMs, delay })));

/** A release with the default analysis, in a cluster that has run for a while. */
async function release(delay: number, scrapeMs = 5_000): Promise<MemoryWorld> {
  const world = buildStore({ scrapeMs });
  world.prometheus.delayMs = delay * 1_000;
  await world.run(360_000);
  world.createRelease('web', { services: [{ name: 'v1' }, { name: 'v2' }] });
  return world;
}

const messageOf = (world: MemoryWorld) => world.status('web')?.message ?? '';

describe('samples that arrive late', () => {
  test.each(CASES)('a healthy canary is promoted with scrapes of $scrapeMs ms that arrive $delay s late', async ({ scrapeMs, delay }) => {
    const world = await release(delay, scrapeMs);
    const took = await untilState(world, 'promoted');
    // Each of the three stages waits for the samples of its end.
    expect(took / 1_000).toBeGreaterThanOrEqual(1_020 + 3 * delay * (delay > 2 * (scrapeMs / 1_000) ? 1 : 0));
    expect(took / 1_000).toBeLessThan(1_020 + 3 * (delay + 15) + LONGEST_DRAIN_MS / 1_000);
  });

  test.each(CASES)(
    'a canary with 50% errors goes home with scrapes of $scrapeMs ms that arrive $delay s late',
    async ({ scrapeMs, delay }) => {
      const home = async (seconds: number) => {
        const world = await release(seconds, scrapeMs);
        world.setVersion('v2', { errorRatio: 0.5 });
        return untilState(world, 'rolledBack');
      };
      // As soon as without delay, once the samples are there; a look comes up to a scrape after them.
      expect(await home(delay)).toBeLessThanOrEqual((await home(0)) + delay * 1_000 + scrapeMs);
    },
  );

  test('the message says how late they are, and no event speaks of missing traffic', async () => {
    const world = await release(120);
    await untilState(world, 'stage.analyzing');
    await world.run(20_000);
    expect(messageOf(world)).toMatch(/no sample since the present weight was set: .* samples arrive 12[0-5] s late; 25% at 00:10:0/);
    await untilState(world, 'promoted');
    expect(reasonsOf(world)).not.toContain('NoTraffic');
  });

  test('a stage is left only when the samples of its whole duration have arrived', async () => {
    const world = await release(120);
    await untilState(world, 'stage.analyzing');
    await world.run(115_000);
    // In the last seconds of the first stage; what it answers then is not known for two minutes.
    world.setVersion('v2', { errorRatio: 0.5 });
    await untilState(world, 'rolledBack');
    expect(world.journal.transitions.filter(({ message }) => message.includes('25%'))).toEqual([]);
  });

  test('a gateway that is not scraped any more is noticed although its samples were late before', async () => {
    const world = await release(60);
    await world.run(90_000);
    world.setScrapeOutage(true);
    await world.run(65_000);
    expect(world.status('web')?.verdict).toBe('Pass');
    await world.run(60_000);
    expect(world.status('web')).toMatchObject({ verdict: 'Inconclusive', weight: 5 });
    expect(messageOf(world)).toContain('is the gateway still scraped?');
    world.setScrapeOutage(false);
    await untilState(world, 'promoted');
  });

  test('a delay that begins and ends while the release runs is followed', async () => {
    const world = await release(0);
    await world.run(60_000);
    world.prometheus.delayMs = 90_000;
    await world.run(180_000);
    expect(messageOf(world)).toContain('samples arrive 9');
    world.prometheus.delayMs = 0;
    await world.run(30_000);
    expect(messageOf(world)).not.toContain('late');
    await untilState(world, 'promoted');
  });

  test('samples that are later than five minutes prove no Pass, and a Fail still', async () => {
    const world = await release(360);
    await world.run(600_000);
    expect(world.status('web')).toMatchObject({ weight: 5, verdict: 'Inconclusive' });
    world.setVersion('v2', { errorRatio: 0.5 });
    await untilState(world, 'rolledBack', 420_000);
  });

  test('an operator that begins in the middle knows the delay, and raises nothing by looks of the past', async () => {
    const world = await release(60);
    await world.run(100_000);
    world.operators[0]?.kill();
    world.setVersion('v2', { errorRatio: 0.5 });
    await world.run(60_000);
    world.startOperator();
    await untilState(world, 'rolledBack', 90_000);
    expect(world.status('web')?.release?.maxWeight).toBe(5);
  });
});
