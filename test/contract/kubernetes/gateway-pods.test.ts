// The pods of a gateway, as the API server lists them.
import { expect, test } from 'vitest';
import { connectFake, pods } from './harness.ts';

test('running pods with the label are listed with their addresses, those that go are left out', async () => {
  const { server, connection } = await connectFake();
  const put = (name: string, status: object, metadata: object = {}) =>
    server.put(pods, { metadata: { name, namespace: 'gw', labels: { app: 'envoy' }, ...metadata }, status });
  put('a', { phase: 'Running', podIP: '10.0.0.1' });
  put('b', { phase: 'Running', podIP: 'fd00::2' });
  put('going', { phase: 'Running', podIP: '10.0.0.3' }, { deletionTimestamp: '2030-01-01T00:00:00Z', finalizers: ['x/y'] });
  put('new', { phase: 'Running' });
  put('other', { phase: 'Running', podIP: '10.0.0.4' }, { labels: { app: 'contour' } });
  put('elsewhere', { phase: 'Running', podIP: '10.0.0.5' }, { namespace: 'shop' });
  expect(await connection.listGatewayPods('gw', 'app', 'envoy')).toEqual([
    { name: 'a', address: '10.0.0.1' },
    { name: 'b', address: 'fd00::2' },
  ]);
  const asked = server.requests.find(({ path }) => path.endsWith('/namespaces/gw/pods'));
  expect(asked?.query).toMatchObject({ labelSelector: 'app=envoy', fieldSelector: 'status.phase=Running' });
});
