// Who made it happen: the name of the person behind each announcement, through a whole story.

import { expect, test } from 'vitest';
import { ABORT_ANNOTATION, ABORT_BY_ANNOTATION } from '../../src/api/names.ts';
import { startStory, untilState } from '../fixtures/story.ts';

const STAGES = [
  { weight: 10, duration: '1m', approval: 'Required' as const },
  { weight: 50, duration: '2m' },
];

test('everything that a person made happen is announced with the name, and nothing else is', async () => {
  const world = await startStory({ stages: STAGES });
  await untilState(world, 'stage.awaitingApproval');
  world.command('web', 'pause');
  await untilState(world, 'paused', 1_000);
  await world.run(1_000);
  world.command('web', 'resume');
  await untilState(world, 'stage.awaitingApproval', 5_000);
  await world.run(1_000);
  world.command('web', 'undo');
  await world.run(1_000);
  world.command('web', 'approve', 1);
  await world.run(1_000);
  world.annotate('web', { [ABORT_ANNOTATION]: world.status('web')?.release?.id ?? '', [ABORT_BY_ANNOTATION]: 'bob' });
  await untilState(world, 'rolledBack');
  world.command('web', 'retry');
  await untilState(world, 'stage.analyzing');
  const named = world.journal.events.filter(({ by }) => by !== undefined).map(({ reason, by }) => `${reason} ${by}`);
  expect(named).toEqual(['Paused ada', 'Resumed ada', 'CommandRefused ada', 'Approved ada', 'RollbackStarted bob', 'ReleaseStarted ada']);
  const notes = world.journal.events.filter(({ by }) => by !== undefined).map(({ note }) => note);
  for (const note of notes) expect(note).toMatch(/ada|bob/);
});
