import { describe, expect, test } from 'vitest';
import { COMMAND_VERBS } from '../../../../../src/api/names.ts';
import type { CanaryReleaseStatus, HandledCommand } from '../../../../../src/api/release.ts';
import { readCommand } from '../../../../../src/core/release/commands/read.ts';
import { type StateName, STATES } from '../../../../../src/core/release/state.ts';
import { aRelease, aReleaseStatus, aSpec, aStatus, after, RELEASE_ID, timeAfter } from '../../../../fixtures/builders.ts';

const NOW = after(120);

const PLAIN = [{ weight: 5 }, { weight: 50 }];
const WAITING = [
  { weight: 5, approval: 'Required' as const },
  { weight: 50, approval: 'Required' as const },
];

function read(
  text: string | undefined,
  { state = 'stage.analyzing' as StateName, status = aStatus(), by = 'ada', paused = false, stages = PLAIN as typeof WAITING } = {},
) {
  const annotations = { ...(text === undefined ? {} : { 'glidepath.dev/command': text }), 'glidepath.dev/command-by': by };
  return readCommand(aRelease({ metadata: { annotations }, spec: aSpec({ paused, stages }) }), status, state, NOW);
}

function handled(change: Partial<HandledCommand> = {}): CanaryReleaseStatus {
  return aStatus({ lastHandledCommand: { verb: 'pause', release: RELEASE_ID, at: timeAfter(60), result: 'Done', ...change } });
}

const command = (verb: string, seconds = 90) => `${verb}:${RELEASE_ID}:${timeAfter(seconds)}`;

describe('a command', () => {
  test('a command is read with who gave it', () => {
    expect(read(`approve:${RELEASE_ID}/1:${timeAfter(90)}`, { state: 'stage.awaitingApproval', stages: WAITING })).toEqual({
      verb: 'approve',
      release: RELEASE_ID,
      stage: 1,
      at: timeAfter(90),
      by: 'ada',
    });
  });

  test('a command is none without the annotation, or with an empty one', () => {
    expect(read(undefined)).toBeUndefined();
    expect(read('')).toBeUndefined();
    expect(read(' \n')).toBeUndefined();
    expect(readCommand(aRelease(), aStatus(), 'stage.analyzing', NOW)).toBeUndefined();
  });

  test('a command from the future is refused once, and does not make later ones old', () => {
    const ahead = command('pause', 120 + 301);
    const told = read(ahead, { status: handled() });
    expect(told).toMatchObject({ verb: 'unreadable', at: timeAfter(60) });
    expect(told?.refusal).toContain('lies in the future');
    expect(read(command('pause', 120 + 300))).toMatchObject({ verb: 'pause' });
  });

  test('a command that was handled stays on the object and is not read again', () => {
    expect(read(command('pause', 60), { status: handled() })).toBeUndefined();
    expect(read(command('pause', 61), { status: handled() })).toBeDefined();
  });

  test('a command not later than the last handled one is refused once, with both times', () => {
    const older = read(command('pause', 59), { status: handled() });
    expect(older).toMatchObject({ verb: 'pause', at: timeAfter(59), by: 'ada', outdated: command('pause', 59) });
    expect(older?.refusal).toBe(
      `its time ${timeAfter(59)} is not later than ${timeAfter(60)}, the time of the last command that was handled; give it again with the present time`,
    );
    expect(read(command('resume', 60), { status: handled({ result: 'Refused' }) })?.refusal).toContain('is not later than');
    expect(read(command('pause', 59), { status: handled({ outdated: command('pause', 59) }) })).toBeUndefined();
    expect(read(command('pause', 58), { status: handled({ outdated: command('pause', 59) }) })?.refusal).toContain(timeAfter(58));
  });

  test('given in the same second is told apart by its fraction', () => {
    expect(read(`pause:${RELEASE_ID}:${timeAfter(60).replace('Z', '.250Z')}`, { status: handled() })).toBeDefined();
  });

  test('a command has a giver that the status can hold, whatever was written there', () => {
    expect(read(command('pause'), { by: 'x'.repeat(1_000) })?.by).toHaveLength(256);
    expect(read(command('pause'), { by: '  ' })).not.toHaveProperty('by');
  });
});

describe('an unreadable command', () => {
  test('an unreadable command is refused once, by its text', () => {
    const first = read('approve everything');
    expect(first).toMatchObject({ verb: 'unreadable', release: 'approve everything', at: '1970-01-01T00:00:00Z' });
    expect(first?.refusal).toContain('is not a verb');
    expect(read('approve everything', { status: handled({ verb: 'unreadable', release: 'approve everything' }) })).toBeUndefined();
    expect(read('approve nothing', { status: handled({ verb: 'unreadable', release: 'approve everything' }) })).toBeDefined();
  });

  test('an unreadable command does not make an old command new again', () => {
    expect(read('nonsense', { status: handled() })?.at).toBe(timeAfter(60));
  });

  test('an unreadable command is cut to what the status can hold, and still reported once', () => {
    const long = 'x'.repeat(1_000);
    const told = read(long)?.release ?? '';
    expect(told).toHaveLength(128);
    expect(read(long, { status: handled({ verb: 'unreadable', release: told }) })).toBeUndefined();
  });
});

describe('a command is refused in words', () => {
  const refusal = (text: string, settings: Parameters<typeof read>[1] = {}) => read(text, settings)?.refusal;

  test('a command without a release, or for another one, is refused', () => {
    const { release: _release, ...idle } = aStatus();
    expect(refusal(command('pause'), { status: idle })).toBe('there is no release yet');
    expect(refusal(`pause:0123456789:${timeAfter(90)}`)).toBe(`it is for release 0123456789, and the present one is ${RELEASE_ID}`);
    expect(refusal(`pause:${RELEASE_ID}-2:${timeAfter(90)}`)).toContain('it is for release');
  });

  test('a command is refused when it resumes what spec.paused holds', () => {
    expect(refusal(command('resume'), { state: 'paused', paused: true })).toBe('spec.paused is true and wins; set it to false');
    expect(refusal(command('resume'), { state: 'paused' })).toBeUndefined();
  });

  test('a command is refused when it does not fit the state', () => {
    const fitting = (verb: string) =>
      STATES.filter(
        (state) =>
          refusal(verb === 'approve' ? `approve:${RELEASE_ID}/1:${timeAfter(90)}` : command(verb), { state, stages: WAITING }) ===
          undefined,
      );
    const stages = ['stage.shifting', 'stage.analyzing', 'stage.awaitingApproval'];
    expect(Object.fromEntries(COMMAND_VERBS.map((verb) => [verb, fitting(verb)]))).toEqual({
      approve: ['stage.awaitingApproval'],
      advance: stages.slice(1),
      promote: ['preparing', ...stages.slice(1)],
      pause: ['preparing', ...stages, 'promoting.rollingOut', 'promoting.baking'],
      resume: ['paused', 'blocked'],
      retry: ['rolledBack'],
      undo: ['promoting.rollingOut', 'promoting.baking', 'promoted'],
    });
    expect(refusal(command('retry'))).toBe('retry does not fit a release that is stage.analyzing');
  });

  test('a command is refused when it undoes what is no promotion, or is undone already', () => {
    const held = (returnTo: string) => ({ state: 'paused', status: aStatus({ release: aReleaseStatus({ returnTo }) }) }) as const;
    expect(refusal(command('undo'), held('promoting.baking'))).toBeUndefined();
    expect(refusal(command('undo'), held('stage.analyzing'))).toContain(`release ${RELEASE_ID} is not promoted yet; abort it`);
    expect(refusal(command('undo'), { state: 'promoting.restoring' })).toContain('give undo again when it is Promoted');
    for (const state of ['rolledBack', 'rollingBack.cleaning'] as const)
      expect(refusal(command('undo'), { state })).toContain(`release ${RELEASE_ID} is rolled back already`);
  });

  test('a command is refused when it approves a stage that is not there, is over, or does not wait', () => {
    const second = aStatus({ release: aReleaseStatus({ stageIndex: 1 }) });
    const approve = (stage: number, settings: Parameters<typeof read>[1] = {}) =>
      refusal(`approve:${RELEASE_ID}/${stage}:${timeAfter(90)}`, {
        status: second,
        state: 'stage.awaitingApproval',
        stages: WAITING,
        ...settings,
      });
    expect(approve(1)).toBe('stage 1 is over; the release is at stage 2');
    expect(approve(2)).toBeUndefined();
    expect(approve(3)).toBe('the promotion (3) does not wait for approval; stage 2 does');
    expect(approve(4)).toBe('there is no stage 4; the release has 2');
    expect(approve(2, { state: 'stage.analyzing' })).toBe(
      `nothing waits for approval: release ${RELEASE_ID} is in stage 2 of 2 (stage.analyzing)`,
    );
    const given = aStatus({ release: aReleaseStatus({ stageIndex: 1, approvedStages: [2] }) });
    expect(approve(2, { status: given })).toContain('nothing waits for approval');
    expect(approve(2, { status: given })).toContain('stage 2 is approved already');
  });

  test('an approval of a stage that does not wait is refused, and not where what waits is paused or blocked', () => {
    for (const state of ['paused', 'blocked'] as const) {
      const at = (returnTo: string) => aStatus({ release: aReleaseStatus({ returnTo }) });
      const approve = `approve:${RELEASE_ID}/1:${timeAfter(90)}`;
      expect(refusal(approve, { state, status: at('stage.awaitingApproval'), stages: WAITING })).toBeUndefined();
      expect(refusal(approve, { state, status: at('stage.analyzing'), stages: WAITING })).toContain('nothing waits for approval');
    }
  });
});
