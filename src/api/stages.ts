// The schema of the stages: how much traffic, for how long, for which requests.
import * as z from 'zod';
import { cohortSchema, mirrorSchema } from './cohort.ts';
import { celNotLonger, countField, durationField, isNotLonger, letterName } from './fields.ts';
import { stageGatesSchema } from './gates.ts';
import { MAX_STAGES } from './names.ts';
import { type Rule, withRules } from './rules.ts';

const stageFields = z.object({
  name: letterName('name', 'first').optional().describe('Name of the stage; unique within the list.'),
  weight: countField(0, 100).describe('Weight of the canary in percent of what the rule gave to the serving backend.'),
  cohort: cohortSchema
    .optional()
    .describe('Requests that meet all of these conditions go to the canary from this stage on. A cohort of a later stage replaces it.'),
  mirror: mirrorSchema
    .optional()
    .describe(
      'Copies of this share of the requests go to the canary, in this stage only; their responses are discarded. HTTPRoute only, and only with gateways that can do it.',
    ),
  duration: durationField({ field: 'duration', min: '0s', max: '168h', example: '1m30s' })
    .default('1m')
    .describe('Minimum time of the stage without Fail or Unavailable.'),
  timeout: durationField({ field: 'timeout', min: '1s', max: '1680h', example: '30m' })
    .optional()
    .describe(
      'Time after which onInconclusive decides if the stage has not passed. Default: the longer of 30m and ten times the duration.',
    ),
  approval: z
    .enum(['Automatic', 'Required'])
    .default('Automatic')
    .describe('Required: the release leaves this stage only after the command approve.'),
  minRequests: countField(1, 1_000_000)
    .optional()
    .describe('Canary requests required to pass in this stage, instead of analysis.minRequests. Never gives way.'),
  gates: stageGatesSchema,
});

type StageFields = z.output<typeof stageFields>;

const stageRules: readonly Rule<StageFields>[] = [
  {
    cel: celNotLonger('duration', 'timeout'),
    message: 'timeout is shorter than duration ({self.duration}); make it at least as long',
    holds: (stage) => isNotLonger(stage.duration, stage.timeout),
    fieldPath: '.timeout',
  },
  {
    cel: "self.weight > 0 || has(self.cohort) || has(self.mirror) || self.approval == 'Required'",
    message: 'weight 0 gets no traffic: give the stage a cohort, a mirror or approval: Required, or a weight of 1 or more',
    holds: (stage) => stage.weight > 0 || stage.cohort !== undefined || stage.mirror !== undefined || stage.approval === 'Required',
    fieldPath: '.weight',
  },
  {
    cel: '!has(self.mirror) || self.weight == 0',
    message: 'mirror: a stage that mirrors has weight 0; move the weight into a stage of its own',
    holds: (stage) => stage.mirror === undefined || stage.weight === 0,
    fieldPath: '.mirror',
  },
];

/** One stage. */
const stageSchema = withRules(stageFields, stageRules);

type StageOutput = z.output<typeof stageSchema>;

/** All stages, in the order they run. */
export const stagesSchema = withRules(z.array(stageSchema).min(1).max(MAX_STAGES).meta({ 'x-kubernetes-list-type': 'atomic' }), [
  {
    cel: 'self.map(s, s.weight).isSorted()',
    message: 'stages: weights may not fall from one stage to the next; order the stages by weight, for example 5, 25, 50',
    holds: (stages: readonly StageOutput[]) =>
      stages.every((stage, index) => index === 0 || (stages[index - 1]?.weight ?? 0) <= stage.weight),
  },
  {
    cel: 'self.all(s, !has(s.mirror)) || self.all(s, !has(s.cohort) || s.weight > 0)',
    message:
      'stages: a gateway would mirror requests of a cohort instead of sending them to the canary; name the cohort from the first weight above 0 on, behind the stages that mirror',
    holds: (stages: readonly StageOutput[]) =>
      stages.every(({ mirror }) => mirror === undefined) || stages.every(({ cohort, weight }) => cohort === undefined || weight > 0),
  },
  {
    cel: 'self.all(s, !has(s.name) || self.exists_one(t, has(t.name) && t.name == s.name))',
    message: 'stages: two stages have the same name; give each a name of its own',
    holds: (stages: readonly StageOutput[]) => isUnique(stages.flatMap((stage) => (stage.name === undefined ? [] : [stage.name]))),
  },
]);

/** The stages of a manifest without any. */
export const DEFAULT_STAGES = [
  { weight: 5, duration: '2m' },
  { weight: 25, duration: '5m' },
  { weight: 50, duration: '10m' },
];

/** The same where there is little traffic: a small share of it proves nothing in any useful time. */
export const DEFAULT_STAGES_OF_LITTLE_TRAFFIC = [
  { weight: 20, duration: '5m' },
  { weight: 50, duration: '10m' },
];

function isUnique(names: readonly string[]): boolean {
  return new Set(names).size === names.length;
}
