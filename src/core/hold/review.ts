// What the webhook answers when a Deployment changes: the same as the policy of config/deployment-mode says in CEL. Whoever
// changes the template of a Deployment under a release, or unpauses it, finds it paused; only the operator unpauses.

import { HELD_ANNOTATION, SERVICE_ACCOUNT, SYSTEM_NAMESPACE } from '../../api/names.ts';
import { isJson, type Json } from '../workload/objects.ts';

/** A release, and the Deployment that it names. */
export interface HoldTarget {
  readonly namespace: string;
  readonly release: string;
  readonly deployment: string;
}

/** What goes back to the API server, or why nothing can. */
export type HoldAnswer =
  | { readonly kind: 'answer'; readonly body: Json; readonly held?: HoldTarget }
  | { readonly kind: 'malformed'; readonly message: string };

/** Name of the operator as the API server knows it: the only one who unpauses. */
export const OPERATOR_USER = `system:serviceaccount:${SYSTEM_NAMESPACE}:${SERVICE_ACCOUNT}`;

const REVIEW_VERSION = 'admission.k8s.io/v1';
const HELD_PATH = HELD_ANNOTATION.replaceAll('~', '~0').replaceAll('/', '~1');

/**
 * Answers an AdmissionReview. It never refuses: the answer allows, and adds a patch where the Deployment is to be held.
 * @param body what was received, in any shape
 * @param targetsIn the releases of a namespace that name a Deployment
 */
export function reviewHold(body: unknown, targetsIn: (namespace: string) => readonly HoldTarget[]): HoldAnswer {
  const { apiVersion, kind, request } = asJson(body);
  if (apiVersion !== REVIEW_VERSION || kind !== 'AdmissionReview')
    return { kind: 'malformed', message: `not an AdmissionReview of ${REVIEW_VERSION}` };
  const { uid } = asJson(request);
  if (typeof uid !== 'string' || uid === '') return { kind: 'malformed', message: 'the AdmissionReview has no request.uid' };
  const held = findHold(asJson(request), targetsIn);
  const patch = held === undefined ? [] : holdPatch(asJson(asJson(request)['object']), held.release);
  const response = {
    uid,
    allowed: true,
    ...(patch.length === 0 ? {} : { patchType: 'JSONPatch', patch: encodeBase64(JSON.stringify(patch)) }),
  };
  return {
    kind: 'answer',
    body: { apiVersion: REVIEW_VERSION, kind: 'AdmissionReview', response },
    ...(held === undefined ? {} : { held }),
  };
}

/** The release that holds what is asked about. Of several the one with the lesser name, so that the answer never changes. */
function findHold(request: Json, targetsIn: (namespace: string) => readonly HoldTarget[]): HoldTarget | undefined {
  const { namespace, userInfo, object, oldObject } = request;
  if (!isDeploymentUpdate(request) || typeof namespace !== 'string' || !isJson(object) || !isJson(oldObject)) return undefined;
  const { name } = asJson(object['metadata']);
  const [target] = targetsIn(namespace)
    .filter(({ deployment }) => deployment === name)
    .toSorted((one, other) => (one.release < other.release ? -1 : 1));
  if (target === undefined) return undefined;
  const [before, after] = [asJson(oldObject['spec']), asJson(object['spec'])];
  const changed = !isSameValue(before['template'], after['template']);
  const released = before['paused'] === true && after['paused'] !== true && asJson(userInfo)['username'] !== OPERATOR_USER;
  return changed || released ? target : undefined;
}

function isDeploymentUpdate({ operation, resource, subResource }: Json): boolean {
  const { group, resource: plural } = asJson(resource);
  return operation === 'UPDATE' && group === 'apps' && plural === 'deployments' && (subResource ?? '') === '';
}

/** Nothing where it is so already: the webhook may be asked again about its own answer. */
function holdPatch(deployment: Json, release: string): readonly Json[] {
  const { annotations } = asJson(deployment['metadata']);
  const paused = asJson(deployment['spec'])['paused'] === true;
  const marked = asJson(annotations)[HELD_ANNOTATION] === release;
  const mark = isJson(annotations)
    ? { op: 'add', path: `/metadata/annotations/${HELD_PATH}`, value: release }
    : { op: 'add', path: '/metadata/annotations', value: { [HELD_ANNOTATION]: release } };
  return [...(marked ? [] : [mark]), ...(paused ? [] : [{ op: 'add', path: '/spec/paused', value: true }])];
}

/** Equal as CEL compares JSON: the order of keys says nothing, that of lists does. */
function isSameValue(one: unknown, other: unknown): boolean {
  if (Array.isArray(one) || Array.isArray(other)) {
    if (!Array.isArray(one) || !Array.isArray(other) || one.length !== other.length) return false;
    return one.every((item, index) => isSameValue(item, other[index]));
  }
  if (!isJson(one) || !isJson(other)) return one === other;
  const keys = Object.keys(one);
  return keys.length === Object.keys(other).length && keys.every((key) => Object.hasOwn(other, key) && isSameValue(one[key], other[key]));
}

/** The release's target, from an object that may be of a shape that this version cannot read. */
export function targetOf(release: unknown): HoldTarget | undefined {
  const { metadata, spec } = asJson(release);
  const { namespace, name } = asJson(metadata);
  const { name: deployment } = asJson(asJson(spec)['targetRef']);
  if (typeof namespace !== 'string' || typeof name !== 'string' || typeof deployment !== 'string') return undefined;
  return { namespace, release: name, deployment };
}

const NOTHING: Json = {};

function asJson(value: unknown): Json {
  return isJson(value) ? value : NOTHING;
}

function encodeBase64(text: string): string {
  return btoa(String.fromCodePoint(...new TextEncoder().encode(text)));
}
