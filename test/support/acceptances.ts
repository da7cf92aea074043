// What the API accepts, as data: the examples of the design and the edges of the rules. The parser and a real API server are
// held against it.
import type { SpecInput } from '../../src/api/release.ts';

/** A spec that is accepted. */
export interface Acceptance {
  readonly name: string;
  readonly spec: SpecInput;
}

const services = [{ name: 'store-api-v1' }, { name: 'store-api-v2' }];

type Stages = NonNullable<SpecInput['stages']>;
type Analysis = NonNullable<SpecInput['analysis']>;
type Check = NonNullable<Analysis['checks']>[number];

const withStages = (...stages: Stages): SpecInput => ({ services, stages });
const withAnalysis = (analysis: Analysis): SpecInput => ({ services, analysis });
const withCheck = (check: Omit<Check, 'name'>): SpecInput => withAnalysis({ checks: [{ name: 'one', ...check }] });

const fullStages = [
  {
    name: 'testers',
    weight: 0,
    cohort: { headers: [{ name: 'X-Canary-User', value: 'true' }] },
    mirror: { percent: 10 },
    duration: '10m',
    timeout: '30m',
    approval: 'Required' as const,
  },
  { name: 'first', weight: 5, duration: '2m', minRequests: 200 },
  { name: 'half', weight: 50, duration: '10m' },
];

const fullAnalysis: SpecInput['analysis'] = {
  mode: 'Enforce',
  metrics: { source: 'Auto', prometheus: { url: 'http://prometheus.monitoring:9090', secretRef: { name: 'prom' }, timeout: '5s' } },
  interval: '10s',
  window: '1m',
  minRequests: 50,
  comparison: { mode: 'Enforce', maxFalseRollbacks: '1%', riskBudget: '0.5%' },
  checks: [
    { name: 'errors', metric: 'ErrorRatio', max: '1%', consecutive: 2, onBreach: 'Rollback' },
    { name: 'p99', metric: 'Latency', quantile: '0.99', max: '500ms' },
    { name: 'traffic', metric: 'RequestRate', min: '0.5/s' },
    { name: 'orders', query: 'sum(rate(orders_total{service="$(canary)"}[$(window)]))', min: '0.1' },
  ],
  onInconclusive: 'Pause',
  onUnavailable: { after: '15m', then: 'Pause' },
};

const fullEnding: Partial<SpecInput> = {
  stages: fullStages,
  analysis: fullAnalysis,
  promotion: { approval: 'Automatic', bake: '0s' },
  onBlocked: { after: '15m', then: 'Pause' },
  deadline: { after: '24h', then: 'Rollback' },
  deletionPolicy: 'Restore',
  paused: false,
};

/** Every spec that is accepted: the examples of the design and the edges of the rules. */
export const ACCEPTANCES: readonly Acceptance[] = [
  {
    name: 'the minimal manifest of Deployment mode',
    spec: { targetRef: { kind: 'Deployment', name: 'store-api' }, service: { name: 'store-api' } },
  },
  { name: 'the minimal manifest of Services mode', spec: { services: [{ name: 'store-api-v1' }, { name: 'store-api-v2' }] } },
  {
    name: 'every field of Deployment mode',
    spec: {
      targetRef: { group: 'apps', kind: 'Deployment', name: 'store-api' },
      service: { name: 'store-api', port: 80 },
      canary: { minReplicas: 2, labels: { track: 'canary' } },
      routeRefs: [{ kind: 'HTTPRoute', name: 'store', rules: ['api'] }],
      ...fullEnding,
    },
  },
  {
    name: 'every field of Services mode',
    spec: {
      services: [
        { name: 'store-api-v1', port: 80 },
        { name: 'store-api-v2', port: 80 },
      ],
      revision: '1.8.1',
      routeRefs: [{ name: 'store', rules: ['rules[0]'] }],
      ...fullEnding,
    },
  },
  {
    name: 'one route of each kind',
    spec: {
      services,
      routeRefs: ['HTTPRoute', 'GRPCRoute', 'TCPRoute', 'TLSRoute', 'UDPRoute'].map((kind) => ({
        kind: kind as 'HTTPRoute',
        name: 'same',
      })),
    },
  },
  { name: 'no routeRefs written out', spec: { services, routeRefs: [] } },
  { name: 'equal weights', spec: withStages({ weight: 5 }, { weight: 5 }) },
  { name: '30 stages with names', spec: withStages(...Array.from({ length: 30 }, (_, i) => ({ name: `s${i}`, weight: i + 1 }))) },
  { name: 'weight 100 with the default check', spec: withStages({ weight: 50 }, { weight: 100 }) },
  { name: 'no checks below weight 100', spec: withAnalysis({ checks: [] }) },
  { name: 'weight 0 with approval', spec: withStages({ weight: 0, approval: 'Required' }) },
  { name: 'a timeout equal to the duration', spec: withStages({ weight: 5, duration: '10m', timeout: '600s' }) },
  { name: 'a duration of four parts', spec: withStages({ weight: 5, duration: '1h2m3s4ms' }) },
  { name: 'a duration of 0s', spec: withStages({ weight: 5, duration: '0s' }) },
  { name: 'a window equal to the interval', spec: withAnalysis({ interval: '10m', window: '10m' }) },
  { name: 'analysis switched off', spec: withAnalysis({ mode: 'Off' }) },
  { name: 'a query limit below zero', spec: withCheck({ query: 'delta(x[1m])', min: '-3.5', max: '0' }) },
  { name: 'min equal to max', spec: withCheck({ metric: 'ErrorRatio', min: '0%', max: '0.0%' }) },
  { name: '16 checks', spec: withAnalysis({ checks: Array.from({ length: 16 }, (_, i) => ({ name: `${i}xx`, query: 'up', min: '1' })) }) },
  { name: 'an address with a path', spec: withAnalysis({ metrics: { prometheus: { url: 'https://metrics.example/tenants/shop' } } }) },
  { name: 'an IPv6 address', spec: withAnalysis({ metrics: { prometheus: { url: 'http://[::1]:9090' } } }) },
];
