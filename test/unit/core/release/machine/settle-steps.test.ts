// What a promotion forgets: a revision that was rejected once and promoted after a retry may come again.

import { describe, expect, test } from 'vitest';
import { clearRejection } from '../../../../../src/core/release/machine/settle-steps.ts';
import { isSettledOrRejected } from '../../../../../src/core/release/facts/revision.ts';
import { isProvenTemplate } from '../../../../../src/core/release/facts/workload-facts.ts';
import { aReleaseStatus, aStatus, timeAfter } from '../../../../fixtures/builders.ts';

const rejection = (templateHashes: string[], more: object = {}) => ({
  revision: 'r',
  reason: 'ErrorRatio',
  at: timeAfter(0),
  service: 'v2',
  templateHashes,
  ...more,
});

describe('a promotion', () => {
  test('a promotion takes the revision off the rejected ones, and leaves the others there', () => {
    const release = aReleaseStatus({ templateHashes: ['good'], attempt: 2 });
    const status = aStatus({ release, rejected: [rejection(['good']), rejection(['bad']), rejection(['good'], { specRevision: '9' })] });
    expect(clearRejection(status, release).rejected).toEqual([rejection(['bad']), rejection(['good'], { specRevision: '9' })]);
  });

  test('a promotion of which the pods are not known clears no rejected revision', () => {
    const release = aReleaseStatus({ templateHashes: [] });
    const status = aStatus({ release, rejected: [rejection(['bad'])] });
    expect(clearRejection(status, release).rejected).toEqual([rejection(['bad'])]);
  });

  test('a promotion changes nothing where no revision was rejected', () => {
    const release = aReleaseStatus();
    const status = aStatus({ release, settled: { service: 'v1', templateHashes: ['x'] } });
    expect(clearRejection(status, release)).toEqual(status);
  });

  test('a promotion of a Deployment makes its template a proven one, and lets one that was rolled back without blame come again', () => {
    const template = 'a'.repeat(32);
    const workload = { name: 'store', uid: 'u', canary: 'store-canary', template, servingTemplate: 'old' };
    const release = aReleaseStatus({ templateHashes: [template], workload });
    const settled = { service: 'v2', templateHashes: ['other'] };
    const proven = [{ revision: 'r', at: timeAfter(0), templateHashes: [template] }];
    const status = aStatus({ release, rejected: [rejection([template])], settled, proven });
    expect(isProvenTemplate(status, template)).toBe(false);
    const pardoned = clearRejection(status, release);
    expect(isProvenTemplate(pardoned, template)).toBe(true);
    expect(isSettledOrRejected(pardoned, settled)).toBe(false);
  });
});
