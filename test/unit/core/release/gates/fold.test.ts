import { describe, expect, test } from 'vitest';
import type { GateStatus } from '../../../../../src/api/release.ts';
import { keyOfCall, nameJob } from '../../../../../src/core/release/gates/entries.ts';
import { foldGates } from '../../../../../src/core/release/gates/fold.ts';
import type { ObservedCall, ObservedGates, ObservedJob } from '../../../../../src/core/release/gates/observed.ts';
import { after, aReleaseStatus, aSpec, aStatus, RELEASE_ID, timeAfter } from '../../../../fixtures/builders.ts';

const JOB = { spec: { template: {} } };

function specWith(gate: { readonly idempotent?: boolean } = {}) {
  return aSpec({
    stages: [
      { weight: 25, duration: '1m' },
      {
        weight: 50,
        duration: '2m',
        gates: [
          { name: 'smoke', job: JOB, ...gate },
          { name: 'qa', http: { url: 'http://qa.example' }, ...gate },
          { name: 'load', job: JOB, during: 'stage', ...gate },
        ],
      },
    ],
  });
}

const aJobEntry = (change: Partial<GateStatus> = {}): GateStatus => ({
  name: 'smoke',
  stage: '2',
  kind: 'Job',
  state: 'Running',
  attempts: 1,
  startedAt: timeAfter(0),
  job: 'web-smoke-1',
  ...change,
});
const aCallEntry = (change: Partial<GateStatus> = {}): GateStatus => ({
  name: 'qa',
  stage: '2',
  kind: 'HTTP',
  state: 'Running',
  attempts: 1,
  startedAt: timeAfter(0),
  sentAt: timeAfter(0),
  ...change,
});

const NOTHING: ObservedGates = { standing: { kind: 'ready' }, jobs: {}, calls: {}, gone: [] };

function fold(entry: GateStatus, observed: Partial<ObservedGates>, { seconds = 10, idempotent = false } = {}) {
  const status = aStatus({ release: aReleaseStatus({ gates: [entry] }) });
  const folded = foldGates(specWith({ idempotent }), status, 'stage.analyzing', { ...NOTHING, ...observed }, after(seconds));
  return { gate: folded.release?.gates?.[0], leaving: folded.internal?.leavingJobs, isSame: folded === status };
}
const foldJob = (seen: ObservedJob | undefined, entry = aJobEntry(), options = {}) =>
  fold(entry, { jobs: seen === undefined ? {} : { 'web-smoke-1': seen } }, options);
const foldCall = (seen: ObservedCall | undefined, entry = aCallEntry(), options = {}) =>
  fold(entry, { calls: seen === undefined ? {} : { [keyOfCall(RELEASE_ID, entry)]: seen } }, options);

describe('a Job', () => {
  test('a Job of which nothing is known changes nothing, however long that takes', () => {
    expect(foldJob(undefined, aJobEntry(), { seconds: 100_000 }).isSame).toBe(true);
  });

  test('a Job that ended passes or fails, with the end of its log', () => {
    expect(foldJob({ kind: 'succeeded', uid: 'u', log: 'ok' }).gate).toMatchObject({ state: 'Passed', jobUid: 'u', log: 'ok' });
    const failed = foldJob({ kind: 'failed', uid: 'u', message: 'exit 1', timedOut: false, log: `${'x'.repeat(2_000)}end` });
    expect(failed.gate).toMatchObject({ state: 'Failed', message: 'exit 1', finishedAt: timeAfter(10) });
    expect(failed.gate?.log).toMatch(/^x{1021}end$/);
    expect(failed.gate?.timedOut).toBeUndefined();
    expect(failed.leaving).toBeUndefined();
  });

  test('a Job that passed while the operator was away has passed, although its time was over long ago', () => {
    expect(foldJob({ kind: 'succeeded', uid: 'u' }, aJobEntry(), { seconds: 100_000 }).gate?.state).toBe('Passed');
  });

  test('a Job that was never created and cannot be is timed out, and one that was seen and is gone has no known result', () => {
    expect(foldJob({ kind: 'absent' }).isSame).toBe(true);
    expect(foldJob({ kind: 'absent' }, aJobEntry(), { seconds: 600 }).gate).toMatchObject({ state: 'Failed', timedOut: true });
    expect(foldJob({ kind: 'refused', message: 'quota' }).gate).toMatchObject({ state: 'Running', message: 'quota' });
    expect(foldJob({ kind: 'refused', message: 'quota' }, aJobEntry(), { seconds: 600 }).gate?.message).toBe(
      'did not pass within 10m: quota',
    );
    const seen = aJobEntry({ jobUid: 'u' });
    expect(foldJob({ kind: 'absent' }, seen).gate).toMatchObject({ state: 'Unknown' });
    expect(foldJob({ kind: 'absent' }, seen, { idempotent: true }).gate).toMatchObject({ state: 'Pending', attempts: 1 });
  });

  test('a Job that does not end by its own deadline is ended half a minute later', () => {
    const active: ObservedJob = { kind: 'active', uid: 'u' };
    expect(foldJob(active, aJobEntry(), { seconds: 615 }).gate).toMatchObject({ state: 'Running', jobUid: 'u' });
    const over = foldJob(active, aJobEntry(), { seconds: 630 });
    expect(over.gate).toMatchObject({ state: 'Failed', timedOut: true });
    expect(over.leaving).toEqual(['web-smoke-1']);
  });

  test('a Job beside a stage has no time limit', () => {
    const load = aJobEntry({ name: 'load', during: 'stage' });
    expect(fold(load, { jobs: { 'web-smoke-1': { kind: 'active', uid: 'u' } } }, { seconds: 1_000_000 }).gate?.state).toBe('Running');
  });
});

describe('a request', () => {
  test.each([
    [200, 'Passed'],
    [299, 'Passed'],
    [400, 'Failed'],
    [429, 'Failed'],
    [499, 'Failed'],
    [302, 'Running'],
    [500, 'Running'],
    [503, 'Running'],
  ])('an answer of %d makes the gate %s', (status, state) => {
    expect(foldCall({ kind: 'answered', status }).gate?.state).toBe(state);
  });

  test('a request is repeated after a pause that doubles up to half a minute', () => {
    const pauseAfter = (attempts: number) =>
      Date.parse(foldCall({ kind: 'answered', status: 503 }, aCallEntry({ attempts })).gate?.nextAt ?? '') - after(10);
    expect([1, 2, 3, 4, 5, 6, 1_000].map(pauseAfter)).toEqual([2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
    expect(foldCall({ kind: 'answered', status: 503 }).gate?.sentAt).toBeUndefined();
  });

  test('a gate whose time is over fails, but an answer that is still to come is waited for', () => {
    const late = { seconds: 600 };
    expect(foldCall({ kind: 'answered', status: 503, message: 'busy' }, aCallEntry(), late).gate).toMatchObject({
      state: 'Failed',
      timedOut: true,
      message: 'did not pass within 10m: answered 503: busy',
    });
    expect(foldCall({ kind: 'underWay' }, aCallEntry(), late).isSame).toBe(true);
    expect(foldCall({ kind: 'answered', status: 200 }, aCallEntry(), late).gate?.state).toBe('Passed');
    const { sentAt: _sent, ...paused } = aCallEntry({ nextAt: timeAfter(610) });
    expect(foldCall(undefined, paused, late).gate).toMatchObject({ state: 'Failed', timedOut: true });
  });

  test('a request that this process does not know was sent by another: no one knows its answer, unless it says idempotent', () => {
    expect(foldCall(undefined).gate).toMatchObject({ state: 'Unknown' });
    expect(foldCall(undefined, aCallEntry(), { idempotent: true }).gate).toMatchObject({ state: 'Running', nextAt: expect.any(String) });
    expect(foldCall({ kind: 'unsent' }).isSame).toBe(true);
  });

  test('a request between two tries is no request under way', () => {
    const { sentAt: _sent, ...paused } = aCallEntry({ nextAt: timeAfter(12) });
    expect(foldCall(undefined, paused).isSame).toBe(true);
  });
});

test('Jobs that are gone are forgotten', () => {
  const status = aStatus({ internal: { leavingJobs: ['a', 'b'] } });
  const folded = foldGates(specWith(), status, 'rolledBack', { ...NOTHING, gone: ['a'] }, after(1));
  expect(folded.internal?.leavingJobs).toEqual(['b']);
  expect(foldGates(specWith(), folded, 'rolledBack', { ...NOTHING, gone: ['b'] }, after(1)).internal).toEqual({});
});

test('the name of a Job is the same for each try to create it, fits a label, and differs by release, stage, gate and attempt', () => {
  const of = (change: Partial<GateStatus> = {}, id = 'a', name = 'web') => nameJob({ name, uid: 'u', id }, aJobEntry(change));
  expect(of()).toBe(of());
  const names = [of(), of({ attempts: 2 }), of({ stage: '1' }), of({ name: 'other' }), of({}, 'b')];
  expect(new Set(names).size).toBe(names.length);
  const long = of({ name: 'x'.repeat(63) }, 'a', `${'y'.repeat(40)}.z`);
  expect(long).toMatch(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/);
  expect(long.length).toBeLessThanOrEqual(63);
});
