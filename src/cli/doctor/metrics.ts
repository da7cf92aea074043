// Whether Prometheus has the series of the serving backends that the analysis will query, and often enough.

import { formatDuration, parseDuration } from '../../api/duration.ts';
import { isGlidepathError } from '../../api/errors.ts';
import { scrapeIntervalOf } from '../../core/analysis/increments.ts';
import { doubt, fail, fine, type Finding } from '../finding.ts';
import { type Judged, servingBackends } from './gateways.ts';
import { describeHidden } from './hidden-latency.ts';
import type { Asker } from './prometheus.ts';
import { nameOf, nameSome } from './seen.ts';
import { describeUnmatchedLabel } from './unmatched-label.ts';

/** How far back series are searched for. */
const RANGE_MS = 10 * 60_000;
/** Scrapes come a little early or late. */
const SLACK = 1.2;

interface Tried {
  readonly judged: Judged;
  readonly scrapeMs: number | undefined;
  readonly findings: readonly Finding[];
  /** What the buckets of its latency hide. */
  readonly hidden: readonly Finding[];
}

/** @param askerOf undefined where the release's Prometheus cannot be asked */
export async function checkMetrics(all: readonly Judged[], askerOf: (judged: Judged) => Asker | undefined): Promise<readonly Finding[]> {
  const asked = await Promise.all(
    all.flatMap((judged) => {
      const asker = askerOf(judged);
      return asker === undefined ? [] : [tryAll(judged, asker)];
    }),
  );
  const good = asked.filter(({ scrapeMs, findings }) => scrapeMs !== undefined && findings.length === 0);
  const intervals = [...new Set(good.map(({ scrapeMs }) => sayInterval(scrapeMs ?? 0)))];
  return [
    ...(good.length === 0
      ? []
      : [
          fine(
            'metrics',
            `found for ${nameSome(good.map(({ judged }) => nameOf(judged.release)))}, scraped every ${intervals.join(' or ')}`,
          ),
        ]),
    ...asked.flatMap(({ findings }) => findings),
    ...asked.flatMap(({ hidden }) => hidden),
  ];
}

async function tryAll(judged: Judged, asker: Asker): Promise<Tried> {
  const [tried, hidden] = await Promise.all([tryQueries(judged, asker), describeHidden(judged, asker)]);
  return { ...tried, hidden };
}

async function tryQueries(judged: Judged, asker: Asker): Promise<Omit<Tried, 'hidden'>> {
  const check = `metrics of ${nameOf(judged.release)}`;
  const queries = writeQueries(judged);
  if (typeof queries === 'string')
    return { judged, scrapeMs: undefined, findings: [doubt(check, `${queries}; not tried from this machine`)] };
  const answers = await Promise.all(queries.map((query) => asker.ask(query)));
  const [refused] = answers.filter((answer) => !answer.ok);
  if (refused?.ok === false) return { judged, scrapeMs: undefined, findings: [doubt(check, `${queries[0]}: ${refused.message}`)] };
  const series = answers.flatMap((answer) => (answer.ok ? answer.series : []));
  if (series.length === 0)
    return { judged, scrapeMs: undefined, findings: [await describeAbsence(judged, check, queries[0] ?? '', asker)] };
  const scrapeMs = scrapeIntervalOf(series);
  const once = fine(check, 'found, but scraped only once so far, so the scrape interval is not known yet');
  return { judged, scrapeMs, findings: scrapeMs === undefined ? [once] : compareTimes(judged, check, scrapeMs) };
}

/** Queries that turn out equal are asked once. */
function writeQueries(judged: Judged): readonly string[] | string {
  try {
    return [...new Set(servingBackends(judged).map((backend) => judged.source.requests(backend, RANGE_MS)))];
  } catch (thrown) {
    if (isGlidepathError(thrown, 'GLIDEPATH_E_SOURCE')) return thrown.message;
    throw thrown;
  }
}

/** No series of any backend: not scraped. None of this backend: no request yet, or other labels. */
async function describeAbsence({ source }: Judged, check: string, query: string, asker: Asker): Promise<Finding> {
  const metric = /^[a-zA-Z_:][\w:]*/.exec(query)?.[0];
  const any = metric === undefined ? undefined : await asker.ask(`count(${metric})`);
  if (any?.ok === true && any.series.length === 0) {
    const fix = `let Prometheus scrape the exporter of ${metric}, and check that this query is not empty: count(${metric})`;
    return fail(check, `Prometheus has no series of ${metric} at all, so it does not scrape ${source.name}`, fix);
  }
  const unmatched = await describeUnmatchedLabel(query, (label, of) => asker.labelValues(label, of, RANGE_MS));
  const why = unmatched ?? 'it had no request, or the labels differ from what the metrics source expects';
  const says = `no series of the serving backend within 10 minutes: ${why}`;
  return doubt(check, says, `send a request through the gateway, then run this query in Prometheus: ${query}`);
}

/** Scrapes jitter by milliseconds. */
function sayInterval(ms: number): string {
  const step = ms < 2_000 ? 100 : 1_000;
  return formatDuration(Math.max(step, Math.round(ms / step) * step));
}

function compareTimes({ spec, release }: Judged, check: string, scrapeMs: number): readonly Finding[] {
  const { interval, window } = spec.analysis;
  const every = sayInterval(scrapeMs);
  const patch = (field: string, value: string) =>
    `kubectl patch crel ${release.name} -n ${release.namespace} --type merge -p '{"spec":{"analysis":{"${field}":"${value}"}}}'`;
  const twice = formatDuration(Math.ceil((2 * scrapeMs) / 1_000) * 1_000);
  return [
    ...(parseDuration(interval) * SLACK < scrapeMs
      ? [
          doubt(
            check,
            `evaluated every ${interval}, but scraped only every ${every}: evaluations in between have no new samples`,
            patch('interval', every),
          ),
        ]
      : []),
    ...(parseDuration(window) < 2 * scrapeMs
      ? [
          doubt(
            check,
            `a window of ${window} has fewer than two scrapes (one every ${every}), so checks often have no value`,
            patch('window', twice),
          ),
        ]
      : []),
  ];
}
