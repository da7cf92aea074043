import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { CanaryReleaseStatus, ReleaseStatus, SpecInput } from '../../../../../src/api/release.ts';
import { applyEdit } from '../../../../../src/core/release/machine/spec-edits.ts';
import { type StateName, STATES } from '../../../../../src/core/release/state.ts';
import { hashPlan } from '../../../../../src/core/release/machine/spec-edits.ts';
import { aReleaseStatus, aSpec, aStatus, timeAfter } from '../../../../fixtures/builders.ts';

type Stages = NonNullable<SpecInput['stages']>;

/** Edits a release that is at `weight` in stage `stageIndex` to these stages. */
function edit(
  stages: Stages,
  weight: number,
  stageIndex: number,
  state: StateName = 'stage.analyzing',
  release: Partial<ReleaseStatus> = {},
): CanaryReleaseStatus {
  return applyEdit(
    aSpec({ stages }),
    aStatus({ weight, state, release: aReleaseStatus({ stageIndex, plan: 'before', ...release }) }),
    state,
    0,
  );
}

describe('an edit in mid-release', () => {
  test('an edit in mid-release keeps the weight where the new stages hold it, at the stage that it belongs to', () => {
    expect(edit([{ weight: 5 }, { weight: 25, duration: '3m', timeout: '1h', name: 'quarter' }, { weight: 50 }], 25, 0)).toMatchObject({
      weight: 25,
      release: { stageIndex: 1, stage: 'quarter', stageEndsAt: timeAfter(180), stageTimesOutAt: timeAfter(3_600) },
    });
  });

  test('an edit in mid-release keeps the weight where a later stage holds more', () => {
    expect(edit([{ weight: 10 }, { weight: 60 }], 25, 0)).toMatchObject({ weight: 25, release: { stageIndex: 0, stage: '1' } });
    expect(edit([{ weight: 30 }], 25, 0)).toMatchObject({ weight: 25, release: { stageIndex: 0 } });
  });

  test('lowers the weight to the last stage where none holds it', () => {
    expect(edit([{ weight: 5 }, { weight: 10 }], 25, 2)).toMatchObject({ weight: 10, release: { stageIndex: 1 } });
  });

  test('an edit in mid-release stays in its stage when several have its weight, so that no approval is jumped over', () => {
    const stages: Stages = [{ weight: 5 }, { weight: 25, approval: 'Required' }, { weight: 25, duration: '1h' }, { weight: 50 }];
    expect(edit(stages, 25, 1).release?.stageIndex).toBe(1);
    expect(edit(stages, 25, 2).release?.stageIndex).toBe(2);
    expect(edit(stages, 25, 0).release?.stageIndex).toBe(1);
  });

  test('an edit at weight 0 finds a stage too', () => {
    const dark: Stages = [{ weight: 0, approval: 'Required' }, { weight: 0, approval: 'Required' }, { weight: 5 }];
    expect(edit(dark, 0, 1).release?.stageIndex).toBe(1);
    expect(edit([{ weight: 5 }], 0, 1)).toMatchObject({ weight: 0, release: { stageIndex: 0 } });
  });

  test('an edit in mid-release that changes nothing of the plan is none', () => {
    const status = aStatus({ release: aReleaseStatus({ plan: hashPlan(aSpec()) }) });
    expect(applyEdit(aSpec(), status, 'stage.analyzing', 0)).toBe(status);
  });

  test('an edit in mid-release is none where no release runs', () => {
    for (const state of ['idle', 'promoted', 'rolledBack'] as const) {
      const status = aStatus({ state });
      expect(applyEdit(aSpec(), status, state, 0)).toBe(status);
    }
    const { release: _release, ...idle } = aStatus();
    expect(applyEdit(aSpec(), idle, 'stage.analyzing', 0)).toBe(idle);
  });

  test('an edit in mid-release leaves a promotion where it is, within the stages there are', () => {
    for (const [state, release] of [
      ['promoting.baking', {}],
      ['paused', { returnTo: 'promoting.baking' }],
    ] as const) {
      const edited = edit([{ weight: 5 }], 100, 2, state, release);
      expect(edited).toMatchObject({ weight: 100, release: { stageIndex: 0, plan: hashPlan(aSpec({ stages: [{ weight: 5 }] })) } });
    }
  });

  test('an edit in mid-release leaves a rollback alone', () => {
    const edited = edit([{ weight: 5 }], 0, 0, 'rollingBack.goingHome');
    expect(edited.weight).toBe(0);
    expect(edited.release?.stageEndsAt).toBeUndefined();
  });

  test('an edit in mid-release gives no times to a stage whose weight is not effective yet', () => {
    const { cleanSince: _clean, stageStartedAt: _started, ...release } = aReleaseStatus({ plan: 'before' });
    const edited = applyEdit(aSpec(), aStatus({ state: 'stage.shifting', release }), 'stage.shifting', 0);
    expect([edited.release?.stageEndsAt, edited.release?.stageTimesOutAt]).toEqual([undefined, undefined]);
  });

  test('an edit never raises, never jumps over a stage of its weight, and lowers only where nothing holds the weight', () => {
    const anyStages = fc
      .array(fc.integer({ min: 1, max: 99 }), { minLength: 1, maxLength: 6 })
      .map((weights) => weights.sort((a, b) => a - b).map((weight) => ({ weight })));
    fc.assert(
      fc.property(
        anyStages,
        fc.integer({ min: 0, max: 100 }),
        fc.nat({ max: 8 }),
        fc.constantFrom(...STATES),
        (stages, weight, index, state) => {
          const edited = edit(stages, weight, index, state);
          expect(edited.weight).toBeLessThanOrEqual(weight);
          if (stages.some((stage) => stage.weight >= weight)) expect(edited.weight).toBe(weight);
          const at = edited.release?.stageIndex ?? 0;
          if (state === 'stage.analyzing')
            expect(at === index || at === 0 || (stages[at - 1]?.weight ?? 0) < (stages[at]?.weight ?? 0)).toBe(true);
        },
      ),
    );
  });
});
