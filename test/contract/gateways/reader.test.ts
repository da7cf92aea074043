// The gateways' counters over real sockets: what a server may answer, and what is asked of it.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { HttpGatewayReader } from '../../../src/adapters/gateways/reader.ts';
import type { GatewayPod, SentinelTarget } from '../../../src/ports/gateways.ts';

const TEXT = 'envoy_cluster_upstream_rq{envoy_response_code="503",envoy_cluster_name="shop_v2_80"} 7\n';
const PATH = '/stats/prometheus?filter=x';
const PODS: SentinelTarget = { kind: 'pods', namespace: 'projectcontour', label: 'app', value: 'envoy' };

let requests: string[];
let answer: (request: IncomingMessage, response: ServerResponse) => void;
let pods: readonly GatewayPod[] | Error;
let lists: number;
let now: number;
let reader: HttpGatewayReader;
const server = createServer((request, response) => {
  requests.push(`${request.method} ${request.url}`);
  answer(request, response);
});
const portOf = () => (server.address() as AddressInfo).port;

function open(...targets: readonly SentinelTarget[]): HttpGatewayReader {
  reader = new HttpGatewayReader({
    targets,
    now: () => now,
    listPods: async () => {
      lists += 1;
      if (pods instanceof Error) throw pods;
      return pods;
    },
  });
  return reader;
}

const address = (): SentinelTarget => ({ kind: 'address', origin: `http://127.0.0.1:${portOf()}` });

beforeEach(async () => {
  requests = [];
  lists = 0;
  now = 1_000_000;
  pods = [{ name: 'envoy-a', address: '127.0.0.1' }];
  answer = (_request, response) => response.end(TEXT);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});

afterEach(async () => {
  await reader.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

describe('what is asked', () => {
  test('the pods with the label are asked at the port of the source, an address at its own', async () => {
    const { answers, problems } = await open(PODS, address()).read(portOf(), PATH);
    const samples = [
      { labels: { __name__: 'envoy_cluster_upstream_rq', envoy_response_code: '503', envoy_cluster_name: 'shop_v2_80' }, value: 7 },
    ];
    expect(answers).toEqual([
      { ok: true, target: 'projectcontour/envoy-a', samples },
      { ok: true, target: `http://127.0.0.1:${portOf()}`, samples },
    ]);
    expect(problems).toEqual([]);
    expect(requests).toEqual([`GET ${PATH}`, `GET ${PATH}`]);
  });

  test('pods are listed again after ten seconds, and an API server that is away then blinds nobody', async () => {
    open(PODS);
    await reader.read(portOf(), PATH);
    now += 9_000;
    await reader.read(portOf(), PATH);
    expect(lists).toBe(1);
    now += 2_000;
    pods = new Error('the API server is away');
    await reader.read(portOf(), PATH);
    const { answers, problems } = await reader.read(portOf(), PATH);
    expect(lists).toBe(2);
    expect(answers).toMatchObject([{ ok: true, target: 'projectcontour/envoy-a' }]);
    expect(problems).toEqual(['cannot list pods of namespace projectcontour with the label app=envoy: the API server is away']);
  });

  test('a label that no pod has is told', async () => {
    pods = [];
    expect(await open(PODS).read(portOf(), PATH)).toEqual({
      answers: [],
      problems: ['no running pods of namespace projectcontour with the label app=envoy'],
    });
  });

  test('no more than 64 pods are asked, and that is told', async () => {
    pods = Array.from({ length: 70 }, (_, index) => ({ name: `envoy-${index}`, address: `127.0.0.1` }));
    const { answers, problems } = await open(PODS).read(portOf(), PATH);
    expect(answers).toHaveLength(64);
    expect(problems).toEqual(['only 64 of 70 pods are asked']);
  });
});

describe('what a pod may answer', () => {
  const readOne = async () => (await open(address()).read(0, PATH)).answers[0];

  test('a redirect is not followed', async () => {
    answer = (_request, response) => response.writeHead(302, { location: '/elsewhere' }).end();
    expect(await readOne()).toMatchObject({ ok: false, message: 'answered with a redirect (302), which is not followed' });
    expect(requests).toHaveLength(1);
  });

  test('another status is no answer', async () => {
    answer = (_request, response) => response.writeHead(404).end('not here');
    expect(await readOne()).toMatchObject({ ok: false, message: 'answered with status 404' });
  });

  test('an answer that is too large is not read to its end', async () => {
    let sent = 0;
    answer = (_request, response) => {
      const more = (): void => {
        while (!response.destroyed && response.write(TEXT.repeat(100))) sent += 1;
        if (!response.destroyed) response.once('drain', more);
      };
      more();
    };
    expect(await readOne()).toMatchObject({ ok: false, message: 'answered with more than 256 KiB' });
    expect(sent).toBeLessThan(100_000);
  });

  test('an answer that takes longer than a second is none, also when it has begun', async () => {
    answer = (_request, response) => void response.write(TEXT);
    expect(await readOne()).toMatchObject({ ok: false, message: 'did not answer within 1000 ms' });
  });

  test('something else than metrics is refused as a whole', async () => {
    answer = (_request, response) => response.end(`${TEXT}<html>`);
    expect(await readOne()).toMatchObject({ ok: false, message: 'answered with something else than metrics in text format' });
  });

  test('an encoding that was not requested is refused', async () => {
    answer = (_request, response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end(TEXT);
    expect(await readOne()).toMatchObject({ ok: false, message: 'answered in an encoding that was not requested' });
  });

  test('a pod that is not there is told, and the others are read all the same', async () => {
    pods = [
      { name: 'envoy-a', address: '127.0.0.1' },
      { name: 'envoy-b', address: '127.0.0.9' },
    ];
    const { answers } = await open(PODS).read(portOf(), PATH);
    expect(answers[0]).toMatchObject({ ok: true });
    expect(answers[1]).toMatchObject({
      ok: false,
      target: 'projectcontour/envoy-b',
      message: expect.stringMatching(/^cannot be reached: /),
    });
  });
});
