// What the command line says of gates without a cluster.

import { expect, test } from 'vitest';
import { aManifest, call } from './fake-io.ts';

const gated = (...gates: readonly string[]) =>
  aManifest([`stages: [{name: first, weight: 5, duration: 1m, gates: [${gates.join(', ')}]}, {weight: 50, duration: 2m}]`]);
const job = (spec: string, rest = '') => `{name: smoke, job: {spec: ${spec}}${rest}}`;
const POD = 'template: {spec: {restartPolicy: Never, containers: [{name: test, image: test}]}}';

test('lint says what the API server would refuse of a Job', async () => {
  const files = { 'bad.yaml': gated(job('{template: {spec: {}}, selector: {}}')) };
  const { code, out } = await call(['lint', '-f', 'bad.yaml'], files);
  expect(code).toBe(1);
  expect(out).toMatch(/bad\.yaml:\d+:\d+: gate smoke of stage first: job\.spec\.template\.spec\.containers: write at least one container/);
  expect(out).toContain('gate smoke of stage first: job.spec.template.spec.restartPolicy: write Never or OnFailure; a Job takes no other');
  expect(out).toContain('gate smoke of stage first: job.spec.selector: remove it');
});

test('lint notes a Job that may run twice, and requests that are not signed', async () => {
  const twice = job(`{backoffLimit: 2, ttlSecondsAfterFinished: 5, ${POD}}`);
  const files = { 'good.yaml': gated(twice, "{name: qa, http: {url: 'https://qa.example'}}") };
  const { code, out } = await call(['lint', '-f', 'good.yaml'], files);
  expect(code).toBe(0);
  expect(out).toContain('note: shop/web: gate smoke of stage first: restartPolicy or backoffLimit of the Job runs its container again');
  expect(out).toContain('note: shop/web: gate smoke of stage first: job.spec.ttlSecondsAfterFinished is not used');
  expect(out).toContain('note: shop/web: gate qa of stage first: http.secretRef is not set, so the requests are not signed');
  const quiet = { 'good.yaml': gated(job(`{backoffLimit: 2, ${POD}}`, ', idempotent: true')) };
  expect((await call(['lint', '-f', 'good.yaml'], quiet)).out).toBe('good.yaml: shop/web: no problems found\n');
});

test('plan assumes that gates pass at once, and says so', async () => {
  const files = { 'web.yaml': gated(job(`{${POD}}`)) };
  const { code, out } = await call(['plan', '-f', 'web.yaml', '--runs', '5'], files);
  expect(code).toBe(0);
  expect(out).toContain('assumed: gate smoke of stage first passes at once\n');
  expect(out).toContain('promoted');
});
