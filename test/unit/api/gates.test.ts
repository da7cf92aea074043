import { describe, expect, test } from 'vitest';
import { defaultSpec, type SpecInput } from '../../../src/api/release.ts';

const JOB = { spec: { template: {} } };
const HTTP = { url: 'https://qa.example/gate' };
type GateInput = NonNullable<NonNullable<SpecInput['stages']>[number]['gates']>[number];

function parse(gates: readonly GateInput[], promotion: readonly GateInput[] = [], stages = 1) {
  const stage = { weight: 5, gates: [...gates] };
  return defaultSpec({
    services: [{ name: 'v1' }, { name: 'v2' }],
    stages: Array.from({ length: stages }, () => stage),
    promotion: { gates: [...promotion] },
  });
}

describe('a gate', () => {
  test('a gate has its defaults, and what a Job template says is kept as it is', () => {
    const template = { spec: { template: { spec: { anything: [1, { of: 'it' }] } } } };
    const spec = parse([{ name: 'smoke', job: template }], [{ name: 'qa', http: HTTP }]);
    expect(spec.stages[0]?.gates).toEqual([{ name: 'smoke', job: template, onFailure: 'Rollback', idempotent: false }]);
    expect(spec.promotion.gates).toMatchObject([{ http: { url: HTTP.url, responseTimeout: '30s' } }]);
  });

  test.each<[string, GateInput, RegExp]>([
    ['neither a job nor http', { name: 'a' }, /gate a: write either job or http/],
    ['both', { name: 'a', job: JOB, http: HTTP }, /gate a: write either job or http/],
    ['http beside a stage', { name: 'a', http: HTTP, during: 'stage' }, /only a job can run during a stage/],
    ['a timeout beside a stage', { name: 'a', job: JOB, during: 'stage', timeout: '1m' }, /ends with the stage; remove timeout/],
    ['an address with a password', { name: 'a', http: { url: 'https://u:p@qa.example' } }, /user or password/],
    ['a template without end', { name: 'a', job: { spec: { x: 'x'.repeat(40_000) } } }, /at most 32768 characters/],
    ['a name in capitals', { name: 'A', job: JOB }, /lower case/],
  ])('a gate with %s is refused', (_what, gate, message) => {
    expect(() => parse([gate])).toThrow(message);
  });

  test('two gates of one name, gates beside the promotion, and more than a release may have are refused', () => {
    expect(() =>
      parse([
        { name: 'a', job: JOB },
        { name: 'a', http: HTTP },
      ]),
    ).toThrow(/two gates are named a/);
    expect(() => parse([], [{ name: 'a', job: JOB, during: 'stage' }])).toThrow(/a promotion is no stage/);
    const eight = Array.from({ length: 8 }, (_, index) => ({ name: `g${index}`, job: JOB }));
    expect(parse(eight, [], 3).stages).toHaveLength(3);
    expect(() => parse(eight, [{ name: 'one-more', job: JOB }], 3)).toThrow(/at most 24 gates/);
  });
});
