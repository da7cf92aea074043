// What the two pods of a probe run: a server that says which version it is, and a client that sends requests to the gateway from inside
// the cluster. Plain JavaScript for `node -e`: the image is the operator's, which has Node and nothing else.

/** One request of the client: when it was sent (Unix milliseconds of the pod), which version answered (empty: none of the probe), and the status, 0 for none. */
export type ProbeRecord = readonly [sentMs: number, version: string, status: number];

/** What the client says: the time of the pod, the requests since the time that was asked for, and how many the server itself has answered. */
export interface ProbeReading {
  readonly nowMs: number;
  readonly records: readonly ProbeRecord[];
  readonly served: number;
}

export const PROBE_PORT = 8080;
/** Where gRPC calls are answered. */
export const PROBE_GRPC_PORT = 8081;
/** Who answered. */
export const VERSION_HEADER = 'x-glidepath-probe';
/** Paths of the client begin with this; all others are answered by the server. */
export const CLIENT_PATH = '/_probe';

/** Orders to the client come with the key of this probe: the gateway leads to the pods as well. */
export const PROBE_SCRIPT = `
const http = require('node:http'), https = require('node:https'), http2 = require('node:http2');
const { VERSION, KEY } = process.env;
let served = 0, timer, records = [];
const agents = { http: new http.Agent({ keepAlive: true, maxSockets: 64 }), https: new https.Agent({ keepAlive: true, maxSockets: 64 }) };
function send(to) {
  const sentMs = Date.now();
  let ended = false;
  const end = (version, status) => { if (!ended) { ended = true; records.push([sentMs, version, status]); } };
  const lib = to.tls ? https : http;
  const options = { host: to.address, port: to.port, path: to.path, servername: to.host, rejectUnauthorized: false,
    agent: to.tls ? agents.https : agents.http, headers: { host: to.host, ...(to.header ? { [to.header]: 'true' } : {}) }, timeout: 5000 };
  const request = lib.request(options, (answer) => {
    answer.resume();
    answer.on('end', () => end(String(answer.headers['${VERSION_HEADER}'] || ''), answer.statusCode));
    answer.on('error', () => end('', 0));
  });
  request.on('timeout', () => request.destroy(new Error('timeout')));
  request.on('error', () => end('', 0));
  request.end();
}
function start(to) {
  clearInterval(timer);
  const beganMs = Date.now();
  let sent = 0;
  timer = setInterval(() => { for (const due = ((Date.now() - beganMs) * to.rps) / 1000; sent < due; sent++) send(to); }, 5);
}
http2.createServer((request, answer) => {
  request.resume();
  answer.setHeader('content-type', 'application/grpc');
  answer.setHeader('${VERSION_HEADER}', VERSION);
  answer.addTrailers({ 'grpc-status': '0' });
  answer.end(Buffer.alloc(5));
}).listen(${PROBE_GRPC_PORT});
function call(session, to) {
  return new Promise((resolve) => {
    const sentMs = Date.now();
    let version = '', status;
    const stream = session.request({ ':method': 'POST', ':path': to.path, ':authority': to.host, 'content-type': 'application/grpc', te: 'trailers' });
    const read = (headers) => { version = String(headers['${VERSION_HEADER}'] || version); if (headers['grpc-status'] !== undefined) status = headers['grpc-status']; };
    stream.on('response', read);
    stream.on('trailers', read);
    stream.on('error', () => undefined);
    stream.setTimeout(5000, () => stream.close());
    stream.on('close', () => resolve([sentMs, version, status === '0' ? 200 : status === undefined ? 0 : 500]));
    stream.resume();
    stream.end(Buffer.alloc(5));
  });
}
async function calls(to) {
  const session = http2.connect((to.tls === 'true' ? 'https' : 'http') + '://' + to.address + ':' + to.port, { servername: to.host, rejectUnauthorized: false });
  session.on('error', () => undefined);
  const made = [];
  while (made.length < Number(to.count)) made.push(...(await Promise.all(Array.from({ length: 20 }, () => session.destroyed ? [Date.now(), '', 0] : call(session, to)))));
  session.destroy();
  return made;
}
http.createServer(async (request, answer) => {
  const url = new URL(request.url, 'http://probe');
  const asked = Object.fromEntries(url.searchParams);
  if (url.pathname === '/healthz') return void answer.end('ok');
  if (!url.pathname.startsWith('${CLIENT_PATH}/') || asked.key !== KEY) {
    served += 1;
    answer.setHeader('${VERSION_HEADER}', VERSION);
    return void answer.end(VERSION);
  }
  if (url.pathname === '${CLIENT_PATH}/start') start({ ...asked, port: Number(asked.port), rps: Number(asked.rps), tls: asked.tls === 'true' });
  if (url.pathname === '${CLIENT_PATH}/stop') clearInterval(timer);
  if (url.pathname === '${CLIENT_PATH}/grpc') {
    answer.setHeader('content-type', 'application/json');
    return void answer.end(JSON.stringify({ nowMs: Date.now(), served, records: await calls(asked) }));
  }
  records = records.slice(-20000);
  answer.setHeader('content-type', 'application/json');
  answer.end(JSON.stringify({ nowMs: Date.now(), served, records: records.filter(([sentMs]) => sentMs >= Number(asked.since)) }));
}).listen(${PROBE_PORT});
`;
