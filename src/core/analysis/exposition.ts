// Reads Prometheus' text format, in which gateways show their counters: samples with their labels, comments skipped. One line that is
// neither makes the whole text unreadable: half an answer would look like counters that stood still.

import type { Labels } from './outcome.ts';

/** One line of the text; the metric's name is the label `__name__`, as in Prometheus. */
export interface CounterSample {
  readonly labels: Labels;
  readonly value: number;
}

const LINE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})?[ \t]+(\S+)(?:[ \t]+-?[0-9]+)?$/;
const LABEL = /[ \t]*([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"[ \t]*(?:,|$)/y;
const UNESCAPED: Readonly<Record<string, string>> = { '\\\\': '\\', '\\"': '"', '\\n': '\n' };

/** The samples of a text; undefined when a line is neither a sample nor a comment. */
export function parseExposition(text: string): readonly CounterSample[] | undefined {
  const samples: CounterSample[] = [];
  for (const raw of text.split('\n')) {
    const line = raw.trim();
    if (line === '' || line.startsWith('#')) continue;
    const sample = parseLine(line);
    if (sample === undefined) return undefined;
    samples.push(sample);
  }
  return samples;
}

function parseLine(line: string): CounterSample | undefined {
  const [, name = '', inner = '', value = ''] = LINE.exec(line) ?? [];
  const labels = name === '' ? undefined : parseLabels(inner);
  const number = parseValue(value);
  if (labels === undefined || number === undefined) return undefined;
  return { labels: { ...labels, __name__: name }, value: number };
}

function parseLabels(inner: string): Record<string, string> | undefined {
  const labels: Record<string, string> = {};
  let end = 0;
  while (end < inner.length) {
    LABEL.lastIndex = end;
    const match = LABEL.exec(inner);
    if (match === null) return undefined;
    labels[match[1] ?? ''] = (match[2] ?? '').replaceAll(/\\[\\"n]/g, (pair) => UNESCAPED[pair] ?? pair);
    end = LABEL.lastIndex;
  }
  return labels;
}

function parseValue(text: string): number | undefined {
  if (text === '+Inf' || text === 'Inf') return Number.POSITIVE_INFINITY;
  if (text === '-Inf') return Number.NEGATIVE_INFINITY;
  if (text === 'NaN') return Number.NaN;
  const value = Number(text);
  return Number.isNaN(value) ? undefined : value;
}
