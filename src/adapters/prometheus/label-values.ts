// Which values a label has in Prometheus. Names and no numbers, so the client library prometheus-query carries all of it; the
// judge's questions go another way (connection.ts, docs/decisions/0013-prometheus-client.md).
import { PrometheusDriver } from 'prometheus-query';
import { GlidepathError, messageOf } from '../../api/errors.ts';
import { UNAVAILABLE } from './failure.ts';

/** One label of the series that a selector picks. */
export interface LabelQuestion {
  readonly label: string;
  /** An instant selector such as `http_requests_total`. */
  readonly selector: string;
  readonly fromMs: number;
  readonly toMs: number;
  readonly timeoutMs: number;
}

const MAX_ANSWER_BYTES = 8 * 1024 * 1024;

/**
 * Values of the label in the order of the alphabet.
 * @param endpoint address of a Prometheus that needs no credentials
 * @throws GlidepathError GLIDEPATH_E_METRICS_UNAVAILABLE
 */
export async function readLabelValues(endpoint: string, question: LabelQuestion): Promise<readonly string[]> {
  const { label, selector, fromMs, toMs, timeoutMs } = question;
  const driver = new PrometheusDriver({
    endpoint,
    timeout: timeoutMs,
    requestInterceptor: {
      // The limits of every other question to Prometheus apply here as well.
      onFulfilled: (config) =>
        Object.assign(config, {
          signal: AbortSignal.timeout(timeoutMs),
          maxContentLength: MAX_ANSWER_BYTES,
          maxRedirects: 0,
          proxy: false,
        }),
    },
  });
  try {
    const values: unknown = await driver.labelValues(label, selector, fromMs, toMs);
    if (!Array.isArray(values)) throw new Error('the answer is no list');
    return values.map(String);
  } catch (thrown) {
    throw new GlidepathError(UNAVAILABLE, `values of label ${label} cannot be read: ${describe(thrown)}`);
  }
}

/** The library throws plain objects with their words in `error`. */
function describe(thrown: unknown): string {
  return typeof thrown === 'object' && thrown !== null && 'error' in thrown ? String(thrown.error) : messageOf(thrown);
}
