import { request } from 'node:http';
import { connect } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { OperatorServer, type ServerOptions } from '../../../src/server/http.ts';
import { createMetrics } from '../../../src/server/metrics.ts';

const GOOD: Omit<ServerOptions, 'address'> = {
  metrics: { contentType: 'text/plain; version=0.0.4; charset=utf-8', render: () => Promise.resolve('up 1\n') },
  health: () => ({ ok: true, lines: ['[+] event loop 0ms late'] }),
  readiness: () => ({ ok: true, lines: ['[+] HTTPRoute synced'] }),
};

const open: OperatorServer[] = [];

afterEach(async () => {
  for (const server of open.splice(0)) await server.close();
});

async function start(options: Partial<ServerOptions> = {}) {
  const server = new OperatorServer({ ...GOOD, ...options, address: { host: '127.0.0.1', port: 0 } });
  open.push(server);
  const port = await server.listen();
  return { server, port, ask: (path: string, method = 'GET') => fetch(`http://127.0.0.1:${port}${path}`, { method }) };
}

describe('the pages', () => {
  test('metrics come as the registry renders them, with its content type', async () => {
    const metrics = createMetrics();
    const { ask } = await start({ metrics });
    const answer = await ask('/metrics?name[]=x');
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toBe(metrics.contentType);
    expect(await answer.text()).toContain('\nglidepath_leader 0\n');
  });

  test('probes say ok line by line', async () => {
    const { ask } = await start();
    expect(await (await ask('/healthz')).text()).toBe('[+] event loop 0ms late\nok\n');
    expect(await (await ask('/readyz')).text()).toBe('[+] HTTPRoute synced\nok\n');
  });

  test('a failing probe is a 503 that gives the reason', async () => {
    const bad = () => ({ ok: false, lines: ['[-] Service not synced yet'] });
    const { ask } = await start({ health: bad, readiness: bad });
    for (const path of ['/healthz', '/readyz']) {
      const answer = await ask(path);
      expect(answer.status).toBe(503);
      expect(await answer.text()).toBe('[-] Service not synced yet\nfailed\n');
    }
  });

  test('a probe or registry that throws is a 500, and the server goes on', async () => {
    const broken = () => {
      throw new Error('no facts');
    };
    const { ask } = await start({
      health: broken,
      metrics: { contentType: 'text/plain', render: () => Promise.reject(new Error('no registry')) },
    });
    const answers = [await ask('/healthz'), await ask('/metrics'), await ask('/readyz')];
    expect(answers.map((answer) => answer.status)).toEqual([500, 500, 200]);
    expect(await answers[0]?.text()).toBe('no facts\n');
  });

  test.each(['/', '/metrics/', '/healthz/x', '//metrics', '/../metrics%00'])('there is nothing at %s', async (path) => {
    const { port } = await start();
    const status = await new Promise((resolve) => {
      request({ host: '127.0.0.1', port, path, agent: false }, (answer) => resolve(answer.resume().statusCode)).end();
    });
    expect(status).toBe(404);
  });

  test('HEAD is GET without the body', async () => {
    const { ask } = await start();
    const answer = await ask('/metrics', 'HEAD');
    expect([answer.status, answer.headers.get('content-length'), await answer.text()]).toEqual([200, '5', '']);
  });

  test.each(['POST', 'PUT', 'DELETE', 'OPTIONS'])('%s is refused', async (method) => {
    const { ask } = await start();
    const answer = await ask('/metrics', method);
    expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
  });
});

describe('the server', () => {
  test('the server says which address it cannot have, and which setting to change', async () => {
    const { port } = await start();
    const second = new OperatorServer({ ...GOOD, address: { host: '127.0.0.1', port } });
    await expect(second.listen()).rejects.toMatchObject({
      code: 'GLIDEPATH_E_LISTEN',
      message: expect.stringMatching(new RegExp(`^cannot listen on 127.0.0.1:${port} .*--metrics-address$`)) as unknown,
    });
    await second.close();
  });

  test('listens on every address when no host is given', async () => {
    const server = new OperatorServer({ ...GOOD, address: { port: 0 } });
    open.push(server);
    const port = await server.listen();
    expect((await fetch(`http://127.0.0.1:${port}/readyz`)).status).toBe(200);
  });

  test('the server closes although connections are kept alive, lets the answer under way end, and takes no new ones', async () => {
    let release = (_text: string): void => {};
    let asked = (): void => {};
    const underWay = new Promise<void>((resolve) => (asked = resolve));
    const render = () => {
      asked();
      return new Promise<string>((resolve) => (release = resolve));
    };
    const { server, port, ask } = await start({ metrics: { contentType: 'text/plain', render } });
    const idle = connect(port, '127.0.0.1');
    await (await ask('/healthz')).text();
    const answer = ask('/metrics');
    await underWay;
    const closed = server.close();
    release('late 1\n');
    expect(await (await answer).text()).toBe('late 1\n');
    idle.destroy();
    await closed;
    await expect(ask('/healthz')).rejects.toThrow();
    await server.close();
  });
});
