// Why a metrics source's query finds nothing although its metric is scraped: the first label that no series of the metric has with
// the value that the query asks for, and the values that there are.

import { nameSome } from './seen.ts';

/** Values of a label among the series of a metric, or undefined where they cannot be read. */
export type ReadValues = (label: string, metric: string) => Promise<readonly string[] | undefined>;

const SELECTOR = /^([a-zA-Z_:][\w:]*)\{(.*)\}\[\w+\]$/s;
const MATCHER = /([a-zA-Z_]\w*)(=~|=)"((?:[^"\\]|\\.)*)"/g;

/** A clause for the report, or undefined where every label fits some series, or where that cannot be found out. */
export async function describeUnmatchedLabel(query: string, readValues: ReadValues): Promise<string | undefined> {
  const [, metric, inner] = SELECTOR.exec(query) ?? [];
  if (metric === undefined || inner === undefined) return undefined;
  for (const [matcher, label, op, text] of inner.matchAll(MATCHER)) {
    if (label === undefined || text === undefined) continue;
    const values = await readValues(label, metric);
    if (values === undefined) return undefined;
    const wanted = text.replaceAll(/\\(.)/gs, '$1');
    if (values.some((value) => (op === '=~' ? new RegExp(`^(?:${wanted})$`, 's').test(value) : value === wanted))) continue;
    if (values.length === 0) return `${metric} has no label ${label}`;
    return `no ${metric} has ${matcher}, only ${nameSome(sortByLikeness(values, wanted))}`;
  }
  return undefined;
}

/** Those that begin most like the wanted one come first. */
function sortByLikeness(values: readonly string[], wanted: string): readonly string[] {
  return values.toSorted((a, b) => sharedLength(b, wanted) - sharedLength(a, wanted));
}

function sharedLength(a: string, b: string): number {
  let length = 0;
  while (length < a.length && a[length] === b[length]) length += 1;
  return length;
}
