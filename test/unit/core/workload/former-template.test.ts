import { expect, test } from 'vitest';
import type { PodTemplate } from '../../../../src/core/workload/objects.ts';
import { formerHashOf } from '../../../../src/core/workload/sameness/former-template.ts';

const withContainer = (container: Readonly<Record<string, unknown>>): PodTemplate =>
  ({ spec: { containers: [{ name: 'app', ...container }] } }) as unknown as PodTemplate;
const isSame = (one: Readonly<Record<string, unknown>>, other: Readonly<Record<string, unknown>>) =>
  formerHashOf(withContainer(one)) === formerHashOf(withContainer(other));

test('the pull policy that the API server fills in follows the image, and is no difference', () => {
  expect(isSame({ image: 'a:1' }, { image: 'a:1', imagePullPolicy: 'IfNotPresent' })).toBe(true);
  expect(isSame({ image: 'a:1' }, { image: 'a:1', imagePullPolicy: 'Always' })).toBe(false);
  expect(isSame({ image: 'a' }, { image: 'a', imagePullPolicy: 'Always' })).toBe(true);
  expect(isSame({ image: 'host:5000/a:latest' }, { image: 'host:5000/a:latest', imagePullPolicy: 'Always' })).toBe(true);
  expect(isSame({ image: 'a@sha256:0' }, { image: 'a@sha256:0', imagePullPolicy: 'IfNotPresent' })).toBe(true);
  expect(isSame({}, { imagePullPolicy: 'Always' })).toBe(true);
});

test('the version of a field reference that the API server fills in is no difference, and nothing else of that name is left out', () => {
  const env = (more: object) => ({ env: [{ name: 'A', valueFrom: { fieldRef: { fieldPath: 'metadata.name', ...more } } }] });
  expect(isSame(env({}), env({ apiVersion: 'v1' }))).toBe(true);
  expect(isSame(env({}), env({ apiVersion: 'v2' }))).toBe(false);
  expect(isSame({ env: null }, {})).toBe(true);
});

test('a template without metadata or spec has a hash, and labels of ours are none of it', () => {
  expect(formerHashOf({} as PodTemplate)).toBe(
    formerHashOf({ metadata: { labels: { 'pod-template-hash': 'x' } } } as unknown as PodTemplate),
  );
});
