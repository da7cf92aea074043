// The part of an object's metadata that Glidepath reads. Everything else passes through untouched.
import * as z from 'zod';

/** The field managers of an object. `fieldsV1` is passed through as it is. */
export interface ManagedFieldsEntry {
  readonly manager?: string;
  readonly operation?: string;
  readonly apiVersion?: string;
  readonly time?: string;
  readonly fieldsType?: string;
  readonly fieldsV1?: object;
  readonly subresource?: string;
}

/** Metadata of a CanaryRelease. The namespace is absent only in manifests, and then it is `default`. */
export interface ObjectMeta {
  readonly name: string;
  readonly namespace: string;
  /** Empty in manifests. */
  readonly uid: string;
  readonly generation?: number;
  readonly resourceVersion?: string;
  readonly creationTimestamp?: string;
  readonly deletionTimestamp?: string;
  readonly finalizers?: readonly string[];
  readonly annotations?: Readonly<Record<string, string>>;
  readonly labels?: Readonly<Record<string, string>>;
  readonly managedFields?: readonly ManagedFieldsEntry[];
}

/** The longest name of a CanaryRelease: it is used as a label value. */
export const NAME_MAX_LENGTH = 63;
/** The refusal of a longer one. */
export const NAME_MESSAGE = 'metadata.name: at most 63 characters, because it is used as a label value; shorten it';

const knownMetadata = z.looseObject({
  name: z.string().min(1),
  namespace: z.string().default('default'),
  uid: z.string().default(''),
  generation: z.int().optional(),
  resourceVersion: z.string().optional(),
  creationTimestamp: z.string().nullish(),
  deletionTimestamp: z.string().optional(),
  finalizers: z.array(z.string()).optional(),
  annotations: z.record(z.string(), z.string()).optional(),
  labels: z.record(z.string(), z.string()).optional(),
  managedFields: z.array(z.looseObject({})).optional(),
});

/** Reads metadata; what it does not know stays in the object. */
export const metadataSchema = knownMetadata
  .refine((metadata) => metadata.name.length <= NAME_MAX_LENGTH, { message: NAME_MESSAGE, path: ['name'] })
  // Manifests written by tools carry `creationTimestamp: null`.
  .transform(
    ({ creationTimestamp, ...rest }) => (typeof creationTimestamp === 'string' ? { ...rest, creationTimestamp } : rest) as ObjectMeta,
  );
