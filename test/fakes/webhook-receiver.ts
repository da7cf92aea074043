// A receiver of notifications on 127.0.0.1 that remembers what it got and answers as it is told.
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

/** One request as it arrived. */
export interface ReceivedRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

/** What the receiver does with a request: a status, a broken connection, or silence until it is closed. */
export type Reaction = number | 'reset' | 'hang';

function react(reaction: Reaction, response: ServerResponse): void {
  if (reaction === 'reset') response.destroy();
  else if (reaction !== 'hang') response.writeHead(reaction, { location: '/elsewhere' }).end('x'.repeat(200_000));
}

/** Starts the receiver. Reactions are used up one request after the other; then every request is answered 204. */
export async function startWebhookReceiver(reactions: Reaction[] = []) {
  const received: ReceivedRequest[] = [];
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      received.push({ method: request.method ?? '', path: request.url ?? '', headers: request.headers, body });
      const reaction = reactions.shift();
      if (reaction === undefined) response.writeHead(204).end();
      else react(reaction, response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    received: received as readonly ReceivedRequest[],
    async close(): Promise<void> {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
