// Reads a stored status: as much of it as this version understands, whatever wrote it.

import type * as z from 'zod';
import { STATE_VERSION } from './names.ts';
import { releaseStatusSchema } from './release-status.ts';
import { type CanaryReleaseStatus, statusSchema } from './status.ts';
import { fromStoredStatus } from './stored-status.ts';

/** A status that was read, and what of it this version does not understand. */
export interface ReadStatus {
  readonly status: CanaryReleaseStatus;
  readonly unknownState?: string;
}

/**
 * Reads a stored status without ever failing: what a later version wrote and this one does not understand is left out and
 * named in `unknownState`, while the rest (above all the recorded routes) stays usable, because a rollback must stay possible.
 */
export function readStatus(stored: unknown): ReadStatus {
  const given = isRecord(stored) ? fromStoredStatus(stored) : {};
  const whole = readFields(statusSchema.shape, given, '');
  const release = whole.values['release'] === undefined && isRecord(given['release']) ? readRelease(given['release']) : undefined;
  const problems =
    release === undefined ? whole.problems : [...whole.problems.filter((text) => !text.startsWith('release')), ...release.problems];
  const version =
    typeof given['stateVersion'] === 'number' && given['stateVersion'] > STATE_VERSION ? [`stateVersion ${given['stateVersion']}`] : [];
  const unknown = [...version, ...problems].join('; ');
  const status = { ...whole.values, ...(release?.value === undefined ? {} : { release: release.value }) };
  return { status: status as CanaryReleaseStatus, ...(unknown === '' ? {} : { unknownState: unknown.slice(0, 512) }) };
}

function readRelease(given: Readonly<Record<string, unknown>>): { value?: Readonly<Record<string, unknown>>; problems: readonly string[] } {
  const { values, problems } = readFields(releaseStatusSchema.shape, given, 'release.');
  const whole = releaseStatusSchema.safeParse(values);
  return whole.success ? { value: whole.data, problems } : { problems };
}

function readFields(shape: Readonly<Record<string, z.ZodType>>, given: Readonly<Record<string, unknown>>, prefix: string) {
  const values: Record<string, unknown> = {};
  const problems: string[] = [];
  for (const [field, schema] of Object.entries(shape)) {
    const parsed = schema.safeParse(given[field]);
    if (parsed.success && parsed.data !== undefined) values[field] = parsed.data;
    if (!parsed.success) problems.push(`${prefix}${field} ${describeValue(given[field])}`);
  }
  return { values, problems };
}

function describeValue(value: unknown): string {
  if (value === undefined) return 'is missing';
  const isPlain = typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
  return isPlain ? `"${String(value).slice(0, 64)}" is unknown to this version` : 'is unknown to this version';
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
