// The faults of the fake Prometheus: what real ones, proxies before them and broken networks answer.
import type { ServerResponse } from 'node:http';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import type { ReceivedQuery } from './server.ts';

/** `hang` never answers; `stall` stops in the middle of an answer; `reset` and `truncated` break the connection; `echo` repeats its credentials in an error. */
export type Fault =
  | '403'
  | '404'
  | '500'
  | '503'
  | 'timeout'
  | 'hang'
  | 'stall'
  | 'reset'
  | 'truncated'
  | 'cutJson'
  | 'html'
  | 'empty'
  | 'badData'
  | 'execution'
  | 'errorWith200'
  | 'echo'
  | 'warnings'
  | 'nativeHistogram'
  | 'nan'
  | 'inf'
  | 'wrongValue'
  | 'string'
  | 'scalar'
  | 'redirect'
  | 'oversized'
  | 'gzip'
  | 'brokenGzip'
  | 'gzipBomb'
  | 'brotli';

type Play = (response: ServerResponse, query: ReceivedQuery, data: unknown) => void;

const SECOND = 1_700_000_000.123;
const MIB = 1024 * 1024;

function sendJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

function sendText(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, { 'content-type': type }).end(body);
}

function sendPacked(response: ServerResponse, encoding: string, body: Buffer): void {
  response.writeHead(200, { 'content-type': 'application/json', 'content-encoding': encoding }).end(body);
}

function sendError(status: number, errorType: string, error: string): Play {
  return (response) => sendJson(response, status, { status: 'error', errorType, error });
}

function sendData(resultType: string, result: unknown): Play {
  return (response) => sendJson(response, 200, { status: 'success', data: { resultType, result } });
}

function sendValue(value: string): Play {
  return sendData('vector', [{ metric: { __name__: 'm' }, value: [SECOND, value] }]);
}

const PLAYS: Readonly<Record<Fault, Play>> = {
  '403': (response) => sendText(response, 403, 'text/plain', 'forbidden'),
  '404': (response) => sendText(response, 404, 'text/plain', '404 page not found'),
  '500': sendError(500, 'internal', 'the storage is broken'),
  '503': (response) => sendText(response, 503, 'text/plain', 'no healthy upstream'),
  timeout: sendError(503, 'timeout', 'query timed out in expression evaluation'),
  hang: () => undefined,
  stall: (response) => {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.write('{"status":"success","data":{');
  },
  reset: (response) => response.destroy(),
  truncated: (response) => {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': '1000' });
    response.write('{"status":"success","data":{"resultType":"matrix","result":[', () => response.destroy());
  },
  cutJson: (response) => sendText(response, 200, 'application/json', '{"status":"success","data":{"resultType":"mat'),
  html: (response) => sendText(response, 200, 'text/html', '<!doctype html><title>Sign in</title>'),
  empty: (response) => sendText(response, 200, 'application/json', ''),
  badData: sendError(400, 'bad_data', 'invalid parameter "query": parse error'),
  execution: sendError(422, 'execution', 'query processing would load too many samples into memory'),
  errorWith200: sendError(200, 'bad_data', 'parse error'),
  echo: (response, { headers }) => {
    const error = `refused: ${headers.authorization} ${String(headers['x-scope-orgid'])}`;
    sendJson(response, 400, { status: 'error', errorType: 'bad_data', error });
  },
  warnings: (response, _, data) => {
    sendJson(response, 200, { status: 'success', data, warnings: ['one of two stores did not answer'] });
  },
  nativeHistogram: sendData('matrix', [{ metric: { __name__: 'm' }, histograms: [[SECOND, { count: '1', sum: '1' }]] }]),
  nan: sendValue('NaN'),
  inf: sendData('matrix', [
    {
      metric: { __name__: 'm' },
      values: [
        [SECOND, '-Inf'],
        [SECOND + 1, '+Inf'],
      ],
    },
  ]),
  wrongValue: sendValue('12 apples'),
  string: sendData('string', [SECOND, 'hello']),
  scalar: sendData('scalar', [SECOND, '4.5']),
  redirect: (response) => response.writeHead(307, { location: '/elsewhere' }).end(),
  oversized: (response) => {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(`{"status":"success","warnings":["${'x'.repeat(9 * MIB)}"]}`);
  },
  gzip: (response, _, data) => sendPacked(response, 'gzip', gzipSync(JSON.stringify({ status: 'success', data }))),
  brokenGzip: (response) => sendPacked(response, 'gzip', gzipSync('{"status":"success"}').subarray(0, 20)),
  gzipBomb: (response) => sendPacked(response, 'gzip', gzipSync(`{"status":"success","warnings":["${'x'.repeat(9 * MIB)}"]}`)),
  brotli: (response) => sendPacked(response, 'br', brotliCompressSync('{"status":"success"}')),
};

/** Answers in the way of the fault. */
export function playFault(fault: Fault, query: ReceivedQuery, response: ServerResponse, data: unknown): void {
  PLAYS[fault](response, query, data);
}
