import { isDeepStrictEqual } from 'node:util';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { HELD_ANNOTATION } from '../../../../src/api/names.ts';
import { type HoldTarget, OPERATOR_USER, reviewHold, targetOf } from '../../../../src/core/hold/review.ts';
import { isJson, type Json } from '../../../../src/core/workload/objects.ts';
import { HOLD_CASES } from '../../../fixtures/hold-cases.ts';
import type { JsonPatchOperation } from '../../../../src/core/routing/patch.ts';
import { applyJsonPatch } from '../../../fakes/memory/json-patch.ts';

const TARGET: HoldTarget = { namespace: 'shop', release: 'web', deployment: 'store' };
const RUNNING: Json = {
  metadata: { name: 'store', namespace: 'shop', annotations: { note: 'kept' }, labels: { app: 'store' } },
  spec: { replicas: 2, template: { metadata: { labels: { app: 'store' } }, spec: { containers: [{ name: 'app', image: 'store:1' }] } } },
};
const HELD = merge(RUNNING, { metadata: { annotations: { [HELD_ANNOTATION]: 'web' } }, spec: { paused: true } });

function merge(base: unknown, patch: unknown): Json {
  const merged: Record<string, unknown> = { ...(isJson(base) ? base : {}) };
  for (const [key, value] of Object.entries(isJson(patch) ? patch : {})) {
    if (value === null) delete merged[key];
    else merged[key] = isJson(value) ? merge(merged[key], value) : value;
  }
  return merged;
}

function review(request: object): object {
  const resource = { group: 'apps', version: 'v1', resource: 'deployments' };
  const userInfo = { username: 'git' };
  const asked = { uid: 'u-1', operation: 'UPDATE', resource, namespace: 'shop', name: 'store', userInfo, ...request };
  return { apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', request: asked };
}

const targetsIn = (namespace: string) => (namespace === 'shop' ? [TARGET] : []);

interface Answer {
  readonly uid: string;
  readonly allowed: boolean;
  readonly patchType?: string;
  readonly patch?: string;
}

function answer(body: unknown, targets = targetsIn): Answer {
  const answered = reviewHold(body, targets);
  if (answered.kind !== 'answer') throw new Error(answered.message);
  expect(answered.body).toMatchObject({ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview' });
  return answered.body['response'] as Answer;
}

const operationsOf = ({ patch }: Answer): readonly JsonPatchOperation[] =>
  patch === undefined ? [] : (JSON.parse(Buffer.from(patch, 'base64').toString('utf8')) as readonly JsonPatchOperation[]);

/** What is stored after the answer. */
const admitted = (object: Json, response: Answer) => applyJsonPatch(object, operationsOf(response)) as { spec: Json; metadata: Json };

describe('a change of a Deployment under a release', () => {
  test.each(HOLD_CASES)('a change of a Deployment under a release: $what', ({ heldBefore = false, patch, by, held }) => {
    const oldObject = heldBefore ? HELD : RUNNING;
    const object = merge(oldObject, patch);
    const userInfo = { username: by === 'operator' ? OPERATOR_USER : 'kubernetes-admin' };
    const response = answer(review({ oldObject, object, userInfo }));
    expect(response).toMatchObject({ uid: 'u-1', allowed: true });
    const { spec, metadata } = admitted(object, response);
    expect(spec['paused'] === true).toBe(held);
    if (held) expect(metadata['annotations']).toMatchObject({ [HELD_ANNOTATION]: 'web' });
    // Nothing else of it is touched.
    expect(merge({ spec, metadata }, { metadata: { annotations: { [HELD_ANNOTATION]: null } }, spec: { paused: null } })).toEqual(
      merge(object, { metadata: { annotations: { [HELD_ANNOTATION]: null } }, spec: { paused: null } }),
    );
  });

  test('a change of a Deployment under a release is answered once: the operator asks nothing more of its own answer', () => {
    const object = merge(RUNNING, { spec: { template: { spec: { hostname: 'a' } } } });
    const first = admitted(object, answer(review({ oldObject: RUNNING, object })));
    expect(answer(review({ oldObject: RUNNING, object: first }))).toEqual({ uid: 'u-1', allowed: true });
  });

  test('a change of a Deployment under a release that has no annotations gets them', () => {
    const bare: Json = { metadata: { name: 'store' }, spec: RUNNING['spec'] };
    const object = merge(bare, { spec: { template: { spec: { hostname: 'a' } } } });
    const { metadata } = admitted(object, answer(review({ oldObject: bare, object })));
    expect(metadata['annotations']).toEqual({ [HELD_ANNOTATION]: 'web' });
  });

  test('a change of a Deployment that two releases name is held by the same of them, in whatever order they come', () => {
    const two = [{ ...TARGET, release: 'zoo' }, TARGET];
    const asked = review({ oldObject: RUNNING, object: merge(RUNNING, { spec: { template: { spec: { hostname: 'a' } } } }) });
    const marks = [two, two.toReversed()].map((targets) => reviewHold(asked, () => targets));
    expect(marks.map((one) => one.kind === 'answer' && one.held?.release)).toEqual(['web', 'web']);
  });

  test('the order of keys is no change', () => {
    const spec = RUNNING['spec'] as Json;
    const template = spec['template'] as Json;
    const object = { ...RUNNING, spec: { ...spec, template: { spec: template['spec'], metadata: template['metadata'] } } };
    expect(answer(review({ oldObject: RUNNING, object }))).toEqual({ uid: 'u-1', allowed: true });
  });

  test('any change of the template is held, and no other', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (one, other) => {
        const withTemplate = (value: unknown) => ({ ...RUNNING, spec: { replicas: 2, template: { spec: { value } } } });
        const response = answer(review({ oldObject: withTemplate(one), object: withTemplate(other) }));
        // -0 is 0 once it went through JSON.
        const same = isDeepStrictEqual(JSON.parse(JSON.stringify(one)), JSON.parse(JSON.stringify(other)));
        expect(response.patch === undefined).toBe(same);
      }),
    );
  });
});

describe('nothing is held', () => {
  const object = merge(RUNNING, { spec: { template: { spec: { hostname: 'a' } } } });
  const changed = { oldObject: RUNNING, object };
  test.each([
    ['where no release names the Deployment', { ...changed, object: merge(object, { metadata: { name: 'other' } }) }],
    ['in another namespace', { ...changed, namespace: 'elsewhere' }],
    ['when it is created', { ...changed, operation: 'CREATE', oldObject: null }],
    ['when it is deleted', { ...changed, operation: 'DELETE', object: null }],
    ['of another kind', { ...changed, resource: { group: 'apps', version: 'v1', resource: 'statefulsets' } }],
    ['of another group', { ...changed, resource: { group: 'example.org', version: 'v1', resource: 'deployments' } }],
    ['through a subresource', { ...changed, subResource: 'scale' }],
    ['without the object', { oldObject: RUNNING }],
    ['without what it was before', { object }],
    ['without a namespace', { ...changed, namespace: undefined }],
  ])('nothing is held %s', (_what, request) => {
    expect(answer(review(request))).toEqual({ uid: 'u-1', allowed: true });
  });
});

describe('what is no AdmissionReview is told so, and never answered', () => {
  test.each([
    [undefined, /not an AdmissionReview/],
    [[], /not an AdmissionReview/],
    ['{}', /not an AdmissionReview/],
    [{ ...review({}), apiVersion: 'admission.k8s.io/v1beta1' }, /not an AdmissionReview of admission.k8s.io\/v1/],
    [review({ uid: '' }), /no request.uid/],
    [{ ...review({}), request: null }, /no request.uid/],
  ])('%j is no AdmissionReview, and is never answered', (body, message) => {
    expect(reviewHold(body, targetsIn)).toEqual({ kind: 'malformed', message: expect.stringMatching(message) as unknown });
  });

  test('a review refuses what is no AdmissionReview, and nothing that comes makes it throw', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom('object', 'oldObject', 'userInfo', 'resource', 'namespace'), fc.jsonValue()), (request) => {
        expect(answer(review(request))).toMatchObject({ allowed: true });
      }),
    );
  });
});

test('the target of a release is read from any object that has one', () => {
  const metadata = { namespace: 'shop', name: 'web' };
  expect(targetOf({ metadata, spec: { targetRef: { kind: 'Deployment', name: 'store' }, later: true } })).toEqual(TARGET);
  for (const other of [undefined, {}, { metadata }, { metadata, spec: { services: [] } }, { spec: { targetRef: { name: 'store' } } }])
    expect(targetOf(other)).toBeUndefined();
});
