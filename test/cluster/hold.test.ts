// Without proof nothing rises: no traffic, no approval, or somebody else's hand on the weights.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { untilTime } from '../fixtures/cluster/cluster.ts';
import { Stand } from '../fixtures/cluster/stand.ts';
import { expectNothingLeft, sharesOf, trajectoryOf } from '../fixtures/cluster/trajectory.ts';

let stand: Stand;

beforeAll(async () => {
  stand = await Stand.open({ name: 'hold', versions: { one: { version: 'v1' }, two: { version: 'v2' } } });
});

afterAll(() => stand?.close());

describe.concurrent('a release is held', () => {
  test('a release without traffic never rises, pauses at the timeout, and continues when there is traffic and a person says so', async () => {
    const app = await stand.app({ name: 'silent', rps: 0 });
    await app.release({
      stages: [
        { weight: 20, duration: '2s', timeout: '5s' },
        { weight: 50, duration: '2s' },
      ],
    });
    const analyzing = await app.until('a verdict', ({ verdict }) => verdict !== undefined);
    expect(analyzing.verdict).toBe('Inconclusive');
    const paused = await app.untilPhase('Paused');
    expect(paused.message).toMatch(/no proof in time/);
    expect(paused.checks?.map(({ name, verdict }) => [name, verdict])).toEqual([
      ['errors', 'Inconclusive'],
      ['comparison', 'Inconclusive'],
    ]);
    expect(sharesOf(trajectoryOf(app))).toEqual([0, 20]);
    await stand.untilEvents('silent', 'Paused');
    await app.startLoad(50);
    // The canary is judged while it is paused: resumed without a Pass, its stage would time out again.
    await app.until('a Pass', ({ verdict }) => verdict === 'Pass');
    await app.command('resume');
    await app.untilPhase('Promoted');
    await expectNothingLeft(app);
  });

  test('a release is held until a person approves the stage', async () => {
    const app = await stand.app({ name: 'asking' });
    await app.release({
      stages: [
        { weight: 20, duration: '1s', approval: 'Required' },
        { weight: 50, duration: '1s' },
      ],
    });
    const waiting = await app.untilPhase('AwaitingApproval');
    expect(waiting.conditions).toContainEqual(expect.objectContaining({ type: 'Ready', status: 'False', reason: 'AwaitingApproval' }));
    await stand.untilEvents('asking', 'ApprovalNeeded');
    await untilTime(Date.now() + 2_500);
    expect(sharesOf(trajectoryOf(app))).toEqual([0, 20]);
    await app.command('approve', 1);
    await app.untilPhase('Promoted');
    const events = await stand.untilEvents('asking', 'Approved');
    expect(events.find(({ reason }) => reason === 'Approved')?.note).toMatch(/stage 1 is approved/);
  });

  test('a release is held while spec.paused is true', async () => {
    const app = await stand.app({ name: 'paused' });
    await app.release({
      stages: [
        { weight: 20, duration: '1s' },
        { weight: 50, duration: '1s' },
      ],
      paused: true,
    });
    await app.untilPhase('Idle');
    await app.release({
      stages: [
        { weight: 20, duration: '4s' },
        { weight: 50, duration: '1s' },
      ],
      paused: false,
    });
    await app.untilPhase('Analyzing');
    await app.release({
      stages: [
        { weight: 20, duration: '4s' },
        { weight: 50, duration: '1s' },
      ],
      paused: true,
    });
    await app.untilPhase('Paused');
    await untilTime(Date.now() + 5_000);
    expect(sharesOf(trajectoryOf(app))).toEqual([0, 20]);
    await app.release({
      stages: [
        { weight: 20, duration: '4s' },
        { weight: 50, duration: '1s' },
      ],
      paused: false,
    });
    await app.untilPhase('Promoted');
  });

  test('a share that someone raises is lowered to the wanted one at once, and the event names who did it', async () => {
    const app = await stand.app({ name: 'raised' });
    await app.release({ stages: [{ weight: 20, duration: '60s' }] });
    await app.untilPhase('Analyzing');
    await app.editWeights('someone', 1_000, 9_000);
    // It may be over before anybody can wait for it.
    const events = await stand.untilEvents('raised', 'RouteDrift');
    expect(events.find(({ reason }) => reason === 'RouteDrift')?.note).toMatch(/field manager someone raised the canary's share/);
    await app.untilShare(20);
    expect(sharesOf(trajectoryOf(app))).toEqual([0, 20, 90, 20]);
    expect(await stand.operator.metrics()).toMatch(/^glidepath_route_drift_total 1$/m);
  });
});
