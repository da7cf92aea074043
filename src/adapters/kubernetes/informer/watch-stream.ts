// One watch: newline-delimited JSON off a response, whole lines only. A line that is not an event is an error of the stream,
// never swallowed; half a line at the end is dropped, because the next watch begins before it.

import { StringDecoder } from 'node:string_decoder';
import { ApiError } from '../client/api-errors.ts';

export type WatchEventType = 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';

export interface WatchEvent {
  readonly type: WatchEventType;
  readonly object: unknown;
}

const TYPES: ReadonlySet<string> = new Set(['ADDED', 'MODIFIED', 'DELETED', 'BOOKMARK', 'ERROR']);
/** An object in etcd has 1.5 MB at most; a page that never ends its line must not fill the memory. */
const LONGEST_LINE = 8 * 1024 * 1024;

/** Yields the events of the stream in order; ends when the server ends it. @throws ApiError on anything that is no event. */
export async function* readEvents(chunks: AsyncIterable<Buffer>, what: string): AsyncGenerator<WatchEvent> {
  const decoder = new StringDecoder('utf8');
  let parts: string[] = [];
  let length = 0;
  for await (const chunk of chunks) {
    const pieces = decoder.write(chunk).split('\n');
    const tail = pieces.pop() ?? '';
    for (const piece of pieces) {
      const line = parts.length === 0 ? piece : parts.join('') + piece;
      parts = [];
      length = 0;
      if (line.trim() !== '') yield parseEvent(line, what);
    }
    parts.push(tail);
    length += tail.length;
    if (length > LONGEST_LINE) throw unreadable(what, 'a line that does not end');
  }
}

function parseEvent(line: string, what: string): WatchEvent {
  let event: unknown;
  try {
    event = JSON.parse(line);
  } catch {
    throw unreadable(what, 'a line that is not JSON');
  }
  if (!isEvent(event)) throw unreadable(what, 'a line that is not a watch event');
  return event;
}

function isEvent(event: unknown): event is WatchEvent {
  if (typeof event !== 'object' || event === null || !('type' in event) || !('object' in event)) return false;
  return typeof event.type === 'string' && TYPES.has(event.type) && typeof event.object === 'object' && event.object !== null;
}

function unreadable(what: string, found: string): ApiError {
  return new ApiError('GLIDEPATH_E_NETWORK', `${what} sent ${found}`, { retryable: true });
}

/** HTTP code of the Status inside an ERROR event. */
export function codeOf(status: unknown): number {
  const code = typeof status === 'object' && status !== null && 'code' in status ? status.code : undefined;
  return typeof code === 'number' ? code : 500;
}

/** True when an ERROR event says that the version is too old to resume from. */
export function isExpired(status: unknown): boolean {
  const reason = typeof status === 'object' && status !== null && 'reason' in status ? status.reason : undefined;
  return codeOf(status) === 410 || reason === 'Expired' || reason === 'Gone';
}

/** The resourceVersion of an object or bookmark. */
export function versionOf(object: unknown): string | undefined {
  if (typeof object !== 'object' || object === null || !('metadata' in object)) return undefined;
  const { metadata } = object;
  if (typeof metadata !== 'object' || metadata === null || !('resourceVersion' in metadata)) return undefined;
  return typeof metadata.resourceVersion === 'string' ? metadata.resourceVersion : undefined;
}
