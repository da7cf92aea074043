// The stages of a release as `watch` draws them.

import { describe, expect, test } from 'vitest';
import type { ReleaseStatus } from '../../../../src/api/release.ts';
import type { StateName } from '../../../../src/core/release/state.ts';
import { type SeenRelease, readSeen } from '../../../../src/cli/cluster/releases.ts';
import { explain } from '../../../../src/cli/explain/explain.ts';
import type { Paint } from '../../../../src/cli/plan/chart.ts';
import { drawRelease } from '../../../../src/cli/watch/drawing.ts';
import { after, aRelease, aReleaseStatus, aSpec, aStatus, timeAfter } from '../../../fixtures/builders.ts';

const PLAIN = new Proxy({}, { get: () => (text: string) => text }) as Paint;
const SPEC = aSpec({
  stages: [
    { name: 'first', weight: 5, duration: '2m' },
    { weight: 50, duration: '10m', approval: 'Required' },
  ],
});

/** The lines of the stages and of the promotion, without the space before them. */
function drawStages(state: StateName, change: Partial<ReleaseStatus> = {}): readonly string[] {
  const release = readSeen(aRelease({ spec: SPEC, status: aStatus({ state, release: aReleaseStatus(change) }) })) as SeenRelease;
  const now = after(60);
  const lines = drawRelease(release, explain(release, '', now), PLAIN, { now, columns: 200 });
  const last = lines.findIndex((line) => line.includes('promotion'));
  return lines.slice(last - 2, last + 1).map((line) => line.trim().replace(/ +/g, ' '));
}

describe('the stages of a release', () => {
  test('the present stage is marked, with how long it has lasted, and those before it are done', () => {
    expect(drawStages('stage.analyzing', { stageIndex: 1, stageStartedAt: timeAfter(15) })).toEqual([
      '✔ 1 first 5% 2m',
      '▶ 2 50% 10m, needs approval, for 45s',
      '· promotion',
    ]);
  });

  test.each<readonly [StateName, Partial<ReleaseStatus>]>([
    ['preparing', {}],
    ['blocked', { returnTo: 'preparing' }],
  ])('a release that is %s before its first weight is in no stage yet', (state, change) => {
    expect(drawStages(state, change).map(([mark]) => mark)).toEqual(['·', '·', '·']);
  });

  test('a paused release is in the stage that it returns to, or in the promotion', () => {
    expect(drawStages('paused', { stageIndex: 0, returnTo: 'stage.analyzing' }).map(([mark]) => mark)).toEqual(['▶', '·', '·']);
    expect(drawStages('paused', { stageIndex: 1, returnTo: 'promoting.rollingOut' }).map(([mark]) => mark)).toEqual(['✔', '✔', '▶']);
  });

  test('a promotion that bakes says what it keeps, and a promoted release has done everything', () => {
    expect(drawStages('promoting.baking', { stageIndex: 1 })).toEqual([
      '✔ 1 first 5% 2m',
      '✔ 2 50% 10m, needs approval',
      '▶ promotion, baking: the previous version is kept',
    ]);
    expect(drawStages('promoted', { stageIndex: 1 }).map(([mark]) => mark)).toEqual(['✔', '✔', '✔']);
  });
});
