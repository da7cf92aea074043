// What `probe-gateway` makes of requests and of Gateways.

import { describe, expect, test } from 'vitest';
import {
  judgeChange,
  judgeEmpty,
  judgeGrpc,
  judgeHeader,
  judgeLosses,
  judgeMirror,
  judgeSplit,
  judgeZero,
} from '../../../src/cli/probe/judge.ts';
import {
  chooseListener,
  headerRule,
  pathOfProbe,
  type ProbePlace,
  probePod,
  probeRoute,
  weightedRule,
} from '../../../src/cli/probe/objects.ts';
import type { ProbeRecord } from '../../../src/cli/probe/server.ts';

const PLACE: ProbePlace = { id: 'abc123', key: 'secret', namespace: 'shop', image: 'glidepath:1' };

/** So many answers of each version, 10 ms apart. */
function answers(a: number, b: number, lost = 0, status = 503): readonly ProbeRecord[] {
  const all = [...Array<string>(a).fill('a'), ...Array<string>(b).fill('b'), ...Array<string>(lost).fill('')];
  return all.map((version, index) => [1_000 + 10 * index, version, version === '' ? status : 200]);
}

describe('what the requests of a probe say', () => {
  test('a share within three standard deviations is right, and one beyond them is not', () => {
    expect(judgeSplit(answers(909, 91), 10)).toEqual({
      level: 'ok',
      check: 'split at 10%',
      says: '9.1% of 1000 requests (7.2% to 12.8% expected)',
    });
    expect(judgeSplit(answers(500, 500), 10).level).toBe('FAIL');
    // Only answers of the probe count, and without any there is no share.
    expect(judgeSplit(answers(0, 0, 20), 10).level).toBe('FAIL');
  });

  test('what was not seen is not fine', () => {
    const lost = answers(0, 0, 20);
    for (const finding of [judgeSplit([], 10), judgeZero(lost), judgeEmpty([], 5), judgeLosses(lost, 6)])
      expect(finding).toMatchObject({ level: 'FAIL', says: 'no request was answered by a backend of the probe' });
  });

  test('a single answer of a backend of weight 0 is one too many', () => {
    expect(judgeZero(answers(100, 0)).level).toBe('ok');
    expect(judgeZero(answers(99, 1)).level).toBe('FAIL');
  });

  test('a change is timed by the first new and the last old answer after it', () => {
    const records: readonly ProbeRecord[] = [
      [900, 'a', 200],
      [1_100, 'a', 200],
      [1_200, 'b', 200],
      [1_350, 'a', 200],
      [1_400, 'b', 200],
    ];
    expect(judgeChange(records, 1_000, 'b').says).toBe('first new answer after 0.20 s, last old answer after 0.35 s');
    expect(judgeChange([[1_100, 'b', 200]], 1_000, 'b').says).toBe('first new answer after 0.10 s, last old answer at once');
  });

  test('gRPC calls are split and answered, or it is said why not', () => {
    expect(judgeGrpc(answers(80, 20), 20)).toEqual({
      level: 'ok',
      check: 'gRPC split at 20%',
      says: '20.0% of 100 calls (8.0% to 32.0% expected), 0 failed',
    });
    expect(judgeGrpc(answers(80, 20, 3), 20)).toMatchObject({ level: 'warn', says: expect.stringContaining('3 failed') });
    expect(judgeGrpc(answers(100, 0), 20).level).toBe('warn');
    expect(judgeGrpc(answers(0, 0, 20), 20).says).toBe('no call was answered: do not release a GRPCRoute on this listener');
    expect(judgeGrpc('grpcroutes is not served', 20).says).toBe('not asked: grpcroutes is not served');
  });

  test('a header has to lead to the canary always and nothing else ever', () => {
    expect(judgeHeader(answers(0, 100), answers(100, 0)).level).toBe('ok');
    expect(judgeHeader(answers(1, 99), answers(100, 0)).level).toBe('warn');
    expect(judgeHeader(answers(0, 100), answers(99, 1)).level).toBe('warn');
    expect(judgeHeader([], answers(100, 0)).level).toBe('warn');
  });

  test('a mirror has to honour its percentage and to lose nothing', () => {
    expect(judgeMirror(48, answers(500, 0), 10)).toMatchObject({ level: 'ok', says: '48 copies of 500 requests' });
    expect(judgeMirror(500, answers(500, 0), 10).says).toContain('does not honour the percentage');
    expect(judgeMirror(0, answers(500, 0), 10).says).toContain('does not mirror');
    expect(judgeMirror(0, answers(0, 0, 500, 500), 10).says).toContain('does not serve routes with this filter');
    expect(judgeMirror(undefined, [], 10).says).toContain('was not accepted');
  });

  test('a canary without pods may lose its own requests and none of the others', () => {
    expect(judgeEmpty(answers(475, 0, 25), 5).level).toBe('ok');
    expect(judgeEmpty(answers(400, 0, 100), 5)).toMatchObject({
      level: 'FAIL',
      says: expect.stringContaining('100 of 500 requests were lost'),
    });
  });

  test('lost requests are counted with the statuses that came instead', () => {
    expect(judgeLosses(answers(100, 10), 6)).toMatchObject({ level: 'ok', says: '0 of 110 requests were lost over 6 writes of the route' });
    const lost = [...answers(100, 0, 1, 503), ...answers(0, 0, 1, 0)];
    expect(judgeLosses(lost, 6)).toMatchObject({
      level: 'FAIL',
      says: '2 of 102 requests were lost over 6 writes of the route (503, no answer)',
    });
  });
});

describe('the objects of a probe', () => {
  test('a pod has no rights and fits the restricted Pod Security Standard', () => {
    expect(probePod(PLACE, 'b')).toMatchObject({
      metadata: { name: 'glidepath-probe-abc123-b', labels: { 'glidepath.dev/probe': 'abc123' } },
      spec: {
        automountServiceAccountToken: false,
        securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
        containers: [{ image: 'glidepath:1', securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } } }],
      },
    });
  });

  test('a route takes requests at the path of the probe alone, in every rule', () => {
    const listener = chooseListener(gateway([{ name: 'web', protocol: 'HTTP', port: 80 }]), PLACE.id, undefined);
    const route = probeRoute(PLACE, { ...listener, address: '10.0.0.1' } as never, [
      headerRule(PLACE),
      weightedRule(PLACE, { a: 1, b: 0 }),
    ]);
    const { spec } = route as { readonly spec: { readonly rules: readonly { readonly matches: readonly { readonly path: object }[] }[] } };
    expect(spec.rules.flatMap(({ matches }) => matches.map(({ path }) => path))).toEqual(
      [1, 2].map(() => ({ type: 'PathPrefix', value: pathOfProbe(PLACE) })),
    );
  });
});

function gateway(listeners: readonly object[], addresses: readonly string[] = ['10.0.0.1']) {
  return {
    metadata: { name: 'edge', namespace: 'infra' },
    spec: { listeners },
    status: { addresses: addresses.map((value) => ({ type: 'IPAddress', value })) },
  };
}

describe('the listener of a probe', () => {
  test('a listener for HTTP comes before one for HTTPS, with a host of the probe where there is room for one', () => {
    const https = { name: 'tls', protocol: 'HTTPS', port: 443, hostname: '*.shop.example' };
    const http = { name: 'web', protocol: 'HTTP', port: 80 };
    expect(chooseListener(gateway([https, http]), 'abc', undefined)).toEqual({
      gateway: 'edge',
      namespace: 'infra',
      section: 'web',
      address: '10.0.0.1',
      port: 80,
      tls: false,
      host: 'glidepath-probe-abc.example',
      grpcHost: 'grpc-glidepath-probe-abc.example',
    });
    expect(chooseListener(gateway([https]), 'abc', undefined)).toMatchObject({
      tls: true,
      port: 443,
      host: 'glidepath-probe-abc.shop.example',
      grpcHost: 'grpc-glidepath-probe-abc.shop.example',
    });
    const named = chooseListener(gateway([{ ...http, hostname: 'api.example.com' }]), 'abc', undefined);
    expect([named?.host, named?.grpcHost]).toEqual(['api.example.com', undefined]);
  });

  test('an address that is given takes precedence, with its port', () => {
    const http = { name: 'web', protocol: 'HTTP', port: 80 };
    expect(chooseListener(gateway([http]), 'abc', '192.0.2.1:8080')).toMatchObject({ address: '192.0.2.1', port: 8080 });
    expect(chooseListener(gateway([http]), 'abc', 'edge.local')).toMatchObject({ address: 'edge.local', port: 80 });
    expect(chooseListener(gateway([http], []), 'abc', undefined)?.address).toBeUndefined();
    expect(chooseListener(gateway([{ name: 'db', protocol: 'TCP', port: 5432 }]), 'abc', undefined)).toBeUndefined();
  });
});
