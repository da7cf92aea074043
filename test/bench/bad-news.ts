// A Prometheus for benchmarks: it knows the request counters of every backend, all alike, and can turn all canaries bad at
// once. It answers from one prepared text, because the machine's cores are for what is measured.

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

const REQUESTS_PER_SECOND = 10;
/** Every second answer of a bad canary. */
const BAD_SHARE = 0.5;
const SAMPLES = 20;
/** Stands for a backend's name in a prepared text. */
const NAME = 'BACKEND';

export interface BadNewsOptions {
  readonly scrapeMs: number;
  /** Part of the names of all backends that can turn bad. */
  readonly canaryPart: string;
}

export type BadNews = Awaited<ReturnType<typeof startBadNews>>;

/** Starts the server on 127.0.0.1. */
export async function startBadNews({ scrapeMs, canaryPart }: BadNewsOptions) {
  /** When the canaries were bad: since when, until when. */
  const spells: { readonly fromMs: number; untilMs: number }[] = [];
  const prepared = new Map<string, string>();

  function badSeconds(ms: number): number {
    return spells.reduce((sum, { fromMs, untilMs }) => sum + Math.max(0, Math.min(ms, untilMs) - fromMs) / 1_000, 0);
  }

  function samplesAt(atMs: number, valueAt: (ms: number) => number): readonly (readonly [number, string])[] {
    const last = Math.floor(atMs / scrapeMs) * scrapeMs;
    return Array.from({ length: SAMPLES }, (_, index) => {
      const ms = last - (SAMPLES - 1 - index) * scrapeMs;
      return [ms / 1_000, String(valueAt(ms))] as const;
    });
  }

  function prepare(atMs: number, isCanary: boolean): string {
    const key = `${Math.floor(atMs / scrapeMs)} ${isCanary}`;
    const known = prepared.get(key);
    if (known !== undefined) return known;
    const all = (ms: number) => Math.floor((ms / 1_000) * REQUESTS_PER_SECOND);
    const bad = (ms: number) => (isCanary ? Math.floor(badSeconds(ms) * REQUESTS_PER_SECOND * BAD_SHARE) : 0);
    const result = [
      { metric: { envoy_cluster_name: NAME, envoy_response_code: '200' }, values: samplesAt(atMs, (ms) => all(ms) - bad(ms)) },
      { metric: { envoy_cluster_name: NAME, envoy_response_code: '500' }, values: samplesAt(atMs, bad) },
    ];
    const body = result.map((series) => JSON.stringify(series)).join(',');
    prepared.set(key, body);
    return body;
  }

  /** The series of every backend that the query names, one or several. */
  function answer(query: string, atMs: number): string {
    const [, names = ''] = /envoy_cluster_name=~?"([^"]*)"/.exec(query) ?? [];
    const series = names.split('|').map((name) => prepare(atMs, name.includes(canaryPart)).replaceAll(NAME, name));
    return `{"status":"success","data":{"resultType":"matrix","result":[${series.join(',')}]}}`;
  }

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://fake');
    const parameters = request.method === 'POST' ? new URLSearchParams(await text(request)) : url.searchParams;
    const atMs = Number(parameters.get('time')) * 1_000;
    const body = answer(parameters.get('query') ?? '', atMs);
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }).end(body);
  }

  const server = createServer((request, response) => void handle(request, response).catch(() => response.destroy()));
  server.keepAliveTimeout = 60_000;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    /** From the next scrape on all canaries fail half of their requests. @returns the time of that scrape, in wall clock ms */
    turnBad(): number {
      const next = Math.ceil(Date.now() / scrapeMs) * scrapeMs;
      // The counters have grown by one scrape's errors when that scrape reads them.
      spells.push({ fromMs: next - scrapeMs, untilMs: Number.POSITIVE_INFINITY });
      prepared.clear();
      return next;
    },
    /** From the last scrape on no canary fails any more. */
    turnGood(): void {
      const spell = spells.at(-1);
      if (spell !== undefined) spell.untilMs = Math.floor(Date.now() / scrapeMs) * scrapeMs;
      prepared.clear();
    },
    async close(): Promise<void> {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
