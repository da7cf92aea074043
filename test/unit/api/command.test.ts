import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatCommand, parseAbort, parseCommand } from '../../../src/api/command.ts';
import { COMMAND_VERBS } from '../../../src/api/names.ts';

const AT = '2026-03-04T10:11:12Z';

describe('parseCommand', () => {
  test('parseCommand reads a command for a stage, although the time has colons of its own', () => {
    expect(parseCommand(`approve:7c1f0e22ab/1:${AT}`)).toEqual({
      ok: true,
      command: { verb: 'approve', id: '7c1f0e22ab', stage: 1, at: AT },
    });
  });

  test('parseCommand reads a command for the second attempt, with milliseconds', () => {
    expect(parseCommand('promote:7c1f0e22ab-2:2026-03-04T10:11:12.345Z')).toEqual({
      ok: true,
      command: { verb: 'promote', id: '7c1f0e22ab-2', at: '2026-03-04T10:11:12.345Z' },
    });
  });

  test('white space around it does no harm', () => {
    expect(parseCommand(` pause:7c1f0e22ab:${AT}\n`).ok).toBe(true);
  });

  test.each([
    ['', /"" is not a verb/],
    [`abort:7c1f0e22ab:${AT}`, /"abort" is not a verb \(approve advance promote pause resume retry undo\)/],
    [`Approve:7c1f0e22ab/1:${AT}`, /is not a verb/],
    [`pause:web:${AT}`, /"web" is not a release id/],
    [`pause:7C1F0E22AB:${AT}`, /is not a release id/],
    [`pause:7c1f0e22ab-0:${AT}`, /is not a release id/],
    [`pause::${AT}`, /"" is not a release id/],
    ['pause', /is not a release id/],
    [`approve:7c1f0e22ab:${AT}`, /approve needs the number of the stage/],
    [`approve:7c1f0e22ab/first:${AT}`, /is not a stage number/],
    [`approve:7c1f0e22ab/0:${AT}`, /is not a stage number/],
    [`approve:7c1f0e22ab/1/2:${AT}`, /is not a stage number/],
    ['pause:7c1f0e22ab', /"" is not a UTC time/],
    ['pause:7c1f0e22ab:now', /"now" is not a UTC time/],
    ['pause:7c1f0e22ab:2026-03-04T10:11:12+01:00', /is not a UTC time/],
    ['pause:7c1f0e22ab:2026-13-04T10:11:12Z', /is not a UTC time/],
    [`pause:7c1f0e22ab:${AT}:again`, /is not a UTC time/],
  ])('parseCommand refuses %j and shows the form', (text, expected) => {
    const parsed = parseCommand(text);
    expect(parsed.ok).toBe(false);
    expect(parsed).toMatchObject({ message: expect.stringMatching(expected) });
    expect(parsed).toMatchObject({ message: expect.stringContaining('such as approve:7c1f0e22ab/1:2026-03-04T10:11:12Z') });
  });

  test('parseCommand never throws and never repeats a long text in full', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 5_000 }), (text) => {
        const parsed = parseCommand(text);
        expect(parsed.ok ? '' : parsed.message).toMatch(/^.{0,300}$/s);
      }),
    );
  });

  test('what is written is read back', () => {
    const stage = fc.option(fc.integer({ min: 1, max: 31 }), { nil: undefined });
    const time = fc.date({ min: new Date('2000-01-01'), max: new Date('2100-01-01'), noInvalidDate: true });
    fc.assert(
      fc.property(fc.constantFrom(...COMMAND_VERBS), fc.integer({ min: 0, max: 0xff_ff_ff_ff }), stage, time, (verb, number, at, date) => {
        const place = verb === 'approve' ? (at ?? 1) : at;
        const id = number.toString(16).padStart(10, '0');
        const command = { verb, id, at: date.toISOString(), ...(place === undefined ? {} : { stage: place }) };
        expect(parseCommand(formatCommand(command))).toEqual({ ok: true, command });
      }),
    );
  });
});

describe('parseAbort', () => {
  test('parseAbort gives the id of the release alone', () => {
    expect(parseAbort('7c1f0e22ab')).toBe('7c1f0e22ab');
    expect(parseAbort(' 7c1f0e22ab-2 ')).toBe('7c1f0e22ab-2');
  });

  test.each(['', 'true', '7c1f0e22a', '7c1f0e22ab:now', '7c1f0e22ab 7c1f0e22ac'])('%j names no release', (text) => {
    expect(parseAbort(text)).toBeUndefined();
  });
});
