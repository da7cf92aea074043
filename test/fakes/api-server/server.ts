// A local HTTPS API server in this process: list, watch, write, patch, discovery, and every fault a test orders. Real
// sockets and TLS, so that pools, deadlines and streams are tested as they are.

import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { answerFault, type Fault, type FaultAction, type SeenRequest, writeStatus } from './faults.ts';
import { FakeObjects, type FakeInput, type FakeObject, FakeRefusal } from './objects.ts';
import { type FakeResource, type ParsedPath, FakeResources } from './resources.ts';
import { FakeWatches } from './watches.ts';
import { type Admission, handleWrite } from './writes.ts';

export type { Fault, FaultAction, SeenRequest } from './faults.ts';
export type { FakeInput, FakeObject } from './objects.ts';
export type { FakeResource } from './resources.ts';

const run = promisify(execFile);

interface Certificate {
  readonly cert: string;
  readonly key: string;
}

let sharedCertificate: Promise<Certificate> | undefined;

/** A self-signed certificate for 127.0.0.1, from the openssl command. */
export async function createCertificate(): Promise<Certificate> {
  const folder = await mkdtemp(join(tmpdir(), 'fake-api-'));
  try {
    const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
    const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
    await run('openssl', [
      'req',
      '-x509',
      ...kind,
      '-subj',
      '/CN=127.0.0.1',
      '-addext',
      'subjectAltName=IP:127.0.0.1',
      '-keyout',
      key,
      '-out',
      cert,
    ]);
    return { cert: await readFile(cert, 'utf8'), key: await readFile(key, 'utf8') };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

export class FakeApiServer {
  readonly objects = new FakeObjects();
  readonly resources = new FakeResources();
  /** A policy that changes what clients write; none by default. */
  admit: Admission = (next) => next;
  /** Every request, in order of arrival. */
  readonly requests: SeenRequest[] = [];
  readonly #certificate: Certificate;
  readonly #server: Server;
  readonly #sockets = new Map<Socket, number>();
  readonly #watches: FakeWatches;
  readonly #faults: { readonly fault: Fault; left: number }[] = [];
  #connections = 0;
  #token = 'first-token';
  /** A promise, so that callers at the same time share one folder. */
  #folder: Promise<string> | undefined;

  private constructor(certificate: Certificate) {
    this.#certificate = certificate;
    this.#watches = new FakeWatches(this.objects);
    this.#server = createServer({ ...certificate, ALPNProtocols: ['http/1.1'] }, (request, response) => {
      this.#handle(request, response).catch((error: unknown) => writeStatus(response, 500, 'InternalError', String(error)));
    });
    this.#server.on('secureConnection', (socket: Socket) => {
      this.#connections += 1;
      this.#sockets.set(socket, this.#connections);
      socket.on('close', () => this.#sockets.delete(socket)).on('error', () => undefined);
    });
  }

  /** Starts on a free port of 127.0.0.1. */
  static async start(port = 0): Promise<FakeApiServer> {
    sharedCertificate ??= createCertificate();
    const server = new FakeApiServer(await sharedCertificate);
    await new Promise<void>((resolve) => {
      server.#server.listen(port, '127.0.0.1', resolve);
    });
    return server;
  }

  async stop(): Promise<void> {
    this.#watches.endAll();
    const closed = new Promise((resolve) => {
      this.#server.close(resolve);
    });
    this.dropConnections();
    await closed;
    if (this.#folder !== undefined) await rm(await this.#folder, { recursive: true, force: true });
  }

  get url(): string {
    return `https://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** TCP connections since the start. */
  get connections(): number {
    return this.#connections;
  }

  get openConnections(): number {
    return this.#sockets.size;
  }

  get openWatches(): number {
    return this.#watches.count;
  }

  /** Writes a kubeconfig and a token file; the file goes with the server. @returns its path. */
  async kubeconfig(): Promise<string> {
    this.#folder ??= mkdtemp(join(tmpdir(), 'fake-api-'));
    const folder = await this.#folder;
    await this.#writeToken();
    const path = join(folder, 'kubeconfig');
    const ca = Buffer.from(this.#certificate.cert).toString('base64');
    const user = { 'auth-provider': { name: 'tokenFile', config: { tokenFile: join(folder, 'token') } } };
    const config = {
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name: 'fake', cluster: { server: this.url, 'certificate-authority-data': ca } }],
      users: [{ name: 'fake', user }],
      contexts: [{ name: 'fake', context: { cluster: 'fake', user: 'fake' } }],
      'current-context': 'fake',
    };
    await writeFile(path, JSON.stringify(config));
    return path;
  }

  /** From now on only this token is accepted. `file: false` leaves the token file as it is. */
  async rotateToken(token: string, file = true): Promise<void> {
    this.#token = token;
    if (file) await this.#writeToken();
  }

  /** Orders a fault; earlier ones go first. @returns takes it back. */
  fault(fault: Fault): () => void {
    const entry = { fault, left: fault.times ?? 1 };
    this.#faults.push(entry);
    return () => {
      entry.left = 0;
    };
  }

  /** Creates or replaces an object as if somebody else had written it. */
  put(resource: FakeResource, input: FakeInput): FakeObject {
    this.resources.serve(resource);
    const collection = this.resources.collectionOf(resource);
    const withKind = { apiVersion: this.resources.apiVersionOf(resource), kind: resource.kind, ...input };
    const old = this.objects.get(collection, input.metadata.namespace, input.metadata.name);
    return old === undefined ? this.objects.create(collection, withKind) : this.objects.update(collection, old, withKind);
  }

  get(resource: FakeResource, namespace: string | undefined, name: string): FakeObject | undefined {
    return this.objects.get(this.resources.collectionOf(resource), namespace, name);
  }

  remove(resource: FakeResource, namespace: string | undefined, name: string): void {
    const old = this.get(resource, namespace, name);
    if (old !== undefined) this.objects.delete(this.resources.collectionOf(resource), old);
  }

  /** Sends an event on all watches of a resource, such as an ERROR or a BOOKMARK; a string or Buffer goes out as it is. */
  sendToWatches(resource: FakeResource, event: unknown): void {
    this.#watches.send(this.resources.collectionOf(resource), event);
  }

  /** Ends all watches of a resource: by the book, or by tearing the connection in the middle of a line. */
  endWatches(resource: FakeResource, how: 'clean' | 'torn'): void {
    this.#watches.end(this.resources.collectionOf(resource), how);
  }

  /** The connections that are there are dead from now on and no one says so: nothing comes back on them; new ones work. */
  loseConnections(): void {
    const last = this.#connections;
    this.#watches.mute();
    this.fault({ when: ({ connection }) => connection <= last, times: Number.POSITIVE_INFINITY, action: { kind: 'hang' } });
  }

  /** Tears every connection. */
  dropConnections(): void {
    for (const socket of this.#sockets.keys()) socket.destroy();
  }

  async #writeToken(): Promise<void> {
    if (this.#folder !== undefined) await writeFile(join(await this.#folder, 'token'), `${this.#token}\n`);
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const seen = await this.#record(request);
    const action = this.#takeFault(seen);
    if (action !== undefined && answerFault(action, response)) return;
    if (action?.kind === 'delay') await action.until;
    if (action?.kind === 'warn') response.setHeader('warning', `299 - ${JSON.stringify(action.text)}`);
    if (request.headers.authorization === `Bearer ${this.#token}`) this.#answerSafely(seen, response, action?.kind === 'loseAnswer');
    else writeStatus(response, 401, 'Unauthorized', 'Unauthorized');
  }

  #answerSafely(seen: SeenRequest, response: ServerResponse, lose: boolean): void {
    try {
      this.#answer(seen, response, lose);
    } catch (error) {
      if (!(error instanceof FakeRefusal)) throw error;
      writeStatus(response, error.code, error.reason, error.message, error.details);
    }
  }

  async #record(request: IncomingMessage): Promise<SeenRequest> {
    const url = new URL(request.url ?? '/', this.url);
    const query = Object.fromEntries(url.searchParams);
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString('utf8');
    const seen: SeenRequest = {
      method: request.method ?? 'GET',
      path: decodeURIComponent(url.pathname),
      query,
      watch: query['watch'] === 'true',
      contentType: request.headers['content-type'],
      userAgent: request.headers['user-agent'],
      body: text === '' ? undefined : JSON.parse(text),
      connection: this.#sockets.get(request.socket) ?? 0,
      order: this.requests.length + 1,
    };
    this.requests.push(seen);
    return seen;
  }

  #takeFault(seen: SeenRequest): FaultAction | undefined {
    const entry = this.#faults.find(({ fault, left }) => left > 0 && fault.when(seen));
    if (entry === undefined) return undefined;
    entry.left -= 1;
    return entry.fault.action;
  }

  #answer(seen: SeenRequest, response: ServerResponse, lose: boolean): void {
    const discovered = this.resources.discover(seen.path);
    const parsed = this.resources.parse(seen.path);
    if (discovered !== undefined) writeJson(response, 200, discovered);
    else if (parsed === undefined) writeStatus(response, 404, 'NotFound', 'the server could not find the requested resource', {});
    else if (seen.watch) this.#watches.open(parsed.collection, parsed.namespace, seen.query, response);
    else this.#answerObject(parsed, seen, response, lose);
  }

  #answerObject(parsed: ParsedPath, seen: SeenRequest, response: ServerResponse, lose: boolean): void {
    const { code, body } = this.#respond(parsed, seen);
    if (lose) response.socket?.destroy();
    else writeJson(response, code, body);
  }

  #respond(parsed: ParsedPath, seen: SeenRequest): { readonly code: number; readonly body: unknown } {
    if (seen.method !== 'GET') return handleWrite(this.objects, parsed, seen, this.admit);
    if (parsed.name === undefined) return { code: 200, body: this.#list(parsed, seen) };
    const object = this.objects.get(parsed.collection, parsed.namespace, parsed.name);
    if (object === undefined)
      throw new FakeRefusal(404, 'NotFound', `${parsed.resource.plural} "${parsed.name}" not found`, { name: parsed.name });
    return { code: 200, body: object };
  }

  #list(parsed: ParsedPath, seen: SeenRequest): unknown {
    const wanted = (seen.query['labelSelector'] ?? '')
      .split(',')
      .filter((part) => part !== '')
      .map((part) => part.split('='));
    const all = this.objects
      .list(parsed.collection, parsed.namespace)
      .filter(({ metadata }) => wanted.every(([label = '', value]) => metadata.labels?.[label] === value));
    const offset = Number(seen.query['continue'] ?? 0);
    const limit = Number(seen.query['limit'] ?? all.length);
    const rest = offset + limit < all.length ? { continue: String(offset + limit) } : {};
    return {
      apiVersion: this.resources.apiVersionOf(parsed.resource),
      kind: `${parsed.resource.kind}List`,
      metadata: { resourceVersion: String(this.objects.version), ...rest },
      items: all.slice(offset, offset + limit),
    };
  }
}

function writeJson(response: ServerResponse, code: number, body: unknown): void {
  response.writeHead(code, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}
