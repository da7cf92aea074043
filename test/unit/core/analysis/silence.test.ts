import { describe, expect, test } from 'vitest';
import { readSilence } from '../../../../src/core/analysis/silence.ts';
import type { Series } from '../../../../src/core/analysis/series.ts';

const HOME = 100;

/** A counter by its scrapes: `[time, value]`. */
function counter(...samples: readonly (readonly [atMs: number, value: number])[]): Series {
  return { labels: {}, samples: samples.map(([atMs, value]) => ({ atMs, value })) };
}

const served = (...times: readonly number[]) => counter(...times.map((atMs) => [atMs, atMs] as const));

test.each<[string, readonly Series[], readonly Series[], string]>([
  ['nothing was scraped since', [counter([90, 5])], [served(80, 90)], 'unseen'],
  ['Prometheus has no series of at all', [], [], 'unseen'],
  ['one scrape since', [counter([90, 5], [110, 5])], [served(90, 110)], 'waiting'],
  ['two scrapes, of which one was before', [counter([100, 5], [110, 5])], [served(100, 110)], 'waiting'],
  ['two scrapes since without growth', [counter([90, 5], [110, 7], [120, 7])], [served(90, 110, 120)], 'silent'],
  ['growth between the two newest', [counter([110, 5], [120, 5], [130, 6])], [served(110, 120, 130)], 'busy'],
  ['growth before the two newest only', [counter([110, 5], [120, 6], [130, 6])], [served(110, 120, 130)], 'silent'],
  ['a counter that began anew', [counter([110, 5], [120, 2])], [served(110, 120)], 'busy'],
  ['one of several codes grows', [counter([110, 5], [120, 5]), counter([110, 1], [120, 2])], [served(110, 120)], 'busy'],
  ['a code that came up since', [counter([110, 5], [120, 5]), counter([120, 1])], [served(110, 120)], 'waiting'],
  ['a replica that was scraped once only', [counter([110, 5], [120, 5]), counter([115, 5])], [served(110, 120)], 'waiting'],
  ['the gateway forgot the backend and is still scraped', [counter([90, 5])], [served(90, 110, 120)], 'silent'],
  ['it never had a request, and the gateway is scraped', [], [served(110, 120)], 'silent'],
  ['it never had a request, and the gateway was scraped once', [], [served(110)], 'waiting'],
  ['its last scrape grew, but it is gone since two scrapes', [counter([110, 5], [120, 9])], [served(120, 130, 140)], 'silent'],
  ['its last scrape grew, and it is gone since one', [counter([110, 5], [120, 9])], [served(110, 120, 130)], 'busy'],
  ['scrapes of two gateway replicas are not two scrapes of one', [counter([90, 5])], [served(110), served(111)], 'waiting'],
  ['the serving backend is not counted', [counter([110, 5], [120, 5])], [], 'silent'],
])('a canary is silent or not where %s', (_what, canary, serving, expected) => {
  expect(readSilence(canary, serving, HOME)).toBe(expected);
});

describe('a canary', () => {
  test('a canary is judged by its busiest counter', () => {
    const canary = [counter([110, 5], [120, 5]), counter([110, 1]), counter([110, 1], [120, 2])];
    expect(readSilence(canary, [served(110, 120)], HOME)).toBe('busy');
  });
});
