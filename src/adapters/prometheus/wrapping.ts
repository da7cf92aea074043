// What readers that stand in front of another one have in common: they change how it is asked, and nothing else of it.

import type { Matchers } from '../../api/matchers.ts';
import type { MetricsAnswer, MetricsReader, MetricsTarget } from '../../ports/metrics.ts';

export abstract class WrappingReader implements MetricsReader {
  protected readonly reader: MetricsReader;

  constructor(reader: MetricsReader) {
    this.reader = reader;
  }

  get matchers(): Matchers {
    return this.reader.matchers ?? {};
  }

  refusal(target: MetricsTarget, ownQueries: boolean): ReturnType<MetricsReader['refusal']> {
    return this.reader.refusal(target, ownQueries);
  }

  abstract query(target: MetricsTarget, query: string, atMs: number): Promise<MetricsAnswer>;
}
