import { describe, expect, test } from 'vitest';
import { findUnknownFields } from '../../../src/api/unknown-fields.ts';
import { toStoredStatus } from '../../../src/api/stored-status.ts';
import { FULL_STATUS } from '../../fixtures/full-status.ts';
import { ACCEPTANCES } from '../../fixtures/acceptances.ts';
import { manifestOf } from '../../fixtures/refusals.ts';

describe('findUnknownFields', () => {
  test.each(ACCEPTANCES)('findUnknownFields finds none in: $name', ({ spec }) => {
    expect(findUnknownFields({ ...manifestOf(spec), status: toStoredStatus(FULL_STATUS) })).toEqual([]);
  });

  test('findUnknownFields names the path, at every depth and in lists', () => {
    const spec = {
      services: [{ name: 'a', weight: 5 }, { name: 'b' }],
      stagess: [],
      stages: [{ weight: 5, hold: '1m' }],
      analysis: { metrics: { prometheus: { adress: 'x' } }, checks: [{ name: 'a', threshold: 1 }] },
    };
    expect(findUnknownFields({ ...manifestOf(spec), specs: {} }).map((problem) => problem.path)).toEqual([
      'specs',
      'spec.services[0].weight',
      'spec.stagess',
      'spec.stages[0].hold',
      'spec.analysis.metrics.prometheus.adress',
      'spec.analysis.checks[0].threshold',
    ]);
  });

  test('findUnknownFields says what is known there', () => {
    expect(findUnknownFields(manifestOf({ services: [{ nme: 'a' }] }))[0]?.message).toBe('unknown field; known here are name, port');
  });

  test('labels may have any key, and names of object prototypes are unknown like others', () => {
    expect(findUnknownFields(manifestOf({ canary: { labels: { anything: 'goes' } } }))).toEqual([]);
    expect(findUnknownFields(manifestOf({ toString: 1 })).map((problem) => problem.path)).toEqual(['spec.toString']);
  });

  test('what is no object has no fields', () => {
    for (const value of [undefined, null, 'x', [], manifestOf({ stages: 'x', analysis: null })])
      expect(findUnknownFields(value)).toEqual([]);
  });
});
