// Reading untyped objects of the API server without trusting their shape.

import { GROUP } from '../../../api/names.ts';

export type Fields = Readonly<Record<string, unknown>>;

const NOTHING: Fields = {};

/** The value as an object; an empty one when it is none. */
export function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : NOTHING;
}

export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

export function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** The string-valued entries of an object. */
export function textsOf(value: unknown): Readonly<Record<string, string>> {
  const texts: Record<string, string> = {};
  for (const [key, text] of Object.entries(fieldsOf(value))) {
    if (typeof text === 'string') texts[key] = text;
  }
  return texts;
}

/** The annotation in which kubectl keeps a second copy of the whole object. */
const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';

/**
 * Metadata without what fills memory. An emptied annotations object stays: its presence decides how an annotation is
 * added by JSON Patch.
 */
export function trimMetadata(metadata: Fields, managers: 'drop' | 'names'): Fields {
  const { managedFields, annotations, ...kept } = metadata;
  return {
    ...kept,
    ...(annotations === undefined || annotations === null ? {} : { annotations: withoutLastApplied(annotations) }),
    ...(managers === 'drop' || managedFields === undefined ? {} : { managedFields: listOf(managedFields).map(nameManager) }),
  };
}

/** Longer annotations of others are for their own readers: some tools keep whole objects in one, and every cached object would keep it, too. */
const MOST_ANNOTATION = 1_024;

/** The metadata without large annotations, but for ours. An emptied annotations object stays. */
export function withoutLargeAnnotations({ annotations, ...metadata }: Fields): Fields {
  if (annotations === undefined) return metadata;
  const isKept = ([name, text]: [string, string]) => name.startsWith(OURS) || text.length <= MOST_ANNOTATION;
  return { ...metadata, annotations: Object.fromEntries(Object.entries(textsOf(annotations)).filter(isKept)) };
}

const OURS = `${GROUP}/`;

function withoutLastApplied(annotations: unknown): Readonly<Record<string, string>> {
  const { [LAST_APPLIED]: _copy, ...kept } = textsOf(annotations);
  return kept;
}

function nameManager(entry: unknown): Fields {
  const { manager, operation, time, subresource } = fieldsOf(entry);
  // A gateway's write of the status must not count as an edit of the weights.
  return { manager, operation, time, ...(subresource === undefined ? {} : { subresource }) };
}
