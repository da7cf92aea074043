import { describe, expect, test } from 'vitest';
import { parseRelease, readStatus } from '../../../src/api/release.ts';
import { releaseStatusSchema } from '../../../src/api/release-status.ts';
import { statusSchema } from '../../../src/api/status.ts';
import { FULL_STATUS } from '../../fixtures/full-status.ts';
import { manifestOf } from '../../fixtures/refusals.ts';

const services = [{ name: 'a' }, { name: 'b' }];

describe('readStatus', () => {
  test('readStatus brings every field back unchanged', () => {
    expect(Object.keys(FULL_STATUS).toSorted()).toEqual(Object.keys(statusSchema.shape).toSorted());
    expect(Object.keys(FULL_STATUS.release ?? {}).toSorted()).toEqual(Object.keys(releaseStatusSchema.shape).toSorted());
    expect(readStatus(JSON.parse(JSON.stringify(FULL_STATUS)))).toEqual({ status: FULL_STATUS });
  });

  test('an empty status has been looked at never', () => {
    expect(readStatus({})).toEqual({ status: { observedGeneration: -1 } });
    expect(readStatus(undefined)).toEqual({ status: { observedGeneration: -1 } });
  });

  test('unknown fields are left out without a word', () => {
    expect(readStatus({ weight: 5, mood: 'fine', release: undefined }).unknownState).toBeUndefined();
  });

  test('a phase of a later version is named, and the rest is usable', () => {
    const read = readStatus({ ...FULL_STATUS, phase: 'Dancing' });
    expect(read.unknownState).toBe('phase "Dancing" is unknown to this version');
    expect(read.status.phase).toBeUndefined();
    expect(read.status.release?.routes).toEqual(FULL_STATUS.release?.routes);
  });

  test('a later version of the state is named even when every field can be read', () => {
    expect(readStatus({ ...FULL_STATUS, stateVersion: 3 }).unknownState).toBe('stateVersion 3');
    expect(readStatus({ ...FULL_STATUS, stateVersion: 1 }).unknownState).toBeUndefined();
  });

  test('a broken field of the release loses neither the recorded routes nor the id, which the way home needs', () => {
    const read = readStatus({ ...FULL_STATUS, release: { ...FULL_STATUS.release, stageIndex: 'second', outcome: 'Vanished' } });
    expect(read.unknownState).toBe(
      'release.stageIndex "second" is unknown to this version; release.outcome "Vanished" is unknown to this version',
    );
    expect(read.status.release?.id).toBe(FULL_STATUS.release?.id);
    expect(read.status.release?.routes).toEqual(FULL_STATUS.release?.routes);
    expect(read.status.release?.stageIndex).toBeUndefined();
  });

  test('a release without its id is none, and that is said', () => {
    const { id: _id, ...rest } = FULL_STATUS.release ?? {};
    const read = readStatus({ ...FULL_STATUS, release: rest });
    expect(read.status.release).toBeUndefined();
    expect(read.unknownState).toBe('release.id is missing');
    expect(read.status.serving).toEqual(FULL_STATUS.serving);
  });

  test('a release that is no object is said', () => {
    expect(readStatus({ release: 'gone' })).toEqual({
      status: { observedGeneration: -1 },
      unknownState: 'release "gone" is unknown to this version',
    });
  });

  test('a state of the machine is any word: the core knows which it understands', () => {
    const read = readStatus({ ...FULL_STATUS, state: 'stage.pondering' });
    expect(read.unknownState).toBeUndefined();
    expect(read.status.state).toBe('stage.pondering');
  });

  test('what was not understood is told briefly', () => {
    const broken = Object.fromEntries(Object.keys(statusSchema.shape).map((field) => [field, () => field]));
    expect(readStatus(broken).unknownState?.length).toBeLessThanOrEqual(512);
  });
});

describe('parseRelease', () => {
  test('parseRelease passes on what of the status it did not understand', () => {
    const parsed = parseRelease({ ...manifestOf({ services }), status: { phase: 'Dancing', weight: 25 } });
    expect(parsed).toMatchObject({
      ok: true,
      release: { unknownState: 'phase "Dancing" is unknown to this version', status: { weight: 25 } },
    });
  });

  test('parseRelease leaves metadata and status usable when the spec is refused, because a rollback must stay possible', () => {
    const parsed = parseRelease({ ...manifestOf({}), status: FULL_STATUS });
    expect(parsed).toMatchObject({ ok: false, metadata: { name: 'case' }, status: { release: { routes: FULL_STATUS.release?.routes } } });
  });

  test('an object without status has none', () => {
    const parsed = parseRelease(manifestOf({ services }));
    expect(parsed.ok && 'status' in parsed.release).toBe(false);
  });
});
