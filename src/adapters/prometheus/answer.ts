// Reads one HTTP answer to an instant query: raw samples, or exactly why there are none. The judge needs what the client library
// prometheus-query does not keep, such as warnings and infinities (docs/decisions/0013-prometheus-client.md).
import { GlidepathError } from '../../api/errors.ts';
import type { Series } from '../../ports/metrics.ts';
import { BAD_QUERY, UNAUTHORIZED, UNAVAILABLE, UNUSABLE } from './failure.ts';

/** An HTTP answer whose body was not parsed yet. */
export interface RawAnswer {
  readonly status: number;
  readonly body: string;
}

/** What a query found. */
export interface Finding {
  readonly series: readonly Series[];
  readonly warnings: readonly string[];
}

type Json = Readonly<Record<string, unknown>>;
type Sample = Series['samples'][number];

const MAX_WORDS = 300;
const MAX_WARNINGS = 10;
// Failures of the server that it reports in its own format.
const PASSING_TYPES = new Set(['timeout', 'canceled', 'internal', 'unavailable', 'not_found']);
/** What queriers over other stores answer with type `execution` when a store is away; the query is not to blame. */
const STORE_AWAY =
  /expanding series|rpc error|context (deadline|canceled)|deadline exceeded|unavailable|connection (refused|reset)|no such host|i\/o timeout|\bEOF\b|no store|live replicas|too many unhealthy/i;
/** A limit of the store, which asking again does not move. */
const LIMIT_HIT = /limit|resource ?exhausted|too many (samples|series|chunks)/i;
const SPECIAL_VALUES: Readonly<Record<string, number>> = {
  NaN: Number.NaN,
  '+Inf': Number.POSITIVE_INFINITY,
  Inf: Number.POSITIVE_INFINITY,
  '-Inf': Number.NEGATIVE_INFINITY,
};

/** @throws GlidepathError with one of the codes of failure.ts when the answer is no usable finding. */
export function readAnswer(answer: RawAnswer): Finding {
  const body = parseBody(answer.body);
  if (answer.status === 200 && body?.['status'] === 'success') return readFinding(body);
  if (body?.['status'] === 'error') throw describeApiError(answer.status, body);
  throw describeForeignAnswer(answer);
}

function isJson(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function parseBody(text: string): Json | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isJson(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function cut(words: string): string {
  const line = words.replaceAll(/\s+/g, ' ').trim();
  return line.length > MAX_WORDS ? `${line.slice(0, MAX_WORDS)}…` : line;
}

function textOr(value: unknown, fallback: string): string {
  return typeof value === 'string' ? value : fallback;
}

function describeApiError(status: number, body: Json): GlidepathError {
  const type = textOr(body['errorType'], 'error');
  const words = cut(`${type}: ${textOr(body['error'], 'no message')}`);
  if (status === 401) return describeUnauthorized();
  const isAway = type === 'execution' && isStoreAway(textOr(body['error'], ''));
  const isPassing = isAway || PASSING_TYPES.has(type) || status === 403 || status === 408 || status === 429 || status >= 500;
  return isPassing
    ? new GlidepathError(UNAVAILABLE, `answered ${status}, ${words}`)
    : new GlidepathError(BAD_QUERY, `rejected the query, ${words}`);
}

function isStoreAway(words: string): boolean {
  return STORE_AWAY.test(words) && !LIMIT_HIT.test(words);
}

function describeUnauthorized(): GlidepathError {
  return new GlidepathError(UNAUTHORIZED, 'answered 401: the credentials are missing or wrong');
}

/** An answer that is not in Prometheus' format comes from a proxy, or from another server. */
function describeForeignAnswer({ status, body }: RawAnswer): GlidepathError {
  const isPage = /^\s*</.test(body);
  if (status === 401) return describeUnauthorized();
  if (status === 403) return new GlidepathError(UNAVAILABLE, 'answered 403: the credentials do not allow queries');
  if (status >= 300 && status < 400) {
    return new GlidepathError(UNAVAILABLE, `answered ${status}, a redirect, which is not followed; set the final address`);
  }
  if (status === 404) return new GlidepathError(UNAVAILABLE, 'answered 404: no Prometheus API at this address');
  if (status !== 200) {
    const words = isPage ? 'with a web page' : `"${cut(body)}"`;
    return new GlidepathError(UNAVAILABLE, `answered ${status} ${words}`);
  }
  if (isPage) return new GlidepathError(UNAVAILABLE, 'answered with a web page, possibly a login page');
  return new GlidepathError(UNUSABLE, 'answered with something other than JSON of the Prometheus API');
}

function readFinding(body: Json): Finding {
  const data = isJson(body['data']) ? body['data'] : {};
  const told = Array.isArray(body['warnings']) ? body['warnings'] : [];
  // VictoriaMetrics says so in a field of its own.
  const warnings = told.length === 0 && isPartial(body) ? ['the answer is partial'] : told;
  return {
    series: readResult(String(data['resultType']), data['result']),
    warnings: warnings.slice(0, MAX_WARNINGS).map((warning) => cut(String(warning))),
  };
}

function isPartial(body: Json): boolean {
  return body['isPartial'] === true;
}

function readResult(type: string, result: unknown): readonly Series[] {
  if (!Array.isArray(result)) throw unusable('has no list of results');
  if (type === 'scalar') return [{ labels: {}, samples: [readSample(result)] }];
  if (type === 'matrix' || type === 'vector') return result.map(readSeries);
  throw unusable(`is of type ${cut(type)}, not samples`);
}

function readSeries(entry: unknown): Series {
  if (!isJson(entry)) throw unusable('has a result that is not a series');
  if ('histogram' in entry || 'histograms' in entry) {
    throw unusable('has native histograms; classic ones with buckets are required (scrape_classic_histograms)');
  }
  const values: unknown = 'value' in entry ? [entry['value']] : entry['values'];
  if (!Array.isArray(values)) throw unusable('has a series without samples');
  const samples = values.map(readSample);
  if (samples.some(({ atMs }, index) => atMs <= (samples[index - 1]?.atMs ?? Number.NEGATIVE_INFINITY))) {
    throw unusable('has samples out of time order');
  }
  return { labels: readLabels(entry['metric']), samples };
}

function readLabels(metric: unknown): Readonly<Record<string, string>> {
  if (!isJson(metric)) return {};
  return Object.fromEntries(Object.entries(metric).map(([label, value]) => [label, String(value)]));
}

function readSample(pair: unknown): Sample {
  if (!Array.isArray(pair) || typeof pair[0] !== 'number' || typeof pair[1] !== 'string') {
    throw unusable('has a sample that is not a pair of time and value');
  }
  const text = pair[1];
  const value = SPECIAL_VALUES[text] ?? (text.trim() === '' ? Number.NaN : Number(text));
  if (Number.isNaN(value) && text !== 'NaN') throw unusable('has a value that is not a number');
  return { atMs: Math.round(pair[0] * 1_000), value };
}

function unusable(words: string): GlidepathError {
  return new GlidepathError(UNUSABLE, `gave an answer that ${words}`);
}
