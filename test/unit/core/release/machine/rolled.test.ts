// Which pods may serve until those before them do: those of a template that the Deployment was let roll to, and no others.

import { expect, test } from 'vitest';
import type { ReleaseStatus } from '../../../../../src/api/release.ts';
import { listRolled } from '../../../../../src/core/release/machine/rolled.ts';
import { aReleaseStatus } from '../../../../fixtures/builders.ts';

const workload = { name: 'store', uid: 'uid-1', canary: 'store-canary', template: 'new', servingTemplate: 'old' };

test.each<[string, Partial<ReleaseStatus>, readonly string[]]>([
  ['of a release that has not come to that', { workload }, []],
  ['of one that failed just when somebody went past the hold', { workload, reason: 'ErrorRatio' }, []],
  ['of one whose Deployment was let go', { workload: { ...workload, rolls: true } }, ['new']],
  ['of one that overtook another which rolled', { workload: { ...workload, interrupted: 'former' } }, ['former']],
  ['of one that overtook another, and rolled itself', { workload: { ...workload, rolls: true, interrupted: 'former' } }, ['new', 'former']],
  ['in Services mode', {}, []],
])('the templates %s are those that the Deployment was let roll to', (_what, change, expected) => {
  expect(listRolled(aReleaseStatus(change))).toEqual(expected);
});

test('no template may serve where there is no release', () => {
  expect(listRolled(undefined)).toEqual([]);
});
