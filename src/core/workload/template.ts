// Is a pod template the same as another? Compared field by field without what others than the author put there: our labels,
// the hash of the Deployment controller, and the defaults of the API server, so that an upgrade which adds one is no new revision.

import { createHash } from 'node:crypto';
import { GROUP } from '../../api/names.ts';
import { isJson, type PodTemplate } from './objects.ts';

const TEMPLATE_HASH_LABEL = 'pod-template-hash';

/** Values that the API server fills in, by field name; each means the same as its absence. */
const DEFAULTS: Readonly<Record<string, readonly unknown[]>> = {
  restartPolicy: ['Always'],
  dnsPolicy: ['ClusterFirst'],
  schedulerName: ['default-scheduler'],
  terminationGracePeriodSeconds: [30],
  enableServiceLinks: [true],
  terminationMessagePath: ['/dev/termination-log'],
  terminationMessagePolicy: ['File'],
  protocol: ['TCP'],
  scheme: ['HTTP'],
  timeoutSeconds: [1],
  periodSeconds: [10],
  successThreshold: [1],
  failureThreshold: [3],
  defaultMode: [420],
  creationTimestamp: [null],
};
/** Maps whose keys are the author's: nothing in them is a field. */
const AUTHORS_MAPS: ReadonlySet<string> = new Set(['annotations', 'matchLabels', 'nodeSelector', 'limits', 'requests']);
/** Where an empty object says something else than none. */
const MEANINGFUL_EMPTY: ReadonlySet<string> = new Set(['labelSelector', 'namespaceSelector', 'emptyDir']);

const hashes = new WeakMap<PodTemplate, string>();

/** 32 hex digits of the template's canonical form: equal for equal templates. Objects of a cache are hashed once. */
export function hashTemplate(template: PodTemplate): string {
  const known = hashes.get(template);
  if (known !== undefined) return known;
  const hash = createHash('sha256').update(canonicalTemplate(template)).digest('hex').slice(0, 32);
  hashes.set(template, hash);
  return hash;
}

export function isSameTemplate(a: PodTemplate, b: PodTemplate): boolean {
  return hashTemplate(a) === hashTemplate(b);
}

/** The template as text: keys sorted, without what is no part of a revision. */
export function canonicalTemplate({ metadata, spec }: PodTemplate): string {
  const labels = Object.entries(metadata?.labels ?? {}).filter(([key]) => key !== TEMPLATE_HASH_LABEL && !key.startsWith(`${GROUP}/`));
  const { serviceAccount: _copy, ...rest } = spec ?? {};
  const kept = { metadata: { labels: Object.fromEntries(labels), annotations: metadata?.annotations ?? {} }, spec: rest };
  return JSON.stringify(canonical(kept, ''));
}

function canonical(value: unknown, name: string): unknown {
  if (Array.isArray(value)) return value.map((item) => canonical(item, ''));
  if (!isJson(value)) return value;
  const authors = AUTHORS_MAPS.has(name) || name === 'labels';
  const entries = Object.entries(value)
    .filter(([key, field]) => field !== undefined && (authors || !isDefault(key, field, value)))
    .map(([key, field]) => [key, canonical(field, key)] as const)
    .filter(([key, field]) => authors || MEANINGFUL_EMPTY.has(key) || !isEmpty(field));
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}

function isEmpty(value: unknown): boolean {
  if (value === null) return true;
  return typeof value === 'object' && Object.keys(value).length === 0;
}

function isDefault(key: string, value: unknown, parent: Readonly<Record<string, unknown>>): boolean {
  if (key === 'imagePullPolicy') return value === defaultPullPolicy(parent['image']);
  if (key === 'apiVersion') return value === 'v1' && 'fieldPath' in parent;
  return DEFAULTS[key]?.includes(value) === true;
}

function defaultPullPolicy(image: unknown): string {
  const text = typeof image === 'string' ? image : '';
  if (text.includes('@')) return 'IfNotPresent';
  const tag = text.slice(text.lastIndexOf('/') + 1).split(':')[1];
  return tag === undefined || tag === 'latest' ? 'Always' : 'IfNotPresent';
}

/** For people: the tag of the first container's image, and enough of the hash to tell two templates of one image apart. */
export function nameTemplate(template: PodTemplate): string {
  const containers = template.spec?.['containers'];
  const first: unknown = Array.isArray(containers) ? containers[0] : undefined;
  const image = isJson(first) && typeof first['image'] === 'string' ? first['image'] : '';
  const tag = image
    .slice(image.lastIndexOf('/') + 1)
    .split('@')[0]
    ?.split(':')[1];
  const short = hashTemplate(template).slice(0, 7);
  return tag === undefined || tag === '' ? short : `${tag.slice(0, 100)}-${short}`;
}
