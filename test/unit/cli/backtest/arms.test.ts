// What a backtest asks Prometheus for, of every metrics source, with matchers of one's own and without.

import { describe, expect, test } from 'vitest';
import { type Arm, armsOf, type Reader, readPiece, type Recording } from '../../../../src/cli/backtest/arms.ts';
import { SOURCES } from '../../../../src/sources/catalogue.ts';
import { contour } from '../../../../src/sources/contour.ts';
import { istio } from '../../../../src/sources/istio.ts';
import { envoyGateway } from '../../../../src/sources/envoygateway.ts';

const SPAN = { fromMs: 1_000_000, toMs: 1_600_000 };

type Answer = Awaited<ReturnType<Reader['query']>>;

function record(change: Partial<Recording> = {}, answer: Answer = { ok: true, series: [], warnings: [] }) {
  const asked: string[] = [];
  const reader: Reader = {
    query: (_target, query) => {
      asked.push(query);
      return Promise.resolve(answer);
    },
  };
  const arm = (service: string, side: string): Arm => ({
    backend: { namespace: 'shop', service, port: 80 },
    selector: undefined,
    option: `--${side}-selector`,
  });
  const recording: Recording = {
    reader,
    source: contour,
    timeoutMs: 1_000,
    canary: arm('v2', 'canary'),
    serving: arm('v1', 'serving'),
    ...change,
  };
  return { asked, recording };
}

describe('queries', () => {
  test.each(SOURCES.map((source) => [source.name, source] as const))(
    'queries of %s carry the matchers that were given, and nothing else',
    async (_name, source) => {
      const { asked, recording } = record({ source });
      const own = (side: Arm): Arm => ({ ...side, selector: `side="${side.backend.service}"` });
      await readPiece({ ...recording, canary: own(recording.canary), serving: own(recording.serving) }, SPAN);
      expect(asked.length).toBe(source.latency === undefined ? 2 : 4);
      for (const query of asked) expect(query).toMatch(/^[a-z_:]+\{side="v[12]"\}\[12m\]$/);
    },
  );

  test('queries are those of the source where nothing was given', async () => {
    const { asked, recording } = record();
    await readPiece(recording, SPAN);
    expect(asked).toContain('envoy_cluster_upstream_rq{envoy_cluster_name="shop_v2_80"}[12m]');
  });

  test('queries that need the route are refused with the option that helps', async () => {
    await expect(readPiece(record({ source: envoyGateway }).recording, SPAN)).rejects.toThrow(
      /^source EnvoyGateway: .*; a recording does not have it, so add --canary-selector$/,
    );
  });
});

describe('answers', () => {
  test('answers with a warning are not whole', async () => {
    const { recording } = record({ source: istio }, { ok: true, series: [], warnings: ['a store is away'] });
    expect((await readPiece(recording, SPAN)).counts.problem).toEqual({
      kind: 'partial',
      message: 'Prometheus warns that the answer is incomplete: a store is away',
    });
  });

  test.each([
    ['unavailable', /^Prometheus is away$/],
    ['badQuery', /^Prometheus is away \(query envoy.*\); fix the selector of that side$/],
  ] as const)('answers that are %s end the replay', async (kind, message) => {
    const { recording } = record({}, { ok: false, kind, message: 'Prometheus is away' });
    await expect(readPiece(recording, SPAN)).rejects.toThrow(message);
  });

  test('answers without both histograms leave latency out of the comparison', async () => {
    const { counts } = await readPiece(record().recording, SPAN);
    const timed = { kind: 'series', series: [{ labels: { le: '+Inf' }, samples: [] }], perSecond: 1 } as const;
    expect(armsOf({ counts, timed, servingTimed: { kind: 'unusable', message: '' } }).canary.latency).toEqual([]);
    expect(armsOf({ counts, timed, servingTimed: timed }).canary.latency).toHaveLength(1);
  });
});
