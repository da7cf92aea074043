import { describe, expect, test } from 'vitest';
import { gatherFacts } from '../../../../fixtures/facts.ts';
import * as sentences from '../../../../../src/core/release/report/events.ts';
import { approve } from '../../../../../src/core/release/machine/approval-record.ts';
import * as pauseSteps from '../../../../../src/core/release/machine/pause-steps.ts';
import * as promotionSteps from '../../../../../src/core/release/machine/promotion-steps.ts';
import * as rollbackSteps from '../../../../../src/core/release/machine/rollback-steps.ts';
import * as settleSteps from '../../../../../src/core/release/machine/settle-steps.ts';
import * as stageSteps from '../../../../../src/core/release/machine/stage-steps.ts';
import { startRelease } from '../../../../../src/core/release/machine/start-steps.ts';
import { describeStatus } from '../../../../../src/core/release/report/status.ts';
import { findStatusEvents, findVerdictEvents } from '../../../../../src/core/release/report/condition-events.ts';
import {
  aBackend,
  aRecordedRoute,
  aRelease,
  aReleaseStatus,
  aRoute,
  aSpec,
  aStatus,
  after,
  anObservation,
  marked,
  timeAfter,
} from '../../../../fixtures/builders.ts';

const steps = { ...pauseSteps, ...promotionSteps, ...rollbackSteps, ...settleSteps, ...stageSteps, startRelease, approve };

const spec = aSpec({ stages: [{ weight: 5 }, { name: 'half', weight: 50 }] });
const observation = anObservation({ release: aRelease({ spec }) });
const bare = { observedGeneration: 1 };
const facts = gatherFacts(spec, bare, 'idle', observation, after(60));
const running = aStatus({ state: 'stage.analyzing', weight: 5, release: aReleaseStatus() });
const scopeOf = (status: Parameters<typeof steps.approve>[0], more: object = {}) => ({
  status,
  facts: { ...facts, ...more },
});

describe('steps without a release', () => {
  test('steps without a release change nothing that only a release has', () => {
    expect(steps.beginStageClock(bare, facts)).toMatchObject(bare);
    expect(steps.settlePromoted(bare, facts)).toEqual(bare);
    expect(steps.settleRolledBack(bare, facts)).toEqual(bare);
    expect(steps.approve(bare, 1)).toEqual(bare);
    expect(steps.beginRestoring(bare, facts)).toEqual(bare);
    expect(steps.enterFirstStage(bare, facts)).toMatchObject({ weight: 5 });
    expect(steps.enterStage(bare, facts, 9)).toEqual(bare);
    expect(steps.startRelease(bare, { ...facts, sides: undefined }, { service: 'v2', templateHashes: [] }, { attempt: 1 })).toEqual(bare);
    expect(steps.beginStageClock(bare, { ...facts, stage: undefined })).toEqual(bare);
  });
});

describe('steps', () => {
  test('a pause out of a block returns to where the block came from, else to the shift', () => {
    expect(
      steps.pause(aStatus({ release: aReleaseStatus({ returnTo: 'stage.analyzing' }) }), { ...facts, state: 'blocked' }).release?.returnTo,
    ).toBe('stage.analyzing');
    expect(steps.pause(running, { ...facts, state: 'blocked' }).release?.returnTo).toBe('stage.shifting');
    expect(steps.pause(running, { ...facts, state: 'stage.analyzing' }).release?.returnTo).toBe('stage.analyzing');
  });

  test('a block in the middle of a raise takes the raise back from all routes', () => {
    const raised = aStatus({ weight: 50, release: aReleaseStatus({ weightBefore: 5 }) });
    expect(steps.block(raised, { ...facts, blocker: undefined }, 'stage.shifting')).toMatchObject({
      weight: 5,
      release: { blockedReason: 'Blocked' },
    });
    expect(steps.block(raised, facts, 'stage.analyzing').weight).toBe(50);
    expect(steps.block(running, facts, 'stage.shifting').weight).toBe(5);
  });

  test('a release that ends before its first weight has no business with routes that it did not claim', () => {
    const reason = { reason: 'Deleted', message: 'deleted' } as const;
    const routes = ['store', 'other'].map((name) => aRecordedRoute({ name, uid: `uid-${name}` }));
    const preparing = aStatus({ state: 'preparing', weight: 0, release: aReleaseStatus({ routes }) });
    const store = aRoute({ metadata: marked() });
    const other = aRoute({ metadata: { name: 'other', uid: 'uid-other' } });
    const factsIn = (state: 'preparing' | 'stage.analyzing') =>
      gatherFacts(spec, preparing, state, anObservation({ release: aRelease({ spec }), routes: [store, other] }), after(60));
    const names = (status: typeof preparing) => status.release?.routes?.map(({ name }) => name);
    expect(names(steps.beginRollback(preparing, reason, factsIn('preparing')))).toEqual(['store']);
    expect(names(steps.beginLettingGo(preparing, factsIn('preparing')))).toEqual(['store']);
    expect(names(steps.beginRollback(preparing, reason, factsIn('stage.analyzing')))).toEqual(['store', 'other']);
  });

  test('a person who resumes without proof puts back what an edit took away', () => {
    const drifted = (pausedBy: string) => aStatus({ release: aReleaseStatus({ pausedBy, driftSince: timeAfter(5), driftBy: 'helm' }) });
    expect(steps.resume(drifted('Inconclusive'), facts).release?.puttingBack).toBe(true);
    expect(steps.resume(drifted('Command'), facts).release?.puttingBack).toBeUndefined();
  });

  test('a raise over an edit that lowered our weight is counted as a put-back, a lowering is not', () => {
    const drifted = aStatus({ weight: 20, release: aReleaseStatus({ driftSince: timeAfter(5), driftBy: 'helm' }) });
    const raised = steps.enterStage(drifted, facts, 1).release;
    expect(raised).toMatchObject({ putBacks: [{ manager: 'helm', count: 1 }] });
    expect(raised?.driftSince).toBeUndefined();
    const lowered = steps.enterStage(drifted, facts, 0).release;
    expect(lowered).toMatchObject({ driftSince: timeAfter(5), driftBy: 'helm' });
    expect(lowered?.putBacks).toBeUndefined();
  });

  test('a resume gives a new deadline only where the old one ran out', () => {
    const late = aStatus({ release: aReleaseStatus({ deadlineAt: timeAfter(10) }) });
    expect(steps.resume(late, facts).release?.deadlineAt).toBe(timeAfter(60 + 24 * 3_600));
    const early = aStatus({ release: aReleaseStatus({ deadlineAt: timeAfter(600) }) });
    expect(steps.resume(early, { ...facts, stage: undefined }).release?.deadlineAt).toBe(timeAfter(600));
  });

  test('a rollback without a known reason says Unknown, and one that was superseded settles nothing', () => {
    const { settled, ...rest } = steps.settleRolledBack(running, facts);
    expect(settled?.service).toBe('v2');
    expect(rest.history?.[0]).toMatchObject({ outcome: 'RolledBack', reason: 'Unknown' });
    const superseded = aStatus({ release: aReleaseStatus({ reason: 'Superseded', rejects: true, specRevision: '7' }) });
    const ended = steps.settleRolledBack(superseded, facts);
    expect(ended.settled).toBeUndefined();
    expect(ended.rejected?.[0]).toMatchObject({ reason: 'Superseded', specRevision: '7' });
  });

  test('a release of a candidate with a revision of the spec remembers both', () => {
    const started = steps.startRelease(
      bare,
      { ...facts, sides: { serving: 'v1', canary: 'v2' } },
      { service: 'v2', specRevision: '1.8', templateHashes: ['x'] },
      { attempt: 2 },
    );
    expect(started.release).toMatchObject({ revision: '1.8', specRevision: '1.8', attempt: 2, templateHashes: ['x'] });
    expect(started.release?.id).toMatch(/^[0-9a-f]{10}-2$/);
    expect(steps.approve(steps.approve(started, 1), 1).release?.approvedStages).toEqual([1]);
    expect(steps.enterFirstStage(started, { ...facts, canaryKey: undefined }).weight).toBe(5);
  });
});

describe('sentences', () => {
  const all = Object.entries(sentences).flatMap(([name, say]) =>
    typeof say === 'function' && name !== 'nameStage' && name !== 'describePause' ? [{ name, say: say as typeof sentences.paused }] : [],
  );

  test.each(all)('$name says something of every status, and by whom it was asked', ({ say }) => {
    expect(say(scopeOf(bare)).message.length).toBeGreaterThan(5);
    const rich = scopeOf(running, {
      rollback: { reason: 'CanaryEmpty', message: 'empty' },
      blocker: { reason: 'RouteContested', message: 'argocd' },
      command: { verb: 'pause', release: 'x', at: timeAfter(1), by: 'ada' },
      stage: { ...spec.stages[0], approval: 'Required' },
      pause: 'Inconclusive',
    });
    expect(say(rich).message).not.toContain('undefined');
    const named = aStatus({
      release: aReleaseStatus({
        stage: 'half',
        stageIndex: 1,
        rejects: true,
        reason: 'Aborted',
        stageEndsAt: timeAfter(90),
        approvedStages: [2],
      }),
    });
    expect(
      say(
        scopeOf(named, {
          rollback: { reason: 'Aborted', message: 'x' },
          blocker: { reason: 'RouteNotAccepted', message: 'y' },
          command: { verb: 'advance', release: 'x', at: timeAfter(1) },
        }),
      ).message.length,
    ).toBeGreaterThan(5);
    expect(
      say(scopeOf(running, { spec: { ...spec, paused: true }, blocker: { reason: 'Forbidden', message: 'z' } })).message.length,
    ).toBeGreaterThan(5);
  });

  test('a pause of a kind that is not known is told by its word', () => {
    expect(sentences.describePause('Moon')).toBe('paused (Moon)');
    expect(sentences.describePause(undefined)).toBe('paused by a command');
  });
});

describe('news', () => {
  const at = (seconds: number, release: object) =>
    aStatus({ weight: 5, release: aReleaseStatus({ lookGridAt: timeAfter(seconds), ...release }) });

  test('a check that begins to fail is told once, with what is known of it', () => {
    const failing = [{ check: 'errors', count: 1 }];
    const told = findVerdictEvents(spec, at(10, {}), {
      ...at(20, { failing }),
      checks: [{ name: 'errors', verdict: 'Fail', value: '50%', limit: '<= 1%', requests: 12 }],
    });
    expect(told.map(({ message }) => message)).toEqual(['check errors fails: 50% (limit <= 1%) over 12 canary requests']);
    expect(findVerdictEvents(spec, at(10, { failing }), at(20, { failing }))).toEqual([]);
    expect(findVerdictEvents(spec, at(10, {}), { ...at(20, { failing }), checks: [] })).toHaveLength(1);
  });

  test('an outage is told when it begins', () => {
    const away = { unavailableSince: timeAfter(20) };
    expect(findVerdictEvents(spec, at(10, {}), at(20, away)).map(({ reason }) => reason)).toEqual(['MetricsUnavailable']);
    expect(findVerdictEvents(spec, at(20, away), at(30, away))).toEqual([]);
  });

  test('silence is told once, when it has lasted a window', () => {
    const silent = { inconclusiveSince: timeAfter(0) };
    expect(findVerdictEvents(spec, at(40, silent), at(50, silent))).toEqual([]);
    expect(findVerdictEvents(spec, at(50, silent), at(60, silent)).map(({ reason }) => reason)).toEqual(['NoTraffic']);
    expect(findVerdictEvents(spec, at(60, silent), at(70, silent))).toEqual([]);
  });

  test('a release that cannot begin is told when the reason or the object is another, whatever the sentence says', () => {
    const blocked = (message: string, about: string) => {
      const stuck = gatherFacts(spec, bare, 'idle', observation, after(60));
      const blockedFacts = { ...stuck, blocker: { reason: 'RouteNotFound' as const, message, about } };
      return { facts: blockedFacts, status: describeStatus(bare, 'idle', blockedFacts) };
    };
    const first = blocked('HTTPRoute a not found', 'HTTPRoute a');
    expect(findStatusEvents(bare, first.status, first.facts).map(({ message }) => message)).toEqual([
      'RouteNotFound: HTTPRoute a not found',
    ]);
    const reworded = blocked('there is no HTTPRoute a', 'HTTPRoute a');
    expect(findStatusEvents(first.status, reworded.status, reworded.facts)).toEqual([]);
    const other = blocked('HTTPRoute b not found', 'HTTPRoute b');
    expect(findStatusEvents(first.status, other.status, other.facts)).toHaveLength(1);
    expect(findStatusEvents(bare, first.status, { ...first.facts, state: 'blocked' })).toEqual([]);
  });
});

test('a backend that is not known proves nothing of the canary', () => {
  const unknown = { v1: aBackend('v1'), v2: aBackend('v2', { known: false }) };
  const seen = gatherFacts(spec, running, 'stage.analyzing', { ...observation, backends: unknown }, after(60));
  expect([seen.canaryReady, seen.rollback]).toEqual([false, undefined]);
});
