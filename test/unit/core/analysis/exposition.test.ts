import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parseExposition } from '../../../../src/core/analysis/exposition.ts';
import { parseExposition as parseRecorded } from '../../../fixtures/exposition.ts';

const RECORDED = new URL('../../../fixtures/metrics/', import.meta.url);

describe('the text format of Prometheus', () => {
  test.each(readdirSync(RECORDED))('every sample of the recorded text %s is read', (file) => {
    const text = readFileSync(new URL(file, RECORDED), 'utf8');
    const samples = parseExposition(text);
    expect(samples).toEqual(parseRecorded(text));
    expect(samples?.length).toBeGreaterThan(5);
  });

  test('comments, empty lines, times and labels with escaped characters are read as Prometheus reads them', () => {
    const text = '# TYPE a counter\n\na 1\r\na{} 2 1700000000000\na{ b = "x" } 3\n';
    expect(parseExposition('# TYPE a counter\n\na 1\r\na{} 2 1700000000000\na{b="x\\"\\\\\\n}",c="",} 3e2\n')).toEqual([
      { labels: { __name__: 'a' }, value: 1 },
      { labels: { __name__: 'a' }, value: 2 },
      { labels: { __name__: 'a', b: 'x"\\\n}', c: '' }, value: 300 },
    ]);
    expect(parseExposition(text)).toBeUndefined();
    expect(parseExposition('')).toEqual([]);
  });

  test('values may be infinite or no number, and nothing else may stand there', () => {
    expect(parseExposition('a +Inf\na -Inf\na NaN')?.map(({ value }) => value)).toEqual([Infinity, -Infinity, Number.NaN]);
    expect(parseExposition('a one')).toBeUndefined();
  });

  test.each(['<html>', 'a{b="c} 1', 'a{b=c} 1', 'a{b="c"', '{"status":"success"}', 'a', '1a 2', 'a{b="c"x="d"} 1'])(
    'a text with the line %s is none, however good the rest is',
    (line) => {
      expect(parseExposition(`a{b="c"} 1\n${line}\n`)).toBeUndefined();
    },
  );
});
