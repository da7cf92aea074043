// Writes PromQL range selectors: one metric, matchers with every value escaped, one range. Nothing else of PromQL is
// needed here, because the increments are computed from the raw samples.
import { formatDuration } from '../api/duration.ts';
import { GlidepathError } from '../api/errors.ts';
import type { Matchers } from '../api/matchers.ts';
import type { LatencyQuery, MetricsSource } from './source.ts';

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

/** The values that a matcher wants, as an RE2 expression without anchors. Only for matchers that want some, not those that exclude. */
export function wantedBy({ op, value }: Matcher): string {
  return op === '=' ? escapeRegex(value) : value;
}

/** Do the labels fit all matchers, as Prometheus would say? */
export function fits(matchers: readonly Matcher[], labels: Readonly<Record<string, string>>): boolean {
  return matchers.every((matcher) => fitsOne(matcher, labels));
}

/** An absent label is empty. */
function fitsOne({ label, op, value }: Matcher, labels: Readonly<Record<string, string>>): boolean {
  const found = labels[label] ?? '';
  switch (op) {
    case '=':
      return found === value;
    case '!=':
      return found !== value;
    case '=~':
      return anchored(value).test(found);
    case '!~':
      return !anchored(value).test(found);
  }
}

function anchored(regex: string): RegExp {
  return new RegExp(`^(?:${regex})$`, 's');
}

/** `metric{matchers}`. */
export function instantSelector(metric: string, matchers: readonly Matcher[]): string {
  return `${metric}{${matchers.map(({ label, op, value }) => `${label}${op}"${escapeLabelValue(value)}"`).join(',')}}`;
}

/**
 * `metric{matchers}[range]`.
 * @throws GlidepathError GLIDEPATH_E_RANGE when the range is not at least 1 ms.
 */
export function rangeSelector(metric: string, matchers: readonly Matcher[], rangeMs: number): string {
  if (!(Math.round(rangeMs) >= 1)) {
    throw new GlidepathError('GLIDEPATH_E_RANGE', `a range selector needs a range of at least 1 ms, not ${rangeMs}`);
  }
  return `${instantSelector(metric, matchers)}[${formatDuration(rangeMs)}]`;
}

const BUILT_IN = /\}(\[\w+\])$/;

/** More matchers for a selector that has some. */
export function addMatchers(selector: string, matchers: Matchers): string {
  const added = Object.entries(matchers).map(([label, value]) => `,${label}="${escapeLabelValue(value)}"`);
  return selector.replace(/\}$/, `${added.join('')}}`);
}

/** The source with matchers in each of its queries. */
export function withMatchers(source: MetricsSource, matchers: Matchers): MetricsSource {
  const entries = Object.entries(matchers);
  if (entries.length === 0) return source;
  const added = entries.map(([label, value]) => `,${label}="${escapeLabelValue(value)}"`).join('');
  const add = (query: string) => query.replace(BUILT_IN, (_end, range: string) => `${added}}${range}`);
  return {
    ...source,
    requests: (backend, rangeMs) => add(source.requests(backend, rangeMs)),
    ...(source.ownErrors === undefined ? {} : { ownErrors: (rangeMs) => add(source.ownErrors?.(rangeMs) ?? '') }),
    ...(source.latency === undefined ? {} : { latency: (backend, rangeMs) => mapQuery(source.latency?.(backend, rangeMs), add) }),
  };
}

function mapQuery(asked: LatencyQuery | undefined, add: (query: string) => string): LatencyQuery {
  return { query: add(asked?.query ?? ''), unit: asked?.unit ?? 's' };
}
