// Names of what the operator makes beside a Deployment: `<name>-canary`, shortened with a hash where that would be too long.

import { hash } from 'node:crypto';

const SUFFIX = '-canary';
const LONGEST = 63;
const HASH_DIGITS = 6;

/** `<name>-canary`, at most 63 characters: Services and label values take no more. */
export function nameCanary(name: string): string {
  if (name.length + SUFFIX.length <= LONGEST) return `${name}${SUFFIX}`;
  const digits = hash('sha256', name).slice(0, HASH_DIGITS);
  const kept = name.slice(0, LONGEST - SUFFIX.length - HASH_DIGITS - 1).replace(/[^a-z0-9]+$/i, '');
  return `${kept}-${digits}${SUFFIX}`;
}
