// Releases as the caches have them, parsed once an object.

import { parseRelease, type CanaryRelease } from '../api/release.ts';

/** Caches hand out the same object until it changes. */
const parsed = new WeakMap<object, CanaryRelease | undefined>();

/** Parses a cached object; undefined when the CRD accepted something that this operator cannot read. */
export function parseCached(raw: unknown): CanaryRelease | undefined {
  if (typeof raw !== 'object' || raw === null) return undefined;
  if (!parsed.has(raw)) {
    const result = parseRelease(raw);
    parsed.set(raw, result.ok ? result.release : undefined);
  }
  return parsed.get(raw);
}
