// `watch --for deploy/x`: the release of the template that the Deployment had, whatever the operator has seen of it, and whatever
// else happens to the Deployment meanwhile.

import { describe, expect, test } from 'vitest';
import type { CanaryReleaseStatus } from '../../../../src/api/release.ts';
import { readSeen, type SeenRelease } from '../../../../src/cli/cluster/releases.ts';
import { trackRelease } from '../../../../src/cli/watch/ending.ts';
import { aRelease, aReleaseStatus, aSpec, aStatus, timeAfter } from '../../../fixtures/builders.ts';

const [OLD, OURS, NEXT] = ['0'.repeat(32), 'a'.repeat(32), 'b'.repeat(32)];

const spec = (paused = false) =>
  aSpec({ services: undefined, targetRef: { kind: 'Deployment', name: 'store' }, service: { name: 'store-api' }, paused } as never);

function seen(status: Partial<CanaryReleaseStatus>, paused = false): SeenRelease | undefined {
  const { release: _release, ...rest } = aStatus({ serving: { service: 'store-api', template: OLD, revision: '1-old' } });
  return readSeen(aRelease({ spec: spec(paused), status: { ...rest, ...status } }));
}

const releaseOf = (template: string, id: string, more: object = {}) =>
  aReleaseStatus({
    id,
    revision: `rev-${template.slice(0, 3)}`,
    templateHashes: [template],
    workload: { name: 'store', uid: 'u', canary: 'store-canary', template, servingTemplate: OLD },
    ...more,
  });

const idle = () => seen({ state: 'idle', phase: 'Idle' });
const running = (template = OURS, id = 'aaaaaaaaaa') => seen({ phase: 'Analyzing', release: releaseOf(template, id) });
const promoted = (template = OURS, id = 'aaaaaaaaaa') =>
  seen({
    state: 'promoted',
    phase: 'Promoted',
    serving: { service: 'store-api', template },
    release: releaseOf(template, id, { outcome: 'Promoted' }),
  });
const rolledBack = (template = OURS, reason = 'ErrorRatio', id = 'aaaaaaaaaa') =>
  seen({ state: 'rolledBack', phase: 'RolledBack', release: releaseOf(template, id, { outcome: 'RolledBack', reason }) });

/** What the Deployment has at each look (or `gone`), a number higher each time. */
type Look = readonly [release: SeenRelease | undefined, deployment?: string | undefined];

/** The code behind each look; each asks the Deployment anew. */
function follow(looks: readonly Look[], stepMs = 1_000): readonly (number | undefined)[] {
  let at = 0;
  const latest = () => {
    const hash = looks[at]?.[1] ?? OURS;
    return { number: at, template: hash === 'gone' ? undefined : { hash, revision: `rev-${hash.slice(0, 3)}` } };
  };
  const readings = { latest, again: () => at + 1 };
  const wanted = { kind: 'template', deployment: 'store', template: OURS, revision: 'rev-aaa', readings } as const;
  const track = trackRelease({ wanted, endsForPersons: true });
  return looks.map(([release], index) => {
    at = index;
    return track(release, index * stepMs)?.code;
  });
}

describe('a template', () => {
  test('a template that the operator has not seen yet is waited for, past whatever the last release left behind', () => {
    expect(follow([[idle()], [running()], [promoted()]])).toEqual([undefined, undefined, 0]);
    expect(follow([[promoted(OLD, 'cccccccccc')], [running()], [promoted()]])).toEqual([undefined, undefined, 0]);
    expect(follow([[rolledBack(NEXT, 'ErrorRatio', 'cccccccccc')], [running()], [rolledBack()]])).toEqual([undefined, undefined, 2]);
  });

  test('a template whose release runs already, or is over, is found by the template and not by its name', () => {
    expect(follow([[running()], [rolledBack()]])).toEqual([undefined, 2]);
    expect(follow([[promoted()]])).toEqual([0]);
    expect(follow([[rolledBack()]])).toEqual([2]);
    expect(follow([[running(NEXT, 'cccccccccc')], [running()], [promoted()]])).toEqual([undefined, undefined, 0]);
  });

  test('a template that serves or is proven rolls without a release: promoted at once', () => {
    expect(follow([[seen({ state: 'idle', serving: { service: 'store-api', template: OURS } })]])).toEqual([0]);
    const proven = [{ revision: 'rev-aaa', at: timeAfter(0), templateHashes: [OURS] }];
    expect(follow([[seen({ phase: 'Analyzing', release: releaseOf(NEXT, 'cccccccccc'), proven })]])).toEqual([0]);
  });

  test('a template that was rejected is not tried again: rolled back at once, unless someone lets it', () => {
    const rejected = [{ revision: 'rev-aaa', service: 'store-api-canary', reason: 'ErrorRatio', at: timeAfter(0), templateHashes: [OURS] }];
    const proven = [{ revision: 'rev-aaa', at: timeAfter(0), templateHashes: [OURS] }];
    const last = releaseOf(OLD, 'cccccccccc');
    expect(follow([[seen({ state: 'promoted', release: last, rejected })]])).toEqual([2]);
    expect(follow([[seen({ state: 'promoted', release: last, rejected, proven })]])).toEqual([2]);
    expect(follow([[seen({ phase: 'Analyzing', release: releaseOf(OURS, 'aaaaaaaaaa'), rejected })], [promoted()]])).toEqual([
      undefined,
      0,
    ]);
  });

  test('a template that was rolled back for another cause, and was settled with it, is not waited for either', () => {
    const settled = { service: 'store-api-canary', templateHashes: [OURS] };
    expect(follow([[seen({ state: 'promoted', release: releaseOf(OLD, 'cccccccccc'), settled })]])).toEqual([2]);
  });
});

describe('a template that serves and was never proven', () => {
  const serving = { service: 'store-api', template: OURS };
  const others = [{ revision: 'rev-000', at: timeAfter(0), templateHashes: [OLD] }];
  const unheld = {
    type: 'TemplateHeld',
    status: 'False' as const,
    reason: 'HoldUnavailable',
    message: 'nothing holds a change of Deployment store',
    observedGeneration: 1,
    lastTransitionTime: timeAfter(0),
  };

  test('a template that rolled past the hold needs a person: that is no promotion', () => {
    const last = releaseOf(OLD, 'cccccccccc');
    expect(follow([[seen({ state: 'promoted', serving, proven: others, release: last })]])).toEqual([3]);
    expect(follow([[seen({ state: 'rolledBack', serving, release: releaseOf(NEXT, 'cccccccccc') })]])).toEqual([3]);
    expect(follow([[idle()], [seen({ state: 'idle', serving })]])).toEqual([undefined, 3]);
  });

  test('a template that rolled after its own release was rolled back is no plain rollback', () => {
    const home = releaseOf(OURS, 'aaaaaaaaaa', { outcome: 'RolledBack', reason: 'HoldBypassed' });
    expect(follow([[seen({ state: 'rolledBack', serving, release: home })]])).toEqual([3]);
  });

  test('a template that serves and was never proven and was rejected before says so', () => {
    const rejected = [{ revision: 'rev-aaa', reason: 'ErrorRatio', at: timeAfter(0), templateHashes: [OURS] }];
    const release = seen({ state: 'promoted', serving, proven: others, rejected, release: releaseOf(OLD, 'cccccccccc') });
    const wanted = { kind: 'revision', revision: 'rev-aaa' } as const;
    const named = seen({ ...release?.status, serving: { ...serving, revision: 'rev-aaa' } });
    expect(trackRelease({ wanted, endsForPersons: true })(named, 0)).toEqual({
      code: 3,
      says: `revision rev-aaa serves, but was rolled back at ${timeAfter(0)} (ErrorRatio)and then bypassed the hold (HoldBypassed); revert it if it must not serve, and check the hold: kubectl canary doctor -n shop`,
    });
  });

  test('a template that serves and was never proven is adopted at first contact, where a change would be held', () => {
    expect(follow([[seen({ state: 'idle', serving, conditions: [{ ...unheld, status: 'True', reason: 'Proven' }] })]])).toEqual([0]);
    expect(follow([[seen({ state: 'idle', serving, conditions: [unheld] })]])).toEqual([3]);
  });

  test('served when the first release began, and serves again after it: production has proven it', () => {
    const first = releaseOf(NEXT, 'cccccccccc', { workload: { ...releaseOf(NEXT, 'c').workload, servingTemplate: OURS } });
    expect(follow([[seen({ state: 'rolledBack', serving, release: first })]])).toEqual([0]);
    expect(follow([[seen({ state: 'rolledBack', serving, release: first, proven: others })]])).toEqual([3]);
  });

  test('a template that serves and was never proven is not held against what other Deployments had before', () => {
    const other = releaseOf(OLD, 'cccccccccc', { workload: { ...releaseOf(OLD, 'c').workload, name: 'former' } });
    expect(follow([[seen({ state: 'promoted', serving, proven: others, release: other })]])).toEqual([0]);
  });
});

describe('another change of the Deployment', () => {
  test('another change before the release begins supersedes it, as soon as the Deployment shows it', () => {
    expect(follow([[idle()], [idle(), NEXT]])).toEqual([undefined, 5]);
  });

  test('a change while the release runs supersedes it once it has ended the release', () => {
    expect(
      follow([[running()], [running(), NEXT], [rolledBack(OURS, 'Superseded'), NEXT], [rolledBack(OURS, 'Superseded'), NEXT]]),
    ).toEqual([undefined, undefined, undefined, 5]);
  });

  test('a change of the Deployment and back again makes the next release of the template count', () => {
    const away = rolledBack(OURS, 'Superseded');
    expect(follow([[away], [away], [away], [running(OURS, 'bbbbbbbbbb')], [promoted(OURS, 'bbbbbbbbbb')]])).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
      0,
    ]);
    expect(
      follow([[running()], [away], [away], [running(OURS, 'bbbbbbbbbb')], [rolledBack(OURS, 'ErrorRatio', 'bbbbbbbbbb')]]).at(-1),
    ).toBe(2);
  });

  test('a Deployment that is deleted is an error', () => {
    expect(() => follow([[idle(), 'gone']])).toThrow('Deployment store was deleted before revision rev-aaa was released');
  });
});

test('a release that is not let begin needs a person', () => {
  expect(follow([[seen({ state: 'idle' }, true)], [seen({ state: 'idle' }, true)], [seen({ state: 'idle' }, true)]], 20_000)).toEqual([
    undefined,
    undefined,
    3,
  ]);
});

describe('a revision by name in Deployment mode', () => {
  const named = (release: SeenRelease | undefined) =>
    trackRelease({ wanted: { kind: 'revision', revision: 'rev-aaa' }, endsForPersons: true })(release, 0)?.code;

  test('a revision by name in Deployment mode that is proven or serves is promoted at once', () => {
    const proven = [{ revision: 'rev-aaa', at: timeAfter(0), templateHashes: [OURS] }];
    expect(named(seen({ state: 'promoted', release: releaseOf(OLD, 'cccccccccc'), proven }))).toBe(0);
    expect(named(seen({ state: 'idle', serving: { service: 'store-api', revision: 'rev-aaa', template: OURS } }))).toBe(0);
    expect(named(idle())).toBeUndefined();
  });
});

describe('a revision by name in Services mode', () => {
  const services = (status: Partial<CanaryReleaseStatus>, revision?: string) =>
    readSeen(aRelease({ spec: aSpec(revision === undefined ? {} : { revision }), status: aStatus(status) }));
  const away = (revision?: string) => {
    const release = aReleaseStatus({
      id: 'aaaaaaaaaa',
      revision: '1.8.1',
      specRevision: '1.8.1',
      outcome: 'RolledBack',
      reason: 'Superseded',
    });
    return services({ state: 'rolledBack', phase: 'RolledBack', release }, revision);
  };

  test('a revision by name in Services mode that made way for another one is superseded, unless the spec asks for it again', () => {
    const code = (release: SeenRelease | undefined) =>
      trackRelease({ wanted: { kind: 'revision', revision: '1.8.1' }, endsForPersons: true })(release, 0)?.code;
    expect(code(away('1.8.2'))).toBe(5);
    expect(code(away('1.8.1'))).toBeUndefined();
  });
});
