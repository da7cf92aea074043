// A Prometheus that exists only as functions of time: counters answer selectors with samples on a scrape grid, own
// queries answer with what they are told, and any fault of a real one can be switched on. Real sockets, no clock of its own.
import { createServer as createHttpServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { ServerOptions } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { playFault } from './faults.ts';
import type { Fault } from './faults.ts';
import { parseSelector, selects } from './promql-selector.ts';
import type { Selector } from './promql-selector.ts';

export type { Fault } from './faults.ts';

type Labels = Readonly<Record<string, string>>;
/** Value of a series at a time in Unix milliseconds; undefined where the series does not exist. */
export type ValueAt = (atMs: number) => number | undefined;

export interface FakePrometheusOptions {
  readonly scrapeIntervalMs: number;
  /** Scrapes happen this long after each multiple of the interval (default 0). */
  readonly scrapePhaseMs?: number;
  /** The present: no sample is later. */
  readonly now: () => number;
  /** Serve https. */
  readonly tls?: ServerOptions;
  /** Range selectors as Prometheus 2 reads them, with the sample at the very start (default false, as in 3). */
  readonly includeRangeStart?: boolean;
}

/** One query as it arrived. */
export interface ReceivedQuery {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly query: string;
  /** As sent, in seconds. */
  readonly time: string;
  readonly timeout: string;
  /** Selector of a question about labels. */
  readonly match: string;
}

interface StoredSeries {
  readonly labels: Labels;
  readonly valueAt: ValueAt;
}

interface OwnAnswer {
  readonly fits: (query: string) => boolean;
  readonly results: (atMs: number) => readonly { readonly labels: Labels; readonly value: number }[];
}

const LABEL_PATH = /\/api\/v1\/label\/(\w+)\/values$/;
const LOOKBACK_MS = 300_000;

export type FakePrometheus = Awaited<ReturnType<typeof startFakePrometheus>>;

/** The text that Prometheus writes for a value. */
function formatValue(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return '+Inf';
  return value === Number.NEGATIVE_INFINITY ? '-Inf' : String(value);
}

function seconds(atMs: number): number {
  return Number((atMs / 1_000).toFixed(3));
}

class Store {
  readonly #options: FakePrometheusOptions;
  readonly series: StoredSeries[] = [];
  readonly answers: OwnAnswer[] = [];

  constructor(options: FakePrometheusOptions) {
    this.#options = options;
  }

  /** The `data` of an answer to an instant query, or undefined where real PromQL would be needed. */
  evaluate(query: string, atMs: number): unknown {
    const own = this.answers.find(({ fits }) => fits(query));
    if (own !== undefined) {
      const result = own.results(atMs);
      const value = (number: number): unknown => [seconds(atMs), formatValue(number)];
      return { resultType: 'vector', result: result.map((one) => ({ metric: one.labels, value: value(one.value) })) };
    }
    const selector = parseSelector(query);
    if (selector === undefined) return undefined;
    const picked = this.series.filter(({ labels }) => selects(selector, labels));
    const isRange = selector.rangeMs !== undefined;
    const result = picked
      .map(({ labels, valueAt }) => ({ metric: labels, values: this.#samples(selector, valueAt, atMs) }))
      .filter(({ values }) => values.length > 0)
      .map(({ metric, values }) => (isRange ? { metric, values } : { metric, value: [seconds(atMs), values.at(-1)?.[1]] }));
    return { resultType: isRange ? 'matrix' : 'vector', result };
  }

  /** The `data` of an answer to a question for the values of a label, among the series that a selector picks. */
  labelValues(label: string, match: string): readonly string[] {
    const selector = parseSelector(match);
    const picked = this.series.filter(({ labels }) => selector !== undefined && selects(selector, labels));
    return [...new Set(picked.flatMap(({ labels }) => labels[label] ?? []))].sort();
  }

  #samples(selector: Selector, valueAt: ValueAt, atMs: number): readonly (readonly [number, string])[] {
    const { scrapeIntervalMs, scrapePhaseMs = 0, now, includeRangeStart = false } = this.#options;
    const startMs = atMs - (selector.rangeMs ?? LOOKBACK_MS);
    const endMs = Math.min(atMs, now());
    const samples: (readonly [number, string])[] = [];
    const first = Math.ceil((startMs - scrapePhaseMs) / scrapeIntervalMs) * scrapeIntervalMs + scrapePhaseMs;
    for (let scrapeMs = first; scrapeMs <= endMs; scrapeMs += scrapeIntervalMs) {
      if (scrapeMs === startMs && !includeRangeStart) continue;
      const value = valueAt(scrapeMs);
      if (value !== undefined) samples.push([seconds(scrapeMs), formatValue(value)]);
    }
    return samples;
  }
}

/**
 * Starts the server on 127.0.0.1.
 * @example
 * await using prometheus = await startFakePrometheus({ scrapeIntervalMs: 1_000, now: () => clock.now() });
 * prometheus.counter('http_requests_total', { service: 'a', code: '200' }, (atMs) => Math.floor(atMs / 100));
 * prometheus.fail('503', 1);
 */
export async function startFakePrometheus(options: FakePrometheusOptions) {
  const store = new Store(options);
  const received: ReceivedQuery[] = [];
  const sockets = new Set<Socket>();
  const state = { connections: 0, fault: undefined as Fault | undefined, times: 0, authorization: undefined as string | undefined };

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const query = await readQuery(request);
    received.push(query);
    if (state.authorization !== undefined && query.headers.authorization !== state.authorization) {
      response.writeHead(401, { 'content-type': 'text/plain' }).end('Unauthorized');
      return;
    }
    const fault = state.times > 0 ? state.fault : undefined;
    state.times -= 1;
    const label = LABEL_PATH.exec(query.path)?.[1];
    const data =
      label === undefined ? store.evaluate(query.query, Math.round(Number(query.time) * 1_000)) : store.labelValues(label, query.match);
    if (fault === undefined) answer(response, data, query.query);
    else playFault(fault, query, response, data);
  }

  const listener = (request: IncomingMessage, response: ServerResponse): void => {
    handle(request, response).catch(() => response.destroy());
  };
  const server = options.tls === undefined ? createHttpServer(listener) : createHttpsServer(options.tls, listener);
  server.on(options.tls === undefined ? 'connection' : 'secureConnection', (socket: Socket) => {
    state.connections += 1;
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const hangUp = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  const close = async (): Promise<void> => {
    hangUp();
    await new Promise((resolve) => server.close(resolve));
  };

  return {
    url: `${options.tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`,
    /** Every query that arrived, oldest first. */
    received: received as readonly ReceivedQuery[],
    /** Connections accepted so far. */
    connections: () => state.connections,
    /** Adds a series; a later scrape sees `valueAt` of its own time. */
    counter(metric: string, labels: Labels, valueAt: ValueAt): void {
      store.series.push({ labels: { __name__: metric, ...labels }, valueAt });
    },
    /** Answers queries that are no plain selector, by equality or expression. */
    answer(query: string | RegExp, results: OwnAnswer['results']): void {
      store.answers.push({ fits: (asked) => (typeof query === 'string' ? asked === query : query.test(asked)), results });
    },
    /** The next `times` queries (default: all) go wrong in this way; undefined heals. */
    fail(fault: Fault | undefined, times = Number.POSITIVE_INFINITY): void {
      state.fault = fault;
      state.times = fault === undefined ? 0 : times;
    },
    /** Queries without exactly this authorization header get 401. */
    requireAuthorization(header: string | undefined): void {
      state.authorization = header;
    },
    /** Ends every connection, as a server does with idle ones. */
    hangUp,
    close,
    [Symbol.asyncDispose]: close,
  };
}

async function readQuery(request: IncomingMessage): Promise<ReceivedQuery> {
  const url = new URL(request.url ?? '/', 'http://fake');
  const parameters = request.method === 'POST' ? new URLSearchParams(await text(request)) : url.searchParams;
  return {
    method: request.method ?? '',
    path: url.pathname,
    headers: request.headers,
    query: parameters.get('query') ?? '',
    time: parameters.get('time') ?? '',
    timeout: parameters.get('timeout') ?? '',
    match: parameters.get('match[]') ?? '',
  };
}

function answer(response: ServerResponse, data: unknown, query: string): void {
  const isKnown = data !== undefined;
  const body = isKnown
    ? { status: 'success', data }
    : { status: 'error', errorType: 'bad_data', error: `the fake knows no such query: ${query}` };
  response.writeHead(isKnown ? 200 : 400, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}
