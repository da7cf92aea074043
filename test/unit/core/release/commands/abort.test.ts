import { expect, test } from 'vitest';
import type { CanaryReleaseStatus } from '../../../../../src/api/release.ts';
import { ABORT_ANNOTATION } from '../../../../../src/api/names.ts';
import { readAbort } from '../../../../../src/core/release/commands/abort.ts';
import type { StateName } from '../../../../../src/core/release/state.ts';
import { aRelease, aReleaseStatus, aStatus, RELEASE_ID, timeAfter } from '../../../../fixtures/builders.ts';

const OTHER = '0123456789';

function read(text: string | undefined, status: CanaryReleaseStatus = aStatus(), state: StateName = 'stage.analyzing') {
  const release = aRelease();
  const annotations = text === undefined ? {} : { [ABORT_ANNOTATION]: text };
  return readAbort({ ...release, metadata: { ...release.metadata, annotations } }, status, state);
}

test('an abort of the present release is taken, and one that was seen before is not', () => {
  expect(read(RELEASE_ID)).toEqual({ text: RELEASE_ID, refusal: undefined });
  expect(read(RELEASE_ID, aStatus({ internal: { abort: RELEASE_ID } }))).toBeUndefined();
  expect(read(undefined)).toBeUndefined();
  expect(read('  ')).toBeUndefined();
});

test('an abort is refused where it is for no release, for another one, or for one that is promoted', () => {
  expect(read('everything')?.refusal).toBe('"everything" is no release id');
  const { release: _release, ...idle } = aStatus();
  expect(read(RELEASE_ID, idle, 'idle')?.refusal).toContain('there is no release yet');
  expect(read(RELEASE_ID, aStatus(), 'promoted')?.refusal).toContain('the command undo takes it back');
  expect(read(OTHER)?.refusal).toContain(`the present one is ${RELEASE_ID}`);
});

test('an abort that was obeyed before a retry is no refusal', () => {
  const entry = {
    id: OTHER,
    revision: 'v2',
    outcome: 'RolledBack' as const,
    reason: 'Aborted',
    startedAt: timeAfter(0),
    endedAt: timeAfter(1),
  };
  const status = aStatus({ release: aReleaseStatus(), history: [entry as never] });
  expect(read(OTHER, status)?.refusal).toBeUndefined();
});
