import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type CanaryReleaseSpec, defaultSpec, parseRelease, type SpecInput } from '../../../src/api/release.ts';
import { withStagesFor } from '../../../src/api/spec.ts';
import { ACCEPTANCES } from '../../fixtures/acceptances.ts';
import { REFUSALS, manifestOf } from '../../fixtures/refusals.ts';

const services = [{ name: 'store-api-v1' }, { name: 'store-api-v2' }];
type RiskBudgetInput = NonNullable<NonNullable<SpecInput['analysis']>['comparison']>['riskBudget'];

const minimal: SpecInput = { services };

function problemsOf(object: unknown): string {
  const parsed = parseRelease(object);
  return parsed.ok ? '' : parsed.problems.map((problem) => `${problem.path}: ${problem.message}`).join('\n');
}

describe('what is refused', () => {
  test.each(REFUSALS)('a release is refused: $name', ({ spec, objectName, expect: expected }) => {
    expect(problemsOf(manifestOf(spec, objectName))).toMatch(expected);
  });

  test('what was parsed is not parsed again', () => {
    const parsed = parseRelease(manifestOf({ services: [{ name: 'a' }, { name: 'b' }] }));
    if (!parsed.ok) throw new Error('not parsed');
    const again = parseRelease(parsed.release);
    expect(again.ok && again.release).toBe(parsed.release);
    const copy = parseRelease({ ...parsed.release });
    expect(copy.ok && copy.release).not.toBe(parsed.release);
  });

  test('every case has a name of its own', () => {
    const names = [...REFUSALS, ...ACCEPTANCES].map((one) => one.name);
    expect(new Set(names).size).toBe(names.length);
  });

  test('the path leads to the field', () => {
    const spec = { services, stages: [{ weight: 5 }, { weight: 9, duration: '2d' }] };
    expect(parseRelease(manifestOf(spec))).toMatchObject({ ok: false, problems: [{ path: 'spec.stages[1].duration' }] });
  });

  test('all problems are told at once', () => {
    const spec = { services, stages: [{ weight: 5, duration: '2d' }], deadline: { after: 'soon' } };
    expect(problemsOf(manifestOf(spec)).split('\n')).toHaveLength(2);
  });

  test.each([
    [undefined, 'is not an object'],
    [null, 'is not an object'],
    ['text', 'is not an object'],
    [[], 'is not an object'],
    [{}, 'write kind: CanaryRelease'],
    [{ ...manifestOf(minimal), apiVersion: 'glidepath.dev/v2' }, 'apiVersion: write apiVersion: glidepath.dev/v1alpha1'],
    [{ ...manifestOf(minimal), metadata: {} }, 'metadata.name'],
    [{ ...manifestOf(minimal), spec: undefined }, 'spec'],
  ])('%j is no CanaryRelease', (object, expected) => {
    expect(problemsOf(object)).toContain(expected);
  });

  test('nothing that JSON can hold makes the parser throw', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (spec, status) => {
        expect(parseRelease({ ...manifestOf({}), spec, status }).ok).toBeTypeOf('boolean');
      }),
    );
  });

  test('a secret in a refused address is not repeated', () => {
    const spec = { services, analysis: { metrics: { prometheus: { url: 'ftp://ada:hunter2@prometheus' } } } };
    expect(problemsOf(manifestOf(spec))).not.toContain('hunter2');
  });
});

describe('what is accepted', () => {
  test.each(ACCEPTANCES)('a release is accepted: $name', ({ spec }) => {
    expect(problemsOf(manifestOf(spec))).toBe('');
  });

  test('unknown fields are dropped, as the API server drops them', () => {
    const parsed = parseRelease({ ...manifestOf({ ...minimal, fromTheFuture: 1 }), extra: true });
    expect(parsed).toMatchObject({ ok: true });
    expect(parsed.ok && 'fromTheFuture' in parsed.release.spec).toBe(false);
  });

  test('a manifest without a namespace is for default, and one of a tool may have an empty creationTimestamp', () => {
    const parsed = parseRelease({ ...manifestOf(minimal), metadata: { name: 'a', creationTimestamp: null } });
    expect(parsed.ok && parsed.release.metadata).toEqual({ name: 'a', namespace: 'default', uid: '' });
  });

  test('metadata that we do not know passes through', () => {
    const metadata = { name: 'a', namespace: 'b', uid: 'u', selfLink: '/x', managedFields: [{ manager: 'm', fieldsV1: { 'f:spec': {} } }] };
    const parsed = parseRelease({ ...manifestOf(minimal), metadata });
    expect(parsed.ok && parsed.release.metadata).toEqual(metadata);
  });
});

describe('defaults', () => {
  test('the minimal manifest of Services mode gets all of them', () => {
    expect(defaultSpec(minimal)).toEqual({
      services,
      adopt: false,
      routeRefs: [],
      stages: [
        { weight: 5, duration: '2m', timeout: '30m', approval: 'Automatic' },
        { weight: 25, duration: '5m', timeout: '50m', approval: 'Automatic' },
        { weight: 50, duration: '10m', timeout: '1h40m', approval: 'Automatic' },
      ],
      hasDefaultStages: true,
      analysis: {
        mode: 'Enforce',
        metrics: { source: 'Auto', prometheus: { timeout: '5s' } },
        interval: '10s',
        window: '1m',
        minRequests: 50,
        comparison: { mode: 'Enforce', maxFalseRollbacks: '1%', riskBudget: { ratio: '0.5%', requests: 10 } },
        sentinel: 'Auto',
        checks: [{ name: 'errors', metric: 'ErrorRatio', max: '1%', consecutive: 1, onBreach: 'Auto' }],
        onInconclusive: 'Pause',
        onUnavailable: { after: '15m', then: 'Pause' },
      },
      promotion: { approval: 'Automatic', bake: '0s', mode: 'Promote' },
      onServingEmpty: 'Hold',
      onBlocked: { after: '15m', then: 'Pause' },
      deadline: { after: '24h', then: 'Rollback' },
      deletionPolicy: 'Restore',
      notifications: [],
      paused: false,
    });
  });

  test('Deployment mode gets its kind and how the canary is run', () => {
    const spec = defaultSpec({ targetRef: { name: 'store-api' }, service: { name: 'store-api' } });
    expect(spec.targetRef).toEqual({ group: 'apps', kind: 'Deployment', name: 'store-api' });
    expect(spec.canary).toEqual({ labels: {} });
  });

  test('stages that are not written are those for the traffic before the release, and written ones stay', () => {
    const weights = (spec: CanaryReleaseSpec, perSecond: number | undefined) =>
      withStagesFor(spec, perSecond).stages.map(({ weight }) => weight);
    const spec = defaultSpec(minimal);
    expect(weights(spec, undefined)).toEqual([5, 25, 50]);
    expect(weights(spec, 2)).toEqual([5, 25, 50]);
    expect(weights(spec, 1.99)).toEqual([20, 50]);
    expect(weights(withStagesFor(spec, 0), 10)).toEqual([5, 25, 50]);
    expect(weights(defaultSpec({ ...minimal, stages: [{ weight: 7 }] }), 0.1)).toEqual([7]);
  });

  test('a risk budget may be a percentage, or an object in which either part may be left out', () => {
    const budgetOf = (riskBudget: RiskBudgetInput) =>
      defaultSpec({ ...minimal, analysis: { comparison: { riskBudget } } }).analysis.comparison.riskBudget;
    expect(budgetOf('2%')).toBe('2%');
    expect(budgetOf({ ratio: '2%' })).toEqual({ ratio: '2%', requests: 10 });
    expect(budgetOf({ requests: 0 })).toEqual({ ratio: '0.5%', requests: 0 });
    // The API server cannot look into it, so the parser says what is wrong.
    const problemOf = (riskBudget: unknown) => problemsOf(manifestOf({ ...minimal, analysis: { comparison: { riskBudget } } }));
    expect(problemOf({ ratio: '0.5' })).toBe(
      'spec.analysis.comparison.riskBudget.ratio: ratio: write a percentage from 0% to 100% such as 0.5%',
    );
    expect(problemOf({ request: 5 })).toMatch(/riskBudget: .*request/);
    expect(problemOf({ requests: -1 })).toMatch(/riskBudget\.requests/);
    expect(problemOf(7)).toMatch(/riskBudget: write a percentage such as 0\.5%, or \{ratio: 0\.5%, requests: 10\}/);
  });

  test('a stage needs a weight only', () => {
    const spec = defaultSpec({ ...minimal, stages: [{ weight: 7 }] });
    expect(spec.stages).toEqual([{ weight: 7, duration: '1m', timeout: '30m', approval: 'Automatic' }]);
  });

  test.each([
    ['1m', '30m'],
    ['3m', '30m'],
    ['4m', '40m'],
    ['168h', '1680h'],
  ])('a stage of %s times out after %s', (duration, timeout) => {
    expect(defaultSpec({ ...minimal, stages: [{ weight: 7, duration }] }).stages[0]?.timeout).toBe(timeout);
  });

  test('an empty list of checks means none, and is not filled', () => {
    expect(defaultSpec({ ...minimal, analysis: { checks: [] } }).analysis.checks).toEqual([]);
  });

  test('fields of later versions are not filled in: their absence means that they are not asked for', () => {
    const spec = defaultSpec(minimal);
    expect(spec.stages.every((stage) => stage.cohort === undefined && stage.mirror === undefined)).toBe(true);
    expect(spec.canary).toBeUndefined();
  });

  test('filling twice changes nothing', () => {
    for (const { spec } of ACCEPTANCES) {
      // Once they are written out, nobody chooses stages any more.
      const { hasDefaultStages: _chosen, ...once } = defaultSpec(spec);
      expect(defaultSpec(structuredClone(once) as SpecInput)).toEqual(once);
    }
  });

  test('a spec that breaks a rule is refused with its field', () => {
    expect(() => defaultSpec({ ...minimal, stages: [] })).toThrow(/spec\.stages/);
  });
});
