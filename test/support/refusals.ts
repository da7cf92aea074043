// What the API refuses, as data (what it accepts is in acceptances.ts): the parser and a real API server are held against the same table, so
// that `lint` without a cluster says what the cluster would say.
import type { SpecInput } from '../../src/api/release.ts';

/** A spec that is refused, with words that its refusal has to contain. */
export interface Refusal {
  readonly name: string;
  /** Not a `SpecInput`: refused specs may have any shape. */
  readonly spec: Readonly<Record<string, unknown>>;
  readonly expect: RegExp;
  /** Name of the object when it is about that. */
  readonly objectName?: string;
  /** True when the words of the schema itself differ between the parser and the API server: only the refusal is compared. */
  readonly ownWords?: true;
}

/** An update that is refused: `before` is there, `after` is applied over it. Only an API server can know. */
export interface RefusedUpdate {
  readonly name: string;
  readonly before: SpecInput;
  readonly after: SpecInput;
  readonly expect: RegExp;
}

const services = [{ name: 'store-api-v1' }, { name: 'store-api-v2' }];
const deployment = { targetRef: { name: 'store-api' }, service: { name: 'store-api' } };

const withStages = (...stages: readonly object[]) => ({ services, stages });
const withAnalysis = (analysis: object) => ({ services, analysis });
const withCheck = (check: object) => withAnalysis({ checks: [{ name: 'one', ...check }] });

const modes: readonly Refusal[] = [
  { name: 'both targetRef and services', spec: { ...deployment, services }, expect: /targetRef and services exclude each other: keep/ },
  { name: 'neither targetRef nor services', spec: {}, expect: /write targetRef and service .* or services/ },
  { name: 'targetRef without service', spec: { targetRef: { name: 'store-api' } }, expect: /targetRef needs service/ },
  { name: 'service in Services mode', spec: { services, service: { name: 'store-api' } }, expect: /service belongs to targetRef/ },
  { name: 'canary in Services mode', spec: { services, canary: { minReplicas: 2 } }, expect: /canary belongs to targetRef/ },
  { name: 'revision with targetRef', spec: { ...deployment, revision: '1.8.1' }, expect: /revision belongs to services/ },
  { name: 'the same Service twice', spec: { services: [{ name: 'a' }, { name: 'a' }] }, expect: /name the two Services/ },
  { name: 'one Service', spec: { services: [{ name: 'a' }] }, expect: /services/, ownWords: true },
  { name: 'three Services', spec: { services: [{ name: 'a' }, { name: 'b' }, { name: 'c' }] }, expect: /services/, ownWords: true },
  {
    name: 'a Service name with capitals',
    spec: { services: [{ name: 'A' }, { name: 'b' }] },
    expect: /name: write lower case letters.*not A/,
  },
  { name: 'a StatefulSet', spec: { ...deployment, targetRef: { kind: 'StatefulSet', name: 'db' } }, expect: /kind/, ownWords: true },
  { name: 'a name of 64 characters', spec: { services }, objectName: 'a'.repeat(64), expect: /at most 63 characters.*shorten it/ },
];

const routes: readonly Refusal[] = [
  {
    name: 'a route listed twice',
    spec: { services, routeRefs: [{ name: 'store' }, { kind: 'HTTPRoute', name: 'store' }] },
    expect: /Duplicate value/,
  },
  {
    name: 'a route of an unknown kind',
    spec: { services, routeRefs: [{ kind: 'Ingress', name: 'store' }] },
    expect: /kind/,
    ownWords: true,
  },
  {
    name: '17 routes',
    spec: { services, routeRefs: Array.from({ length: 17 }, (_, i) => ({ name: `r${i}` })) },
    expect: /routeRefs/,
    ownWords: true,
  },
];

const stages: readonly Refusal[] = [
  {
    name: 'falling weights',
    spec: withStages({ weight: 50 }, { weight: 25 }),
    expect: /weights may not fall .* order the stages by weight/,
  },
  {
    name: 'two stages of one name',
    spec: withStages({ name: 'x', weight: 5 }, { name: 'x', weight: 9 }),
    expect: /two stages have the same name/,
  },
  {
    name: 'a stage named by a number',
    spec: withStages({ name: '2', weight: 5 }),
    expect: /name: write lower case letters.*a letter first.*not 2/,
  },
  { name: 'no stage at all', spec: { services, stages: [] }, expect: /stages/, ownWords: true },
  { name: '31 stages', spec: withStages(...Array.from({ length: 31 }, () => ({ weight: 5 }))), expect: /stages/, ownWords: true },
  { name: 'a weight above 100', spec: withStages({ weight: 101 }), expect: /weight/, ownWords: true },
  { name: 'a stage without weight', spec: withStages({ name: 'x' }), expect: /weight/, ownWords: true },
  { name: 'weight 0 without a reason', spec: withStages({ weight: 0 }), expect: /weight 0 sees no traffic: give the stage a cohort/ },
  {
    name: 'a mirror beside a weight',
    spec: withStages({ weight: 5, mirror: { percent: 10 } }),
    expect: /a stage that mirrors has weight 0/,
  },
  { name: 'a mirror of 0 percent', spec: withStages({ weight: 0, mirror: { percent: 0 } }), expect: /percent/, ownWords: true },
  {
    name: 'a timeout below the duration',
    spec: withStages({ weight: 5, duration: '10m', timeout: '5m' }),
    expect: /timeout is shorter than duration \(10m\)/,
  },
  {
    name: 'a duration in days',
    spec: withStages({ weight: 5, duration: '2d' }),
    expect: /duration: write a duration such as 1m30s \(units h m s ms\), not 2d/,
  },
  {
    name: 'a duration with a fraction',
    spec: withStages({ weight: 5, duration: '1.5h' }),
    expect: /duration: write a duration .* not 1\.5h/,
  },
  { name: 'a duration without a unit', spec: withStages({ weight: 5, duration: '90' }), expect: /duration: write a duration .* not 90/ },
  { name: 'a duration of a number', spec: withStages({ weight: 5, duration: 90 }), expect: /duration/, ownWords: true },
  { name: 'a duration of five parts', spec: withStages({ weight: 5, duration: '1h1m1s1ms1s' }), expect: /duration: write a duration/ },
  {
    name: 'a duration above the range',
    spec: withStages({ weight: 5, duration: '169h' }),
    expect: /duration: must be between 0s and 168h.*got 169h/,
  },
  {
    name: 'weight 100 with checks: []',
    spec: { services, stages: [{ weight: 100 }], analysis: { checks: [] } },
    expect: /weight 100 .* needs an absolute check with onBreach: Auto or Rollback/,
  },
  {
    name: 'weight 100 with a check that only observes',
    spec: {
      services,
      stages: [{ weight: 100 }],
      analysis: { checks: [{ name: 'e', metric: 'ErrorRatio', max: '1%', onBreach: 'Observe' }] },
    },
    expect: /weight 100 .* needs an absolute check/,
  },
  {
    name: 'a header asked for twice',
    spec: withStages({
      weight: 0,
      cohort: {
        headers: [
          { name: 'X-User', value: 'a' },
          { name: 'x-user', value: 'b' },
        ],
      },
    }),
    expect: /the same header name appears twice/,
  },
];

const checks: readonly Refusal[] = [
  {
    name: 'metric with query',
    spec: withCheck({ metric: 'ErrorRatio', query: 'up', max: '1%' }),
    expect: /check one: has both metric and query; keep one/,
  },
  { name: 'neither metric nor query', spec: withCheck({ max: '1' }), expect: /check one: needs metric \(ErrorRatio/ },
  { name: 'a check without a limit', spec: withCheck({ metric: 'ErrorRatio' }), expect: /check one: needs max, min or both/ },
  {
    name: 'Latency without quantile',
    spec: withCheck({ metric: 'Latency', max: '500ms' }),
    expect: /check one: quantile .* is needed there/,
  },
  {
    name: 'quantile without Latency',
    spec: withCheck({ metric: 'ErrorRatio', quantile: '0.99', max: '1%' }),
    expect: /quantile .* belongs to metric: Latency/,
  },
  {
    name: 'quantile on a query',
    spec: withCheck({ query: 'up', quantile: '0.99', max: '1' }),
    expect: /quantile .* belongs to metric: Latency/,
  },
  {
    name: 'a quantile in percent',
    spec: withCheck({ metric: 'Latency', quantile: '99', max: '1s' }),
    expect: /quantile: write a number between 0 and 1.*not 99/,
  },
  {
    name: 'a quantile of 0',
    spec: withCheck({ metric: 'Latency', quantile: '0.0', max: '1s' }),
    expect: /quantile: write a number between 0 and 1/,
  },
  {
    name: 'a ratio without %',
    spec: withCheck({ metric: 'ErrorRatio', max: '0.01' }),
    expect: /check one: a ratio is written as a percentage.*"1%"/,
  },
  {
    name: 'a ratio above 100%',
    spec: withCheck({ metric: 'ErrorRatio', max: '101%' }),
    expect: /a ratio is written as a percentage from 0% to 100%/,
  },
  {
    name: 'a latency without unit',
    spec: withCheck({ metric: 'Latency', quantile: '0.9', max: '500' }),
    expect: /check one: a latency is written as a duration .* 500ms/,
  },
  {
    name: 'a rate without /s',
    spec: withCheck({ metric: 'RequestRate', min: '0.5' }),
    expect: /check one: a request rate is written per second.*0\.5\/s/,
  },
  {
    name: 'a query limit with %',
    spec: withCheck({ query: 'up', min: '1%' }),
    expect: /check one: the limit of a query is a plain number/,
  },
  { name: 'a limit of a bare number', spec: withCheck({ query: 'up', min: 1 }), expect: /min/, ownWords: true },
  { name: 'min above max, ratio', spec: withCheck({ metric: 'ErrorRatio', min: '5%', max: '1%' }), expect: /check one: min is above max/ },
  {
    name: 'min above max, latency',
    spec: withCheck({ metric: 'Latency', quantile: '0.9', min: '2s', max: '500ms' }),
    expect: /check one: min is above max/,
  },
  {
    name: 'min above max, rate',
    spec: withCheck({ metric: 'RequestRate', min: '5/s', max: '0.5/s' }),
    expect: /check one: min is above max/,
  },
  { name: 'min above max, query', spec: withCheck({ query: 'up', min: '10', max: '9' }), expect: /check one: min is above max/ },
  { name: 'consecutive 0', spec: withCheck({ query: 'up', min: '1', consecutive: 0 }), expect: /consecutive/, ownWords: true },
  {
    name: 'a check name with a space',
    spec: withAnalysis({ checks: [{ name: 'a b', query: 'up', min: '1' }] }),
    expect: /name: write lower case letters.*not a b/,
  },
  { name: 'a check without a name', spec: withAnalysis({ checks: [{ query: 'up', min: '1' }] }), expect: /name/, ownWords: true },
  {
    name: 'two checks of one name',
    spec: withAnalysis({
      checks: [
        { name: 'a', query: 'up', min: '1' },
        { name: 'a', query: 'down', min: '1' },
      ],
    }),
    expect: /Duplicate value/,
  },
  {
    name: '17 checks',
    spec: withAnalysis({ checks: Array.from({ length: 17 }, (_, i) => ({ name: `c${i}`, query: 'up', min: '1' })) }),
    expect: /checks/,
    ownWords: true,
  },
];

const analysis: readonly Refusal[] = [
  { name: 'an interval below 1s', spec: withAnalysis({ interval: '500ms' }), expect: /interval: must be between 1s and 10m.*got 500ms/ },
  { name: 'an interval above 10m', spec: withAnalysis({ interval: '11m', window: '1h' }), expect: /interval: must be between 1s and 10m/ },
  {
    name: 'an interval in words',
    spec: withAnalysis({ interval: 'often' }),
    expect: /interval: write a duration such as 10s .* not often/,
  },
  { name: 'a window below the interval', spec: withAnalysis({ interval: '1m', window: '30s' }), expect: /window is shorter than interval/ },
  { name: 'a window below the default interval', spec: withAnalysis({ window: '5s' }), expect: /window is shorter than interval/ },
  { name: 'minRequests 0', spec: withAnalysis({ minRequests: 0 }), expect: /minRequests/, ownWords: true },
  {
    name: 'an address without scheme',
    spec: withAnalysis({ metrics: { prometheus: { url: 'prometheus:9090' } } }),
    expect: /url: write an address such as http/,
  },
  {
    name: 'an address of another scheme',
    spec: withAnalysis({ metrics: { prometheus: { url: 'ftp://prometheus' } } }),
    expect: /url: write an address such as http/,
  },
  {
    name: 'a password in the address',
    spec: withAnalysis({ metrics: { prometheus: { url: 'http://u:p@prometheus' } } }),
    expect: /url: no user or password in the address; use secretRef/,
  },
  {
    name: 'a query in the address',
    spec: withAnalysis({ metrics: { prometheus: { url: 'http://prometheus?a=b' } } }),
    expect: /url: no query or fragment/,
  },
  {
    name: 'a Prometheus timeout of 2m',
    spec: withAnalysis({ metrics: { prometheus: { timeout: '2m' } } }),
    expect: /timeout: must be between 100ms and 60s/,
  },
  { name: 'a source with a dash', spec: withAnalysis({ metrics: { source: 'envoy-gateway' } }), expect: /source: write Auto or the name/ },
  {
    name: 'a risk budget without %',
    spec: withAnalysis({ comparison: { riskBudget: '0.5' } }),
    expect: /riskBudget: write a percentage .* not 0\.5/,
  },
  { name: 'an unknown mode', spec: withAnalysis({ mode: 'Maybe' }), expect: /mode/, ownWords: true },
  { name: 'onInconclusive: Reduce', spec: withAnalysis({ onInconclusive: 'Reduce' }), expect: /onInconclusive/, ownWords: true },
];

const whole: readonly Refusal[] = [
  { name: 'a deadline of 0s', spec: { services, deadline: { after: '0s' } }, expect: /after: must be between 1s and 2160h/ },
  { name: 'deadline Reduce', spec: { services, deadline: { then: 'Reduce' } }, expect: /then/, ownWords: true },
  { name: 'a bake in microseconds', spec: { services, promotion: { bake: '5us' } }, expect: /bake: write a duration .* not 5us/ },
  { name: 'an empty revision', spec: { services, revision: '' }, expect: /revision/, ownWords: true },
  { name: 'an unknown deletionPolicy', spec: { services, deletionPolicy: 'Delete' }, expect: /deletionPolicy/, ownWords: true },
  { name: 'paused: "yes"', spec: { services, paused: 'yes' }, expect: /paused/, ownWords: true },
];

/** Every spec that is refused. */
export const REFUSALS: readonly Refusal[] = [...modes, ...routes, ...stages, ...checks, ...analysis, ...whole];

/** Every update that is refused. */
export const REFUSED_UPDATES: readonly RefusedUpdate[] = [
  {
    name: 'from services to targetRef',
    before: { services },
    after: deployment,
    expect: /cannot change between targetRef and services; delete it/,
  },
  {
    name: 'from targetRef to services',
    before: deployment,
    after: { services },
    expect: /cannot change between targetRef and services; delete it/,
  },
];

/** A manifest around a spec. */
export function manifestOf(spec: object, name = 'case', namespace = 'default') {
  return { apiVersion: 'glidepath.dev/v1alpha1', kind: 'CanaryRelease', metadata: { name, namespace }, spec };
}
