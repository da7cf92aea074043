// The command line as people and scripts meet it: what is printed where, and the exit codes.

import { describe, expect, test } from 'vitest';
import { aManifest, call } from './fake-io.ts';

const SHORT = aManifest(['stages: [{weight: 10, duration: 1m}, {weight: 50, duration: 1m}]']);
const FILES = {
  'web.yaml': SHORT,
  '-': SHORT,
  'two.yaml': `${SHORT}---\n${aManifest([], 'other')}`,
  'bad.yaml': aManifest(['stages: []']),
};

describe('help and version', () => {
  test('help and version are printed to the output and are no error', async () => {
    const help = await call(['--help']);
    expect(help).toMatchObject({ code: 0, err: '' });
    for (const word of ['Usage: kubectl canary', 'plan', 'backtest', 'version', 'Exit codes']) expect(help.out).toContain(word);
    expect((await call(['plan', '--help'])).out).toContain('--canary-errors <percent>');
    expect(await call(['version'])).toEqual({ code: 0, out: 'kubectl-canary 1.2.3, API glidepath.dev/v1alpha1\n', err: '' });
    expect((await call(['--version'])).out).toBe('1.2.3\n');
    expect(JSON.parse((await call(['version', '-o', 'json'])).out)).toMatchObject({ version: '1.2.3', api: 'glidepath.dev/v1alpha1' });
  });

  test('help and version come unasked when nothing is asked for', async () => {
    expect(await call([])).toMatchObject({ code: 2, err: '' });
  });
});

describe('wrong options', () => {
  test.each<readonly [argv: string, message: RegExp]>([
    ['plann', /unknown command 'plann'[\s\S]*Did you mean plan\?/],
    ['plan', /required option '-f, --filename <file>' not specified/],
    ['plan -f web.yaml --rps many', /option '--rps <number>' argument 'many' is invalid\. Write requests a second/],
    ['plan -f web.yaml --errors 2', /Write a percentage from 0% to 100% such as 0\.2%/],
    ['plan -f web.yaml --runs 0', /Write a whole number from 1 to 100000/],
    ['plan -f web.yaml -o yaml', /Allowed choices are text, json, svg/],
    ['plan -f web.yaml --at-stage 3', /^error: --at-stage 3: CanaryRelease web has 2 stages; write a number from 1 to 2$/m],
    ['plan -f web.yaml --latency 0s', /^error: --latency and --canary-latency: write a duration above 0/],
    ['plan -f none.yaml', /^error: none\.yaml cannot be read \(no such file\); name the file of a CanaryRelease with -f$/m],
    ['plan -f two.yaml --name nobody', /^error: two\.yaml has no CanaryRelease nobody; it has web, other$/m],
    ['plan -f two.yaml -o svg', /^error: two\.yaml holds 2 CanaryReleases and a drawing shows one; choose one with --name web$/m],
    ['plan -f bad.yaml', /^error: bad\.yaml:6:11: spec\.stages: /],
    [
      'backtest -f web.yaml --prometheus http://p --from -1h',
      /^error: the metrics source is Auto, .* name the source with --source \(Contour, /,
    ],
    [
      'backtest -f web.yaml --prometheus http://p --from -1h --source Kong',
      /^error: --source Kong is no metrics source; write one of Contour/,
    ],
    ['backtest -f web.yaml --prometheus p --from -1h --source Contour', /^error: the address of Prometheus is no URL$/m],
    ['backtest -f web.yaml --prometheus http://p --from -1h --to -2h', /^error: --from must be before --to$/m],
    [
      'backtest -f web.yaml --prometheus http://p --from -1h --source Contour --token-file none',
      /^error: --token-file none cannot be read \(no such file\)/,
    ],
    [
      'backtest -f web.yaml --prometheus http://p --from -1h --source Contour --canary web-v3',
      /^error: --canary web-v3 is none of the release's Services; write web-v1 or web-v2$/m,
    ],
    [
      'backtest -f two.yaml --prometheus http://p --from -1h',
      /^error: two\.yaml holds several CanaryReleases; choose one with --name web$/m,
    ],
  ])('%s ends with code 2 and one sentence', async (argv, message) => {
    const { code, out, err } = await call(argv.split(' '), FILES);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toMatch(message);
  });

  test('the output never repeats the value of a header', async () => {
    const argv = [
      'backtest',
      '-f',
      'web.yaml',
      '--prometheus',
      'http://p',
      '--from',
      '-1h',
      '--source',
      'Contour',
      '--header',
      'Authorization: of\ntests',
    ];
    expect((await call(argv, FILES)).err).not.toContain('of\ntests');
  });
});

describe('a plan', () => {
  test('a plan is printed with chart, timeline and chances', async () => {
    const { code, out, err } = await call(['plan', '-f', '-', '--runs', '20'], FILES);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toMatch(
      /^plan of CanaryRelease shop\/web\n100 requests\/s; serving fails 0\.1% at a median of 80ms, the canary 0\.1% at 80ms; seed 1\n/,
    );
    expect(out).toMatch(/ 100%┤ +█+\n/);
    expect(out).toMatch(/\n1m +50% +stage\.shifting +stage 2\/2: canary share goes to 50%\n/);
    expect(out).toMatch(/\nOVER 20 RUNS +CHANCE +MEDIAN +90% WITHIN\npromoted +100% +2m\w* +2m\w*\n/);
    expect(out).not.toContain('\u001b');
  });

  test('a plan is the same for the same seed', async () => {
    const argv = ['plan', '-f', 'web.yaml', '--runs', '10', '--canary-errors', '2%', '-o', 'json'];
    const [first, again, other] = [await call(argv, FILES), await call(argv, FILES), await call([...argv, '--seed', '2'], FILES)];
    expect(first.out).toBe(again.out);
    expect(first.out).not.toBe(other.out);
  });

  test('a plan as JSON has the documented shape', async () => {
    const { out } = await call(['plan', '-f', 'two.yaml', '--runs', '3', '--canary-errors', '20%', '--at-stage', '2', '-o', 'json'], FILES);
    const list = JSON.parse(out) as { apiVersion: string; kind: string; items: Record<string, unknown>[] };
    expect(list).toMatchObject({ apiVersion: 'cli.glidepath.dev/v1', kind: 'PlanList' });
    expect(list.items.map(({ name }) => name)).toEqual(['web', 'other']);
    expect(list.items[0]).toMatchObject({
      namespace: 'shop',
      traffic: {
        requestsPerSecond: 100,
        errors: 0.001,
        canaryErrors: 0.2,
        latencySeconds: 0.08,
        canaryLatencySeconds: 0.08,
        badFromStage: 2,
      },
      runs: 3,
      promoted: { chance: 0, runs: 0, medianSeconds: null, p90Seconds: null },
      rolledBack: { chance: 1, runs: 3 },
      reasons: [{ ending: 'rolledBack', reason: 'ErrorRatio', chance: 1 }],
      typical: { ending: 'rolledBack', reason: 'ErrorRatio' },
    });
  });

  test('a plan says what it assumes', async () => {
    const spec = ['analysis:', '  checks: [{name: orders, query: sum(orders), min: "1"}]', 'promotion: {approval: Required}'];
    const { out } = await call(['plan', '-f', 'own.yaml', '--runs', '2'], { 'own.yaml': aManifest(spec) });
    expect(out).toContain('taken for granted: orders (a query of your own) stays within its limits');
    expect(out).toContain('a run ends where it waits for approval; simulate approvals with --approve-after');
  });

  test('a plan says which slower canary the buckets of the metrics source hide', async () => {
    const hides = 'p50 to p99 of serving are in the bucket up to 100ms: only a canary slower than 100ms can be seen';
    const files = { 'traefik.yaml': aManifest(['analysis: {metrics: {source: Traefik}}']), 'auto.yaml': aManifest() };
    const planned = async (...words: readonly string[]) => (await call(['plan', '--runs', '2', '--latency', '30ms', ...words], files)).out;
    expect(await planned('-f', 'traefik.yaml')).toContain(hides);
    expect(await planned('-f', 'traefik.yaml', '--buckets', '25ms,50ms,100ms,250ms')).not.toContain('in the bucket');
    expect(await planned('-f', 'auto.yaml')).not.toContain('in the bucket');
    expect(await planned('-f', 'auto.yaml', '--buckets', '100ms,1s')).toContain(hides);
    const { code, err } = await call(['plan', '-f', 'auto.yaml', '--buckets', '1s,100ms'], files);
    expect(code).toBe(2);
    expect(err).toContain('Write durations above 0 that rise');
  });

  test('a plan lets someone approve where that is asked for', async () => {
    const files = { 'p.yaml': aManifest(['stages: [{weight: 10, duration: 1m, approval: Required}]']) };
    const { out } = await call(['plan', '-f', 'p.yaml', '--runs', '4', '--approve-after', '5m'], files);
    expect(out).toContain('each approval is given after 5m');
    expect(out).toMatch(/stage 1 is approved by a person/);
    expect(out).toMatch(/\npromoted +100% +\d+m/);
    expect(out).toMatch(/\napproved on the way +100%\n/);
  });

  test('a plan of a release that cannot start fails and says why', async () => {
    const { code, out } = await call(['plan', '-f', 'p.yaml', '--runs', '2'], { 'p.yaml': aManifest(['paused: true']) });
    expect(code).toBe(1);
    expect(out).toContain('typical run: cannot start');
  });

  test('a plan has colours at a terminal only, unless someone says no', async () => {
    const argv = ['plan', '-f', 'web.yaml', '--runs', '1'];
    expect((await call(argv, FILES, { outIsTerminal: true })).out).toContain('\u001b[32m');
    expect((await call(argv, FILES, { outIsTerminal: true, env: { NO_COLOR: '1' } })).out).not.toContain('\u001b');
  });

  test('a plan reports its progress when it takes longer than a second', async () => {
    let now = 0;
    const slow = { now: () => (now += 700), errIsTerminal: true };
    const { err } = await call(['plan', '-f', 'web.yaml', '--runs', '50'], FILES, slow);
    expect(err).toMatch(/^\rsimulated \d+ of 50 runs\r/);
    expect(err.endsWith('\r\u001b[K')).toBe(true);
  });
});
