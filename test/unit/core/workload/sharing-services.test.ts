import { expect, test } from 'vitest';
import { findSharingServices } from '../../../../src/core/workload/sharing-services.ts';
import { POLICY_SIDES } from '../../../fixtures/policies.ts';

const find = (selector: Readonly<Record<string, string>> | undefined, name = 'other') =>
  findSharingServices([{ metadata: { name }, spec: selector === undefined ? {} : { selector } }], POLICY_SIDES);

test('a Service that selects both is told, with a label of its own selector to choose', () => {
  expect(find({ tier: 'web' })).toEqual([
    {
      kind: 'Service',
      name: 'other',
      security: false,
      missing: "selects the canary's pods (app: store-canary), too",
      add: expect.stringMatching(/unweighted from the moment they are ready; set spec\.canary\.labels to \{tier: canary\}/),
    },
  ]);
});

test('a Service that selects the canary alone is told, and no label would help', () => {
  const [alone] = find({ app: 'store-canary' });
  expect([alone?.missing, alone?.add]).toEqual([
    "selects the canary's pods (app: store-canary) and not the serving ones",
    expect.stringMatching(/; let it select other pods$/),
  ]);
  expect(find({ 'glidepath.dev/role': 'canary' })).toHaveLength(1);
});

test('the Services of the release, one of other pods, and one without a selector are none', () => {
  expect([
    find({ tier: 'web' }, 'store'),
    find({ tier: 'web' }, 'store-canary'),
    find({ app: 'store' }),
    find({}),
    find(undefined),
  ]).toEqual([[], [], [], [], []]);
});
