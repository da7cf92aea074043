import { describe, expect, test } from 'vitest';
import { targetOf } from './discovery.ts';

const metadata = {
  name: 'app-1',
  namespace: 'shop',
  uid: 'u1',
  labels: { app: 'app', 'app.kubernetes.io/name': 'shop' },
  annotations: { 'prometheus.io/scrape': 'true', 'prometheus.io/port': '8080' },
};
const status = { phase: 'Running', podIP: '10.88.0.2' };

describe('what Prometheus scrapes of a pod', () => {
  test('a running pod with the annotations is a target with its labels', () => {
    expect(targetOf({ metadata, status })).toEqual({
      targets: ['10.88.0.2:8080'],
      labels: { app: 'app', app_kubernetes_io_name: 'shop', namespace: 'shop', pod: 'app-1', __metrics_path__: '/metrics' },
    });
  });

  test('a pod that does not ask for it, has no address or has ended is none', () => {
    expect(targetOf({ metadata: { ...metadata, annotations: {} }, status })).toBeUndefined();
    expect(targetOf({ metadata, status: { phase: 'Running' } })).toBeUndefined();
    expect(targetOf({ metadata, status: { ...status, phase: 'Succeeded' } })).toBeUndefined();
  });
});
