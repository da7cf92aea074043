// `watch --for deploy/x` against an API server: it reads the Deployment first and waits for the release of what it found there.

import { beforeEach, describe, expect, test } from 'vitest';
import type { CanaryReleaseStatus, SpecInput } from '../../../src/api/release.ts';
import { hashTemplate } from '../../../src/core/workload/template.ts';
import { FAKE_RESOURCES } from '../../fakes/api-server/resources.ts';
import { aReleaseStatus } from '../../fixtures/builders.ts';
import { until } from '../../fixtures/until.ts';
import { aRunningStatus, openShop, type Shop } from './shop.ts';

let shop: Shop;

beforeEach(async () => {
  shop = await openShop();
});

const templateOf = (tag: string) => ({ spec: { containers: [{ name: 'api', image: `store:${tag}` }] } });
const target = (name = 'store'): Partial<SpecInput> =>
  ({ services: undefined, targetRef: { kind: 'Deployment', name }, service: { name: 'store-api' } }) as never;

function putDeployment(tag: string, name = 'store'): void {
  const selector = { matchLabels: { app: name } };
  shop.server.put(FAKE_RESOURCES.deployments, { metadata: { name, namespace: 'shop' }, spec: { selector, template: templateOf(tag) } });
}

function releaseOf(tag: string, change: Partial<CanaryReleaseStatus> = {}): CanaryReleaseStatus {
  const template = hashTemplate(templateOf(tag));
  const workload = { name: 'store', uid: 'u', canary: 'store-canary', template, servingTemplate: 'x' };
  return aRunningStatus({ release: aReleaseStatus({ id: `id-${tag}`, revision: tag, templateHashes: [template], workload }), ...change });
}

const promoted = (tag: string) => releaseOf(tag, { state: 'promoted', phase: 'Promoted', message: `revision ${tag} is promoted` });

/** Watches in the background. */
function watch(line: string) {
  let text = '';
  const note = (more: string) => (text += more);
  const ended = shop.run(line, { out: note, err: note });
  return { ended, shows: (wanted: string) => until(() => text.includes(wanted)), text: () => text };
}

const asked = () => shop.server.requests.filter(({ path }) => path.endsWith('/deployments/store')).length;

describe('the release of a Deployment', () => {
  test('the release of a Deployment that has not begun is waited for, past the last one, and decides the exit code', async () => {
    putDeployment('2');
    shop.put('web', promoted('1'), { spec: target() });
    const { ended, shows, text } = watch('watch --until=done --for deploy/store -n shop --timeout 20s');
    await shows('Promoted');
    shop.put('web', releaseOf('2'), { spec: target() });
    await shows('Analyzing');
    shop.put('web', promoted('2'), { spec: target() });
    expect((await ended).code).toBe(0);
    expect(text()).toMatch(/^waiting for revision 2-[0-9a-f]{7} of Deployment store, released by canaryrelease\/web\n/);
    expect(text()).toMatch(/promoted: revision 2 is promoted\n$/);
    expect(shop.server.requests.filter(({ method }) => method !== 'GET')).toEqual([]);
  });

  test.each(['deploy/store', 'deployment/store', 'deployments/store', 'deployment.apps/store'])(
    'the release of a Deployment is found by %s',
    async (word) => {
      putDeployment('2');
      shop.put('web', promoted('2'), { spec: target() });
      expect((await shop.run(`watch --for ${word} -n shop`)).code).toBe(0);
    },
  );

  test('the release of a Deployment that is passed over by another change is superseded; while it runs the Deployment is not asked for', async () => {
    putDeployment('2');
    shop.put('web', promoted('1'), { spec: target() });
    const passed = watch('watch --until=done --for deploy/store -n shop --timeout 20s');
    await passed.shows('Promoted');
    putDeployment('3');
    expect((await passed.ended).code).toBe(5);
    expect(passed.text()).toMatch(
      /superseded: Deployment store now has revision 3-[0-9a-f]{7}; revision 2-[0-9a-f]{7} will not be released\n$/,
    );
    shop.put('web', releaseOf('3'), { spec: target() });
    const before = asked();
    const running = watch('watch --until=done --for deploy/store -n shop --timeout 20s');
    await running.shows('Analyzing');
    shop.put('web', promoted('3'), { spec: target() });
    expect((await running.ended).code).toBe(0);
    expect(asked() - before).toBe(1);
  });

  test('the release of a Deployment that another change ended is superseded, unless the Deployment has the template again', async () => {
    putDeployment('2');
    const away = releaseOf('2', { state: 'rolledBack', phase: 'RolledBack' });
    const superseded = { ...away, release: { ...away.release, reason: 'Superseded' } } as CanaryReleaseStatus;
    shop.put('web', superseded, { spec: target() });
    const again = watch('watch --until=done --for deploy/store -n shop --timeout 20s');
    await again.shows('RolledBack');
    await until(() => asked() > 1);
    shop.put('web', { ...releaseOf('2'), release: { ...releaseOf('2').release, id: 'next' } as never }, { spec: target() });
    await again.shows('Analyzing');
    putDeployment('3');
    shop.put('web', { ...superseded, release: { ...superseded.release, id: 'next' } as never }, { spec: target() });
    expect((await again.ended).code).toBe(5);
  });
});

describe('what cannot be waited for', () => {
  test('watch says what cannot be waited for, with what there is, and ends with 1', async () => {
    putDeployment('1');
    putDeployment('1', 'store-web');
    shop.put('web', releaseOf('1'), { spec: target('other') });
    shop.put('api', releaseOf('1'));
    expect(await shop.run('watch --for deploy/store -n shop')).toMatchObject({
      code: 1,
      err: 'error: no CanaryRelease of namespace shop has targetRef to Deployment store; there: api (Services v1 and v2), web (Deployment other). In Services mode wait with --revision\n',
    });
    expect((await shop.run('watch --for deploy/stor -n shop')).err).toBe(
      'error: Deployment shop/stor not found; did you mean store or store-web?\n',
    );
    expect(await shop.run('watch --for pod/store -n shop')).toMatchObject({ code: 1, err: expect.stringContaining('write deploy/NAME') });
    expect(await shop.run('watch --for deploy/store --revision 2 -n shop')).toMatchObject({ code: 1 });
    shop.put('second', releaseOf('1'), { spec: target('other') });
    putDeployment('1', 'other');
    expect((await shop.run('watch --for deploy/other -n shop')).err).toContain('name the one that drives');
    shop.put('second', promoted('1'), { spec: target('other') });
    expect((await shop.run('watch second --for deploy/other -n shop --timeout 100ms')).err).not.toContain('name the one that drives');
  });

  test('watch without the right to get Deployments names the role that has it', async () => {
    shop.put('web', releaseOf('1'), { spec: target() });
    shop.server.fault({
      when: ({ path }) => path.includes('/deployments/'),
      action: { kind: 'status', code: 403, reason: 'Forbidden', message: 'no' },
    });
    expect(await shop.run('watch --for deploy/store -n shop')).toMatchObject({
      code: 1,
      err: 'error: you may not get Deployments in namespace shop; ask for the role view in that namespace, which includes it\n',
    });
  });
});
