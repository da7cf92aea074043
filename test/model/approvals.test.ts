// Approvals: who is asked, what may be approved and when, and what is kept of it.

import { describe, expect, test } from 'vitest';
import { reasonsOf, SPEC, shareOf, startStory, untilState } from '../fixtures/story.ts';

const APPROVED_STAGES = [
  { weight: 10, duration: '1m', approval: 'Required' as const },
  { weight: 50, duration: '2m' },
];

describe('approval', () => {
  test('a proven stage waits for a person, and the promotion for another', async () => {
    const world = await startStory({ stages: APPROVED_STAGES, promotion: { approval: 'Required' } });
    await untilState(world, 'stage.awaitingApproval');
    await world.run(1_800_000);
    expect(shareOf(world)).toBe(10);
    world.command('web', 'approve', 1);
    await world.until('50%', () => shareOf(world) === 50, 30_000);
    await untilState(world, 'stage.awaitingApproval');
    world.command('web', 'approve', 3);
    await untilState(world, 'promoted', 60_000);
    expect(reasonsOf(world).filter((reason) => reason === 'ApprovalNeeded' || reason === 'Approved')).toEqual([
      'ApprovalNeeded',
      'Approved',
      'ApprovalNeeded',
      'Approved',
    ]);
  });

  test('an approval stays on record with its giver, after later commands and after the release', async () => {
    const world = await startStory({ stages: APPROVED_STAGES });
    await untilState(world, 'stage.awaitingApproval');
    world.command('web', 'approve', 1);
    await world.until('50%', () => shareOf(world) === 50);
    await world.run(1_000);
    world.command('web', 'pause');
    await untilState(world, 'paused');
    await world.run(1_000);
    world.command('web', 'resume');
    await world.run(1_000);
    world.command('web', 'promote');
    await untilState(world, 'promoted');
    const { release, history } = world.status('web') ?? {};
    expect(release?.approvals).toEqual([
      { verb: 'approve', stage: 1, by: 'ada', at: expect.any(String) },
      { verb: 'promote', stage: 2, by: 'ada', at: expect.any(String) },
    ]);
    expect(history?.[0]).toMatchObject({ outcome: 'Promoted', approvedBy: ['ada'] });
  });

  test.each([
    ['the stage that will wait', APPROVED_STAGES, 1],
    ['the promotion, in a release that asks nobody', SPEC.stages, 3],
    ['a later stage', APPROVED_STAGES, 2],
  ])('nothing is approved that does not wait: %s', async (_what, stages, stage) => {
    const world = await startStory({ stages: [...stages] });
    world.command('web', 'approve', stage);
    await world.run(1_000);
    expect(reasonsOf(world)).not.toContain('Approved');
    expect(world.journal.events.find(({ reason }) => reason === 'CommandRefused')?.note).toContain('nothing waits for approval');
    expect(world.status('web')).toMatchObject({
      lastHandledCommand: { verb: 'approve', result: 'Refused' },
      release: expect.not.objectContaining({ approvedStages: expect.anything() }),
    });
  });

  test('only what waits is approved, and once', async () => {
    const world = await startStory({ stages: APPROVED_STAGES, promotion: { approval: 'Required' } });
    await untilState(world, 'stage.awaitingApproval');
    world.command('web', 'approve', 3);
    await world.run(1_000);
    expect(world.status('web')?.lastHandledCommand?.message).toBe('the promotion (3) does not wait for approval; stage 1 does');
    world.setService('v2', { unready: 1 });
    await world.run(1_000);
    world.command('web', 'approve', 1);
    await world.run(1_000);
    expect(world.status('web')).toMatchObject({ state: 'stage.awaitingApproval', lastHandledCommand: { result: 'Done' } });
    expect(world.status('web')?.message).toContain('approved; waits until the canary is ready');
    world.command('web', 'approve', 1);
    await world.run(1_000);
    expect(world.status('web')?.lastHandledCommand?.message).toContain('nothing waits for approval');
    expect(world.status('web')?.lastHandledCommand?.message).toContain('stage 1 is approved already');
    world.setService('v2', { unready: 0 });
    await world.until('50%', () => shareOf(world) === 50, 30_000);
  });

  test('an approval is taken while the release that waits for it is paused', async () => {
    const world = await startStory({ stages: APPROVED_STAGES });
    await untilState(world, 'stage.awaitingApproval');
    world.command('web', 'pause');
    await untilState(world, 'paused');
    await world.run(1_000);
    world.command('web', 'approve', 1);
    await world.run(1_000);
    expect(world.status('web')?.lastHandledCommand).toMatchObject({ verb: 'approve', result: 'Done' });
    await world.run(1_000);
    world.command('web', 'resume');
    await world.until('50%', () => shareOf(world) === 50, 60_000);
  });

  test('rule 13: a Fail while a person is awaited goes home', async () => {
    const world = await startStory({ stages: APPROVED_STAGES });
    await untilState(world, 'stage.awaitingApproval');
    world.setVersion('v2', { errorRatio: 0.5 });
    await untilState(world, 'rolledBack', 60_000);
  });

  test('a stage of weight 0 waits for a person without judging anything', async () => {
    const world = await startStory({
      stages: [
        { weight: 0, duration: '10s', approval: 'Required' },
        { weight: 50, duration: '1m' },
      ],
    });
    await untilState(world, 'stage.awaitingApproval');
    expect(shareOf(world)).toBe(0);
    world.command('web', 'approve', 1);
    await untilState(world, 'promoted');
  });
});
