// Serves the repositories of a folder over smart HTTP on loopback, by Git's own CGI program: Flux reads Git over http, https and ssh only.
import { spawn } from 'node:child_process';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';

const [folder, port] = process.argv.slice(2);

function variablesOf({ method, url = '/', headers }: IncomingMessage): NodeJS.ProcessEnv {
  const { pathname, search } = new URL(url, 'http://git');
  return {
    ...process.env,
    GIT_PROJECT_ROOT: folder,
    GIT_HTTP_EXPORT_ALL: '1',
    REQUEST_METHOD: method,
    PATH_INFO: pathname,
    QUERY_STRING: search.slice(1),
    CONTENT_TYPE: headers['content-type'] ?? '',
    HTTP_CONTENT_ENCODING: headers['content-encoding']?.toString() ?? '',
    GIT_PROTOCOL: headers['git-protocol']?.toString() ?? '',
    REMOTE_ADDR: '127.0.0.1',
  };
}

/** What a CGI program says: headers, an empty line, the body. */
function answer(response: ServerResponse, said: Buffer): void {
  const end = said.indexOf('\r\n\r\n');
  if (end === -1) {
    response.writeHead(500).end('git http-backend did not answer\n');
    return;
  }
  let status = 200;
  for (const line of said.subarray(0, end).toString().split('\r\n')) {
    const [, name = '', value = ''] = /^([^:]+):\s*(.*)$/.exec(line) ?? [];
    if (name.toLowerCase() === 'status') status = Number.parseInt(value, 10);
    else response.setHeader(name, value);
  }
  response.writeHead(status).end(said.subarray(end + 4));
}

createServer((request, response) => {
  const cgi = spawn('git', ['http-backend'], { env: variablesOf(request), stdio: ['pipe', 'pipe', 'inherit'] });
  request.pipe(cgi.stdin);
  const parts: Buffer[] = [];
  cgi.stdout.on('data', (part: Buffer) => parts.push(part));
  cgi.once('close', () => answer(response, Buffer.concat(parts)));
}).listen(Number(port), '127.0.0.1');
