// The two drawings of a plan: block characters for terminals, SVG for documents.

import { describe, expect, test } from 'vitest';
import { drawChart, type Paint, tickTimes } from '../../../../src/cli/plan/chart.ts';
import { cumulate, shareBuckets, uppersOf } from '../../../../src/cli/plan/latency.ts';
import { estimateQuantile } from '../../../../src/core/analysis/histogram.ts';
import { aManifest, call } from '../fake-io.ts';

const plain = (text: string) => text;
const PAINT: Paint = { good: plain, bad: plain, dim: plain };
const STEPS = [
  { atMs: 1_000, weight: 5 },
  { atMs: 21_000, weight: 50 },
  { atMs: 41_000, weight: 100 },
];

describe('a chart', () => {
  test('climbs with the weight', () => {
    expect(drawChart({ steps: STEPS, untilMs: 60_000, columns: 37, rows: 4 }, PAINT)).toEqual([
      ' 100%┤                    ██████████',
      '     ┤                    ██████████',
      '  50%┤          ████████████████████',
      '   0%┤▂▂▂▂▂▂▂▂▂▂████████████████████',
      '     └──────────────────────────────',
      '      0s             30s',
    ]);
  });

  test.each([20, 80, 100, 300])('a chart is never wider than %d columns, and never than 100', (columns) => {
    const widths = drawChart({ steps: STEPS, untilMs: 60_000, columns, rows: 8 }, PAINT).map(({ length }) => length);
    expect(Math.max(...widths)).toBeLessThanOrEqual(Math.max(27, Math.min(100, columns)));
  });

  test('a chart marks what comes after a bad end', () => {
    const paint = { ...PAINT, bad: (text: string) => text.replaceAll('█', 'x') };
    const lines = drawChart({ steps: [{ atMs: 0, weight: 100 }], untilMs: 10_000, badFromMs: 5_000, columns: 27, rows: 1 }, paint);
    expect(lines[0]).toBe(' 100%┤██████████xxxxxxxxxx');
  });

  test('a chart has round times on its axis', () => {
    expect(tickTimes(1_020_000, 8)).toEqual([0, 300_000, 600_000, 900_000]);
  });
});

describe('simulated latency', () => {
  test('simulated latency has the median that was asked for, in whole shares', () => {
    const uppers = uppersOf('Auto');
    const buckets = cumulate(
      shareBuckets(0.1, uppers).map((share) => share * 1_000),
      uppers,
    );
    expect(buckets.at(-1)?.count).toBeCloseTo(1_000, 0);
    expect(estimateQuantile(buckets, 0.5)).toBeCloseTo(0.1, 2);
  });

  test('simulated latency is counted in the buckets of the metrics source, and in those of Envoy where only the cluster knows it', () => {
    expect(uppersOf('Traefik')).toEqual([0.1, 0.3, 1.2, 5, Number.POSITIVE_INFINITY]);
    expect(uppersOf('Auto')).toEqual(uppersOf('Contour'));
    expect(uppersOf('PrometheusClient')).toContain(0.025);
  });
});

describe('an SVG', () => {
  test('an SVG stands for itself: line, band, stages and title', async () => {
    const stages = ['stages: [{name: first, weight: 10, duration: 1m}, {weight: 50, duration: 1m}]'];
    const { code, out } = await call(['plan', '-f', 'a.yaml', '--runs', '5', '-o', 'svg'], { 'a.yaml': aManifest(stages, 'a') });
    expect(code).toBe(0);
    expect(out).toMatch(/^<svg xmlns="http:\/\/www.w3.org\/2000\/svg" viewBox="0 0 900 360"[\s\S]*<\/svg>\n$/);
    expect(out).toMatch(/shop\/a: typical run: promoted after 2m/);
    expect(out).toContain('>stage 1/2 (first), 10%</text>');
    expect(out).toMatch(/<path class="line" d="M56 312H56\.\dV287\.2H[\d.]+V188H[\d.]+V64H880"\/>/);
    expect(out.length).toBeLessThan(6_000);
    expect(out).not.toMatch(/href|<script|url\(|NaN|undefined/);
  });
});
