// The open watches of the fake API server: resumed from history, refused with 410 when it is gone, ended well or badly.

import type { ServerResponse } from 'node:http';
import type { FakeChange, FakeObjects } from './objects.ts';

interface OpenWatch {
  readonly collection: string;
  readonly response: ServerResponse;
  readonly close: () => void;
}

export class FakeWatches {
  readonly #objects: FakeObjects;
  readonly #open = new Set<OpenWatch>();

  constructor(objects: FakeObjects) {
    this.#objects = objects;
  }

  get count(): number {
    return this.#open.size;
  }

  open(collection: string, namespace: string | undefined, query: Readonly<Record<string, string>>, response: ServerResponse): void {
    response.writeHead(200, { 'content-type': 'application/json;stream=watch' });
    response.flushHeaders();
    const missed = this.#objects.since(Number(query['resourceVersion'] ?? 0), collection);
    if (missed === undefined) {
      const status = {
        kind: 'Status',
        apiVersion: 'v1',
        status: 'Failure',
        message: 'too old resource version',
        reason: 'Expired',
        code: 410,
      };
      response.end(`${JSON.stringify({ type: 'ERROR', object: status })}\n`);
      return;
    }
    const tell = (change: FakeChange): void => {
      if (change.collection !== collection || (namespace !== undefined && change.object.metadata.namespace !== namespace)) return;
      writeLine(response, { type: change.type, object: change.object });
    };
    missed.forEach(tell);
    const unlisten = this.#objects.listen(tell);
    const timer = setTimeout(() => this.#endOne(watch, 'clean'), Number(query['timeoutSeconds'] ?? 300) * 1000);
    const watch: OpenWatch = {
      collection,
      response,
      close: () => {
        clearTimeout(timer);
        unlisten();
        this.#open.delete(watch);
      },
    };
    this.#open.add(watch);
    response.on('close', watch.close);
  }

  send(collection: string, event: unknown): void {
    for (const watch of this.#open) if (watch.collection === collection) writeLine(watch.response, event);
  }

  end(collection: string, how: 'clean' | 'torn'): void {
    for (const watch of this.#open) if (watch.collection === collection) this.#endOne(watch, how);
  }

  /** Those that are open say nothing any more, and do not end. */
  mute(): void {
    for (const watch of this.#open) watch.close();
  }

  endAll(): void {
    for (const watch of this.#open) this.#endOne(watch, 'clean');
  }

  #endOne(watch: OpenWatch, how: 'clean' | 'torn'): void {
    watch.close();
    if (how === 'clean') watch.response.end();
    else watch.response.write('{"type":"MODIFIED","object":{"metad', () => watch.response.socket?.destroy());
  }
}

function writeLine(response: ServerResponse, event: unknown): void {
  response.write(typeof event === 'string' || Buffer.isBuffer(event) ? event : `${JSON.stringify(event)}\n`);
}
