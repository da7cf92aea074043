// Reading releases from files: which documents count, and what is said of those that are wrong.

import { describe, expect, test } from 'vitest';
import { readReleases } from '../../../src/cli/manifest.ts';
import { aManifest } from './fake-io.ts';

const refusalOf = (text: string): string => {
  try {
    readReleases(text, 'web.yaml');
  } catch (thrown) {
    return thrown instanceof Error ? thrown.message : String(thrown);
  }
  return 'not refused';
};

describe('a file', () => {
  test('a file may hold other documents beside the releases', () => {
    const others = 'apiVersion: v1\nkind: Service\nmetadata: {name: web-v1}\n---\n';
    const found = readReleases(`${others}${aManifest([], 'one')}---\n${aManifest([], 'two')}---\n`, 'all.yaml');
    expect(found.map(({ metadata }) => metadata.name)).toEqual(['one', 'two']);
  });

  test('a file may be JSON', () => {
    const json = {
      apiVersion: 'glidepath.dev/v1alpha1',
      kind: 'CanaryRelease',
      metadata: { name: 'web' },
      spec: { services: [{ name: 'a' }, { name: 'b' }] },
    };
    expect(readReleases(JSON.stringify(json), 'web.json')[0]?.spec.stages).toHaveLength(3);
  });

  test('a file without a release says what it has instead', () => {
    expect(refusalOf('kind: Service\n')).toBe('web.yaml has no CanaryRelease (only Service); write kind: CanaryRelease');
    expect(refusalOf('')).toBe('web.yaml has no CanaryRelease; write kind: CanaryRelease');
  });
});

describe('a refusal', () => {
  test('a refusal of broken YAML names line and column', () => {
    expect(refusalOf('kind: CanaryRelease\nspec: {stages: [\n')).toMatch(/^web\.yaml:3:1: /);
    expect(refusalOf('kind: CanaryRelease\nkind: CanaryRelease\n')).toMatch(/^web\.yaml:2:1: Map keys must be unique$/);
  });

  test('a refusal of a field names its place, its path and the fix', () => {
    expect(refusalOf(aManifest(['stages:', '- {weight: 5, duration: 2 min}']))).toBe(
      'web.yaml:7:27: spec.stages[0].duration: write a duration such as 1m30s (units h m s ms), not 2 min',
    );
  });

  test('a refusal of an unknown field says which ones are known', () => {
    expect(refusalOf(aManifest(['stages:', '- {weight: 5, durration: 2m}']))).toMatch(
      /^web\.yaml:7:\d+: spec\.stages\[0\]\.durration: unknown field; known here are name, weight, /,
    );
  });

  test('a refusal of a missing field points at what should hold it', () => {
    expect(refusalOf(aManifest().replace(/\n {2}services.*/, '\n  paused: false'))).toMatch(
      /^web\.yaml:5:3: spec: write targetRef and service .* or services/,
    );
  });

  test('a refusal lists everything that is wrong, a line each', () => {
    const lines = refusalOf(aManifest(['revision: ""', 'stages: [{weight: 500}]'])).split('\n');
    expect(lines).toHaveLength(2);
    expect(lines.every((line) => /^web\.yaml:\d+:\d+: spec\.(revision|stages\[0\]\.weight): /.test(line))).toBe(true);
  });
});
