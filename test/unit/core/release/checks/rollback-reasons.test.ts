import { describe, expect, test } from 'vitest';
import type { CanaryReleaseStatus, ReleaseStatus, SpecInput } from '../../../../../src/api/release.ts';
import { findRollback, type RollbackFacts } from '../../../../../src/core/release/checks/rollback-reasons.ts';
import { fateOf } from '../../../../../src/api/reasons.ts';
import { gatherFacts } from '../../../../fixtures/facts.ts';
import { isJudged, STATES } from '../../../../../src/core/release/state.ts';
import { standRoutes } from '../../../../../src/core/routing/standing.ts';
import {
  after,
  anObservation,
  aRecordedRoute,
  aRelease,
  aReleaseStatus,
  aRoute,
  aSpec,
  aStatus,
  HOME_MARK,
  marked,
  SIDES,
  timeAfter,
} from '../../../../fixtures/builders.ts';

/** A release that goes well. */
function facts(change: Partial<RollbackFacts> = {}, spec: Partial<SpecInput> = {}, status: CanaryReleaseStatus = NOTHING): RollbackFacts {
  const state = change.state ?? 'stage.analyzing';
  const whole = aSpec(spec);
  const known = gatherFacts(whole, status, state, anObservation({ release: aRelease({ spec: whole }) }), change.now ?? after(100));
  return {
    ...known,
    sides: SIDES,
    standings: [],
    observedWeight: 25,
    homeMark: HOME_MARK,
    revisionChanged: false,
    timedOut: false,
    blocker: undefined,
    ...change,
  };
}

function running(release: Partial<ReleaseStatus> = {}): CanaryReleaseStatus {
  return aStatus({ release: aReleaseStatus(release) });
}

const failedCheck = { name: 'errors', reason: 'ErrorRatio', message: 'errors 10% (limit <= 1%)' };
const wentHome = { standings: standRoutes([aRecordedRoute()], [aRoute({ metadata: marked(HOME_MARK) })], SIDES) };
const { release: _release, ...NOTHING } = aStatus();

function reasonOf(status: CanaryReleaseStatus, change: Partial<RollbackFacts> = {}, spec: Partial<SpecInput> = {}) {
  const found = findRollback(facts(change, spec, status), status).rollback;
  return found === undefined ? undefined : ([found.reason, fateOf(found.reason)] as const);
}

describe('rule 1: a release goes home', () => {
  test('a release does not go home while all is well', () => {
    expect(reasonOf(running())).toBeUndefined();
    expect(reasonOf(NOTHING)).toBeUndefined();
  });

  test('a release goes home when its object is deleted, unless the weights must stay', () => {
    expect(reasonOf(running(), { deleting: true })).toEqual(['Deleted', 'open']);
    expect(reasonOf(running(), { deleting: true }, { deletionPolicy: 'Retain' })).toBeUndefined();
  });

  test('a release goes home when a person aborts it', () => {
    expect(reasonOf(running(), { abortRequested: true })).toEqual(['Aborted', 'rejected']);
  });

  test('a release that goes home says which person it was, where that is known', () => {
    const told = (abortBy?: string) => findRollback(facts({ abortRequested: true, abortBy }), running()).rollback;
    expect(told()).not.toHaveProperty('by');
    expect(told()?.message).toBe('aborted by a person (annotation glidepath.dev/abort)');
    expect(told('ada')).toMatchObject({ by: 'ada', message: 'aborted by ada (annotation glidepath.dev/abort)' });
  });

  test('a release goes home when a check failed, in the words of the check', () => {
    expect(findRollback(facts(), running({ failedCheck })).rollback).toEqual({
      reason: 'ErrorRatio',
      message: failedCheck.message,
    });
    expect(reasonOf(running({ failedCheck }), { enforced: false })).toBeUndefined();
  });

  test('a release goes home when the canary has weight, wanted or on a route, and no ready endpoint', () => {
    expect(reasonOf(running(), { canaryEmpty: true, observedWeight: 0 })).toEqual(['CanaryEmpty', 'retried']);
    expect(reasonOf(aStatus({ weight: 0 }), { canaryEmpty: true, sides: undefined })).toEqual(['CanaryEmpty', 'retried']);
    expect(reasonOf(aStatus({ weight: 0 }), { canaryEmpty: true, observedWeight: 0 })).toBeUndefined();
    const { weight: _weight, ...unweighted } = running();
    expect(reasonOf(unweighted, { canaryEmpty: true, observedWeight: 0 })).toBeUndefined();
  });

  test('a release goes home when another revision appears, which is not to blame; not while a promotion makes its last writes', () => {
    expect(reasonOf(running(), { revisionChanged: true })).toEqual(['Superseded', 'open']);
    expect(reasonOf(running(), { revisionChanged: true, state: 'promoting.restoring' })).toBeUndefined();
  });

  test('a release goes home when its deadline has passed, where that rolls back', () => {
    const late = running({ deadlineAt: timeAfter(100) });
    expect(reasonOf(late)).toEqual(['DeadlineExceeded', 'unjudged']);
    expect(reasonOf(late, { now: after(99) })).toBeUndefined();
    expect(reasonOf(late, {}, { deadline: { then: 'Pause' } })).toBeUndefined();
  });

  test('a release goes home when trouble lasted too long, where that rolls back', () => {
    const stuck = running({ blockedSince: timeAfter(40), blockedReason: 'Forbidden' });
    const blocked = { state: 'blocked', blocker: { reason: 'Forbidden', message: 'no patch' } } as const;
    const rollBack = { onBlocked: { after: '1m', then: 'Rollback' } } as const;
    expect(reasonOf(stuck, blocked, rollBack)).toEqual(['BlockedTooLong', 'retried']);
    expect(reasonOf(stuck, { ...blocked, now: after(99) }, rollBack)).toBeUndefined();
    expect(reasonOf(stuck, blocked, { onBlocked: { after: '1m' } })).toBeUndefined();
    expect(reasonOf(stuck, { blocker: blocked.blocker }, rollBack)).toBeUndefined();
    expect(reasonOf(running(), blocked, rollBack)).toBeUndefined();
  });

  test('a release goes home when Prometheus was away too long, where that rolls back; the revision is not to blame', () => {
    const dark = running({ unavailableSince: timeAfter(40) });
    const rollBack = { analysis: { onUnavailable: { after: '1m', then: 'Rollback' } } } as const;
    expect(reasonOf(dark, {}, rollBack)).toEqual(['MetricsUnavailable', 'retried']);
    expect(reasonOf(dark, { now: after(99) }, rollBack)).toBeUndefined();
    expect(reasonOf(dark, {}, { analysis: { ...rollBack.analysis, mode: 'Observe' } })).toBeUndefined();
    expect(reasonOf(dark, {}, { analysis: { onUnavailable: { after: '1m' } } })).toBeUndefined();
  });

  test('a release goes home when no proof came in time, where that rolls back: neither without evidence nor with a Fail that only holds', () => {
    const rollBack = { analysis: { onInconclusive: 'Rollback' } } as const;
    for (const verdict of ['Inconclusive', 'Fail'] as const)
      expect(reasonOf(running({ verdict }), { timedOut: true }, rollBack)).toEqual(['Inconclusive', 'unjudged']);
    expect(reasonOf(running(), { timedOut: true }, rollBack)).toEqual(['Inconclusive', 'unjudged']);
    expect(
      findRollback(facts({ timedOut: true }, rollBack, running({ stageIndex: 9 })), running({ stageIndex: 9 })).rollback?.message,
    ).toContain('the timeout');
  });

  test('a release does not go home for want of proof while Prometheus is away, while the proof is there, before the timeout, or in another state', () => {
    const rollBack = { analysis: { onInconclusive: 'Rollback' } } as const;
    for (const verdict of ['Unavailable', 'Pass'] as const)
      expect(reasonOf(running({ verdict }), { timedOut: true }, rollBack)).toBeUndefined();
    const unproven = running({ verdict: 'Inconclusive' });
    expect(reasonOf(unproven, {}, rollBack)).toBeUndefined();
    expect(reasonOf(unproven, { timedOut: true, enforced: false }, rollBack)).toBeUndefined();
    expect(reasonOf(unproven, { timedOut: true, state: 'stage.awaitingApproval' }, rollBack)).toBeUndefined();
    expect(reasonOf(unproven, { timedOut: true })).toBeUndefined();
  });

  test('a release goes home in every state in which the canary may have weight, and only there', () => {
    for (const state of STATES) expect(reasonOf(running({ failedCheck }), { state }) !== undefined).toBe(isJudged(state));
  });
});

describe('rule 5: a restart between the home patch and the commit', () => {
  test('a restart between the home patch and the commit is read from the mark of the route, and the release counts as failed', () => {
    expect(reasonOf(running(), wentHome)).toEqual(['Recovered', 'rejected']);
  });

  test('a restart between the home patch and the commit ends with the reason that it had, where that reason still holds', () => {
    expect(reasonOf(running(), { ...wentHome, revisionChanged: true })).toEqual(['Superseded', 'open']);
    const dark = running({ unavailableSince: timeAfter(40) });
    expect(reasonOf(dark, wentHome, { analysis: { onUnavailable: { after: '1m', then: 'Rollback' } } })).toEqual([
      'MetricsUnavailable',
      'retried',
    ]);
    expect(reasonOf(running({ deadlineAt: timeAfter(1) }), wentHome)).toEqual(['DeadlineExceeded', 'unjudged']);
  });

  test('a restart between the home patch and the commit does not blame a check that was only observed', () => {
    expect(reasonOf(running({ failedCheck }), { ...wentHome, enforced: false })).toEqual(['Recovered', 'rejected']);
  });

  test('a restart between the home patch and the commit is not what the mark of another release says', () => {
    const standings = standRoutes([aRecordedRoute()], [aRoute({ metadata: marked('web/0123456789/home') })], SIDES);
    expect(reasonOf(running(), { standings })).toBeUndefined();
  });
});

describe('several reasons', () => {
  test('several reasons are answered by what people asked for first, then by what the world says, then by the clock', () => {
    const status = running({ failedCheck, deadlineAt: timeAfter(1) });
    const all = { deleting: true, abortRequested: true, canaryEmpty: true, revisionChanged: true };
    expect(reasonOf(status, all)?.[0]).toBe('Deleted');
    expect(reasonOf(status, { ...all, deleting: false })?.[0]).toBe('Aborted');
    expect(reasonOf(status, { canaryEmpty: true, revisionChanged: true })?.[0]).toBe('ErrorRatio');
    expect(reasonOf(running({ deadlineAt: timeAfter(1) }), { canaryEmpty: true, revisionChanged: true })?.[0]).toBe('CanaryEmpty');
    expect(reasonOf(running({ deadlineAt: timeAfter(1) }), { revisionChanged: true })?.[0]).toBe('Superseded');
  });
});
