// Queries a Prometheus directly, or, if its address is only valid inside the cluster, through the API server's proxy of its Service,
// and reports which of the two was used.

import { isGlidepathError, messageOf } from '../../api/errors.ts';
import { SYSTEM_NAMESPACE } from '../../api/names.ts';
import type { Series } from '../../core/analysis/series.ts';
import { fieldsOf } from '../../adapters/kubernetes/client/fields.ts';
import { readAnswer } from '../../adapters/prometheus/answer.ts';
import { type LabelQuestion, readLabelValues } from '../../adapters/prometheus/label-values.ts';
import { createPrometheusReader } from '../../adapters/prometheus/reader.ts';
import type { ClusterLink } from '../cluster/link.ts';
import { doubt, fine, type Finding } from '../finding.ts';

/** The result of a query, or why there is none. */
export type Asked = { readonly ok: true; readonly series: readonly Series[] } | { readonly ok: false; readonly message: string };

/** One Prometheus. */
export interface Asker {
  readonly ask: (query: string) => Promise<Asked>;
  /** Values of the label among the series of the metric within the last `rangeMs`; undefined where they cannot be read. */
  readonly labelValues: (label: string, metric: string, rangeMs: number) => Promise<readonly string[] | undefined>;
  readonly close: () => void;
}

/** A way to query it, if there is one, and the finding about it. */
export interface Reached {
  readonly finding: Finding;
  readonly asker: Asker | undefined;
}

const TIMEOUT_MS = 3_000;
const CHECK = 'Prometheus';
/** A query that needs no series. */
const PROBE = 'vector(1)';

/** @param url as the operator or a release has it */
export async function reachPrometheus(link: ClusterLink, url: string, now: () => number): Promise<Reached> {
  const direct = openDirect(url, now);
  if (direct === undefined) return { finding: doubt(CHECK, `${url} is not reachable from this machine`), asker: undefined };
  const answer = await direct.ask(PROBE);
  if (answer.ok) return { finding: fine(CHECK, `${url} answers`), asker: direct };
  direct.close();
  const path = proxyPathOf(url);
  if (path === undefined) return { finding: describeUnreached(url, answer.message, 'and its host is not a Service'), asker: undefined };
  const inside = openProxied(link, path, now);
  const through = await inside.ask(PROBE);
  if (through.ok) return { finding: fine(CHECK, `${url} answers inside the cluster (queried through the API server)`), asker: inside };
  return { finding: describeUnreached(url, answer.message, `or through the API server (${through.message})`), asker: undefined };
}

function describeUnreached(url: string, message: string, more: string): Finding {
  const fix = `kubectl port-forward -n NAMESPACE svc/PROMETHEUS 9090   # then: kubectl canary doctor --prometheus http://127.0.0.1:9090`;
  return doubt(
    CHECK,
    `${url} does not answer from this machine (${message}), ${more}; the operator may reach it, see the condition MetricsAvailable`,
    fix,
  );
}

function openDirect(url: string, now: () => number): Asker | undefined {
  try {
    const reader = createPrometheusReader({ operatorUrl: url, allow: [], allowQueries: true, readSecret: () => Promise.resolve({}), now });
    return {
      ask: async (query) => {
        const answer = await reader.query({ namespace: SYSTEM_NAMESPACE, timeoutMs: TIMEOUT_MS }, query, now());
        return answer.ok ? { ok: true, series: answer.series } : { ok: false, message: shorten(answer.message, url) };
      },
      labelValues: (label, metric, rangeMs) => unlessRefused(readLabelValues(withoutSlashes(url), askLabel(label, metric, rangeMs, now()))),
      close: () => reader.close(),
    };
  } catch (thrown) {
    if (isGlidepathError(thrown)) return undefined;
    throw thrown;
  }
}

/** The address is already in the sentence around it. */
function shorten(message: string, url: string): string {
  return message.replace(`Prometheus at ${withoutSlashes(url)} `, '');
}

function withoutSlashes(url: string): string {
  return url.replace(/\/+$/, '');
}

/** `http://prometheus.monitoring.svc:9090/prom` is a Service of the cluster. */
function proxyPathOf(text: string): string | undefined {
  const url = new URL(text);
  const [service, namespace = SYSTEM_NAMESPACE, ...rest] = url.hostname.split('.');
  if (service === undefined || /^\d/.test(service) || service === 'localhost' || (rest.length > 0 && rest[0] !== 'svc')) return undefined;
  const scheme = url.protocol.replace(':', '');
  const port = url.port === '' ? (scheme === 'https' ? '443' : '80') : url.port;
  const prefix = url.pathname.replace(/\/+$/, '');
  return `/api/v1/namespaces/${namespace}/services/${scheme}:${service}:${port}/proxy${prefix}/api/v1`;
}

function openProxied(link: ClusterLink, path: string, now: () => number): Asker {
  return {
    ask: async (query) => {
      try {
        const body = await link.request({
          method: 'GET',
          path: `${path}/query`,
          query: { query, time: now() / 1_000 },
          deadlineMs: TIMEOUT_MS,
          repeat: false,
        });
        return { ok: true, series: readAnswer({ status: 200, body: JSON.stringify(body) }).series };
      } catch (thrown) {
        const message = isGlidepathError(thrown, 'GLIDEPATH_E_FORBIDDEN')
          ? 'you may not get services/proxy in its namespace'
          : messageOf(thrown);
        return { ok: false, message };
      }
    },
    labelValues: (label, metric, rangeMs) => unlessRefused(readProxiedValues(link, path, askLabel(label, metric, rangeMs, now()))),
    close: () => undefined,
  };
}

function askLabel(label: string, selector: string, rangeMs: number, toMs: number): LabelQuestion {
  return { label, selector, fromMs: toMs - rangeMs, toMs, timeoutMs: TIMEOUT_MS };
}

async function readProxiedValues(link: ClusterLink, path: string, question: LabelQuestion): Promise<readonly string[] | undefined> {
  const { label, selector, fromMs, toMs, timeoutMs } = question;
  const query = { 'match[]': selector, start: fromMs / 1_000, end: toMs / 1_000 };
  const body = await link.request({ method: 'GET', path: `${path}/label/${label}/values`, query, deadlineMs: timeoutMs, repeat: false });
  const values = fieldsOf(body)['data'];
  return Array.isArray(values) ? values.map(String) : undefined;
}

/** The values of a label are a hint; without them the finding stands as it is. */
async function unlessRefused<T>(values: Promise<T>): Promise<T | undefined> {
  try {
    return await values;
  } catch (thrown) {
    if (isGlidepathError(thrown)) return undefined;
    throw thrown;
  }
}
