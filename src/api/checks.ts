// The schema of one check: an absolute limit on a metric or on a query of the user's own.
import * as z from 'zod';
import { DURATION_PATTERN, isDuration, parseDuration } from './duration.ts';
import { countField, labelName, matchedText, textField } from './fields.ts';
import { CHECK_METRICS, type CheckMetric } from './names.ts';
import { DECIMAL_PATTERN, PERCENT_PATTERN, QUANTILE_PATTERN, RATE_PATTERN, isDecimal, isPercent, isRate, parseLimit } from './quantity.ts';
import { type Rule, withRules } from './rules.ts';

const limit = () => textField(28);

const checkFields = z.object({
  name: labelName('name', 'errors').describe('Name of the check; unique within the list.'),
  metric: z
    .enum(CHECK_METRICS)
    .optional()
    .describe('A RED metric of the metrics source. ErrorRatio counts answers of 500 and above. Excludes query.'),
  query: textField(4096)
    .optional()
    .describe(
      'Your own PromQL that returns one number. $(canary), $(serving), $(canaryWorkload), $(servingWorkload), $(canaryPods), $(namespace), $(release), $(revision) and $(window) are substituted. Excludes metric.',
    ),
  quantile: matchedText(8, QUANTILE_PATTERN, 'quantile: write a number between 0 and 1 in quotes, such as "0.99", not {self}')
    .optional()
    .describe('Quantile of the latency, such as "0.99". Required with metric Latency, and only allowed there.'),
  max: limit().optional().describe('Maximum allowed value: "1%" for a ratio, 500ms for Latency, 10/s for RequestRate, "5" for a query.'),
  min: limit().optional().describe('Minimum allowed value, written like max.'),
  consecutive: countField(1, 100).default(1).describe('Failed evaluations in a row before onBreach acts.'),
  onBreach: z
    .enum(['Auto', 'Rollback', 'Hold', 'Observe'])
    .default('Auto')
    .describe(
      'What a breach does: Rollback, Hold (the weight does not rise while it lasts) or Observe (only reported). Auto: Rollback, but Hold while the serving version breaks the limit too, or has too few requests in the window to show that it keeps it.',
    ),
});

type CheckFields = z.output<typeof checkFields>;
type Kind = 'ratio' | 'latency' | 'rate' | 'query';

const CEL_OF_KIND: Readonly<Record<Kind, string>> = {
  ratio: "has(self.metric) && self.metric in ['ErrorRatio', 'ClientErrorRatio']",
  latency: "has(self.metric) && self.metric == 'Latency'",
  rate: "has(self.metric) && self.metric == 'RequestRate'",
  query: 'has(self.query) && !has(self.metric)',
};

const KIND_OF_METRIC: Readonly<Record<CheckMetric, Kind>> = {
  ErrorRatio: 'ratio',
  ClientErrorRatio: 'ratio',
  Latency: 'latency',
  RequestRate: 'rate',
};

function kindOf(check: CheckFields): Kind | undefined {
  if (check.metric !== undefined) return KIND_OF_METRIC[check.metric];
  return check.query === undefined ? undefined : 'query';
}

function limitForm(kind: Kind, pattern: string, matches: (text: string) => boolean, words: string): Rule<CheckFields> {
  const fits = (field: string) => `(!has(self.${field}) || self.${field}.matches(r'${pattern}'))`;
  return {
    cel: `!(${CEL_OF_KIND[kind]}) || (${fits('max')} && ${fits('min')})`,
    message: `check {self.name}: ${words}`,
    holds: (check) => kindOf(check) !== kind || [check.max, check.min].every((text) => text === undefined || matches(text)),
  };
}

function limitOrder(kind: Kind, pattern: string, toNumber: (field: string) => string): Rule<CheckFields> {
  const fits = (field: string) => `!has(self.${field}) || !self.${field}.matches(r'${pattern}')`;
  return {
    cel: `!(${CEL_OF_KIND[kind]}) || ${fits('min')} || ${fits('max')} || ${toNumber('min')} <= ${toNumber('max')}`,
    message: 'check {self.name}: min is above max, so no value could pass; swap them or remove one',
    holds: (check) => kindOf(check) !== kind || isOrdered(check),
  };
}

function isOrdered({ min, max }: CheckFields): boolean {
  if (min === undefined || max === undefined) return true;
  const isLimit = (text: string) => isPercent(text) || isRate(text) || isDecimal(text) || isDuration(text);
  if (!isLimit(min) || !isLimit(max)) return true;
  if (isDuration(min) && isDuration(max)) return parseDuration(min) <= parseDuration(max);
  const [low, high] = [parseLimit(min), parseLimit(max)];
  return low.unit !== high.unit || low.value <= high.value;
}

const metricRules: readonly Rule<CheckFields>[] = [
  {
    cel: '!has(self.metric) || !has(self.query)',
    message: 'check {self.name}: has both metric and query; keep one of them',
    holds: (check) => check.metric === undefined || check.query === undefined,
  },
  {
    cel: 'has(self.metric) || has(self.query)',
    message: `check {self.name}: needs metric (${CHECK_METRICS.join(', ')}) or query (your own PromQL)`,
    holds: (check) => check.metric !== undefined || check.query !== undefined,
  },
  {
    cel: 'has(self.max) || has(self.min)',
    message: 'check {self.name}: needs max, min or both',
    holds: (check) => check.max !== undefined || check.min !== undefined,
  },
  {
    cel: `has(self.quantile) == (${CEL_OF_KIND.latency})`,
    message: 'check {self.name}: quantile (such as "0.99") is required with metric: Latency, and only allowed there',
    holds: (check) => (check.quantile !== undefined) === (check.metric === 'Latency'),
  },
];

const limitRules: readonly Rule<CheckFields>[] = [
  limitForm('ratio', PERCENT_PATTERN, isPercent, 'a ratio is written as a percentage from 0% to 100%, such as max: "1%"'),
  limitForm('latency', DURATION_PATTERN, isDuration, 'a latency is written as a duration (units h m s ms), such as max: 500ms'),
  limitForm('rate', RATE_PATTERN, isRate, 'a request rate is written per second, such as min: 0.5/s'),
  limitForm('query', DECIMAL_PATTERN, isDecimal, 'the limit of a query is a plain number in quotes, such as min: "0.5"'),
  limitOrder('ratio', PERCENT_PATTERN, (field) => `double(self.${field}.replace('%', ''))`),
  limitOrder('latency', DURATION_PATTERN, (field) => `duration(self.${field})`),
  limitOrder('rate', RATE_PATTERN, (field) => `double(self.${field}.replace('/s', ''))`),
  limitOrder('query', DECIMAL_PATTERN, (field) => `double(self.${field})`),
];

/** One absolute limit. */
export const checkSchema = withRules(checkFields, [...metricRules, ...limitRules]);
