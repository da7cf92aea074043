// Reads a PromQL selector (`metric{label="value",…}[range]`) and says which series it picks. No other PromQL.
import { parseDuration } from '../../../src/api/duration.ts';

interface SelectorMatcher {
  readonly label: string;
  readonly op: string;
  readonly value: string;
}

/** A selector; `rangeMs` is absent for an instant one. */
export interface Selector {
  readonly matchers: readonly SelectorMatcher[];
  readonly rangeMs?: number;
}

const SELECTOR = /^\s*([a-zA-Z_:][a-zA-Z0-9_:]*)?\s*(?:\{(.*)\})?\s*(?:\[([0-9a-z]+)\])?\s*$/s;
const MATCHER = /\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*(=~|!~|!=|=)\s*"((?:[^"\\]|\\.)*)"\s*(?:,|$)/y;
const UNESCAPED: Readonly<Record<string, string>> = { n: '\n', t: '\t' };

/** The selector, or undefined when the text is other PromQL. */
export function parseSelector(query: string): Selector | undefined {
  const match = SELECTOR.exec(query);
  if (match === null) return undefined;
  const [, name, inner = '', range] = match;
  const matchers = parseMatchers(inner);
  if (matchers === undefined || (name === undefined && matchers.length === 0)) return undefined;
  const all = name === undefined ? matchers : [{ label: '__name__', op: '=', value: name }, ...matchers];
  return range === undefined ? { matchers: all } : { matchers: all, rangeMs: parseDuration(range) };
}

function parseMatchers(inner: string): readonly SelectorMatcher[] | undefined {
  const matchers: SelectorMatcher[] = [];
  MATCHER.lastIndex = 0;
  let end = 0;
  while (end < inner.length) {
    const match = MATCHER.exec(inner);
    if (match === null) return undefined;
    const value = (match[3] ?? '').replaceAll(/\\(.)/g, (_, character: string) => UNESCAPED[character] ?? character);
    matchers.push({ label: match[1] ?? '', op: match[2] ?? '', value });
    end = MATCHER.lastIndex;
  }
  return matchers;
}

/** True if a series with these labels is picked. An absent label is an empty one; expressions are anchored. */
export function selects(selector: Selector, labels: Readonly<Record<string, string>>): boolean {
  return selector.matchers.every(({ label, op, value }) => {
    const actual = labels[label] ?? '';
    const fits = op === '=' || op === '!=' ? actual === value : new RegExp(`^(?:${value})$`, 's').test(actual);
    return op.startsWith('!') ? !fits : fits;
  });
}
