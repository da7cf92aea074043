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

/** The Prometheus and the credentials of a target. Without a Secret of its own the release's namespace does not matter. */
export function placeOf({ namespace, url, secretName }: MetricsTarget): string {
  return [url ?? '', secretName === undefined ? '' : `${namespace}/${secretName}`].join(' ');
}
