// The backtest against a fake Prometheus over real sockets: recordings of a good, a bad and an absent canary.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseDuration } from '../../../src/api/duration.ts';
import { type FakePrometheus, startFakePrometheus } from '../../fakes/prometheus/server.ts';
import { aManifest, call, type Called, NOW } from '../../unit/cli/fake-io.ts';

const MINUTE = 60_000;
/** The recorded canary got its first weight here. */
const BEGAN = NOW - 60 * MINUTE;

/** The canary's share over time, as a stage-by-stage release gives it. */
const SHARES: readonly (readonly [fromMs: number, share: number])[] = [
  [BEGAN, 0.05],
  [BEGAN + 4 * MINUTE, 0.25],
  [BEGAN + 12 * MINUTE, 0.5],
];

interface Story {
  /** Failed part of the canary's answers, by time. */
  readonly badAt: (atMs: number) => number;
  readonly endMs?: number;
  /** What all requests take of serving and of the canary, milliseconds; absent: nothing is timed. */
  readonly times?: { readonly serving: number; readonly canary: number };
}

/** Some bounds of Envoy's, milliseconds. */
const BOUNDS = ['1', '5', '10', '25', '50', '100', '250', '500', '1000', '2500', '+Inf'];

const RPS = 100;
const STEP_MS = 1_000;

/** Counters of both Services, sampled from a table that is filled second by second. */
function record(prometheus: FakePrometheus, namespace: string, { badAt, endMs = NOW, times }: Story): void {
  const startMs = NOW - 150 * MINUTE;
  const counts: Record<string, number[]> = { v1ok: [0], v1bad: [0], v2ok: [0], v2bad: [0] };
  for (let atMs = startMs; atMs < NOW; atMs += STEP_MS) {
    const share = atMs < endMs ? (SHARES.findLast(([fromMs]) => atMs >= fromMs)?.[1] ?? 0) : 0;
    const [ours, theirs] = [RPS * share, RPS * (1 - share)];
    const add = (name: string, count: number) => counts[name]?.push((counts[name]?.at(-1) ?? 0) + count);
    add('v1ok', theirs * 0.999);
    add('v1bad', theirs * 0.001);
    add('v2ok', ours * (1 - badAt(atMs)));
    add('v2bad', ours * badAt(atMs));
  }
  const counterOf = (name: string) => (atMs: number) => {
    const value = Math.floor(counts[name]?.[Math.round((atMs - startMs) / STEP_MS)] ?? 0);
    return value === 0 ? undefined : value;
  };
  for (const [service, code, name] of [
    ['v1', '200', 'v1ok'],
    ['v1', '503', 'v1bad'],
    ['v2', '200', 'v2ok'],
    ['v2', '503', 'v2bad'],
  ] as const)
    prometheus.counter(
      'envoy_cluster_upstream_rq',
      { envoy_cluster_name: `${namespace}_web-${service}_80`, envoy_response_code: code },
      counterOf(name),
    );
  if (times === undefined) return;
  for (const [service, ms] of [
    ['v1', times.serving],
    ['v2', times.canary],
  ] as const)
    for (const le of BOUNDS)
      prometheus.counter('envoy_cluster_upstream_rq_time_bucket', { envoy_cluster_name: `${namespace}_web-${service}_80`, le }, (atMs) => {
        const [ok, bad] = [counterOf(`${service}ok`)(atMs) ?? 0, counterOf(`${service}bad`)(atMs) ?? 0];
        if (ok + bad === 0) return undefined;
        return ms <= Number(le.replace('+Inf', 'Infinity')) ? ok + bad : 0;
      });
}

let prometheus: FakePrometheus;

beforeAll(async () => {
  prometheus = await startFakePrometheus({ scrapeIntervalMs: 10_000, now: () => NOW });
  record(prometheus, 'shop', { badAt: () => 0.001 });
  record(prometheus, 'bad', { badAt: (atMs) => (atMs < BEGAN + 6 * MINUTE ? 0.001 : 0.05) });
  record(prometheus, 'slow', { badAt: () => 0.001, times: { serving: 30, canary: 2_000 } });
  record(prometheus, 'short', { badAt: () => 0.001, endMs: BEGAN + 3 * MINUTE });
});

afterAll(() => prometheus.close());

function backtest(namespace: string, ...more: readonly string[]): Promise<Called> {
  const manifest = aManifest().replace('namespace: shop', `namespace: ${namespace}`);
  const argv = ['backtest', '-f', 'web.yaml', '--prometheus', prometheus.url, '--source', 'Contour', '--from', '-90m', ...more];
  return call(argv, { 'web.yaml': manifest });
}

describe('a recording', () => {
  test('the replay of a good canary earns every stage and has nothing against it', async () => {
    const { code, out, err } = await backtest('shop');
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toMatch(
      /would have passed 25% at 13:0\d:\d\dZ, 50% at 13:\d\d:\d\dZ, the promotion at 13:\d\d:\d\dZ; no check failed until 14:00:00Z/,
    );
  });

  test('the replay of a bad canary is rolled back soon after it turned, and says why', async () => {
    const { code, out } = await backtest('bad');
    expect(code).toBe(0);
    expect(out).toMatch(
      /would have rolled back at 13:0[67]:\d\dZ \(after it had passed 25% at 13:0\d:\d\dZ\): errors [0-9.]+% \(limit <= 1%\)/,
    );
    expect(out).toMatch(/errors +Fail/);
  });

  test('the replay of a slow canary is rolled back for its latency, although serving fills one bucket', async () => {
    const { code, out } = await backtest('slow');
    expect(code).toBe(0);
    expect(out).toMatch(/would have rolled back at 13:0[12]:\d\dZ: worse than serving: canary p\d\d 2(\.\d)?s, serving \d\dms, over/);
  });

  test('the replay of a canary that left early is judged as long as it was there', async () => {
    const { out } = await backtest('short');
    expect(out).toContain("when the canary's requests ended");
  });

  test('a recording without a canary is a failure that says what to check', async () => {
    const { code, out } = await backtest('empty');
    expect(code).toBe(1);
    expect(out).toContain('check --from, --to and --canary-selector');
  });

  test('a recording whose roles seem to be swapped is reported as doubtful', async () => {
    expect((await backtest('shop', '--canary', 'web-v1')).out).toMatch(
      /\nnote: the canary had \d+% of the requests from the beginning; .* --canary or another --from\n/,
    );
  });

  test('a recording is shown as JSON, look by look', async () => {
    const { out } = await backtest('bad', '-o', 'json');
    const told = JSON.parse(out) as {
      outcome: string;
      rolledBack: { stage: number; reason: string };
      looks: { stage: number; weight: number }[];
    };
    expect(told.outcome).toBe('rolledBack');
    expect(told.rolledBack).toMatchObject({ stage: 2, reason: 'ErrorRatio' });
    expect(told.looks.at(-1)).toMatchObject({ stage: 2, weight: 25 });
  });

  test('a recording is shown in a line for each check of each look where that is asked for', async () => {
    const [wide, told] = [
      await backtest('short', '-o', 'wide'),
      JSON.parse((await backtest('short', '-o', 'json')).out) as { looks: { checks: unknown[] }[] },
    ];
    expect(wide.out.split('\n').filter((line) => / errors {2,}/.test(line)).length).toBe(
      told.looks.filter(({ checks }) => checks.length > 0).length,
    );
  });
});

describe('what Prometheus is asked', () => {
  test('a question to Prometheus has the matchers that were given', async () => {
    const { out } = await backtest(
      'elsewhere',
      '--canary-selector',
      '{envoy_cluster_name="bad_web-v2_80"}',
      '--serving-selector',
      'envoy_cluster_name="bad_web-v1_80"',
    );
    expect(out).toContain('would have rolled back at 13:0');
    expect(prometheus.received.at(-1)?.query).toMatch(/^envoy_cluster_upstream_rq\w*\{envoy_cluster_name="bad_web-v[12]_80"\}\[/);
  });

  test('a question to Prometheus carries the headers that were given', async () => {
    await backtest('empty', '--header', 'Authorization: Bearer of-tests', '--header', 'X-Scope-OrgID: shop');
    expect(prometheus.received.at(-1)?.headers).toMatchObject({ authorization: 'Bearer of-tests', 'x-scope-orgid': 'shop' });
  });

  test('a recording is asked for in pieces of ten minutes', async () => {
    const before = prometheus.received.length;
    await backtest('shop');
    const minutes = prometheus.received.slice(before).map(({ query }) => parseDuration(/\[(.+)\]$/.exec(query)?.[1] ?? '0s') / MINUTE);
    // Two more for the base of the counters, some seconds for the window; the half hour before the release is one piece.
    expect(minutes.filter((range) => range > 14 && range !== 32)).toEqual([]);
    expect(minutes.filter((range) => range > 11).length).toBeGreaterThan(20);
  });
});

describe('a Prometheus', () => {
  test('a Prometheus that does not answer ends the replay with code 1', async () => {
    const { code, err } = await call(
      ['backtest', '-f', 'web.yaml', '--prometheus', 'http://127.0.0.1:1', '--source', 'Contour', '--from', '-1h'],
      { 'web.yaml': aManifest() },
    );
    expect(code).toBe(1);
    expect(err).toMatch(/^error: Prometheus at http:\/\/127\.0\.0\.1:1 /);
  });
});
