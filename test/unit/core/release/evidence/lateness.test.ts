import { describe, expect, test } from 'vitest';
import type { ReleaseStatus } from '../../../../../src/api/release.ts';
import {
  describeLateness,
  findTooLate,
  lateByMs,
  noteDelay,
  toldTime,
  waitForSamples,
} from '../../../../../src/core/release/evidence/lateness.ts';
import { after, aLook, aReleaseStatus, aSpec, timeAfter } from '../../../../fixtures/builders.ts';

const SPEC = aSpec();

/** The delay after looks that saw newest samples of these ages, in seconds, with a scrape every 5 s. */
function measure(ages: readonly number[], from: Partial<ReleaseStatus> = {}): ReleaseStatus {
  return ages.reduce<ReleaseStatus>(
    (release, age) => noteDelay(SPEC, release, aLook(100, { sampleAgeMs: age * 1_000, scrapeIntervalMs: 5_000 }), true),
    aReleaseStatus(from),
  );
}

describe('the delay of samples', () => {
  test('the delay of samples is the smallest age of the newest sample over recent looks, in whole seconds', () => {
    expect(lateByMs(measure([34.1, 31.2, 33.9, 38]))).toBe(32_000);
  });

  test('a sample that scrapes explain is not late', () => {
    expect(measure([0.1, 4.9, 9.9]).sampleDelayMs).toBeUndefined();
    expect(describeLateness(measure([5]))).toBeUndefined();
  });

  test('the delay of samples grows where scrapes do not explain the age, and ends with a sample that arrives at once', () => {
    expect(lateByMs(measure([32, 60]))).toBe(60_000);
    expect(measure([32, 3]).sampleDelayMs).toBeUndefined();
  });

  test('while it lasts, an age between one scrape and two does not end it', () => {
    expect(lateByMs(measure([12, 6, 8]))).toBe(6_000);
  });

  test('the delay of samples is not measured by looks of the past, nor while no new sample comes', () => {
    const release = aReleaseStatus({ sampleDelayMs: 32_000 });
    const look = aLook(100, { sampleAgeMs: 90_000, scrapeIntervalMs: 5_000 });
    const { sampleAgeMs: _age, ...past } = look;
    expect(noteDelay(SPEC, release, look, false)).toBe(release);
    expect(noteDelay(SPEC, release, past, true)).toBe(release);
  });

  test('the delay of samples moves the end of the stage and of the bake, except where the judge does not act', () => {
    const ends = { stageEndsAt: timeAfter(60), bakeEndsAt: timeAfter(90) };
    expect(measure([32], ends)).toMatchObject({ stageEndsAt: timeAfter(92), bakeEndsAt: timeAfter(122) });
    expect(measure([32, 1], ends)).toMatchObject(ends);
    const observing = aSpec({ analysis: { mode: 'Observe' } });
    const late = noteDelay(observing, aReleaseStatus(ends), aLook(100, { sampleAgeMs: 32_000, scrapeIntervalMs: 5_000 }), true);
    expect(late).toMatchObject({ ...ends, sampleDelayMs: 32_000 });
    expect(waitForSamples(observing, late)).toBe(0);
    expect(waitForSamples(SPEC, undefined)).toBe(0);
  });

  test('the delay of samples is told in words', () => {
    expect(describeLateness(measure([31.4]))).toBe('samples arrive 32 s late');
    expect(describeLateness(undefined)).toBeUndefined();
  });
});

describe('a look at samples that arrive late', () => {
  const late = aReleaseStatus({ sampleDelayMs: 32_000 });
  const look = aLook(100, { newestSampleMs: after(66) });

  test('a look at late samples tells of the time of its newest sample, and of its own time where samples arrive at once', () => {
    expect(toldTime(look, late)).toBe(after(66));
    expect(toldTime(look, aReleaseStatus())).toBe(after(100));
  });

  test('a look at late samples is too late for a Pass beyond five minutes and a scrape', () => {
    expect(findTooLate(aLook(400, { newestSampleMs: after(90) }), late)).toBeUndefined();
    expect(findTooLate(aLook(401, { newestSampleMs: after(90) }), late)).toBe(
      'samples arrive 311 s late, and a Pass takes 300 s at most: find out what delays them',
    );
    const { newestSampleMs: _newest, ...without } = look;
    expect(findTooLate(without, late)).toBeUndefined();
  });
});
