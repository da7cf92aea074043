import { describe, expect, test } from 'vitest';
import { MAX_SERVED } from '../../../../../src/api/names.ts';
import type { CanaryReleaseStatus } from '../../../../../src/api/release.ts';
import { noteSteadySpan } from '../../../../../src/core/release/evidence/steady-spans.ts';
import type { StateName } from '../../../../../src/core/release/state.ts';
import { after, aReleaseStatus, aStatus, timeAfter } from '../../../../fixtures/builders.ts';

const iso = (seconds: number) => new Date(after(seconds)).toISOString();
const at = (weight: number, change: Parameters<typeof aReleaseStatus>[0] = {}) => aStatus({ weight, release: aReleaseStatus(change) });
const note = (status: CanaryReleaseStatus, state: StateName, seconds: number) => noteSteadySpan(status, state, after(seconds));
const servedOf = ({ release }: CanaryReleaseStatus) => release?.served;

describe('a span of steady weight', () => {
  test('a span of steady weight opens when the stage’s weight is effective, to the millisecond', () => {
    expect(servedOf(note(at(25), 'stage.analyzing', 0.123))).toEqual([{ weight: 25, from: iso(0.123) }]);
  });

  test('lasts while nothing changes: the status stays the same object', () => {
    const opened = note(at(25), 'stage.analyzing', 0);
    expect(note(opened, 'stage.analyzing', 60)).toBe(opened);
    expect(note(opened, 'paused', 60)).toBe(opened);
    expect(note(opened, 'stage.awaitingApproval', 60)).toBe(opened);
  });

  test('a span of steady weight closes when the weight is on its way, and the next opens when it has arrived', () => {
    const opened = note(at(25), 'stage.analyzing', 0);
    const shifting = note({ ...opened, weight: 50 }, 'stage.shifting', 60);
    expect(servedOf(shifting)).toEqual([{ weight: 25, from: iso(0), to: iso(60) }]);
    expect(note(shifting, 'stage.shifting', 61)).toBe(shifting);
    expect(servedOf(note(shifting, 'stage.analyzing', 63))?.at(-1)).toEqual({ weight: 50, from: iso(63) });
  });

  test('a span of steady weight is cut where the weight is another one at once', () => {
    const opened = note(at(25), 'stage.analyzing', 0);
    expect(servedOf(note({ ...opened, weight: 5 }, 'stage.analyzing', 60))).toEqual([
      { weight: 25, from: iso(0), to: iso(60) },
      { weight: 5, from: iso(60) },
    ]);
  });

  test('a span of steady weight closes where someone else changes the weight, and opens when that is over', () => {
    const opened = note(at(25), 'stage.analyzing', 0);
    const drifted = note({ ...opened, release: aReleaseStatus({ ...opened.release, driftSince: timeAfter(30) }) }, 'stage.analyzing', 30);
    expect(servedOf(drifted)).toEqual([{ weight: 25, from: iso(0), to: iso(30) }]);
    const { driftSince: _drift, ...release } = drifted.release ?? aReleaseStatus();
    expect(servedOf(note({ ...drifted, release }, 'stage.analyzing', 45))?.at(-1)).toEqual({ weight: 25, from: iso(45) });
  });

  test('a span of steady weight closes on the way home and at weight 0', () => {
    const opened = note(at(25), 'stage.analyzing', 0);
    expect(servedOf(note(opened, 'rollingBack.goingHome', 9))).toEqual([{ weight: 25, from: iso(0), to: iso(9) }]);
    expect(servedOf(note({ ...opened, weight: 0 }, 'stage.analyzing', 9))).toEqual([{ weight: 25, from: iso(0), to: iso(9) }]);
  });

  test('a span of steady weight does not open before the weight is effective, without a weight, or where no release is', () => {
    const { stageStartedAt: _started, ...early } = aReleaseStatus();
    const { weight: _weight, ...weightless } = at(25);
    for (const status of [at(0), aStatus({ release: early }), weightless]) expect(note(status, 'stage.analyzing', 0)).toBe(status);
    for (const state of ['preparing', 'stage.shifting', 'promoting.rollingOut', 'idle', 'rolledBack'] as const) {
      const status = at(25);
      expect(note(status, state, 0)).toBe(status);
    }
    const { release: _release, ...idle } = aStatus();
    expect(note(idle, 'stage.analyzing', 0)).toBe(idle);
  });

  test('a span of steady weight is kept for so many changes, the newest', () => {
    let status = at(25);
    for (let index = 0; index < 200; index += 1) status = note({ ...status, weight: 1 + (index % 2) }, 'stage.analyzing', index);
    expect(servedOf(status)).toHaveLength(MAX_SERVED);
    expect(servedOf(status)?.at(-1)).toEqual({ weight: 2, from: iso(199) });
    expect(servedOf(status)?.[0]).toEqual({ weight: 1, from: iso(136), to: iso(137) });
  });
});
