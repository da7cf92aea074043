// Commands of people: what is shown and asked before, what is written, and what is said when the operator has answered.

import { beforeEach, describe, expect, test } from 'vitest';
import type { CanaryReleaseStatus } from '../../../src/api/release.ts';
import { releases } from '../kubernetes/harness.ts';
import { aReleaseStatus, timeAfter } from '../../fixtures/builders.ts';
import { aRunningStatus, openShop, type Shop } from './shop.ts';

let shop: Shop;

beforeEach(async () => {
  shop = await openShop();
});

/** An operator that answers the first order with this change of the status. */
function answer(change: (value: string, at: string) => Partial<CanaryReleaseStatus>): void {
  const { objects, resources } = shop.server;
  const collection = resources.collectionOf(releases);
  const unlisten = objects.listen(({ object }) => {
    const written = shop.annotations('web');
    const value = written['glidepath.dev/command'] ?? written['glidepath.dev/abort'];
    if (value === undefined) return;
    unlisten();
    const at = value.split(':').slice(2).join(':');
    const old = object['status'] as CanaryReleaseStatus;
    objects.update(collection, object, { ...object, status: { ...old, ...change(value, at) } });
  });
}

const handled = (result: 'Done' | 'Refused', verb: string, message?: string) => (_value: string, at: string) => ({
  lastHandledCommand: { verb, release: '7c1f0e22ab', at, result, ...(message === undefined ? {} : { message }) } as never,
  message: 'what happens now',
});

describe('a command', () => {
  test('a command shows the evidence, is written as an annotation of glidepath-cli, and is done when the operator says so', async () => {
    shop.put('web', aRunningStatus());
    answer(handled('Done', 'pause'));
    const { code, out, err } = await shop.run('pause web -n shop --yes');
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toMatch(/^shop\/web: Analyzing, canary weight 5% wanted[\s\S]* over 31 canary requests[\s\S]*\nDone: what happens now\n$/);
    expect(shop.annotations('web')['glidepath.dev/command']).toBe('pause:7c1f0e22ab:2030-01-01T12:00:40.000Z');
    const patch = shop.server.requests.find(({ method }) => method === 'PATCH');
    expect(patch).toMatchObject({ query: { fieldManager: 'glidepath-cli' }, contentType: 'application/merge-patch+json' });
  });

  test('a command carries the name by which the API server knows the caller, and never that of an earlier one', async () => {
    shop.put('web', aRunningStatus());
    const text = JSON.stringify({ status: { userInfo: { username: 'ada@example.org' } } });
    shop.server.fault({ when: ({ path }) => path.endsWith('/selfsubjectreviews'), action: { kind: 'body', text, code: 201 } });
    answer(handled('Done', 'pause'));
    await shop.run('pause web -n shop --yes');
    expect(shop.annotations('web')['glidepath.dev/command-by']).toBe('ada@example.org');
    shop.put('web', aRunningStatus({ lastHandledCommand: undefined as never }));
    await shop.run('resume web -n shop --yes --timeout 1ms');
    expect(shop.annotations('web')['glidepath.dev/command']).toMatch(/^resume:/);
    expect(shop.annotations('web')).not.toHaveProperty(['glidepath.dev/command-by']);
  });

  test('a command that is refused ends with 1 and the reason', async () => {
    shop.put('web', aRunningStatus());
    answer(handled('Refused', 'resume', 'resume does not fit a release that is stage.analyzing'));
    expect(await shop.run('resume web -n shop --yes')).toMatchObject({
      code: 1,
      err: 'Refused: resume does not fit a release that is stage.analyzing\n',
    });
  });

  test('a command without a terminal wants --yes, and writes nothing', async () => {
    shop.put('web', aRunningStatus());
    expect(await shop.run('promote web -n shop')).toEqual({
      code: 2,
      out: '',
      err: 'error: promote asks for confirmation, and there is no terminal; add --yes\n',
    });
    expect(shop.annotations('web')).toEqual({});
  });

  test.each([
    ['y', 0],
    ['', 1],
    ['no', 1],
  ])('a command at a terminal asks, and takes "%s" for what it is', async (typed, code) => {
    shop.put('web', aRunningStatus());
    answer(handled('Done', 'advance'));
    const asked: string[] = [];
    const ask = (question: string) => {
      asked.push(question);
      return Promise.resolve(typed);
    };
    const ended = await shop.run('advance web -n shop', { ask });
    expect(ended.code).toBe(code);
    expect(asked).toEqual(['Advance to the next stage of release 7c1f0e22ab of shop/web? [y/N] ']);
    expect(Object.keys(shop.annotations('web'))).toHaveLength(code === 0 ? 1 : 0);
    if (code === 1) expect(ended.err).toBe('cancelled: nothing was changed\n');
  });

  test('approve names the stage that waits, or the one it is given', async () => {
    const spec = { stages: [{ weight: 5, approval: 'Required' as const }], promotion: { approval: 'Required' as const } };
    const waiting = aRunningStatus({ state: 'stage.awaitingApproval', phase: 'AwaitingApproval' });
    shop.put('web', waiting, { spec });
    answer(handled('Done', 'approve'));
    await shop.run('approve web -n shop --yes');
    expect(shop.annotations('web')['glidepath.dev/command']).toMatch(/^approve:7c1f0e22ab\/1:/);
    shop.put('web', { ...waiting, release: aReleaseStatus({ approvedStages: [1] }) }, { spec });
    answer(handled('Done', 'approve'));
    await shop.run('approve web -n shop --yes');
    expect(shop.annotations('web')['glidepath.dev/command']).toMatch(/^approve:7c1f0e22ab\/2:/);
  });

  test('approve orders nothing where nothing waits, or another stage does', async () => {
    const spec = { stages: [{ weight: 5 }, { weight: 50, approval: 'Required' as const }] };
    shop.put('web', aRunningStatus(), { spec });
    for (const line of ['approve web -n shop --yes', 'approve web -n shop --stage 3 --yes']) {
      expect(await shop.run(line)).toMatchObject({
        code: 1,
        err: 'error: nothing waits for approval: release 7c1f0e22ab of CanaryRelease shop/web is Analyzing\n',
      });
    }
    const release = aReleaseStatus({ stageIndex: 1 });
    shop.put('web', aRunningStatus({ state: 'stage.awaitingApproval', phase: 'AwaitingApproval', release }), { spec });
    expect((await shop.run('approve web -n shop --stage 3 --yes')).err).toBe(
      'error: the promotion (3) of release 7c1f0e22ab of CanaryRelease shop/web does not wait for approval; stage 2 does\n',
    );
    expect(shop.annotations('web')).toEqual({});
  });

  test('a command that came too late behind a later one of someone else is reported as refused', async () => {
    shop.put('web', aRunningStatus());
    const last = { verb: 'resume', release: '7c1f0e22ab', at: timeAfter(90), result: 'Done' } as const;
    answer((value) => ({ lastHandledCommand: { ...last, outdated: value } }));
    const { code, err } = await shop.run('pause web -n shop --yes');
    expect({ code, err }).toEqual({ code: 1, err: expect.stringMatching(/^Refused: its time \S+ is not later than 2030-01-01T12:01:30Z/) });
  });

  test('a command is later than the last handled one, even where our clock is behind', async () => {
    const last = { verb: 'pause', release: '7c1f0e22ab', at: timeAfter(90), result: 'Done' } as const;
    shop.put('web', aRunningStatus({ lastHandledCommand: last }));
    answer(handled('Done', 'resume'));
    await shop.run('resume web -n shop --yes');
    expect(shop.annotations('web')['glidepath.dev/command']).toBe('resume:7c1f0e22ab:2030-01-01T12:01:30.001Z');
  });

  test('a command that cannot be read by the operator is reported as refused', async () => {
    shop.put('web', aRunningStatus());
    answer((value) => ({
      lastHandledCommand: {
        verb: 'unreadable',
        release: value,
        at: timeAfter(0),
        result: 'Refused',
        message: 'its time lies in the future',
      },
    }));
    expect(await shop.run('pause web -n shop --yes')).toMatchObject({ code: 1, err: 'Refused: its time lies in the future\n' });
  });

  test('a command that no one handles is reported after the timeout, with where to look', async () => {
    shop.put('web', aRunningStatus());
    expect((await shop.run('pause web -n shop --yes --timeout 300ms')).err).toMatch(
      /^error: the operator did not handle glidepath\.dev\/command=pause:\S+ within 0\.3s; check whether it runs: kubectl canary doctor\n$/,
    );
  });

  test('a command for an application without a release is refused before anything is written', async () => {
    shop.put('web', { observedGeneration: 1, phase: 'Idle' });
    expect((await shop.run('promote web -n shop --yes')).err).toMatch(/^error: CanaryRelease shop\/web has no release to promote; /);
  });
});

describe('abort', () => {
  test('abort is an annotation of its own, and done when all traffic is on the serving version', async () => {
    shop.put('web', aRunningStatus());
    answer(() => ({ state: 'rollingBack.draining', phase: 'RollingBack', message: 'rolling back to Service v1: aborted by a person' }));
    expect(await shop.run('abort web -n shop --yes')).toMatchObject({
      code: 0,
      out: expect.stringMatching(/Done: rolling back to Service v1: aborted by a person\n$/),
    });
    expect(shop.annotations('web')).toEqual({ 'glidepath.dev/abort': '7c1f0e22ab' });
  });

  test('abort that comes too late says so', async () => {
    shop.put('web', aRunningStatus());
    answer(() => ({ state: 'promoted', phase: 'Promoted', message: 'revision 2 is promoted' }));
    expect(await shop.run('abort web -n shop --yes')).toMatchObject({
      code: 1,
      err: expect.stringMatching(/^Refused: release 7c1f0e22ab was already promoted/),
    });
    shop.put('web', aRunningStatus({ state: 'promoted', phase: 'Promoted' }));
    expect((await shop.run('abort web -n shop --yes')).err).toMatch(/has ended \(Promoted\) and cannot be aborted/);
  });
});

describe('undo', () => {
  const workload = { name: 'store', uid: 'u', canary: 'store-canary', template: 'b', servingTemplate: 'a' };
  const promoted = (change: Partial<typeof workload> & { readonly irreversible?: string } = {}) =>
    aRunningStatus({ state: 'promoted', phase: 'Promoted', release: aReleaseStatus({ workload: { ...workload, ...change } }) });

  test('undo says what it does and that Git knows nothing of it, and is done when the operator says so', async () => {
    shop.put('web', promoted());
    answer(handled('Done', 'undo'));
    const { code, out } = await shop.run('undo web -n shop --yes');
    expect({ code, said: out.split('\n').slice(-3) }).toEqual({
      code: 0,
      said: [
        'Deployment store rolls out the version that was promoted before 2, without a canary. Revert 2 in Git as well; a tool that applies it again finds it held.',
        'Done: what happens now',
        '',
      ],
    });
    expect(shop.annotations('web')['glidepath.dev/command']).toBe('undo:7c1f0e22ab:2030-01-01T12:00:40.000Z');
  });

  test.each([
    ['a Service', aRunningStatus({ state: 'promoted', phase: 'Promoted' }), 'All traffic goes back to Service v1.'],
    [
      'a bake',
      { ...promoted(), state: 'promoting.baking' },
      'All traffic goes back in one write of the weights, and Deployment store stays held',
    ],
  ])('undo says what goes back in %s', async (_what, status, words) => {
    shop.put('web', status);
    answer(handled('Done', 'undo'));
    expect((await shop.run('undo web -n shop --yes')).out).toContain(words);
  });

  test('undo of a revision that is marked irreversible needs a flag where no one can be asked', async () => {
    shop.put('web', promoted({ irreversible: 'drops a column' }));
    expect(await shop.run('undo web -n shop --yes')).toMatchObject({
      code: 2,
      err: 'error: revision 2 is marked irreversible (drops a column); to undo it anyway add --irreversible\n',
    });
    expect(shop.annotations('web')).toEqual({});
    answer(handled('Done', 'undo'));
    expect((await shop.run('undo web -n shop --yes --irreversible')).code).toBe(0);
  });

  test.each([
    [['y'], '--yes', 0],
    [['n'], '--yes', 1],
    [['y', 'y'], '', 0],
    [['y', 'n'], '', 1],
  ])('undo of such a revision asks for it especially at a terminal: %j with "%s" ends with %i', async (typed, option, code) => {
    shop.put('web', promoted({ irreversible: 'drops a column' }));
    answer(handled('Done', 'undo'));
    const asked: string[] = [];
    const ask = (question: string) => Promise.resolve(typed[asked.push(question) - 1] ?? '');
    expect((await shop.run(`undo web -n shop ${option}`.trim(), { ask })).code).toBe(code);
    expect(asked).toHaveLength(typed.length);
    expect(asked[0]).toBe('Revision 2 is marked irreversible (drops a column). Undo it anyway? [y/N] ');
    expect(Object.keys(shop.annotations('web'))).toHaveLength(code === 0 ? 1 : 0);
  });
});
