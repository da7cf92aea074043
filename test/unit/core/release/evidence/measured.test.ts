import { describe, expect, test } from 'vitest';
import type { LookReading } from '../../../../../src/core/analysis/reading.ts';
import { foldLook } from '../../../../../src/core/release/evidence/looks.ts';
import { aLook, aSpec, aStatus, timeAfter } from '../../../../fixtures/builders.ts';

const silent = { requests: { kind: 'noTraffic', message: 'no canary request in the window' }, newRequests: 0 } as const;

describe('the measured share', () => {
  const measured = (change: Partial<LookReading>) => foldLook(aSpec(), aStatus(), aLook(10, change)).measured;

  test('the measured share is what the canary got of both in the window', () => {
    expect(measured({ servingRequests: 3_065 })).toEqual({
      share: '24.6%',
      canaryRequests: 1_000,
      servingRequests: 3_065,
      at: timeAfter(10),
    });
    expect(measured({ ...silent, servingRequests: 40 })).toMatchObject({ share: '0%', canaryRequests: 0 });
  });

  test('the measured share is none where one side was not read, or no one asked for anything', () => {
    expect(measured({})).toBeUndefined();
    expect(measured({ requests: { kind: 'partial', message: 'a store is away' }, servingRequests: 40 })).toBeUndefined();
    expect(measured({ ...silent, servingRequests: 0 })).toBeUndefined();
    const before = aStatus({ measured: { share: '5%', canaryRequests: 5, servingRequests: 95, at: timeAfter(0) } });
    expect(foldLook(aSpec(), before, aLook(10)).measured).toBeUndefined();
  });
});
