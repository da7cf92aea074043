import { describe, expect, test } from 'vitest';
import { judgePods, type PodObject } from '../../../../src/core/workload/pods.ts';
import { aPod, crashing, homeless, PLACED, READY, running, statusWith, waiting } from '../../../fixtures/pods.ts';

type Status = NonNullable<PodObject['status']>;

const pods = (...statuses: readonly Status[]) => statuses.map((status, index) => aPod(`p-${index + 1}`, status));
const faultOf = (...statuses: readonly Status[]) => judgePods(pods(...statuses)).fault;
const ready = statusWith(running(), { conditions: [PLACED, READY] });
const ended = (exitCode: number, reason = 'Error') => ({ terminated: { exitCode, reason } });

describe('never punishes a healthy version:', () => {
  test.each<[string, readonly Status[]]>([
    ['no pod yet', []],
    ['a pod that nobody has looked at yet', [{}]],
    ['pods that start', [statusWith({ name: 'app', state: { waiting: { reason: 'ContainerCreating' } } })]],
    ['pods that run', [ready, ready]],
    ['one restart of one pod', [statusWith(running(1)), ready]],
    ['many restarts long ago', [statusWith(running(9))]],
    ['a first crash of the only pod', [statusWith({ name: 'app', restartCount: 0, state: ended(1) })]],
    ['two crashes of the only pod: it may wait for its sidecar', [statusWith(crashing(1))]],
    ['two crashes of one pod beside one that runs', [statusWith(crashing(1)), ready]],
    ['a pull that failed for one of two pods', [statusWith(waiting('ErrImagePull')), ready]],
    [
      'a pull that failed for one pod while the other starts',
      [statusWith(waiting('ImagePullBackOff')), statusWith(waiting('PodInitializing'))],
    ],
    ['containers that went with their node', [statusWith({ name: 'app', restartCount: 3, state: ended(137, 'ContainerStatusUnknown') })]],
    ['a node that came back', [statusWith({ ...crashing(2), lastState: ended(255, 'Unknown') })]],
    ['an evicted pod', [statusWith(crashing(5), { phase: 'Failed' }), ready]],
    ['a preempted pod', [statusWith(crashing(5), { conditions: [PLACED, { type: 'DisruptionTarget', status: 'True' }] }), ready]],
    ['an init container that has done its work', [statusWith(running(), { initContainerStatuses: [{ name: 'init', state: ended(0) }] })]],
    ['a pod without a node', [homeless('2026-03-01T12:00:00Z')]],
  ])('%s is no fault', (_what, statuses) => {
    expect(faultOf(...statuses)).toBeUndefined();
  });

  test('a pod that is being drained is no fault, whatever its containers say', () => {
    const leaving = aPod('p-1', statusWith(crashing(5)), { deletionTimestamp: '2026-03-01T12:00:00Z' });
    expect(judgePods([leaving]).fault).toBeUndefined();
  });
});

describe('a version that cannot run', () => {
  test.each<[string, readonly Status[], string, boolean]>([
    ['a third crash of the only pod', [statusWith(crashing(2))], 'CanaryCrashLooping', true],
    ['a third crash that is just happening', [statusWith({ name: 'app', restartCount: 2, state: ended(1) })], 'CanaryCrashLooping', true],
    ['a third crash of one pod beside ready ones', [ready, statusWith(crashing(2)), ready], 'CanaryCrashLooping', true],
    ['two crashes of every pod', [statusWith(crashing(1)), statusWith(crashing(1))], 'CanaryCrashLooping', true],
    ['a container that always ends well, and always ends', [statusWith(crashing(2, 0, 'Completed'))], 'CanaryCrashLooping', true],
    ['too little memory, again and again', [statusWith(crashing(2, 137, 'OOMKilled'))], 'CanaryCrashLooping', true],
    [
      'an init container that crashes',
      [statusWith(waiting('PodInitializing'), { initContainerStatuses: [{ ...crashing(3), name: 'migrate' }] })],
      'CanaryCrashLooping',
      true,
    ],
    [
      'an image that no pod can pull',
      [statusWith(waiting('ErrImagePull')), statusWith(waiting('ImagePullBackOff'))],
      'ImageNotPulled',
      false,
    ],
    ['an image that is never pulled and not there', [statusWith(waiting('ErrImageNeverPull'))], 'ImageNotPulled', false],
    [
      'a name that no image can have',
      [statusWith(waiting('InvalidImageName')), statusWith(waiting('InvalidImageName'))],
      'ImageNotPulled',
      true,
    ],
    ['configuration that is not there', [statusWith(waiting('CreateContainerConfigError'))], 'CanaryNotConfigured', false],
    [
      'some that crash and some that cannot be pulled',
      [statusWith(crashing(1)), statusWith(waiting('ErrImagePull'))],
      'ImageNotPulled',
      false,
    ],
    [
      'an image that no pod with a node can pull',
      [homeless('2026-03-01T12:00:00Z'), statusWith(waiting('ErrImagePull'))],
      'ImageNotPulled',
      false,
    ],
  ])('a version cannot run because of %s', (_what, statuses, reason, certain) => {
    expect(faultOf(...statuses)).toMatchObject({ reason, certain });
  });

  test('a version that cannot run is reported with pod, container, reason, exit code, restarts and the last words', () => {
    expect(faultOf(statusWith(crashing(2)))?.message).toBe(
      'pod p-1, container app: CrashLoopBackOff, exited with 1 (Error), 2 restarts: Error: no such setting',
    );
    expect(faultOf(statusWith(waiting('ImagePullBackOff', 'Back-off pulling\n image "x"')))?.message).toBe(
      'pod p-1, container app: ImagePullBackOff: Back-off pulling image "x"',
    );
    expect(faultOf(statusWith(crashing(1)), statusWith(crashing(1)))?.message).toMatch(/^all 2 pods: pod p-1, .*, 1 restart: /);
    expect(faultOf(statusWith({ name: 'app', restartCount: 2, state: { terminated: { exitCode: 3 } } }))?.message).toBe(
      'pod p-1, container app: exited with 3, 2 restarts',
    );
  });

  test('a version that cannot run is reported with the end of a long last message, where an error stands', () => {
    const long = faultOf(statusWith(crashing(2, 1, 'Error', `${'x'.repeat(4_000)} panic: no database`)))?.message ?? '';
    expect(long.length).toBeLessThan(420);
    expect(long).toMatch(/: … x+ panic: no database$/);
  });

  test('a version that cannot run is reported without what would colour, break or turn round a terminal', () => {
    const words = '\u001b[1;31mpanic:\u001b[0m\tno\u0000 data\u202ebase\u0007\r\n\u001b]0;title\u0007 goroutine 1\u009b';
    expect(faultOf(statusWith(crashing(2, 1, 'Error', words)))?.message).toMatch(/: panic: no database goroutine 1$/);
  });

  test('a version that cannot run is never cut in the middle of a character', () => {
    const message = faultOf(statusWith(crashing(2, 1, 'Error', `${'🔥'.repeat(400)}x`)))?.message ?? '';
    expect(message.isWellFormed()).toBe(true);
  });
});

describe('what else is seen', () => {
  test('the pod without a node that waits longest, in the words of the scheduler', () => {
    const late = aPod('late', homeless('2026-03-01T12:05:00Z'));
    const early = aPod('early', homeless('2026-03-01T12:00:00Z'));
    expect(judgePods([late, early, aPod('fine', ready)]).homeless).toEqual({
      message: 'pod late: 0/3 nodes: Insufficient cpu',
      sinceMs: Date.parse('2026-03-01T12:00:00Z'),
    });
  });

  test('the facts about pods have since when pods that are not ready have had a node', () => {
    const later = { ...PLACED, lastTransitionTime: '2026-03-01T12:05:00Z' };
    expect(judgePods(pods(statusWith(running(), { conditions: [later] }), statusWith(running()))).placedSinceMs).toBe(
      Date.parse('2026-03-01T12:00:00Z'),
    );
    expect(judgePods(pods(ready, homeless('2026-03-01T12:00:00Z'))).placedSinceMs).toBeUndefined();
  });

  test('the first word worth saying, though it proves nothing', () => {
    const seenOf = (...statuses: readonly Status[]) => judgePods(pods(...statuses)).seen;
    expect(seenOf(ready)).toBeUndefined();
    expect(seenOf(statusWith(waiting('ContainerCreating')))).toBeUndefined();
    expect(seenOf(ready, statusWith(running(1)))).toBe('pod p-2, container app: exited with 1 (Error), 1 restart');
    expect(seenOf(statusWith(running(1)), statusWith(waiting('ErrImagePull')))).toContain('pod p-2, container app: ErrImagePull');
    expect(seenOf(statusWith({ name: 'app', state: ended(2) }))).toBe('pod p-1, container app: exited with 2 (Error)');
    expect(seenOf(statusWith(waiting('CreateContainerError')))).toContain('CreateContainerError: not there');
  });
});

test('the message about pods that are not ready says why, of three at most', () => {
  const unready = statusWith(running(), { conditions: [PLACED, { type: 'Ready', status: 'False', message: 'probe failed' }] });
  expect(judgePods(pods(ready, unready, statusWith(crashing(1)))).notReady).toMatch(
    /^pod p-2: probe failed; pod p-3, container app: Crash/,
  );
  expect(judgePods(pods(homeless('2026-03-01T12:00:00Z'), statusWith(running()))).notReady).toBe(
    'pod p-1: 0/3 nodes: Insufficient cpu; pod p-2: not ready',
  );
  expect(judgePods(pods(unready, unready, unready, unready)).notReady?.split('; ')).toHaveLength(3);
  expect(judgePods(pods(ready)).notReady).toBeUndefined();
});
