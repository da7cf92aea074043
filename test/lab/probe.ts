// Asks one address once, for readiness: any failure to connect is an answer, not an error.
import { readFileSync } from 'node:fs';
import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';

export interface ProbeOptions {
  readonly method?: 'GET' | 'POST';
  /** File with the authority to verify against; without it an https answer is not verified. */
  readonly authority?: string;
  readonly token?: string;
}

export interface ProbeAnswer {
  /** 0 when nothing answered. */
  readonly status: number;
  readonly body: string;
}

/** One request of at most 2 seconds. */
export function probe(url: string, options: ProbeOptions = {}): Promise<ProbeAnswer> {
  return new Promise((resolve) => {
    const { method = 'GET', authority, token } = options;
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const tls = authority === undefined ? { rejectUnauthorized: false } : { ca: readFileSync(authority) };
    const send = url.startsWith('https:') ? requestHttps : requestHttp;
    const request = send(url, { method, headers, agent: false, timeout: 2000, ...tls }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text: string) => (body += text));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
      response.on('error', (error) => resolve({ status: 0, body: error.message }));
    });
    request.on('timeout', () => request.destroy(new Error('no answer within 2 s')));
    request.on('error', (error) => resolve({ status: 0, body: error.message }));
    request.end();
  });
}
