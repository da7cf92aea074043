// The application that tests release: it answers with its version, fails and dawdles as it is told, and counts.
// Behaviour by VERSION, ERROR_RATE, CLIENT_ERROR_RATE, DELAY_MS, UNREADY, and at run time by POST /_control
// {"errorRate": 0.1, "clientErrorRate": 0, "delayMs": 20, "unready": 1}; GET /_control shows it.
import { createSocket } from 'node:dgram';
import { createServer } from 'node:http';
import { createServer as createHttp2Server } from 'node:http2';

const version = process.env.VERSION ?? 'v1';
const behaviour = {
  errorRate: Number(process.env.ERROR_RATE ?? 0),
  clientErrorRate: Number(process.env.CLIENT_ERROR_RATE ?? 0),
  delayMs: Number(process.env.DELAY_MS ?? 0),
  /** Above 0 the readiness probe fails. */
  unready: Number(process.env.UNREADY ?? 0),
};
/** @type {Map<number, number>} */
const requestsByCode = new Map([[200, 0]]);
let orders = 0;
let datagrams = 0;
let stopping = false;

/** Status of the next answer, drawn by the rates. */
function drawStatus() {
  const draw = Math.random();
  if (draw < behaviour.errorRate) return 500;
  return draw < behaviour.errorRate + behaviour.clientErrorRate ? 400 : 200;
}

function send(response, status, body, type = 'application/json') {
  const text = typeof body === 'string' ? body : `${JSON.stringify(body)}\n`;
  const headers = { 'content-type': type, 'content-length': Buffer.byteLength(text), 'x-version': version };
  // A closing server asks its clients to go elsewhere.
  if (stopping) headers.connection = 'close';
  response.writeHead(status, headers).end(text);
}

function serve(request, response) {
  const status = drawStatus();
  requestsByCode.set(status, (requestsByCode.get(status) ?? 0) + 1);
  if (status === 200) orders += 1;
  const answer = { version, path: request.url, status, host: process.env.HOSTNAME ?? '' };
  if (behaviour.delayMs > 0) setTimeout(send, behaviour.delayMs, response, status, answer);
  else send(response, status, answer);
}

function showMetrics(response) {
  const lines = ['# HELP http_requests_total Answers by status code.', '# TYPE http_requests_total counter'];
  for (const [code, count] of requestsByCode) lines.push(`http_requests_total{code="${code}",version="${version}"} ${count}`);
  lines.push('# HELP orders_total Orders taken.', '# TYPE orders_total counter', `orders_total{version="${version}"} ${orders}`);
  lines.push(
    '# HELP datagrams_total Datagrams answered.',
    '# TYPE datagrams_total counter',
    `datagrams_total{version="${version}"} ${datagrams}`,
    '',
  );
  send(response, 200, lines.join('\n'), 'text/plain; version=0.0.4');
}

/** Changes what the body names; anything that is not a number of at least 0 is refused. */
async function control(request, response) {
  let text = '';
  for await (const chunk of request) text += chunk;
  let change;
  try {
    change = JSON.parse(text || '{}');
  } catch {
    return send(response, 400, { error: 'the body is not JSON' });
  }
  const wrong = Object.entries(change).find(
    ([name, value]) => !Object.hasOwn(behaviour, name) || !(typeof value === 'number' && value >= 0),
  );
  if (wrong)
    return send(response, 400, { error: `${wrong[0]} must be errorRate, clientErrorRate, delayMs or unready with a number of at least 0` });
  Object.assign(behaviour, change);
  return send(response, 200, behaviour);
}

const server = createServer((request, response) => {
  const path = new URL(request.url ?? '/', 'http://sample').pathname;
  if (path === '/healthz') return send(response, behaviour.unready > 0 ? 503 : 200, '\n', 'text/plain');
  if (path === '/metrics') return showMetrics(response);
  if (path === '/_control') return request.method === 'POST' ? void control(request, response) : send(response, 200, behaviour);
  return serve(request, response);
});

// In-flight requests are finished, and late ones are answered while the gateway learns that this pod goes.
function stop() {
  if (stopping) return;
  stopping = true;
  setTimeout(() => server.close(() => process.exit(0)), Number(process.env.DRAIN_MS ?? 2000));
}
process.on('SIGTERM', stop);
process.on('SIGINT', stop);

// Any gRPC call is answered by an empty message, and by status UNAVAILABLE where it fails; over HTTP/2 in plain text.
const grpc = createHttp2Server();
grpc.on('stream', (stream) => {
  const status = drawStatus();
  stream.on('error', () => undefined);
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': status === 200 ? '0' : '14' }));
  stream.respond({ ':status': 200, 'content-type': 'application/grpc', 'x-version': version }, { waitForTrailers: true });
  stream.end(Buffer.alloc(5));
});
grpc.listen(Number(process.env.GRPC_PORT ?? 9090));

// Each datagram is answered by the version, but for those that fail: they get no answer.
const socket = createSocket('udp4', (_message, from) => {
  if (drawStatus() !== 200) return;
  datagrams += 1;
  socket.send(version, from.port, from.address);
});
socket.bind(Number(process.env.PORT ?? 8080));
socket.unref();

// Longer than a gateway keeps an idle connection (Envoy: an hour): a request must not meet one that is just being closed.
server.keepAliveTimeout = 4_000_000;
server.listen(Number(process.env.PORT ?? 8080), () => console.log(`sample ${version} listens on ${process.env.PORT ?? 8080}`));
