// Reads Prometheus' text exposition format, as far as recorded metrics need it: samples with labels, comments skipped.

/** One line of metric text; the metric's name is the label `__name__`, as in Prometheus. */
export interface RecordedSample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const LINE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})?\s+(\S+)(?:\s+-?[0-9]+)?$/;
const LABEL = /\s*([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"\s*,?/y;
const UNESCAPED: Readonly<Record<string, string>> = { '\\\\': '\\', '\\"': '"', '\\n': '\n' };

function parseLabels(text: string, line: string): Record<string, string> {
  const labels: Record<string, string> = {};
  LABEL.lastIndex = 0;
  let end = 0;
  for (let match = LABEL.exec(text); match !== null; match = LABEL.exec(text)) {
    labels[match[1] ?? ''] = (match[2] ?? '').replaceAll(/\\[\\"n]/g, (pair) => UNESCAPED[pair] ?? pair);
    end = LABEL.lastIndex;
  }
  if (end !== text.length) throw new Error(`labels cannot be read: ${line}`);
  return labels;
}

function parseValue(text: string): number {
  if (text === '+Inf') return Number.POSITIVE_INFINITY;
  if (text === '-Inf') return Number.NEGATIVE_INFINITY;
  return Number(text);
}

/** Samples of a metric text. @throws Error for a line that is neither a sample nor a comment. */
export function parseExposition(text: string): readonly RecordedSample[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const match = LINE.exec(line);
      if (match === null) throw new Error(`line cannot be read: ${line}`);
      const labels = { ...parseLabels(match[2] ?? '', line), __name__: match[1] ?? '' };
      return { labels, value: parseValue(match[3] ?? '') };
    });
}
