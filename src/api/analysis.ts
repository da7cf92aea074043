// The schema of the analysis: where the numbers come from, how often they are read, and what happens without them.
import * as z from 'zod';
import { checkSchema } from './checks.ts';
import {
  celNotLonger,
  countField,
  durationField,
  isNotLonger,
  matchedText,
  objectName,
  percentField,
  plainPercentField,
  TEXT_OR_OBJECT,
  textField,
} from './fields.ts';
import { isLabelName, LABEL_PATTERN, LONGEST_LABEL, LONGEST_VALUE, MOST_MATCHERS } from './matchers.ts';
import { MAX_CHECKS } from './names.ts';
import { type Rule, withRules } from './rules.ts';
import { urlField } from './urls.ts';

const prometheusSchema = z.object({
  url: urlField('http://prometheus.monitoring:9090', 'https://metrics.example/tenant')
    .optional()
    .describe("Address of Prometheus. Default: the operator's own. Another address must be on the operator's allow-list."),
  secretRef: z
    .object({ name: objectName('secretRef.name') })
    .optional()
    .describe('Secret of this namespace with token, or username and password, and ca.crt if needed.'),
  timeout: durationField({ field: 'timeout', min: '100ms', max: '60s', example: '5s' }).default('5s'),
});

/** The rule of `matchers`; the size is a limit of the schema itself. */
export const matcherRules: readonly Rule<Record<string, string>>[] = [
  {
    cel: `self.all(label, label.matches(r'${LABEL_PATTERN}') && !label.startsWith('__') && label.size() <= ${LONGEST_LABEL})`,
    message:
      'matchers: write names of labels (letters, digits and "_", no digit first, not "__" first) with their values, such as cluster: eu-1',
    holds: (self) => Object.keys(self).every(isLabelName),
  },
];

const matchersSchema = withRules(
  z
    .record(z.string(), textField(LONGEST_VALUE, 0))
    .refine((matchers) => Object.keys(matchers).length <= MOST_MATCHERS, `matchers: at most ${MOST_MATCHERS}`)
    .meta({ maxProperties: MOST_MATCHERS }),
  matcherRules,
);

/** `Auto`, or the name of a metrics source. */
export function sourceField() {
  return matchedText(63, '^[A-Za-z][A-Za-z0-9]*$', 'source: write Auto or the name of a metrics source such as Contour, not {self}');
}

const metricsSchema = z.object({
  source: sourceField()
    .default('Auto')
    .describe('Metrics source: how RED metrics are named. Auto: from the controller that accepted the route.'),
  matchers: matchersSchema
    .optional()
    .describe('Label matchers added to every built-in query, for a Prometheus that stores several clusters, such as cluster: eu-1.'),
  prometheus: prometheusSchema.prefault({}),
});

/** The risk budget of a manifest without one. */
export const DEFAULT_RISK_BUDGET = { ratio: '0.5%', requests: 10 };

const riskBudgetSchema = z
  .union(
    [
      plainPercentField('riskBudget', '0.5%'),
      z.strictObject({
        ratio: plainPercentField('ratio', '0.5%').default(DEFAULT_RISK_BUDGET.ratio),
        requests: countField(0, 1_000_000).default(DEFAULT_RISK_BUDGET.requests),
      }),
    ],
    'riskBudget: write a percentage such as 0.5%, or {ratio: 0.5%, requests: 10}',
  )
  .meta({ [TEXT_OR_OBJECT]: true });

const comparisonSchema = z.object({
  mode: z
    .enum(['Enforce', 'Observe', 'Off'])
    .default('Enforce')
    .describe(
      'Enforce: a canary that is significantly worse than serving is rolled back, and the weight rises only with enough evidence. Observe: results are only reported. "Off" (in quotes).',
    ),
  maxFalseRollbacks: percentField('maxFalseRollbacks', '1%')
    .default('1%')
    .describe('Upper bound of the probability that the comparison rolls back a healthy release.'),
  riskBudget: riskBudgetSchema
    .default(DEFAULT_RISK_BUDGET)
    .describe(
      'What may fail additionally after the next increase of the weight: the larger of ratio, a share of all traffic, and requests, a number of requests in the next stage (before 100%: in the time of the last stage, at least 10m). A smaller value needs more requests. A percentage alone is the ratio.',
    ),
});

type CheckList = z.output<z.ZodArray<typeof checkSchema>>;

const checksSchema = z
  .array(checkSchema)
  .max(MAX_CHECKS)
  .superRefine((checks: CheckList, context) => {
    // In the cluster the map list refuses this with the same message.
    checks.forEach((check, index) => {
      if (checks.findIndex((other) => other.name === check.name) === index) return;
      const message = `Duplicate value: two checks are called ${check.name}; give each a name of its own`;
      context.addIssue({ code: 'custom', message, path: [index], input: check });
    });
  })
  .meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['name'] });

/** The checks of a manifest without `checks`; an empty list means none. */
const DEFAULT_CHECKS: z.input<typeof checksSchema> = [{ name: 'errors', metric: 'ErrorRatio', max: '1%' }];

const analysisFields = z.object({
  mode: z
    .enum(['Enforce', 'Observe', 'Off'])
    .default('Enforce')
    .describe(
      'Observe: verdicts are reported but never acted on. "Off" (in quotes, because YAML reads a bare Off as a boolean): no analysis; a condition says so.',
    ),
  metrics: metricsSchema.prefault({}),
  interval: durationField({ field: 'interval', min: '1s', max: '10m', example: '10s' })
    .default('10s')
    .describe('Time between evaluations. Where the gateway is scraped less often they follow the scrapes, at least one a minute.'),
  window: durationField({ field: 'window', min: '1s', max: '24h', example: '1m' }).default('1m').describe('Range of the rates in checks.'),
  minRequests: countField(1, 1_000_000)
    .default(50)
    .describe(
      'Canary requests required to pass, per stage. A failure needs no minimum. Gives way where the requests of the risk budget, not its ratio, earn the next weight.',
    ),
  comparison: comparisonSchema.prefault({}).describe('Compares the canary with the serving version in the same seconds.'),
  sentinel: z
    .enum(['Auto', 'Off'])
    .default('Auto')
    .describe(
      'Auto: while a canary is young, its gateways are asked for their own counters every second, if the operator has --sentinel; what they show can only fail the release. "Off" (in quotes).',
    ),
  checks: checksSchema
    .prefault(DEFAULT_CHECKS)
    .describe('Absolute limits. Default: one check "errors", ErrorRatio at most 1%. An empty list means none.'),
  onInconclusive: z
    .enum(['Pause', 'Approve', 'Promote', 'Rollback'])
    .default('Pause')
    .describe('What happens when a stage times out without a Pass. Promote needs one Pass in the stage.'),
  onUnavailable: z
    .object({
      after: durationField({ field: 'after', min: '0s', max: '720h', example: '15m' }).default('15m'),
      then: z.enum(['Pause', 'Reduce', 'Rollback']).default('Pause'),
    })
    .prefault({})
    .describe('What happens when Prometheus is unavailable for this long. Reduce: the weight goes back to that of the first stage.'),
});

type AnalysisFields = z.output<typeof analysisFields>;

/** How a release is analyzed. */
export const analysisSchema = withRules(analysisFields, [
  {
    cel: celNotLonger('interval', 'window'),
    message: 'window is shorter than interval, so evaluations would miss requests; write a window of at least the interval',
    holds: (analysis: AnalysisFields) => isNotLonger(analysis.interval, analysis.window),
    fieldPath: '.window',
  },
]);
