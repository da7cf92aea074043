// Is a pod template the same as another? As the API server and the Deployment controller say it: field by field, after the defaults,
// quantities by their value. Without what others than the author put there: our labels and the hash of the Deployment controller.

import { hash } from 'node:crypto';
import { GROUP } from '../../api/names.ts';
import { oncePer } from '../../api/once.ts';
import { isJson, type PodTemplate } from './objects.ts';
import { canonicalValue } from './sameness/rules.ts';
import { TEMPLATE_PLACES } from './sameness/template-fields.ts';

const TEMPLATE_HASH_LABEL = 'pod-template-hash';
/** Init containers of Kubernetes 1.7 and older, which the API server takes out. */
const DROPPED_ANNOTATION = /^pod\.(?:alpha|beta)\.kubernetes\.io\/init-container(?:s|-statuses)$/;

/** 32 hex digits of the template's canonical form: equal for equal templates. */
export const hashTemplate = oncePer((template: PodTemplate): string => hash('sha256', canonicalTemplate(template)).slice(0, 32));

export function isSameTemplate(a: PodTemplate, b: PodTemplate): boolean {
  return hashTemplate(a) === hashTemplate(b);
}

/** The template as text: keys sorted, without what is no part of a revision. */
export function canonicalTemplate({ metadata, spec }: PodTemplate): string {
  const labels = keepKeys(metadata?.labels, (key) => key !== TEMPLATE_HASH_LABEL && !key.startsWith(`${GROUP}/`));
  const annotations = keepKeys(metadata?.annotations, (key) => !DROPPED_ANNOTATION.test(key));
  return JSON.stringify(canonicalValue({ metadata: { ...metadata, labels, annotations }, spec: spec ?? {} }, TEMPLATE_PLACES));
}

function keepKeys(map: Readonly<Record<string, string>> | undefined, isKept: (key: string) => boolean): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(map ?? {}).filter(([key]) => isKept(key)));
}

/** For people: the tag of the first container's image, and enough of the hash to distinguish two templates of one image. */
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
