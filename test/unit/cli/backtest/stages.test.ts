// Which stage a recording is in, from nothing but the requests of both sides.

import { describe, expect, test } from 'vitest';
import { enterStage, findStage, startStatus } from '../../../../src/cli/backtest/stages.ts';
import { defaultSpec } from '../../../../src/api/release.ts';
import { contour } from '../../../../src/sources/contour.ts';

const SPEC = defaultSpec({ services: [{ name: 'v1' }, { name: 'v2' }] });
const STATUS = startStatus({ spec: SPEC, source: contour, servingName: 'v1', canaryName: 'v2', startMs: 1_000_000 });

const counts = (requests: number) => ({ requests, serverErrors: 0, clientErrors: 0, buckets: [] });
const cell = (canary: number, serving: number) => ({ fromMs: 0, toMs: 10_000, canary: counts(canary), serving: counts(serving) });

describe('the stage', () => {
  test.each([
    [5, 0],
    [21, 0],
    [22, 1],
    [25, 1],
    [42, 1],
    [50, 2],
    [100, 2],
  ])('the stage of %d%% of the requests is number %d', (percent, index) => {
    expect(findStage(SPEC, STATUS, [cell(percent * 10, 1_000 - percent * 10)], { canary: 0, serving: 0 })).toEqual({
      weight: percent,
      index,
      isNew: index > 0,
    });
  });

  test('the stage is taken from the window where a look saw few requests', () => {
    expect(findStage(SPEC, STATUS, [cell(3, 3)], { canary: 50, serving: 950 })).toMatchObject({ weight: 5, index: 0 });
  });

  test('the stage is none where so few requests cannot show it', () => {
    expect(findStage(SPEC, STATUS, [cell(1, 1)], { canary: 2, serving: 2 })).toMatchObject({ weight: 50, index: 0 });
  });

  test('the stage never goes back, and a canary without requests has no weight', () => {
    const later = enterStage(SPEC, STATUS, { weight: 50, index: 2, isNew: true }, 2_000_000);
    expect(findStage(SPEC, later, [cell(0, 1_000)], { canary: 0, serving: 0 })).toEqual({ weight: 0, index: 2, isNew: false });
  });

  test('a stage that begins has a clock of its own and forgets the Pass before', () => {
    const passed = { ...STATUS, release: { ...STATUS.release, passInStage: true, verdict: 'Pass' } } as typeof STATUS;
    const { release, weight } = enterStage(SPEC, passed, { weight: 26, index: 1, isNew: true }, 2_000_000);
    expect({ weight, ...release }).toMatchObject({ weight: 26, stageIndex: 1, stageStartedAt: '1970-01-01T00:33:20Z', stageRequests: 0 });
    expect(release?.passInStage).toBeUndefined();
    expect(enterStage(SPEC, passed, { weight: 6, index: 0, isNew: false }, 2_000_000).release).toBe(passed.release);
  });
});
