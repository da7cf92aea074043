// The alerts of config/prometheus, held against what the operator exports: by promtool, with series as a scrape would have them.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { createMetrics } from '../../src/server/metrics.ts';
import { needs } from '../fixtures/needs.ts';
import { isInstalled } from '../fixtures/prometheus-binary.ts';

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly for?: string;
  readonly annotations: { readonly summary: string };
}

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
const { spec } = parse(read('config/prometheus/alerts.yaml')) as {
  readonly spec: { readonly groups: readonly [{ readonly rules: readonly Rule[] }] };
};
const [{ rules }] = spec.groups;

const RELEASE = 'namespace="shop",name="store"';
const phase = (name: string) => `glidepath_release_phase{${RELEASE},phase="${name}"}`;
const condition = (type: string) => `glidepath_release_condition{${RELEASE},type="${type}"}`;
const LEADS = { series: 'glidepath_leader', values: '1x600' };

/** For each alert: what is scraped each minute, and when it fires at the latest and not yet. */
const CASES: Readonly<
  Record<string, { readonly series: readonly { series: string; values: string }[]; readonly quiet?: string; readonly fires: string }>
> = {
  GlidepathReleaseRolledBack: { series: [LEADS, { series: phase('RolledBack'), values: '_x5 1x10' }], quiet: '4m', fires: '7m' },
  GlidepathRollbackSlow: {
    series: [LEADS, { series: phase('RollingBack'), values: '1x10' }, { series: `glidepath_release_weight{${RELEASE}}`, values: '20x10' }],
    quiet: '0m',
    fires: '2m',
  },
  GlidepathReleaseStuck: { series: [LEADS, { series: phase('Shifting'), values: '1x60' }], quiet: '29m', fires: '31m' },
  GlidepathReleaseBlocked: { series: [LEADS, { series: phase('Blocked'), values: '1x60' }], quiet: '14m', fires: '16m' },
  GlidepathReleaseWaits: { series: [LEADS, { series: phase('Paused'), values: '1x300' }], quiet: '239m', fires: '241m' },
  GlidepathJudgeUnavailable: { series: [LEADS, { series: condition('NotMetricsAvailable'), values: '1x20' }], quiet: '4m', fires: '6m' },
  GlidepathRouteContested: { series: [LEADS, { series: condition('RouteContested'), values: '1x20' }], fires: '1m' },
  GlidepathRouteWritesFail: {
    series: [LEADS, { series: 'glidepath_route_writes_total{result="forbidden"}', values: '0+1x40' }],
    quiet: '5m',
    fires: '15m',
  },
  GlidepathTwoOperators: {
    series: [LEADS, { series: 'glidepath_foreign_status_total', values: '0x10 0+1x10' }],
    quiet: '9m',
    fires: '16m',
  },
  GlidepathNoLeader: { series: [{ series: 'glidepath_leader', values: '0x10' }], quiet: '0m', fires: '2m' },
  GlidepathAbsent: { series: [{ series: 'up', values: '1x20' }], quiet: '4m', fires: '6m' },
};

interface Scraped {
  readonly series: readonly { readonly series: string; readonly values: string }[];
  /** How many of the alert are firing at these times. */
  readonly firing: Readonly<Record<string, number>>;
}

/** What promtool says of the rules against these series. */
function testRules(alert: string, { series, firing }: Scraped): string {
  const folder = mkdtempSync(join(tmpdir(), 'glidepath-alerts-'));
  try {
    writeFileSync(join(folder, 'rules.json'), JSON.stringify({ groups: spec.groups }));
    const expr = `count(ALERTS{alertname="${alert}",alertstate="firing"}) or vector(0)`;
    const asked = Object.entries(firing).map(([at, value]) => ({ expr, eval_time: at, exp_samples: [{ labels: '{}', value }] }));
    const tests = [{ interval: '1m', input_series: series, promql_expr_test: asked }];
    writeFileSync(join(folder, 'test.json'), JSON.stringify({ rule_files: ['rules.json'], evaluation_interval: '1m', tests }));
    const { status, stdout, stderr } = spawnSync('promtool', ['test', 'rules', join(folder, 'test.json')], { encoding: 'utf8' });
    return status === 0 ? 'passed' : `${stdout}${stderr}`;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

describe.runIf(isInstalled('promtool'))('the alerts', needs('the program promtool on the PATH'), () => {
  test.each(Object.entries(CASES))('the alerts have %s, which fires when it should and not before', (alert, { series, quiet, fires }) => {
    expect(testRules(alert, { series, firing: { ...(quiet === undefined ? {} : { [quiet]: 0 }), [fires]: 1 } })).toBe('passed');
  });

  test('the alerts are silent while releases run, pass and end', () => {
    const series = [
      LEADS,
      { series: phase('Analyzing'), values: '1x300' },
      { series: `glidepath_release_weight{${RELEASE}}`, values: '20x300' },
    ];
    for (const { alert } of rules) expect(testRules(alert, { series, firing: { '5m': 0, '250m': 0 } }), alert).toBe('passed');
  });
});

describe('the alerts and their runbook', () => {
  test('the alerts each have a case here, and a section in the runbook', () => {
    expect(rules.map(({ alert }) => alert).toSorted()).toEqual(Object.keys(CASES).toSorted());
    const sections = [...read('docs/runbook.md').matchAll(/^## (\S+)$/gm)].map(([, title = '']) => title);
    expect(sections.toSorted()).toEqual(Object.keys(CASES).toSorted());
  });

  test('the alerts ask for series that the operator has', async () => {
    const exported = await createMetrics({ processMetrics: false }).render();
    const asked = new Set(rules.flatMap(({ expr }) => expr.match(/glidepath_[a-z_]+/g) ?? []));
    for (const name of asked) expect(exported).toContain(`# TYPE ${name} `);
  });
});
