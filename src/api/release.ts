// The CanaryRelease: one schema for types, parser and CRD. This file puts metadata, spec and status together; the rules
// are in spec.ts, stages.ts, analysis.ts and checks.ts, the status in status.ts and release-status.ts.
import * as z from 'zod';
import { type ObjectMeta, metadataSchema } from './metadata.ts';
import { API_VERSION, KIND } from './names.ts';
import { planFor } from './planned.ts';
import { type CanaryReleaseSpec, completeSpec, specSchema } from './spec.ts';
import { readStatus } from './read-status.ts';
import type { CanaryReleaseStatus } from './status.ts';

export type { Cohort } from './cohort.ts';
export type { Condition } from './conditions.ts';
export type { ObjectMeta } from './metadata.ts';
export type { Backend, OwnRule, RecordedRoute, RecordedRule, ReleaseStatus } from './release-status.ts';
export type { GateState, GateStatus } from './gate-status.ts';
export {
  type Analysis,
  type CanaryReleaseSpec,
  type Check,
  type Gate,
  type RouteRef,
  type SpecInput,
  type Stage,
  defaultSpec,
} from './spec.ts';
export type {
  CanaryReleaseStatus,
  CheckStatus,
  HandledCommand,
  HistoryEntry,
  ProvenRevision,
  Rejected,
} from './status.ts';
export { type ReadStatus, readStatus } from './read-status.ts';

/** A CanaryRelease as it was read: every default of the spec is filled. */
export interface CanaryRelease {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ObjectMeta;
  readonly spec: CanaryReleaseSpec;
  readonly status?: CanaryReleaseStatus;
  /**
   * What of the stored status this version does not understand, for example a phase of a later version. Not part of the
   * object: it is never written. While it is set, rollbacks are possible and raises are not.
   */
  readonly unknownState?: string;
}

/** A mistake in an object: where, and what to write instead. */
export interface Problem {
  /** Such as `spec.stages[0].duration`. */
  readonly path: string;
  readonly message: string;
}

/** A release, or why it is none, with the part that a rollback can use. */
export type ParsedRelease =
  | { readonly ok: true; readonly release: CanaryRelease }
  | {
      readonly ok: false;
      readonly problems: readonly Problem[];
      readonly metadata?: ObjectMeta;
      readonly status?: CanaryReleaseStatus;
    };

const envelopeSchema = z.object({
  apiVersion: z.literal(API_VERSION, `write apiVersion: ${API_VERSION}`),
  kind: z.literal(KIND, `write kind: ${KIND}`),
});

/** What `parseRelease` made: reading it again would only copy it. */
const parsedReleases = new WeakSet<object>();

/**
 * Reads a served object or a manifest and fills all defaults; what it made itself comes back as it is. Unknown fields are dropped as the API server drops them, and
 * a status of a later version is no problem (see `unknownState`). Never throws.
 */
export function parseRelease(object: unknown): ParsedRelease {
  if (!isRecord(object)) return { ok: false, problems: [{ path: '', message: 'is not an object' }] };
  if (isParsed(object)) return { ok: true, release: object };
  const envelope = envelopeSchema.safeParse(object);
  const metadata = metadataSchema.safeParse(object['metadata']);
  const spec = specSchema.safeParse(object['spec']);
  const read = object['status'] === undefined ? undefined : readStatus(object['status']);
  const status = read === undefined ? {} : { status: read.status };
  if (envelope.success && metadata.success && spec.success) {
    const unknown = read?.unknownState === undefined ? {} : { unknownState: read.unknownState };
    const planned = planFor(completeSpec(spec.data), read?.status);
    const release = { ...envelope.data, metadata: metadata.data, spec: planned, ...status, ...unknown };
    parsedReleases.add(release);
    return { ok: true, release };
  }
  const problems = [...listProblems('', envelope.error), ...listProblems('metadata', metadata.error), ...listProblems('spec', spec.error)];
  return { ok: false, problems, ...(metadata.success ? { metadata: metadata.data } : {}), ...status };
}

function isParsed(object: object): object is CanaryRelease {
  return parsedReleases.has(object);
}

function listProblems(prefix: string, error: z.ZodError | undefined): readonly Problem[] {
  return (error?.issues ?? []).map((issue) => ({ path: formatPath(prefix, issue.path), message: issue.message }));
}

function formatPath(prefix: string, path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === 'number') return `${text}[${part}]`;
    return text === '' ? String(part) : `${text}.${String(part)}`;
  }, prefix);
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
