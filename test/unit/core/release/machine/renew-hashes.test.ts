// Hashes of templates that an earlier version recorded, made new once.

import { describe, expect, test } from 'vitest';
import type { CanaryReleaseStatus, ReleaseStatus } from '../../../../../src/api/release.ts';
import { renewHashes } from '../../../../../src/core/release/machine/renew-hashes.ts';
import type { PodTemplate } from '../../../../../src/core/workload/objects.ts';
import type { ObservedWorkload } from '../../../../../src/core/workload/observed.ts';
import { formerHashOf } from '../../../../../src/core/workload/sameness/former-template.ts';
import { hashTemplate } from '../../../../../src/core/workload/template.ts';
import { FULL_STATUS } from '../../../../fixtures/full-status.ts';

/** A template whose former hash is that of the plain one. */
const withSidecar = (image: string): PodTemplate => templateOf(image, { initContainers: [{ name: 'proxy', restartPolicy: 'Always' }] });
const withInit = (image: string): PodTemplate => templateOf(image, { initContainers: [{ name: 'proxy' }] });

function templateOf(image: string, more: object = {}): PodTemplate {
  return { spec: { containers: [{ name: 'app', image }], ...more } };
}

function workloadOf(template: PodTemplate, sets: readonly (readonly [PodTemplate, number])[], change: Partial<ObservedWorkload> = {}) {
  const deployment = { metadata: { name: 'store' }, spec: { selector: {}, template } };
  const replicaSets = sets.map(([one, readyReplicas], index) => ({
    metadata: { name: `store-${index}` },
    spec: { template: one },
    status: { readyReplicas },
  }));
  return { known: true, deployment, replicaSets, hold: { kind: 'proven' }, ...change } satisfies ObservedWorkload;
}

const servingOf = (template: string): CanaryReleaseStatus => ({ observedGeneration: 1, serving: { service: 'store', template } });

describe('hashes of an earlier version become those of this one', () => {
  test('wherever they are, from the templates that are there; what belongs to none of them stays', () => {
    const [serving, released] = [withSidecar('store:1'), withSidecar('store:2')];
    const status: CanaryReleaseStatus = {
      observedGeneration: 1,
      serving: { service: 'store', template: formerHashOf(serving) },
      release: {
        ...FULL_STATUS.release,
        templateHashes: [formerHashOf(released)],
        workload: {
          name: 'store',
          uid: 'uid-1',
          canary: 'store-canary',
          template: formerHashOf(released),
          servingTemplate: formerHashOf(serving),
        },
      } as ReleaseStatus,
      proven: [{ revision: '1', at: '2030-01-01T00:00:00Z', templateHashes: [formerHashOf(serving)] }],
      rejected: [{ revision: '0', reason: 'x', at: '2030-01-01T00:00:00Z', templateHashes: ['0123456789abcdef0123456789abcdef'] }],
    };
    const renewed = renewHashes(status, workloadOf(released, [[serving, 4]]));
    expect(renewed).toMatchObject({
      templateForm: 2,
      serving: { template: hashTemplate(serving) },
      release: {
        templateHashes: [hashTemplate(released)],
        workload: {
          template: hashTemplate(released),
          servingTemplate: hashTemplate(serving),
          formerTemplate: formerHashOf(released),
        },
      },
      proven: [{ templateHashes: [hashTemplate(serving)] }],
      rejected: status.rejected,
    });
  });

  test('hashes of an earlier version become those of this one by the template that has pods, where two had the same one', () => {
    const recorded = formerHashOf(withInit('store:1'));
    expect(recorded).toBe(formerHashOf(withSidecar('store:1')));
    const held = workloadOf(withSidecar('store:1'), [[withInit('store:1'), 4]]);
    expect(renewHashes(servingOf(recorded), held).serving?.template).toBe(hashTemplate(withInit('store:1')));
    const rolled = workloadOf(withSidecar('store:1'), [
      [withSidecar('store:1'), 4],
      [withInit('store:1'), 0],
    ]);
    expect(renewHashes(servingOf(recorded), rolled).serving?.template).toBe(hashTemplate(withSidecar('store:1')));
  });

  test('hashes of an earlier version stay where they are the same, and only the form is noted', () => {
    const status = servingOf(hashTemplate(templateOf('store:1')));
    expect(renewHashes(status, workloadOf(templateOf('store:2'), [[templateOf('store:1'), 4]]))).toEqual({ ...status, templateForm: 2 });
  });
});

describe('nothing is renewed', () => {
  const recorded = servingOf(formerHashOf(withSidecar('store:1')));
  const workload = workloadOf(withSidecar('store:1'), [[withSidecar('store:1'), 4]]);

  test('a second time: later the hash may be that of another template', () => {
    const status = { ...recorded, templateForm: 2 };
    expect(renewHashes(status, workload)).toBe(status);
  });

  test('nothing is renewed before the templates are known', () => {
    const { deployment: _gone, ...none } = workload;
    expect(renewHashes(recorded, { ...workload, known: false })).toBe(recorded);
    expect(renewHashes(recorded, none)).toBe(recorded);
    expect(renewHashes(recorded, undefined)).toBe(recorded);
  });
});
