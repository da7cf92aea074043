// The schema number of the stored CRD: an operator that needs a higher one must not write the status, because fields of it would be pruned.

import { CRD_NAME, SCHEMA_ANNOTATION } from '../../api/names.ts';
import { isGlidepathError } from '../../api/errors.ts';
import { fieldsOf, textOf } from './client/fields.ts';
import type { Transport } from './client/transport.ts';

/** @returns undefined when the CRD does not exist or has no number. */
export async function readSchemaLevel(transport: Transport): Promise<number | undefined> {
  const path = `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${CRD_NAME}`;
  try {
    const { body } = await transport.request({ method: 'GET', path });
    const annotations = fieldsOf(fieldsOf(fieldsOf(body)['metadata'])['annotations']);
    const level = textOf(annotations[SCHEMA_ANNOTATION]);
    return level !== undefined && /^\d{1,9}$/.test(level) ? Number(level) : undefined;
  } catch (error) {
    if (isGlidepathError(error, 'GLIDEPATH_E_NOT_FOUND')) return undefined;
    throw error;
  }
}
