// Everything that can go wrong between us and an API server, to be ordered by a test.

import type { ServerResponse } from 'node:http';

/** One request as the fake has seen it. */
export interface SeenRequest {
  readonly method: string;
  /** Without query. */
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly watch: boolean;
  readonly contentType: string | undefined;
  readonly userAgent: string | undefined;
  readonly body: unknown;
  /** Number of the TCP connection it came over. */
  readonly connection: number;
  /** Order of arrival, from 1. */
  readonly order: number;
}

export type FaultAction =
  /** Answers a Status with this code; 403 as the API server does where a right is missing. */
  | {
      readonly kind: 'status';
      readonly code: number;
      readonly reason?: string;
      readonly message?: string;
      readonly details?: Readonly<Record<string, unknown>>;
      readonly headers?: Readonly<Record<string, string>>;
    }
  /** Answers these bytes with 200 (or `code`). */
  | { readonly kind: 'body'; readonly text: string; readonly code?: number; readonly contentType?: string }
  /** Closes the connection instead of an answer. */
  | { readonly kind: 'reset' }
  /** Sends headers and the first half of a JSON body, then closes the connection. */
  | { readonly kind: 'truncate' }
  /** Never answers. */
  | { readonly kind: 'hang' }
  /** Handles the request normally, but only when the promise is settled. */
  | { readonly kind: 'delay'; readonly until: Promise<unknown> }
  /** Handles the request, and throws the answer away: the client cannot know that it worked. */
  | { readonly kind: 'loseAnswer' }
  /** Handles the request and adds a Warning header. */
  | { readonly kind: 'warn'; readonly text: string };

export interface Fault {
  /** Which requests it hits. */
  readonly when: (request: SeenRequest) => boolean;
  /** How many; default 1. */
  readonly times?: number;
  readonly action: FaultAction;
}

export function writeStatus(
  response: ServerResponse,
  code: number,
  reason: string,
  message: string,
  details?: unknown,
  headers: Readonly<Record<string, string>> = {},
): void {
  const status = {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message,
    reason,
    ...(details === undefined ? {} : { details }),
    code,
  };
  response.writeHead(code, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify(status));
}

/** Carries out a fault that replaces the answer. @returns false when the request is to be handled after all. */
export function answerFault(action: FaultAction, response: ServerResponse): boolean {
  switch (action.kind) {
    case 'status':
      writeStatus(
        response,
        action.code,
        action.reason ?? 'Fault',
        action.message ?? `fault ${action.code}`,
        action.details ?? (action.code === 403 ? { kind: 'things' } : undefined),
        action.headers,
      );
      return true;
    case 'body':
      response.writeHead(action.code ?? 200, { 'content-type': action.contentType ?? 'text/html' });
      response.end(action.text);
      return true;
    case 'reset':
      response.socket?.destroy();
      return true;
    case 'truncate':
      response.writeHead(200, { 'content-type': 'application/json' });
      response.write('{"kind":"List","metadata":{"resourceVersion":"1"},"items":[', () => response.socket?.destroy());
      return true;
    case 'hang':
      return true;
    case 'delay':
    case 'loseAnswer':
    case 'warn':
      break;
  }
  return false;
}
