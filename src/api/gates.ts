// The schema of gates: a Job or an HTTP endpoint that has to say yes before a weight is written.
import * as z from 'zod';
import { durationField, labelName, objectName } from './fields.ts';
import { MAX_GATES } from './names.ts';
import { type Rule, withRules } from './rules.ts';
import { urlField } from './urls.ts';

/** A Job template is stored in each release and compared at each decision. */
const MOST_TEMPLATE_CHARACTERS = 32_768;

const textMap = (maxValue: number) =>
  z
    .record(z.string().max(317), z.string().max(maxValue))
    .refine((values) => Object.keys(values).length <= 16, 'at most 16')
    .optional()
    .meta({ maxProperties: 16 });

const jobSchema = z.object({
  metadata: z.object({ labels: textMap(63), annotations: textMap(1_024) }).optional(),
  spec: z
    .record(z.string(), z.unknown())
    .refine(
      (spec) => JSON.stringify(spec).length <= MOST_TEMPLATE_CHARACTERS,
      `spec: a Job template of a gate has at most ${MOST_TEMPLATE_CHARACTERS} characters as JSON`,
    )
    .meta({ 'x-kubernetes-preserve-unknown-fields': true })
    .describe('Spec of the Job, as in batch/v1. backoffLimit is 0 if it is not set.'),
});

const httpSchema = z.object({
  url: urlField('https://smoke.shop.example.com/store-api').describe(
    "URL to which a signed JSON document is posted; must be on the operator's --gate-allow list.",
  ),
  secretRef: z
    .object({ name: objectName('secretRef.name') })
    .optional()
    .describe('Secret of this namespace; its key hmac signs the document.'),
  responseTimeout: durationField({ field: 'responseTimeout', min: '1s', max: '10m', example: '30s' })
    .default('30s')
    .describe('Time limit of one request. One that is not answered in time is repeated until the timeout of the gate.'),
});

const gateFields = z.object({
  name: labelName('name', 'smoke').describe('Name of the gate; unique within the list.'),
  during: z
    .enum(['stage'])
    .optional()
    .describe(
      'stage: the Job runs from the weight of the stage until the stage ends, such as a load generator. Default: the gate has to pass before the weight is written.',
    ),
  job: jobSchema.optional().describe('A Job of this namespace, which passes when it completes. Excludes http.'),
  http: httpSchema
    .optional()
    .describe('A request: an answer of 200 to 299 passes, 400 to 499 fails, all else is repeated until the timeout. Excludes job.'),
  timeout: durationField({ field: 'timeout', min: '1s', max: '168h', example: '10m' })
    .optional()
    .describe('Time after which a gate that has not passed fails. Default: 10m.'),
  onFailure: z
    .enum(['Rollback', 'Hold'])
    .default('Rollback')
    .describe('Rollback: all traffic goes back. Hold: the release pauses; resume runs the gate again, advance continues without it.'),
  idempotent: z
    .boolean()
    .default(false)
    .describe('True: the gate may be run again if an operator ended while it was running. Otherwise the release pauses then.'),
});

type GateFields = z.output<typeof gateFields>;

const gateRules: readonly Rule<GateFields>[] = [
  {
    cel: 'has(self.job) != has(self.http)',
    message: 'gate {self.name}: write either job or http',
    holds: (gate) => (gate.job === undefined) !== (gate.http === undefined),
  },
  {
    cel: '!has(self.during) || has(self.job)',
    message: 'gate {self.name}: only a job can run during a stage; remove during',
    holds: (gate) => gate.during === undefined || gate.job !== undefined,
    fieldPath: '.during',
  },
  {
    cel: '!has(self.during) || !has(self.timeout)',
    message: 'gate {self.name}: what runs during a stage ends with the stage; remove timeout',
    holds: (gate) => gate.during === undefined || gate.timeout === undefined,
    fieldPath: '.timeout',
  },
];

const gateSchema = withRules(gateFields, gateRules);

type GateList = readonly z.output<typeof gateSchema>[];

const gateList = z
  .array(gateSchema)
  .max(MAX_GATES)
  .superRefine((gates: GateList, context) => {
    gates.forEach((gate, index) => {
      if (gates.findIndex((other) => other.name === gate.name) === index) return;
      const message = `Duplicate value: two gates are named ${gate.name}; give each a name of its own`;
      context.addIssue({ code: 'custom', message, path: [index], input: gate });
    });
  })
  .meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['name'] });

/** `stages[].gates`. */
export const stageGatesSchema = gateList
  .optional()
  .describe('Gates, one after the other in this order: the weight of the stage is written when all have passed.');

/** `promotion.gates`. */
export const promotionGatesSchema = withRules(gateList, [
  {
    cel: '!self.exists(g, has(g.during))',
    message: 'promotion.gates: a promotion is no stage; remove during',
    holds: (gates: GateList) => gates.every((gate) => gate.during === undefined),
  },
])
  .optional()
  .describe('Gates that have to pass before the promotion begins.');
