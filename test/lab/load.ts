// An open-loop load generator: requests leave at a constant rate whether answers come or not, so that a slow server
// shows as slow answers and not as fewer requests.
import { Agent } from 'undici';

const TIMEOUT_MS = 5000;
const TICK_MS = 5;
const POD = /"host":"([^"]*)"/;

export interface LoadOptions {
  /** Where to connect, e.g. `http://127.0.0.1:8080`. */
  readonly url: string;
  /** The Host header: the hostname of the route. */
  readonly host: string;
  /** Requests per second. */
  readonly rps: number;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** A new connection for each request: what only carries connections decides once for each. */
  readonly fresh?: true;
}

/** One request that has its answer, or has none and never will. Times are milliseconds of the wall clock. */
export interface LoadRecord {
  readonly sentAtMs: number;
  readonly doneAtMs: number;
  /** 0 when no answer came. */
  readonly status: number;
  /** The answer's `x-version`, or empty. */
  readonly version: string;
  /** The pod that answered, as the sample's body names it, or empty. */
  readonly pod: string;
  readonly error?: string;
}

export interface Load {
  /** Finished requests, in the order in which they finished. Grows while the load runs. */
  readonly records: readonly LoadRecord[];
  /** Sends nothing more and resolves when every request has ended. */
  stop(): Promise<readonly LoadRecord[]>;
}

/** The wall clock with a fraction, so that records of one millisecond stay in order. */
function nowMs(): number {
  return performance.timeOrigin + performance.now();
}

function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code: unknown = Reflect.get(error, 'code');
  return typeof code === 'string' ? code : error.message;
}

async function sendOne(agent: Agent, options: LoadOptions): Promise<LoadRecord> {
  const sentAtMs = nowMs();
  try {
    const { statusCode, headers, body } = await agent.request({
      origin: options.url,
      path: options.path ?? '/',
      method: 'GET',
      headers: { ...options.headers, host: options.host },
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const pod = POD.exec(await body.text())?.[1] ?? '';
    const version = headers['x-version'];
    return { sentAtMs, doneAtMs: nowMs(), status: statusCode, version: typeof version === 'string' ? version : '', pod };
  } catch (error) {
    return { sentAtMs, doneAtMs: nowMs(), status: 0, version: '', pod: '', error: describeError(error) };
  }
}

/** Starts to send at a constant rate until `stop`. Request n leaves n/rps after the first; a late timer catches up. */
export function startLoad(options: LoadOptions): Load {
  const agent = new Agent({
    connections: 256,
    pipelining: options.fresh === true ? 0 : 1,
    keepAliveTimeout: 30_000,
    // Certificates of tests are signed by no one.
    connect: { rejectUnauthorized: false, servername: options.host },
  });
  const records: LoadRecord[] = [];
  const pending = new Set<Promise<void>>();
  const startedAt = performance.now();
  let sent = 0;
  const sendDue = (): void => {
    const due = Math.floor(((performance.now() - startedAt) * options.rps) / 1000) + 1;
    for (; sent < due; sent++) {
      const request = sendOne(agent, options).then((record) => {
        records.push(record);
        pending.delete(request);
      });
      pending.add(request);
    }
  };
  sendDue();
  const timer = setInterval(sendDue, Math.min(TICK_MS, 1000 / options.rps));
  const end = async (): Promise<readonly LoadRecord[]> => {
    clearInterval(timer);
    await Promise.all(pending);
    await agent.close();
    return records;
  };
  let ended: Promise<readonly LoadRecord[]> | undefined;
  const stop = (): Promise<readonly LoadRecord[]> => (ended ??= end());
  return { records, stop };
}

export interface LoadSummary {
  readonly total: number;
  readonly good: number;
  readonly bad: number;
  /** Answers by status; 0 stands for none. */
  readonly byStatus: Readonly<Record<string, number>>;
  /** Share of the answers by version, 0 to 1; requests without a version count in the whole. */
  readonly shareByVersion: Readonly<Record<string, number>>;
  /** When the first and the last bad answer ended. */
  readonly firstBadAtMs: number | undefined;
  readonly lastBadAtMs: number | undefined;
  /** Of all requests, sent to done. */
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** Whether an answer counts as bad: none at all, or a 5xx. */
export function isBad(record: LoadRecord): boolean {
  return record.status === 0 || record.status >= 500;
}

/** The records that were sent within a span of time. */
export function within(records: readonly LoadRecord[], fromMs: number, toMs: number): readonly LoadRecord[] {
  return records.filter(({ sentAtMs }) => sentAtMs >= fromMs && sentAtMs < toMs);
}

function countBy(records: readonly LoadRecord[], key: (record: LoadRecord) => string): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const record of records) counts[key(record)] = (counts[key(record)] ?? 0) + 1;
  return counts;
}

/** The smallest value that at least this share of the sorted values does not exceed; 0 for none. */
function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0;
}

/** Figures over records. */
export function summarise(records: readonly LoadRecord[]): LoadSummary {
  const badTimes = records
    .filter(isBad)
    .map(({ doneAtMs }) => doneAtMs)
    .toSorted((a, b) => a - b);
  const durations = records.map(({ sentAtMs, doneAtMs }) => doneAtMs - sentAtMs).toSorted((a, b) => a - b);
  const versions = Object.entries(countBy(records, ({ version }) => version)).filter(([version]) => version !== '');
  return {
    total: records.length,
    good: records.length - badTimes.length,
    bad: badTimes.length,
    byStatus: countBy(records, ({ status }) => String(status)),
    shareByVersion: Object.fromEntries(versions.map(([version, count]) => [version, count / records.length])),
    firstBadAtMs: badTimes[0],
    lastBadAtMs: badTimes.at(-1),
    p50Ms: quantile(durations, 0.5),
    p99Ms: quantile(durations, 0.99),
  };
}
