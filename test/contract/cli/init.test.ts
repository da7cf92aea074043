// `init services`: the manifest that comes out is a right one, and says what it was made from.

import { beforeEach, describe, expect, test } from 'vitest';
import { readReleases } from '../../../src/cli/manifest.ts';
import { nameFor } from '../../../src/cli/init/manifest.ts';
import { httpRoutes, serviceNamed, services } from '../kubernetes/harness.ts';
import { openShop, type Shop } from './shop.ts';

let shop: Shop;

beforeEach(async () => {
  shop = await openShop();
  for (const name of ['store-v1', 'store-v2']) shop.server.put(services, serviceNamed(name));
});

interface Ref {
  readonly name: string;
  readonly weight?: number;
  readonly port?: number;
}

function putRoute(name: string, refs: readonly Ref[], controllerName = 'projectcontour.io/gateway-controller'): void {
  const rules = [{ name: 'api', backendRefs: refs.map((ref) => ({ port: 80, ...ref })) }];
  const parentRef = { name: 'gateway' };
  const status = { parents: [{ parentRef, controllerName }] };
  shop.server.put(httpRoutes, { metadata: { name, namespace: 'shop' }, spec: { parentRefs: [parentRef], rules }, status });
}

const WEIGHTED = [
  { name: 'store-v1', weight: 100 },
  { name: 'store-v2', weight: 0 },
];

test('init prints a manifest that lint accepts, with the weights and the metrics source it saw', async () => {
  putRoute('store', WEIGHTED);
  putRoute('unrelated', [{ name: 'other' }]);
  const { code, out, err } = await shop.run('init services store-v1 store-v2 -n shop');
  expect({ code, err }).toEqual({ code: 0, err: '' });
  const [release] = readReleases(out, 'init');
  expect(release?.metadata).toMatchObject({ name: 'store', namespace: 'shop' });
  expect(release?.spec).toMatchObject({
    services: [{ name: 'store-v1' }, { name: 'store-v2' }],
    routeRefs: [{ kind: 'HTTPRoute', name: 'store' }],
    stages: [{ weight: 5 }, { weight: 25 }, { weight: 50 }],
  });
  expect(out).toContain('#   HTTPRoute store, api: store-v1 weight 100, store-v2 weight 0\n');
  expect(out).toContain('source: Auto   # Contour, ');
  expect(out).not.toContain('WARNING');
  expect(shop.server.requests.every(({ method }) => method === 'GET')).toBe(true);
});

test('init names the port where a Service has several', async () => {
  const ports = [
    { name: 'http', port: 80 },
    { name: 'admin', port: 9000 },
  ];
  shop.server.put(services, { metadata: { name: 'store-v1', namespace: 'shop' }, spec: { ports } });
  putRoute('store', WEIGHTED);
  const [release] = readReleases((await shop.run('init services store-v1 store-v2 -n shop')).out, 'init');
  expect(release?.spec.services).toEqual([{ name: 'store-v1', port: 80 }, { name: 'store-v2' }]);
});

describe('warns of what would block the first release', () => {
  test.each<readonly [string, readonly Ref[], RegExp]>([
    [
      'one Service is not named',
      [{ name: 'store-v1' }],
      /HTTPRoute store, api does not name Service store-v2; add it as a backendRef with weight 0/,
    ],
    [
      'both have traffic',
      [
        { name: 'store-v1', weight: 95 },
        { name: 'store-v2', weight: 5 },
      ],
      /gives both Services weight; continue from there with spec.adopt: true, or set the weight of store-v2 to 0: kubectl patch httproute store -n shop --type json -p '\[\{"op":"replace","path":"\/spec\/rules\/0\/backendRefs\/1\/weight","value":0\}\]'/,
    ],
    [
      'both have the same traffic',
      [{ name: 'store-v1' }, { name: 'store-v2' }],
      /gives both Services the same weight, so neither serves; if store-v2 is the new one: kubectl patch httproute store/,
    ],
    ['no route names them', [{ name: 'other' }], /no route names Service store-v1 or store-v2; add both as backendRefs/],
  ])('init warns that the first release would be blocked: %s', async (_what, refs, warning) => {
    putRoute('store', refs);
    const { code, out, err } = await shop.run('init services store-v1 store-v2 -n shop');
    expect(code).toBe(0);
    expect(err).toMatch(warning);
    expect(out).toContain(`# WARNING: ${err.slice('warning: '.length)}`);
    expect(readReleases(out, 'init')).toHaveLength(1);
  });
});

test('init takes only the routes it is given', async () => {
  putRoute('store', WEIGHTED);
  putRoute('admin', WEIGHTED);
  const [release] = readReleases((await shop.run('init services store-v1 store-v2 -n shop --route admin')).out, 'init');
  expect(release?.spec.routeRefs.map(({ name }) => name)).toEqual(['admin']);
  expect((await shop.run('init services store-v1 store-v2 -n shop --route nothing')).err).toMatch(/those that do: admin, store\n$/);
});

test('a Service that is not there is told with those that are like it', async () => {
  expect((await shop.run('init services store-v1 store-v3 -n shop')).err).toBe(
    'error: Service shop/store-v3 not found; did you mean store-v1 or store-v2?\n',
  );
  expect(await shop.run('init services store-v1 store-v1 -n shop')).toMatchObject({ code: 2 });
});

test.each([
  ['store-api-v1', 'store-api-v2', 'store-api'],
  ['web1', 'web2', 'web'],
  ['blue', 'green', 'blue'],
  ['v1', 'v2', 'v1'],
  ['store-10', 'store-11', 'store'],
] as const)('%s and %s are versions of %s', (first, second, name) => {
  expect(nameFor([first, second])).toBe(name);
});
