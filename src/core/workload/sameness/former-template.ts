// The hash that Glidepath made of a template before its defaults went by their full path. Only for statuses which an earlier version
// wrote: two templates that differ can have the same one.

import { hash } from 'node:crypto';
import { GROUP } from '../../../api/names.ts';
import { oncePer } from '../../../api/once.ts';
import { isJson, type PodTemplate } from '../objects.ts';

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

/** The former hash of a template. */
export const formerHashOf = oncePer((template: PodTemplate): string => hash('sha256', formerText(template)).slice(0, 32));

function formerText({ metadata, spec }: PodTemplate): string {
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
