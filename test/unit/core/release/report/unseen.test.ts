import { describe, expect, test } from 'vitest';
import type { SpecInput } from '../../../../../src/api/release.ts';
import type { Observation } from '../../../../../src/core/release/observation.ts';
import { describeHazards, describeRevision } from '../../../../../src/core/release/report/unseen.ts';
import { aBackend, after, anObservation, aSpec, aStatus } from '../../../../fixtures/builders.ts';
import { gatherFacts } from '../../../../fixtures/facts.ts';

function factsOf(change: Partial<Observation>, spec: Partial<SpecInput> = {}) {
  return gatherFacts(aSpec(spec), aStatus(), 'stage.analyzing', anObservation(change), after(10));
}

describe('the condition MetricsHazards', () => {
  const retries = { code: 'RetriesHideFailures', message: 'keep retries off' };
  const blind = { code: 'GrpcStatusUnseen', message: 'gRPC failures are not seen', blind: true } as const;
  const withHazards = (...hazards: NonNullable<Extract<Observation['metrics'], { kind: 'ready' }>['hazards']>) =>
    describeHazards(factsOf({ metrics: { kind: 'ready', source: 'Contour', hazards } }));

  test('the condition MetricsHazards names the source and every hazard, and says where failures are not seen at all', () => {
    expect(withHazards(retries)).toEqual({
      status: 'True',
      reason: 'KnownGaps',
      message: 'metrics source Contour: keep retries off (RetriesHideFailures)',
    });
    expect(withHazards(retries, blind)).toMatchObject({ reason: 'FailuresUnseen', message: expect.stringContaining('(GrpcStatusUnseen)') });
  });

  test('the condition MetricsHazards begins with what is not seen at all, and ends with how many more there are where it would be too long', () => {
    const gaps = [1, 2, 3, 4].map((n) => ({ code: `Gap${n}`, message: 'x'.repeat(300) }));
    const { message } = withHazards(...gaps, blind) ?? { message: '' };
    expect(message.length).toBeLessThanOrEqual(1_024);
    expect(message).toMatch(/^metrics source Contour: gRPC failures .*; x+ \(Gap1\); x+ \(Gap2\); 2 more: kubectl canary doctor$/);
  });

  test('the condition MetricsHazards is absent where the source has none, and where nothing is analyzed', () => {
    expect(describeHazards(factsOf({}))).toBeUndefined();
    const metrics = { kind: 'ready', source: 'Contour', hazards: [retries] } as const;
    expect(describeHazards(factsOf({ metrics }, { analysis: { mode: 'Off' } }))).toBeUndefined();
  });
});

describe('the condition RevisionVisible', () => {
  const unmarked = { v1: aBackend('v1'), v2: aBackend('v2', { templateHashes: [] }) };

  test('the condition RevisionVisible is False where the pods behind a Service have no template hash, and says what to set', () => {
    expect(describeRevision(factsOf({ backends: unmarked }))).toMatchObject({
      status: 'False',
      reason: 'NoTemplateHash',
      message: expect.stringMatching(/^the pods behind Service v2 have no label pod-template-hash .*set spec\.revision/),
    });
  });

  test.each<readonly [string, Partial<Observation>, Partial<SpecInput>]>([
    ['the pods have one', {}, {}],
    ['the spec names the revision', { backends: unmarked }, { revision: '1.8.1' }],
    ['there are no pods', { backends: { v2: aBackend('v2', { templateHashes: [], readyEndpoints: 0 }) } }, {}],
    ['the pods could not be listed', { backends: { v2: aBackend('v2', { templateHashes: [], templatesKnown: false }) } }, {}],
    [
      'a Deployment is released: its template is compared',
      { backends: { store: aBackend('store', { templateHashes: [] }) } },
      { services: undefined, targetRef: { name: 'store' }, service: { name: 'store' } },
    ],
  ])('the condition RevisionVisible is absent where %s', (_where, change, spec) => {
    expect(describeRevision(factsOf(change, spec))).toBeUndefined();
  });
});
