import { describe, expect, test } from 'vitest';
import type { CanaryReleaseStatus, ReleaseStatus } from '../../../../src/api/release.ts';
import { noteDrift } from '../../../../src/core/release/drift.ts';
import { gatherFacts } from '../../../../src/core/release/facts.ts';
import type { StateName } from '../../../../src/core/release/state.ts';
import {
  after,
  anObservation,
  aReleaseStatus,
  aRoute,
  aRule,
  aSpec,
  aSpecWithAnalysis,
  aStatus,
  timeAfter,
} from '../../../support/builders.ts';

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
  return noteDrift(status, facts);
}

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

  test('is told once, with the route, the rule and the field manager', () => {
    expect(noted.drift).toMatchObject({ route: 'HTTPRoute store', manager: 'argocd-controller', direction: 'lowered' });
    expect(noted.drift?.message).toBe(
      "HTTPRoute store, rule rules[0]: field manager argocd-controller lowered the canary's share (wanted 25%); left as it is until the next Pass",
    );
    expect(noted.status.release).toMatchObject({ driftKey: 'HTTPRoute store@7', driftSince: timeAfter(100) });
    expect(note(noted.status, 10, { seconds: 110 }).drift).toBeUndefined();
  });

  test('is told again when it is another edit', () => {
    expect(note(noted.status, 5, { seconds: 110, generation: 8 }).drift).toBeDefined();
  });

  test('stays without a fresh Pass: a raise needs proof', () => {
    expect(noted.status.release?.puttingBack).toBeUndefined();
    expect(note(running({ verdict: 'Pass', passAt: timeAfter(99) }), 10).status.release?.puttingBack).toBeUndefined();
    for (const verdict of ['Inconclusive', 'Unavailable', 'Fail'] as const) {
      const status = running({ driftKey: 'HTTPRoute store@7', driftSince: timeAfter(50), verdict, passAt: timeAfter(99) });
      expect(note(status, 10).status.release?.puttingBack).toBeUndefined();
    }
  });

  test('is put back after a fresh Pass, and that is counted by manager', () => {
    const status = putBack(running(), 100);
    expect(status.release).toMatchObject({
      puttingBack: true,
      putBacks: [{ manager: 'argocd-controller', count: 1 }],
      putBackTimes: [timeAfter(106)],
    });
    expect(note(status, 10, { seconds: 120, generation: 100 }).status).toEqual(status);
  });

  test('needs a Pass of its own when it comes on top of another one', () => {
    const status = putBack(running(), 100);
    const again = note(status, 5, { seconds: 108, generation: 101 });
    expect(again.status.release).toMatchObject({ driftSince: timeAfter(108), driftKey: 'HTTPRoute store@101' });
    expect(again.status.release?.puttingBack).toBeUndefined();
  });

  test('is put back at once where the judge does not act', () => {
    expect(note(running(), 10, { observe: true }).status.release?.puttingBack).toBe(true);
  });

  test.each(['paused', 'blocked'] as const)('stays while the release is %s', (state) => {
    const status = running({
      returnTo: 'stage.analyzing',
      driftKey: 'HTTPRoute store@7',
      driftSince: timeAfter(50),
      verdict: 'Pass',
      passAt: timeAfter(60),
    });
    expect(note(status, 10, { state }).status.release?.puttingBack).toBeUndefined();
  });

  test('is over when the routes say what they shall', () => {
    const status = note(putBack(running(), 100), 25).status;
    expect(status.release?.puttingBack).toBeUndefined();
    expect(status.release?.driftSince).toBeUndefined();
    const quiet = running();
    expect(note(quiet, 25).status).toBe(quiet);
  });
});

describe('rule 7: an edit that raises our weight', () => {
  test('is told, and begins no put-back', () => {
    const { drift, status } = note(running(), 60);
    expect(drift).toMatchObject({ direction: 'raised' });
    expect(drift?.message).toContain('put back down at once');
    expect(status.release?.puttingBack).toBeUndefined();
    expect(status.release?.driftSince).toBeUndefined();
    expect(note(status, 60, { seconds: 101 }).drift).toBeUndefined();
  });

  test('by nobody that is known has an unknown manager', () => {
    expect(note(running(), 60, { manager: 'glidepath' }).drift?.manager).toBe('unknown');
  });

  test('is none when the stages were edited and the routes say what they said before', () => {
    expect(note({ ...running(), observedWeight: 60 }, 60).drift).toBeUndefined();
    expect(note({ ...running(), observedWeight: 25 }, 60).drift).toBeDefined();
  });
});

describe('no drift', () => {
  test.each(['preparing', 'stage.shifting', 'promoting.rollingOut', 'promoting.restoring', 'rollingBack.goingHome'] as const)(
    'is seen in %s: there our own writes are under way',
    (state) => {
      expect(note(running(), 10, { state })).toEqual({ status: running() });
    },
  );

  test.each(['paused', 'blocked'] as const)('is seen in %s in the middle of a shift: nobody else left the routes so', (state) => {
    const status = running({ returnTo: 'stage.shifting' });
    for (const percent of [10, 60]) expect(note(status, percent, { state }).drift).toBeUndefined();
    expect(note(running({ returnTo: 'stage.analyzing' }), 60, { state }).drift).toBeDefined();
  });

  test('is seen without a release, or where the route or its rule is gone', () => {
    const { release: _release, ...idle } = aStatus();
    expect(note(idle, 10)).toEqual({ status: idle });
    for (const routes of [[], [aRoute({ rules: [] })]]) {
      const facts = gatherFacts(aSpec(), running(), 'stage.analyzing', anObservation({ routes }), after(100));
      expect(noteDrift(running(), facts).drift).toBeUndefined();
    }
  });
});

describe('a route is contested', () => {
  test('when one manager undid a put-back three times: the fourth raise is not written', () => {
    const times = [100, 300, 500, 700];
    const statuses = times.map((_, index) =>
      times
        .slice(0, index + 1)
        .reduce(
          (status, seconds) => note(putBack(status, seconds), 10, { seconds: seconds + 10, generation: seconds + 10 }).status,
          running(),
        ),
    );
    expect(statuses.map(({ release }) => release?.contestedBy)).toEqual([undefined, undefined, undefined, 'argocd-controller']);
  });

  test('when raises were put back five times in a minute, whoever did it', () => {
    const managers = ['a', 'b', 'c', 'd', 'e', 'f'];
    const within = (apart: number) => managers.reduce((status, manager, index) => putBack(status, 100 + index * apart, manager), running());
    expect(within(9).release?.contestedBy).toBe('f');
    expect(within(9).release?.putBackTimes).toHaveLength(5);
    expect(within(60).release?.contestedBy).toBeUndefined();
  });

  test('and stays so: nothing is put back any more', () => {
    const status = running({
      contestedBy: 'a',
      driftKey: 'HTTPRoute store@7',
      driftSince: timeAfter(50),
      verdict: 'Pass',
      passAt: timeAfter(60),
    });
    expect(note(status, 10).status.release?.puttingBack).toBeUndefined();
  });

  test('counting at most eight managers, which the status can hold', () => {
    const putBacks = Array.from({ length: 8 }, (_, index) => ({ manager: `m${index}`, count: 1 }));
    expect(putBack(running({ putBacks }), 100).release?.putBacks).toHaveLength(8);
  });
});
