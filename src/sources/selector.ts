// Writes PromQL range selectors: one metric, matchers with every value escaped, one range. Nothing else of PromQL is
// needed here, because the increments are computed from the raw samples.
import { formatDuration } from '../api/duration.ts';
import { GlidepathError } from '../api/errors.ts';

/** One label matcher. The value of `=~` is a regular expression whose literal parts went through `escapeRegex`. */
export interface Matcher {
  readonly label: string;
  readonly op: '=' | '!=' | '=~' | '!~';
  readonly value: string;
}

const REGEX_META = /[\\^$.*+?()[\]{}|]/g;
const ESCAPED: Readonly<Record<string, string>> = { '\\': '\\\\', '"': '\\"', '\n': '\\n' };

/** Makes any text a literal inside an RE2 expression. */
export function escapeRegex(literal: string): string {
  return literal.replace(REGEX_META, '\\$&');
}

/** Makes any text fit between the double quotes of a PromQL string. */
export function escapeLabelValue(value: string): string {
  return value.replace(/[\\"\n]/g, (character) => ESCAPED[character] ?? character);
}

/** `label="value"`. */
export function equals(label: string, value: string): Matcher {
  return { label, op: '=', value };
}

/** `label=~"regex"`, anchored at both ends by Prometheus. */
export function matches(label: string, regex: string): Matcher {
  return { label, op: '=~', value: regex };
}

/**
 * `metric{matchers}[range]`.
 * @throws GlidepathError GLIDEPATH_E_RANGE when the range is not at least 1 ms.
 */
export function rangeSelector(metric: string, matchers: readonly Matcher[], rangeMs: number): string {
  if (!(Math.round(rangeMs) >= 1)) {
    throw new GlidepathError('GLIDEPATH_E_RANGE', `a range selector needs a range of at least 1 ms, not ${rangeMs}`);
  }
  const inner = matchers.map(({ label, op, value }) => `${label}${op}"${escapeLabelValue(value)}"`).join(',');
  return `${metric}{${inner}}[${formatDuration(rangeMs)}]`;
}
