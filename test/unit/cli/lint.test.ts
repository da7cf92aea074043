import { expect, test } from 'vitest';
import { aManifest, call } from './fake-io.ts';

const FILES = {
  'good.yaml': aManifest(),
  'bad.yaml': `${aManifest(['stages: [{weight: 50}, {weight: 10}]', 'analysis: {checks: [{name: errors, metric: ErrorRatio}]}'])}---\n${aManifest(['colour: red'], 'api')}`,
  'broken.yaml': 'kind: [',
  'other.yaml': 'kind: Service\n',
};

test('a good file is told, and ends with 0', async () => {
  expect(await call(['lint', '-f', 'good.yaml'], FILES)).toEqual({ code: 0, out: 'good.yaml: shop/web: no problems found\n', err: '' });
});

test('every problem of every file is told with line and column, and it ends with 1', async () => {
  const { code, out, err } = await call(['lint', '-f', 'bad.yaml', 'broken.yaml', 'other.yaml', 'none.yaml'], FILES);
  expect(code).toBe(1);
  const lines = out.trimEnd().split('\n');
  expect(lines.filter((line) => /^bad\.yaml:\d+:\d+: spec\./.test(line))).toHaveLength(3);
  expect(out).toMatch(/^bad\.yaml:6:\d+: spec\.stages.*fall/m);
  expect(out).toMatch(/^bad\.yaml:7:\d+: spec\.analysis\.checks\[0\]/m);
  expect(out).toMatch(/^bad\.yaml:14:\d+: spec\.colour: unknown field; known here are /m);
  expect(out).toMatch(/^broken\.yaml:1:\d+: /m);
  expect(out).toContain('other.yaml has no CanaryRelease (only Service); write kind: CanaryRelease\n');
  expect(out).toContain('none.yaml: cannot be read (no such file); name an existing file\n');
  expect(err).toBe(`${lines.length} problems\n`);
});

test('two releases of one name are a problem, also across files', async () => {
  const files = { 'a.yaml': aManifest(), 'b.yaml': aManifest() };
  expect(await call(['lint', '-f', 'a.yaml', '-f', 'b.yaml'], files)).toEqual({
    code: 1,
    out: 'a.yaml: shop/web: no problems found\nb.yaml:3:18: CanaryRelease shop/web is already in a.yaml:3:18; give it another name\n',
    err: '1 problem\n',
  });
});

/** A manifest in Deployment mode. @param spec its lines */
const held = (name: string, ...spec: readonly string[]) =>
  aManifest()
    .replace('name: web,', `name: ${name},`)
    .replace(/ {2}services.*\n/, spec.map((line) => `  ${line}\n`).join(''));

test('a manifest for a Deployment is checked like any other, with the place of each field', async () => {
  const target = 'targetRef: {kind: Deployment, name: store}';
  const files = {
    'good.yaml': held('web', target, 'service: {name: store-api}'),
    'bad.yaml': held(
      'web',
      'targetRef:',
      '  kind: StatefulSet',
      '  name: store',
      'service:',
      '  name: store-api',
      '  prt: 80',
      'canary: {minReplicas: 0}',
    ),
    'alone.yaml': held('web', target),
    'both.yaml': held('web', target, 'service: {name: store-api}', 'services: [{name: a}, {name: b}]'),
    'nameless.yaml': held('web', target, 'service: {name: store-api}').replace('name: web, ', ''),
  };
  const lint = async (file: string) => (await call(['lint', '-f', file], files)).out.trimEnd().split('\n');
  expect(await lint('good.yaml')).toEqual(['good.yaml: shop/web: no problems found']);
  expect(await lint('bad.yaml')).toEqual([
    'bad.yaml:6:11: spec.targetRef.kind: write "Deployment"',
    'bad.yaml:10:10: spec.service.prt: unknown field; known here are name, port',
    'bad.yaml:11:25: spec.canary.minReplicas: write 1 or more',
  ]);
  expect(await lint('alone.yaml')).toEqual([
    expect.stringMatching(/^alone\.yaml:5:3: spec: .*targetRef needs service, the Service that the routes name/),
  ]);
  expect(await lint('both.yaml')).toEqual([expect.stringMatching(/^both\.yaml:5:3: spec: targetRef and services exclude each other: /)]);
  expect(await lint('nameless.yaml')).toEqual(['nameless.yaml:3:11: metadata.name: is missing; write a string']);
});

test('two releases of one Deployment are a problem: the second one would be Blocked', async () => {
  const spec = ['targetRef: {kind: Deployment, name: store}', 'service: {name: store-api}'];
  expect(await call(['lint', '-f', 'a.yaml'], { 'a.yaml': `${held('web', ...spec)}---\n${held('api', ...spec)}` })).toEqual({
    code: 1,
    out: 'a.yaml:10:18: Deployment shop/store is already in a.yaml:3:18; only one release may drive it\n',
    err: '1 problem\n',
  });
});

test('two releases that share a Service, or the name of a canary, are a problem as well', async () => {
  const files = {
    'a.yaml': held('web', 'targetRef: {name: store}', 'service: {name: store-api}'),
    'b.yaml': held('api', 'services: [{name: store-api-canary}, {name: next}]'),
    'c.yaml': held('late', 'services: [{name: next}, {name: last}]'),
  };
  const { out } = await call(['lint', '-f', 'a.yaml', 'b.yaml', 'c.yaml'], files);
  expect(out.split('\n').filter((line) => line.includes('already'))).toEqual([
    'b.yaml:3:18: Service shop/store-api-canary is already in a.yaml:3:18; only one release may drive it',
    'c.yaml:3:18: Service shop/next is already in b.yaml:3:18; only one release may drive it',
  ]);
});

test('a metrics source that does not see the failures of a GRPCRoute is a problem, and its other gaps are notes', async () => {
  const analysis = 'analysis: {metrics: {source: Contour}}';
  const files = {
    'grpc.yaml': aManifest([analysis, 'routeRefs: [{kind: GRPCRoute, name: store}]']),
    'http.yaml': aManifest([analysis]),
  };
  expect((await call(['lint', '-f', 'grpc.yaml'], files)).out).toMatch(
    /^grpc\.yaml:3:18: metrics source Contour does not see every failure of a GRPCRoute: .*set spec\.analysis\.mode to Observe\n$/,
  );
  expect(await call(['lint', '-f', 'http.yaml'], files)).toMatchObject({
    code: 0,
    out: expect.stringMatching(
      /^http\.yaml: shop\/web: no problems found\nnote: shop\/web: metrics source Contour: .*retries.*\nnote: .*stats_flush_interval.*\n$/,
    ),
  });
});

test('a GRPCRoute that Traefik is to judge is a problem, unless the release asks nothing but queries of its own', async () => {
  const routes = 'routeRefs: [{kind: GRPCRoute, name: store}]';
  const files = {
    'grpc.yaml': aManifest(['analysis: {metrics: {source: Traefik}, mode: Observe}', routes]),
    'own.yaml': aManifest(['analysis: {metrics: {source: Traefik}, checks: [{name: calls, query: sum(calls), min: "0"}]}', routes]),
  };
  expect((await call(['lint', '-f', 'grpc.yaml'], files)).out).toMatch(/^grpc\.yaml:3:18: Traefik cannot judge a GRPCRoute: /);
  expect(await call(['lint', '-f', 'own.yaml'], files)).toMatchObject({ code: 0 });
});

test('a source that a route names is checked for the kind of that route', async () => {
  const both = 'routeRefs: [{kind: GRPCRoute, name: calls, metrics: {source: Istio}}, {name: store}]';
  const files = {
    'good.yaml': aManifest(['analysis: {metrics: {source: Traefik}}', both]),
    'bad.yaml': aManifest(['analysis: {metrics: {source: Istio}}', both.replace('Istio', 'Traefik')]),
    'twice.yaml': aManifest(['analysis: {metrics: {source: PrometheusClient}}', both]),
  };
  expect(await call(['lint', '-f', 'good.yaml'], files)).toMatchObject({ code: 0, out: expect.stringContaining('metrics source Istio: ') });
  expect((await call(['lint', '-f', 'bad.yaml'], files)).out).toMatch(/^bad\.yaml:3:18: Traefik cannot judge a GRPCRoute: /);
  expect((await call(['lint', '-f', 'twice.yaml'], files)).out).toMatch(
    /^twice\.yaml:3:18: metrics source PrometheusClient counts the requests of every/,
  );
});

test('a route that carries connections is a problem without a judge that can count them', async () => {
  const routes = 'routeRefs: [{kind: TCPRoute, name: ledger}]';
  const own = '{name: errors, query: "sum(up)", max: "1"}';
  const files = {
    'none.yaml': aManifest([routes]),
    'own.yaml': aManifest([routes, `analysis: {checks: [${own}]}`]),
    'mixed.yaml': aManifest([routes, `analysis: {checks: [${own}, {name: ratio, metric: ErrorRatio, max: "1%"}]}`]),
    'application.yaml': aManifest([routes, 'analysis: {metrics: {source: OpenTelemetry}}']),
  };
  const problemOf = async (file: keyof typeof files) => (await call(['lint', '-f', file], { [file]: files[file] })).out;
  for (const file of ['none.yaml', 'mixed.yaml'] as const)
    expect(await problemOf(file)).toContain('TCPRoute ledger carries connections, which gateways do not count by answer: give every check');
  expect(await problemOf('own.yaml')).toContain('no problems found');
  expect(await problemOf('application.yaml')).toContain('no problems found');
});

test('a cohort that its manifest alone speaks against is a problem', async () => {
  const cohort = 'cohort: {headers: [{name: X-Canary-User, value: "true"}]}';
  const stages = (one: string) => `stages: [{weight: 0, ${one}}, {weight: 10}]`;
  const files = {
    'good.yaml': aManifest([stages(cohort)]),
    'empty.yaml': aManifest([stages('cohort: {}')]),
    'copies.yaml': aManifest([stages('mirror: {percent: 10}')]),
    'copies-grpc.yaml': aManifest([stages('mirror: {percent: 10}'), 'routeRefs: [{kind: GRPCRoute, name: store}]']),
    'copies-unjudged.yaml': aManifest([
      stages('mirror: {percent: 10}'),
      'analysis: {checks: [{name: errors, metric: ErrorRatio, max: "1%", onBreach: Observe}]}',
    ]),
    'twice.yaml': aManifest([stages('cohort: {methods: [GET, GET]}')]),
    'grpc.yaml': aManifest([stages('cohort: {methods: [GET]}'), 'routeRefs: [{kind: GRPCRoute, name: store}]']),
    'tcp.yaml': aManifest([stages(cohort), 'routeRefs: [{kind: TCPRoute, name: store}]']),
    'unjudged.yaml': aManifest([stages(cohort), 'analysis: {checks: [{name: errors, metric: ErrorRatio, max: "1%", onBreach: Observe}]}']),
  };
  const problemOf = async (file: keyof typeof files) => (await call(['lint', '-f', file], { [file]: files[file] })).out;
  expect(await problemOf('good.yaml')).toContain('no problems found');
  expect(await problemOf('empty.yaml')).toContain('name at least one of headers, queryParams and methods');
  expect(await problemOf('copies.yaml')).toContain('no problems found');
  expect(await problemOf('copies-grpc.yaml')).toContain('a GRPCRoute cannot match methods that change nothing');
  expect(await problemOf('copies-unjudged.yaml')).toContain('copies are not compared');
  expect(await problemOf('twice.yaml')).toContain('GET is listed twice');
  expect(await problemOf('grpc.yaml')).toContain('a GRPCRoute cannot match cohort.methods: use cohort.headers');
  expect(await problemOf('tcp.yaml')).toContain('a TCPRoute carries connections');
  expect(await problemOf('unjudged.yaml')).toContain('no check may act; add a check');
});
