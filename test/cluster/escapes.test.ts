// Characters that Go escapes in JSON: the API server compares what a patch tests byte by byte with what its own encoder wrote.

import { afterAll, beforeAll, expect, test } from 'vitest';
import { DeploymentStand } from '../fixtures/cluster/deployment-stand.ts';
import type { RouteSpec } from '../fixtures/cluster/stand.ts';
import { expectNothingLeft } from '../fixtures/cluster/trajectory.ts';
import { startLoad } from '../lab/load.ts';

const ODD = 'a && b > "c" <d>';

let home: DeploymentStand;

beforeAll(async () => {
  home = await DeploymentStand.open('escapes');
  await Promise.all([home.stand.deploy('one', { version: 'v1' }), home.stand.deploy('two', { version: 'v2' })]);
});

afterAll(() => home?.close());

test('a release of a rule that is known by matches with such characters is promoted', async () => {
  const matches = [{ path: { type: 'PathPrefix', value: '/' }, headers: [{ type: 'Exact', name: 'x-odd', value: ODD }] }];
  const odd = (spec: RouteSpec): RouteSpec => ({ ...spec, rules: (spec.rules ?? []).map((rule) => ({ ...rule, matches })) });
  const app = await home.stand.app({ name: 'odd', route: odd, rps: 0 });
  const load = startLoad({ url: app.gateway.url, host: app.host, rps: 30, headers: { 'x-odd': ODD } });
  await app.release();
  await app.untilPhase('Promoted', 120_000);
  await expectNothingLeft(app);
  await load.stop();
});

test('a release of a Deployment whose template has such characters is promoted, and a bad one goes back', async () => {
  const change = (spec: Record<string, unknown>) => {
    const template = structuredClone(spec['template']) as { spec: { containers: { env: { name: string; value: string }[] }[] } };
    template.spec.containers[0]?.env.push({ name: 'ODD', value: ODD });
    return { ...spec, template };
  };
  const app = await home.deploy({ name: 'held', replicas: 1, before: [{ version: 'v1' }], rps: 30, change });
  await app.apply({ version: 'v2' });
  await app.load.untilPhase('Promoted', 120_000);
  await app.untilRolledOut();
  await app.apply({ version: 'v3', errorRate: 0.5 });
  await app.load.untilPhase('RolledBack', 120_000);
  expect((await app.deployment())?.spec.paused).toBe(true);
});
