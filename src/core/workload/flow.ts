// YAML in one line, to be pasted from a message into a manifest.

import { isJson } from './objects.ts';

const PLAIN = /^[A-Za-z_][A-Za-z0-9_./-]*$/;
/** Words that YAML would not take for text. */
const WORDS = /^(true|false|null|yes|no|on|off|y|n)$/i;

/** Such as `{podSelector: {matchLabels: {app: store-canary}}}`. */
export function toFlow(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(toFlow).join(', ')}]`;
  if (isJson(value))
    return `{${Object.entries(value)
      .map(([key, part]) => `${toFlow(key)}: ${toFlow(part)}`)
      .join(', ')}}`;
  if (typeof value !== 'string') return JSON.stringify(value) ?? 'null';
  return PLAIN.test(value) && !WORDS.test(value) ? value : JSON.stringify(value);
}
