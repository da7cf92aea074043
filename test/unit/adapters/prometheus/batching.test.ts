import { describe, expect, test } from 'vitest';
import { BatchingReader } from '../../../../src/adapters/prometheus/batching.ts';
import type { MetricsAnswer, MetricsReader, MetricsTarget } from '../../../../src/ports/metrics.ts';

const TARGET: MetricsTarget = { namespace: 'shop', timeoutMs: 1_000 };
const AT = 1_000_000;
const queryOf = (value: string, range = '3m') => `envoy_cluster_upstream_rq{envoy_cluster_name="${value}"}[${range}]`;

/** Answers with one series for each value that the query names, when it is told to. */
class SlowReader implements MetricsReader {
  readonly asked: string[] = [];
  readonly #open: (() => void)[] = [];
  readonly #answer: (query: string) => MetricsAnswer;

  constructor(answer: (query: string) => MetricsAnswer = answerAll) {
    this.#answer = answer;
  }

  query(_target: MetricsTarget, query: string): Promise<MetricsAnswer> {
    this.asked.push(query);
    return new Promise((resolve) => this.#open.push(() => resolve(this.#answer(query))));
  }

  refusal(): undefined {
    return undefined;
  }

  /** Lets things happen until nothing is asked any more. */
  async run(): Promise<void> {
    for (let quiet = 0; quiet < 3; quiet += 1) {
      await new Promise((resolve) => setImmediate(resolve));
      const open = this.#open.splice(0);
      if (open.length > 0) quiet = 0;
      for (const answer of open) answer();
    }
  }
}

function answerAll(query: string): MetricsAnswer {
  const [, names = ''] = /envoy_cluster_name=~?"([^"]*)"/.exec(query) ?? [];
  const series = names
    .replaceAll(String.raw`\\.`, '.')
    .split('|')
    .filter((name) => !name.startsWith('empty'))
    .map((name) => ({ labels: { envoy_cluster_name: name }, samples: [{ atMs: AT, value: name.length }] }));
  return { ok: true, series, warnings: [] };
}

async function ask(reader: SlowReader, queries: readonly string[], target = TARGET): Promise<readonly MetricsAnswer[]> {
  const batching = new BatchingReader(reader);
  const answers = Promise.all(queries.map((query) => batching.query(target, query, AT)));
  await reader.run();
  return answers;
}

const namesIn = (answer: MetricsAnswer | undefined) =>
  answer?.ok === true ? answer.series.map(({ labels }) => labels['envoy_cluster_name']) : answer;

describe('questions for the same instant', () => {
  test('questions for the same instant go out as one, and each gets its own series', async () => {
    const reader = new SlowReader();
    const answers = await ask(reader, [queryOf('shop_a_80'), queryOf('shop_b_80'), queryOf('empty_80'), queryOf('shop_a_80')]);
    expect(reader.asked).toEqual(['envoy_cluster_upstream_rq{envoy_cluster_name=~"shop_a_80|shop_b_80|empty_80"}[3m]']);
    expect(answers.map(namesIn)).toEqual([['shop_a_80'], ['shop_b_80'], [], ['shop_a_80']]);
  });

  test('a dot in a name stays a dot', async () => {
    const reader = new SlowReader();
    const answers = await ask(reader, [queryOf('a.b'), queryOf('c')]);
    expect(reader.asked).toEqual([String.raw`envoy_cluster_upstream_rq{envoy_cluster_name=~"a\\.b|c"}[3m]`]);
    expect(answers.map(namesIn)).toEqual([['a.b'], ['c']]);
  });

  test('one alone is asked as it is, and so is what is no plain selector', async () => {
    const reader = new SlowReader();
    await ask(reader, [queryOf('shop_a_80'), 'sum(rate(x[1m]))', 'm{a="1",b="2"}[1m]', queryOf('shop(b)')]);
    expect(reader.asked.toSorted()).toEqual(
      [queryOf('shop_a_80'), queryOf('shop(b)'), 'm{a="1",b="2"}[1m]', 'sum(rate(x[1m]))'].toSorted(),
    );
  });

  test('matchers behind the first are kept, and only questions with the same ones go together', async () => {
    const reader = new SlowReader();
    const matched = (value: string, cluster: string) => queryOf(value).replace('}', `,cluster="${cluster}",env="p\\"q"}`);
    const answers = await ask(reader, [matched('a', 'eu-1'), matched('b', 'eu-1'), matched('c', 'us-2')]);
    expect(reader.asked).toEqual([
      String.raw`envoy_cluster_upstream_rq{envoy_cluster_name=~"a|b",cluster="eu-1",env="p\"q"}[3m]`,
      matched('c', 'us-2'),
    ]);
    expect(answers.map(namesIn)).toEqual([['a'], ['b'], ['c']]);
    expect(new BatchingReader(reader).matchers).toEqual({});
  });

  test('another range, another Secret or another address is another question', async () => {
    const reader = new SlowReader();
    const batching = new BatchingReader(reader);
    const answers = Promise.all([
      batching.query(TARGET, queryOf('a'), AT),
      batching.query(TARGET, queryOf('b', '4m'), AT),
      batching.query(TARGET, queryOf('c'), AT + 1),
      batching.query({ ...TARGET, secretName: 'prom' }, queryOf('d'), AT),
      batching.query({ ...TARGET, secretName: 'prom', namespace: 'other' }, queryOf('e'), AT),
      batching.query({ ...TARGET, url: 'http://other' }, queryOf('f'), AT),
      batching.query({ ...TARGET, namespace: 'other' }, queryOf('g'), AT),
    ]);
    await reader.run();
    await answers;
    // Without a Secret the namespace plays no part: `a` and `g` went together.
    expect(reader.asked).toHaveLength(6);
    expect(reader.asked.filter((query) => query.includes('=~'))).toEqual(['envoy_cluster_upstream_rq{envoy_cluster_name=~"a|g"}[3m]']);
  });

  test('a thousand go out in parts, and what comes while two are under way waits for them', async () => {
    const reader = new SlowReader();
    const answers = await ask(
      reader,
      Array.from({ length: 1_000 }, (_, index) => queryOf(`s${index}`)),
    );
    expect(reader.asked).toHaveLength(16);
    expect(answers.map(namesIn)).toEqual(Array.from({ length: 1_000 }, (_, index) => [`s${index}`]));
  });
});

describe('trouble', () => {
  test('an outage concerns all of them', async () => {
    const away: MetricsAnswer = { ok: false, kind: 'unavailable', message: 'refused' };
    const reader = new SlowReader(() => away);
    expect(await ask(reader, [queryOf('a'), queryOf('b')])).toEqual([away, away]);
    expect(reader.asked).toHaveLength(1);
  });

  test('an answer that is too large together is asked for one by one', async () => {
    const large: MetricsAnswer = { ok: false, kind: 'unusable', message: 'too large' };
    const reader = new SlowReader((query) => (query.includes('=~') ? large : answerAll(query)));
    expect((await ask(reader, [queryOf('a'), queryOf('b')])).map(namesIn)).toEqual([['a'], ['b']]);
  });

  test('a warning concerns all of them', async () => {
    const reader = new SlowReader((query) => ({ ...answerAll(query), warnings: ['partial'] }) as MetricsAnswer);
    const answers = await ask(reader, [queryOf('a'), queryOf('b')]);
    expect(answers.every((answer) => answer.ok && answer.warnings[0] === 'partial')).toBe(true);
  });
});
