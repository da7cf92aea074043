// A mirror: the canary gets copies in the stage that asks for them, serving answers every user, and no request is lost when the rule comes
// and when it goes.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { RELEASE_ANNOTATION } from '../../src/api/names.ts';
import type { App } from '../fixtures/cluster/app.ts';
import { shareIn } from '../fixtures/cluster/app.ts';
import { type RouteObject, Stand } from '../fixtures/cluster/stand.ts';
import { expectNothingLeft } from '../fixtures/cluster/trajectory.ts';
import type { PlainObject } from '../lab/sample.ts';
import { PROJECT_FOLDER } from '../lab/settings.ts';

/** A watch tells of a write within this time behind the proxies. */
const WATCH_LAG_MS = 1_500;

let stand: Stand;

beforeAll(async () => {
  stand = await Stand.open({
    name: 'mirror',
    versions: {
      one: { version: 'v1' },
      'two-contour': { version: 'v2' },
      'two-envoy-gateway-merged': { version: 'v2' },
      bad: { version: 'bad', errorRate: 0.5 },
    },
  });
  const role = readFileSync(join(PROJECT_FOLDER, 'config/cohort/role.yaml'), 'utf8');
  for (const document of parseAllDocuments(role)) await stand.cluster.apply(document.toJS() as PlainObject);
});

afterAll(() => stand?.close());

const mirrorsIn = ({ spec }: RouteObject) => (spec.rules ?? []).filter(({ name }) => String(name).startsWith('glidepath-mirror-'));

/** Every version of the app's route: whether it has the rule for the mirror, and the share. */
function historyOf(app: App) {
  return app.stand.routes.history(app.name).map(({ atMs, object }) => ({
    atMs,
    mirrors: mirrorsIn(object).length,
    share: Math.round(shareIn(object, app.service('v1'), app.service('v2'))),
  }));
}

describe.concurrent('a mirror', () => {
  test.for([
    ['contour', 100],
    ['envoy-gateway-merged', 50],
  ] as const)('a mirror sends copies before the first weight, and loses no request: %s', async ([gateway, percent]) => {
    const canary = `two-${gateway}`;
    const app = await stand.app({ name: `copies-${gateway}`, gateway, services: { v1: 'one', v2: canary }, rps: 40 });
    const beganMs = Date.now();
    await app.release({
      stages: [
        { name: 'copies', weight: 0, mirror: { percent }, duration: '6s' },
        { weight: 50, duration: '4s' },
      ],
    });
    await app.untilShare(50);
    const copies = await stand.answeredBy(canary);
    const history = historyOf(app);
    const [came, went] = [history.findIndex(({ mirrors }) => mirrors > 0), history.findIndex(({ share }) => share > 0)];
    const [fromMs, toMs] = [history[came]?.atMs ?? Number.NaN, history[went]?.atMs ?? Number.NaN];
    const during = app.records(fromMs, toMs - WATCH_LAG_MS);
    expect(during.length).toBeGreaterThan(150);
    // Serving alone answers while copies are sent.
    expect([...new Set(during.map(({ version }) => version))]).toEqual(['v1']);
    expect(copies).toBeGreaterThan((during.length * percent) / 100 / 2);
    await app.untilPhase('Promoted', 120_000);
    expect(historyOf(app).filter(({ mirrors, share }) => mirrors > 0 && share > 0)).toEqual([]);
    expect(app.badAnswers(beganMs)).toEqual([]);
    console.info(`${gateway}: ${copies} copies of ${during.length} requests at ${percent}%, 0 of ${app.records(beganMs).length} lost`);
    await expectNothingLeft(app);
  });

  test('a mirror shows a bad version to no user', async () => {
    const app = await stand.app({ name: 'bad', services: { v1: 'one', v2: 'bad' }, rps: 40 });
    const beganMs = Date.now();
    await app.release({ stages: [{ weight: 0, mirror: { percent: 100 }, duration: '10m' }, { weight: 20 }] });
    const status = await app.untilPhase('RolledBack', 120_000);
    expect(status.release?.reason).toBe('ErrorRatio');
    expect(await stand.answeredBy('bad')).toBeGreaterThan(10);
    expect(app.badAnswers(beganMs)).toEqual([]);
    expect([...new Set(app.records(beganMs).map(({ version }) => version))]).toEqual(['v1']);
    await expectNothingLeft(app);
  });

  test.for([
    ['contour', 10, 'copy every request, whatever the percentage says'],
    ['envoy-gateway', 10, 'mergeBackends'],
  ] as const)(
    'a mirror is refused before any write where it would do more than it is asked, or lose requests: %s',
    async ([gateway, percent, words]) => {
      const app = await stand.app({ name: `refused-${gateway}`, gateway, services: { v1: 'one', v2: 'bad' }, rps: 10 });
      const before = app.route;
      await app.release({ stages: [{ weight: 0, mirror: { percent }, duration: '1m' }, { weight: 20 }] });
      const status = await app.until('the refusal', ({ message = '' }) => message.includes('MirrorNotPossible'));
      expect(status).toMatchObject({ phase: 'Blocked', message: expect.stringContaining(words) as string });
      expect(app.route.metadata.generation).toBe(before.metadata.generation);
      expect(app.route.metadata.annotations ?? {}).not.toHaveProperty([RELEASE_ANNOTATION]);
    },
  );

  test('a percentage that the API server does not know is refused by it, and nothing is copied', async () => {
    // As an older CRD would: every field that it does not know.
    const app = await stand.app({ name: 'strict', services: { v1: 'one', v2: 'bad' }, rps: 0 });
    const rule = {
      matches: [{ path: { type: 'PathPrefix', value: '/' }, method: 'GET' }],
      filters: [{ type: 'RequestMirror', requestMirror: { backendRef: { name: app.service('v2'), port: 8080 }, parts: 10 } }],
      backendRefs: [app.backend('v1', 1)],
    };
    const path = `/apis/gateway.networking.k8s.io/v1/namespaces/${stand.namespace}/httproutes/${app.name}`;
    const answer = await stand.cluster.api.send({
      method: 'PATCH',
      path,
      query: { fieldValidation: 'Strict', dryRun: 'All' },
      contentType: 'application/json-patch+json',
      body: [{ op: 'add', path: '/spec/rules/-', value: rule }],
    });
    expect(answer.code).toBeGreaterThanOrEqual(400);
    expect(JSON.stringify(answer.body)).toContain('unknown field');
  });
});
