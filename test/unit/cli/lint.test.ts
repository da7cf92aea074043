import { expect, test } from 'vitest';
import { aManifest, call } from './fake-io.ts';

const FILES = {
  'good.yaml': aManifest(),
  'bad.yaml': `${aManifest(['stages: [{weight: 50}, {weight: 10}]', 'analysis: {checks: [{name: errors, metric: ErrorRatio}]}'])}---\n${aManifest(['colour: red'], 'api')}`,
  'broken.yaml': 'kind: [',
  'other.yaml': 'kind: Service\n',
};

test('a good file is told, and ends with 0', async () => {
  expect(await call(['lint', '-f', 'good.yaml'], FILES)).toEqual({ code: 0, out: 'good.yaml: shop/web: no problem\n', err: '' });
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
  expect(out).toContain('other.yaml holds no CanaryRelease (only Service); write kind: CanaryRelease\n');
  expect(out).toContain('none.yaml: cannot be read (no such file); give a file that is there\n');
  expect(err).toBe(`${lines.length} problems\n`);
});

test('two releases of one name are a problem, also across files', async () => {
  const files = { 'a.yaml': aManifest(), 'b.yaml': aManifest() };
  expect(await call(['lint', '-f', 'a.yaml', '-f', 'b.yaml'], files)).toEqual({
    code: 1,
    out: 'a.yaml: shop/web: no problem\nb.yaml: CanaryRelease shop/web is in a.yaml already; give it another name\n',
    err: '1 problem\n',
  });
});
