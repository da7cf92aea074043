import { describe, expect, test } from 'vitest';
import type { CanaryReleaseStatus, RecordedRoute, ReleaseStatus } from '../../../../../src/api/release.ts';
import { noteDrift, settleDrift } from '../../../../../src/core/release/drift/drift.ts';
import { gatherFacts } from '../../../../fixtures/facts.ts';
import type { StateName } from '../../../../../src/core/release/state.ts';
import {
  after,
  anObservation,
  aRecordedRoute,
  aReleaseStatus,
  aRoute,
  aRule,
  aSpec,
  aSpecWithAnalysis,
  aStatus,
  timeAfter,
} from '../../../../fixtures/builders.ts';

interface Scene {
  readonly seconds?: number;
  readonly generation?: number;
  readonly manager?: string;
  readonly state?: StateName;
  readonly observe?: boolean;
}

/** A status whose release is changed. */
function running(release: Partial<ReleaseStatus> = {}): CanaryReleaseStatus {
  return aStatus({ release: aReleaseStatus(release) });
}

/** Notes what the route says: the canary's share in percent. */
function note(
  status: CanaryReleaseStatus,
  percent: number,
  { seconds = 100, generation = 7, manager = 'argocd-controller', state = 'stage.analyzing', observe = false }: Scene = {},
) {
  const managedFields = [{ manager, time: timeAfter(seconds) }];
  const route = aRoute({ rules: [aRule({ v1: 100 - percent, v2: percent })], metadata: { generation, managedFields } });
  const spec = observe ? aSpecWithAnalysis({ mode: 'Observe' }) : aSpec();
  const facts = gatherFacts(spec, status, state, anObservation({ routes: [route] }), after(seconds));
  const settled = settleDrift(status, facts);
  const noted = noteDrift(settled, gatherFacts(spec, settled, state, anObservation({ routes: [route] }), after(seconds)));
  return { status: noted.status, drift: noted.drifts[0], lowered: facts.lowered };
}

/** What the status remembers of the route. */
const recordOf = ({ release }: CanaryReleaseStatus) => release?.routes?.[0];
/** A status that remembers something of the route. */
const recorded = (change: Partial<RecordedRoute>, release: Partial<ReleaseStatus> = {}) =>
  running({ ...release, routes: [aRecordedRoute(change)] });

/** Notes an edit that lowers, then a Pass after it. */
function putBack(status: CanaryReleaseStatus, seconds: number, manager = 'argocd-controller'): CanaryReleaseStatus {
  const noted = note(status, 10, { seconds, generation: seconds, manager }).status;
  const passed = {
    ...noted,
    release: {
      ...(noted.release ?? aReleaseStatus()),
      verdict: 'Pass' as const,
      passAt: timeAfter(seconds + 5),
      lookGridAt: timeAfter(seconds + 5),
    },
  };
  return note(passed, 10, { seconds: seconds + 6, generation: seconds, manager }).status;
}

describe('rule 7: an edit that lowers our weight', () => {
  const noted = note(running(), 10);

  test('an edit that lowers our weight is reported once, with the route, the rule and the field manager', () => {
    expect(noted.drift).toMatchObject({ route: 'HTTPRoute store', manager: 'argocd-controller', direction: 'lowered' });
    expect(noted.drift?.message).toBe(
      "HTTPRoute store, rule rules[0]: field manager argocd-controller lowered the canary's share (wanted 25%); left as it is until the next Pass",
    );
    expect(noted.status.release).toMatchObject({ driftBy: 'argocd-controller', driftSince: timeAfter(100) });
    expect(recordOf(noted.status)?.edited).toBe(7);
    expect(note(noted.status, 10, { seconds: 110 }).drift).toBeUndefined();
  });

  test('an edit that lowers our weight is reported again when it is another edit', () => {
    expect(note(noted.status, 5, { seconds: 110, generation: 8 }).drift).toBeDefined();
  });

  test('an edit that lowers our weight stays without a fresh Pass: a raise needs proof', () => {
    expect(noted.status.release?.puttingBack).toBeUndefined();
    expect(note(running({ verdict: 'Pass', passAt: timeAfter(99) }), 10).status.release?.puttingBack).toBeUndefined();
    for (const verdict of ['Inconclusive', 'Unavailable', 'Fail'] as const) {
      const status = recorded({ edited: 7 }, { driftSince: timeAfter(50), verdict, passAt: timeAfter(99) });
      expect(note(status, 10).status.release?.puttingBack).toBeUndefined();
    }
  });

  test('an edit that lowers our weight is put back after a fresh Pass, and that is counted by manager', () => {
    const status = putBack(running(), 100);
    expect(status.release).toMatchObject({
      puttingBack: true,
      putBacks: [{ manager: 'argocd-controller', count: 1 }],
      putBackTimes: [timeAfter(106)],
    });
    expect(note(status, 10, { seconds: 120, generation: 100 }).status).toEqual(status);
  });

  test('an edit that lowers our weight needs a Pass of its own when it comes on top of another one', () => {
    const status = putBack(running(), 100);
    const again = note(status, 5, { seconds: 108, generation: 101 });
    expect(again.status.release).toMatchObject({ driftSince: timeAfter(108) });
    expect(recordOf(again.status)?.edited).toBe(101);
    expect(again.status.release?.puttingBack).toBeUndefined();
  });

  test('an edit that lowers our weight is put back at once where the judge does not act', () => {
    expect(note(running(), 10, { observe: true }).status.release?.puttingBack).toBe(true);
  });

  test.each(['paused', 'blocked'] as const)('an edit that lowers our weight stays while the release is %s', (state) => {
    const status = recorded(
      { edited: 7 },
      { returnTo: 'stage.analyzing', driftSince: timeAfter(50), verdict: 'Pass', passAt: timeAfter(60) },
    );
    expect(note(status, 10, { state }).status.release?.puttingBack).toBeUndefined();
  });

  test('an edit that lowers our weight is over when the routes have the wanted weights', () => {
    const status = note(putBack(running(), 100), 25, { generation: 101 }).status;
    expect(status.release?.puttingBack).toBeUndefined();
    expect(status.release?.driftSince).toBeUndefined();
    expect(status.release?.driftBy).toBeUndefined();
    const quiet = recorded({ generation: 7 });
    expect(note(quiet, 25).status).toBe(quiet);
  });
});

describe('rule 7: an edit that raises our weight', () => {
  test('an edit that raises our weight is reported, and begins no put-back', () => {
    const { drift, status } = note(running(), 60);
    expect(drift).toMatchObject({ direction: 'raised' });
    expect(drift?.message).toContain('lowered again at once');
    expect(status.release?.puttingBack).toBeUndefined();
    expect(status.release?.driftSince).toBeUndefined();
    expect(note(status, 60, { seconds: 101 }).drift).toBeUndefined();
  });

  test('an edit by no known manager has an unknown manager', () => {
    expect(note(running(), 60, { manager: 'glidepath' }).drift?.manager).toBe('unknown');
  });

  test('an edit is none when the stages were edited and no one touched the route', () => {
    expect(note(recorded({ generation: 7 }), 60).drift).toBeUndefined();
    expect(note(recorded({ generation: 6 }), 60).drift).toBeDefined();
  });
});

describe('rule 7: while a raise is under way', () => {
  const shifting = { state: 'stage.shifting' } as const;
  const raised = (change: Partial<RecordedRoute> = {}) => recorded({ raising: true, generation: 6, ...change }, { weightBefore: 10 });

  test('a route that was not written yet is nobody’s edit, whatever else of it is edited', () => {
    for (const generation of [6, 7]) {
      const { drift, status, lowered } = note(raised(), 10, { ...shifting, generation });
      expect([drift, lowered]).toEqual([undefined, false]);
      expect(recordOf(status)).toMatchObject({ raising: true });
    }
  });

  test('a route that gives what is wanted is written: what lowers it from there on is an edit', () => {
    const written = note(raised(), 25, shifting).status;
    expect(recordOf(written)).toMatchObject({ generation: 7 });
    expect(recordOf(written)?.raising).toBeUndefined();
    const edited = note(written, 10, { ...shifting, generation: 8 });
    expect(edited).toMatchObject({ lowered: true, drift: { direction: 'lowered' }, status: { release: { driftSince: timeAfter(100) } } });
    expect(edited.status.release?.puttingBack).toBeUndefined();
  });

  test('a watch that still shows the route as it was before our write shows no edit', () => {
    const written = recorded({ generation: 7 });
    for (const percent of [10, 60]) {
      expect(note(written, percent, { ...shifting, generation: 6 })).toEqual({ status: written, drift: undefined, lowered: false });
    }
    // And the weight that it once had is no news of a raise either.
    expect(recordOf(note(written, 25, { ...shifting, generation: 5 }).status)?.generation).toBe(7);
  });

  test('an edit that goes below what was there before the raise ends the raise of that route', () => {
    const { drift, status } = note(raised(), 5, shifting);
    expect(drift?.direction).toBe('lowered');
    expect(recordOf(status)?.raising).toBeUndefined();
  });

  test('a route that was deleted and made anew counts its generations from 1', () => {
    expect(note(recorded({ generation: 7, uid: 'another' }), 10, { ...shifting, generation: 1 }).drift).toBeDefined();
  });

  test('a person is asked when no proof comes, after the time of the stage', () => {
    const edited = note(recorded({ generation: 6 }), 10, shifting).status;
    expect(edited.release?.stageTimesOutAt).toBe(timeAfter(100 + 30 * 60));
    expect(note(recorded({}, { stageTimesOutAt: timeAfter(500) }), 10).status.release?.stageTimesOutAt).toBe(timeAfter(500));
  });

  test('two routes that are edited at the same time are both told, once', () => {
    const routes = ['store', 'other'].map((name) =>
      aRoute({ metadata: { name, uid: `uid-${name}`, generation: 7 }, rules: [aRule({ v1: 90, v2: 10 })] }),
    );
    const status = running({ routes: ['store', 'other'].map((name) => aRecordedRoute({ name, uid: `uid-${name}`, generation: 6 })) });
    const facts = gatherFacts(aSpec(), status, 'stage.shifting', anObservation({ routes }), after(100));
    const noted = noteDrift(status, facts);
    expect(noted.drifts.map(({ route }) => route)).toEqual(['HTTPRoute store', 'HTTPRoute other']);
    const again = gatherFacts(aSpec(), noted.status, 'stage.shifting', anObservation({ routes }), after(101));
    expect(noteDrift(noted.status, again).drifts).toEqual([]);
  });
});

describe('no drift', () => {
  test.each(['preparing', 'promoting.restoring', 'rollingBack.goingHome'] as const)(
    'no drift is seen in %s: there is no weight, or nothing is wanted any more',
    (state) => {
      expect(note(running(), 10, { state })).toMatchObject({ status: running(), drift: undefined });
    },
  );

  test.each(['paused', 'blocked'] as const)('no drift is seen in %s before the first weight', (state) => {
    expect(note(running({ returnTo: 'preparing' }), 60, { state }).drift).toBeUndefined();
    expect(note(running({ returnTo: 'stage.analyzing' }), 60, { state }).drift).toBeDefined();
    expect(note(running(), 60, { state }).drift).toBeUndefined();
  });

  test('no drift is seen without a release, or where the route or its rule is gone', () => {
    const { release: _release, ...idle } = aStatus();
    expect(note(idle, 10).status).toEqual(idle);
    for (const routes of [[], [aRoute({ rules: [] })]]) {
      const facts = gatherFacts(aSpec(), running(), 'stage.analyzing', anObservation({ routes }), after(100));
      expect(noteDrift(running(), facts).drifts).toEqual([]);
      expect(settleDrift(running({ puttingBack: true }), facts).release?.puttingBack).toBeUndefined();
    }
  });
});

describe('a route is contested', () => {
  test('a route is contested when one manager undid our raises three times: the third put-back is not written', () => {
    const times = [100, 300, 500, 700];
    const statuses = times.map((_, index) =>
      times
        .slice(0, index + 1)
        .reduce(
          (status, seconds) => note(putBack(status, seconds), 10, { seconds: seconds + 10, generation: seconds + 10 }).status,
          running(),
        ),
    );
    expect(statuses.map(({ release }) => release?.contestedBy)).toEqual([undefined, undefined, 'argocd-controller', 'argocd-controller']);
  });

  test('a route is contested when raises were put back five times in a minute, whoever did it', () => {
    const managers = ['a', 'b', 'c', 'd', 'e'];
    const within = (apart: number) => managers.reduce((status, manager, index) => putBack(status, 100 + index * apart, manager), running());
    expect(within(9).release?.contestedBy).toBe('e');
    expect(within(9).release?.putBackTimes).toHaveLength(5);
    expect(within(60).release?.contestedBy).toBeUndefined();
  });

  test('a contested route stays contested: nothing is put back any more', () => {
    const status = recorded({ edited: 7 }, { contestedBy: 'a', driftSince: timeAfter(50), verdict: 'Pass', passAt: timeAfter(60) });
    expect(note(status, 10).status.release?.puttingBack).toBeUndefined();
  });

  test('counting at most eight managers, which the status can hold', () => {
    const putBacks = Array.from({ length: 8 }, (_, index) => ({ manager: `m${index}`, count: 1 }));
    expect(putBack(running({ putBacks }), 100).release?.putBacks).toHaveLength(8);
  });
});
