// The schema of `spec`, the rules across its fields, and the defaults that the core relies on.
import * as z from 'zod';
import { DEFAULT_STAGES, DEFAULT_STAGES_OF_LITTLE_TRAFFIC, stagesSchema } from './stages.ts';
import { oncePer } from './once.ts';
import { analysisSchema, sourceField } from './analysis.ts';
import { formatDuration, parseDuration } from './duration.ts';
import { GlidepathError } from './errors.ts';
import { type Exact, countField, durationField, letterName, labelName, objectName, textField } from './fields.ts';
import { promotionGatesSchema } from './gates.ts';
import { MAX_GATES_IN_ALL, MAX_ROUTES, ROUTE_KINDS } from './names.ts';
import { type Rule, withRules } from './rules.ts';
import { urlField } from './urls.ts';

const serviceSchema = z.object({
  name: letterName('name', 'store-api').describe('Name of a Service of this namespace.'),
  port: countField(1, 65_535)
    .optional()
    .describe('Only if the Service has several ports: rules that name it by another port are not changed.'),
});

type ServiceList = readonly z.output<typeof serviceSchema>[];

const servicesSchema = withRules(z.array(serviceSchema).min(2).max(2).meta({ 'x-kubernetes-list-type': 'atomic' }), [
  {
    cel: 'self.size() != 2 || self[0].name != self[1].name',
    message: 'services: both entries name the same Service; name the Services of the two versions',
    holds: (services: ServiceList) => services.length !== 2 || services[0]?.name !== services[1]?.name,
  },
]);

const routeRefSchema = z.object({
  kind: z.enum(ROUTE_KINDS).default('HTTPRoute'),
  name: objectName('name').describe('Name of a route of this namespace.'),
  rules: z
    .array(textField(253))
    .min(1)
    .max(16)
    .optional()
    .meta({ 'x-kubernetes-list-type': 'set' })
    .describe('Names of rules, or rules[0] for one without a name. Default: every rule that names the serving Service.'),
  metrics: z
    .object({ source: sourceField().describe('Auto: from the controllers that accepted this route.') })
    .optional()
    .describe('Who counts the requests of this route. Default: spec.analysis.metrics.source.'),
});

type RouteRefList = readonly z.output<typeof routeRefSchema>[];

const routeRefsSchema = z
  .array(routeRefSchema)
  .max(MAX_ROUTES)
  .superRefine((refs: RouteRefList, context) => {
    refs.forEach((ref, index) => {
      if (refs.findIndex((other) => other.kind === ref.kind && other.name === ref.name) === index) return;
      const message = `Duplicate value: ${ref.kind} ${ref.name} is listed twice; list each route once`;
      context.addIssue({ code: 'custom', message, path: [index], input: ref });
    });
  })
  .meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['kind', 'name'] });

const targetRefSchema = z.object({
  group: z.enum(['apps']).default('apps'),
  kind: z.enum(['Deployment']).default('Deployment'),
  name: withRules(labelName('name', 'store-api'), []).describe('Name of a Deployment of this namespace.'),
  hold: z
    .enum(['Admission', 'PausedAtRest'])
    .optional()
    .describe(
      'Admission (default): the admission policy or the webhook pauses the Deployment when its template changes. PausedAtRest: it is kept paused between releases.',
    ),
});

const canarySchema = z.object({
  minReplicas: countField(1, 1_000)
    .optional()
    .describe('Fewest canary pods while it has weight. Default: 2 where the Deployment has two or more pods, else 1.'),
  labels: z
    .record(z.string().max(317), z.string().max(63))
    .refine((labels) => Object.keys(labels).length <= 16, 'labels: at most 16')
    .default({})
    .meta({ maxProperties: 16 })
    .describe(
      'Labels of the canary pods. A label that both selectors have separates canary and serving pods, instead of the one that is changed by default.',
    ),
});

const notificationSchema = z.object({
  name: labelName('name', 'deploys'),
  url: urlField('https://hooks.example.com/deploys').describe(
    "URL to which a signed JSON document is posted; must be on the operator's --notification-allow list.",
  ),
  secretRef: z
    .object({ name: objectName('secretRef.name') })
    .optional()
    .describe('Secret of this namespace; its key hmac signs the document.'),
});

const trouble = (example: string, min: string) => durationField({ field: 'after', min, max: '2160h', example });

const specFields = z.object({
  targetRef: targetRefSchema.optional().describe('Deployment mode: the operator runs a canary beside your Deployment. Excludes services.'),
  service: serviceSchema.optional().describe('Deployment mode: the Service that the routes name.'),
  services: servicesSchema
    .optional()
    .describe(
      'Services mode: you run both versions. The one with the traffic is the serving version ("stable" in Argo Rollouts, "primary" in Flagger), the other the canary. Excludes targetRef.',
    ),
  canary: canarySchema.optional().describe('Deployment mode: how the canary is run.'),
  adopt: z
    .boolean()
    .default(false)
    .describe(
      'Services mode. True: a canary that has weight when its release begins keeps it, and the release continues from that weight. False: such a release is blocked until the weight is 0.',
    ),
  revision: textField(128)
    .optional()
    .describe(
      'Services mode: name of the version; a change starts a release, which waits up to a minute for new pods. From Git: change it in every commit that changes the pods.',
    ),
  routeRefs: routeRefsSchema.default([]).describe('Default: every route of this namespace that names the Service.'),
  stages: stagesSchema
    .optional()
    .describe(
      'Stages of the release; the weight must not fall from one to the next. Default: 5% for 2m, 25% for 5m, 50% for 10m; 20% for 5m, 50% for 10m where the serving version had fewer than 2 requests a second in the half hour before the release.',
    ),
  analysis: analysisSchema.prefault({}).describe('How the canary is analyzed.'),
  promotion: z
    .object({
      approval: z.enum(['Automatic', 'Required']).default('Automatic'),
      bake: durationField({ field: 'bake', min: '0s', max: '720h', example: '10m' })
        .default('0s')
        .describe('How long the canary is analyzed at 100% while the previous version keeps its pods.'),
      mode: z
        .enum(['Promote', 'None'])
        .default('Promote')
        .describe(
          'Services mode. None: an experiment, such as an A/B test. When its stages have passed, all traffic goes back to the serving version, and the release is Completed.',
        ),
      gates: promotionGatesSchema,
    })
    .prefault({}),
  onServingEmpty: z
    .enum(['Hold', 'Promote'])
    .default('Hold')
    .describe(
      'What happens when the serving Service has no ready endpoint and the canary has. Hold: the weight does not rise until it has one, or a person promotes. Promote: the canary is promoted after 10s, unless a check fails or an approval is missing.',
    ),
  onBlocked: z
    .object({ after: trouble('15m', '0s').default('15m'), then: z.enum(['Pause', 'Rollback']).default('Pause') })
    .prefault({})
    .describe('What happens when a running release is blocked for this long.'),
  deadline: z
    .object({ after: trouble('24h', '1s').default('24h'), then: z.enum(['Pause', 'Rollback']).default('Rollback') })
    .prefault({})
    .describe('Time limit of the whole release, waiting for people included.'),
  deletionPolicy: z
    .enum(['Restore', 'Retain'])
    .default('Restore')
    .describe('Restore: all traffic goes back to the serving version before the object is deleted. Retain: the weights stay.'),
  notifications: z
    .array(notificationSchema)
    .max(4)
    .default([])
    .meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['name'] })
    .describe('Webhooks that receive every event of the release.'),
  paused: z.boolean().default(false).describe('True: the weight does not rise. Wins over the command resume.'),
});

type SpecFields = z.output<typeof specFields>;

const modeRules: readonly Rule<SpecFields>[] = [
  {
    cel: '!has(self.targetRef) || !has(self.services)',
    message: 'targetRef and services exclude each other: keep targetRef (the operator runs the canary) or services (you run both versions)',
    holds: (spec) => spec.targetRef === undefined || spec.services === undefined,
  },
  {
    cel: 'has(self.targetRef) || has(self.services)',
    message: 'write targetRef and service (the operator runs a canary beside your Deployment) or services (you run both versions)',
    holds: (spec) => spec.targetRef !== undefined || spec.services !== undefined,
  },
  {
    cel: 'has(self.service) || !has(self.targetRef)',
    message: 'service: targetRef needs service, the Service that the routes name, such as service: {name: store-api}',
    holds: (spec) => spec.service !== undefined || spec.targetRef === undefined,
  },
  {
    cel: 'has(self.targetRef) || !has(self.service)',
    message: 'service belongs to targetRef; in Services mode list both Services under services',
    holds: (spec) => spec.targetRef !== undefined || spec.service === undefined,
    fieldPath: '.service',
  },
  {
    cel: 'has(self.targetRef) || !has(self.canary)',
    message: 'canary belongs to targetRef; in Services mode you run the canary yourself, so remove it',
    holds: (spec) => spec.targetRef !== undefined || spec.canary === undefined,
    fieldPath: '.canary',
  },
  {
    cel: 'has(self.services) || !has(self.revision)',
    message: "revision belongs to services; with targetRef the Deployment's pod template is the revision, so remove it",
    holds: (spec) => spec.services !== undefined || spec.revision === undefined,
    fieldPath: '.revision',
  },
  {
    cel: 'has(self.services) || !self.adopt',
    message: 'adopt belongs to services; with targetRef the canary is created by the release, so it has no weight before; remove it',
    holds: (spec) => spec.services !== undefined || !spec.adopt,
    fieldPath: '.adopt',
  },
  {
    cel: '!self.adopt || !has(self.stages) || self.stages.all(s, !has(s.mirror))',
    message: 'adopt: a stage that mirrors has weight 0, and a canary that is taken over has weight already; remove the mirror, or adopt',
    holds: (spec) => !spec.adopt || spec.stages === undefined || spec.stages.every(({ mirror }) => mirror === undefined),
    fieldPath: '.adopt',
  },
  {
    cel: "has(self.services) || self.promotion.mode == 'Promote'",
    message: 'promotion.mode: None needs services; with targetRef the Deployment has the new revision already, so remove it',
    holds: (spec) => spec.services !== undefined || spec.promotion.mode === 'Promote',
    fieldPath: '.promotion.mode',
  },
  {
    cel: "self.promotion.mode == 'Promote' || (self.promotion.approval == 'Automatic' && self.promotion.bake == '0s' && !has(self.promotion.gates))",
    message: 'promotion: with mode None nothing is promoted, so approval, bake and gates have no effect; remove them',
    holds: ({ promotion }) =>
      promotion.mode === 'Promote' || (promotion.approval === 'Automatic' && promotion.bake === '0s' && promotion.gates === undefined),
    fieldPath: '.promotion',
  },
];

const proofRules: readonly Rule<SpecFields>[] = [
  {
    cel: "!has(self.stages) || !self.stages.exists(s, s.weight == 100) || self.analysis.checks.exists(c, c.onBreach in ['Auto', 'Rollback'])",
    message:
      'stages: at weight 100 there is no serving traffic to compare with, so it needs an absolute check with onBreach: Auto or Rollback, such as {name: errors, metric: ErrorRatio, max: "1%"}',
    holds: (spec) =>
      (spec.stages ?? []).every((stage) => stage.weight < 100) ||
      spec.analysis.checks.some((check) => check.onBreach === 'Auto' || check.onBreach === 'Rollback'),
    fieldPath: '.stages',
  },
  {
    cel: `(has(self.stages) ? self.stages.map(s, has(s.gates) ? s.gates.size() : 0).sum() : 0) + (has(self.promotion.gates) ? self.promotion.gates.size() : 0) <= ${MAX_GATES_IN_ALL}`,
    message: `stages: a release has at most ${MAX_GATES_IN_ALL} gates, those of the promotion included; remove some`,
    holds: (spec) => countGates(spec) <= MAX_GATES_IN_ALL,
    fieldPath: '.stages',
  },
];

function countGates({ stages = [], promotion }: SpecFields): number {
  return [...stages, promotion].reduce((sum, { gates = [] }) => sum + gates.length, 0);
}

/** Compares two versions of a spec, so only the API server can refuse this. */
const transitionRule: Rule<SpecFields> = {
  cel: 'has(self.targetRef) == has(oldSelf.targetRef)',
  message: 'a release cannot change between targetRef and services; delete it and create a new one',
  holds: () => true,
};

/** The schema of `spec`. */
export const specSchema = withRules(specFields, [...modeRules, ...proofRules, transitionRule]);

/** A spec as people write it. */
export type SpecInput = z.input<typeof specSchema>;

type SpecOutput = Exact<z.output<typeof specSchema>>;

/** One stage, defaults filled. */
export type Stage = NonNullable<SpecOutput['stages']>[number] & { readonly timeout: string };
/** A spec with every default filled: only fields whose absence has a meaning are optional. */
export type CanaryReleaseSpec = Omit<SpecOutput, 'stages'> & {
  readonly stages: readonly Stage[];
  /** The stages are not written: which of the defaults they are depends on the traffic before the release. */
  readonly hasDefaultStages?: true;
};
/** One gate. */
export type Gate = NonNullable<Stage['gates']>[number];
/** How a release is analyzed. */
export type Analysis = CanaryReleaseSpec['analysis'];
/** One absolute limit. */
export type Check = Analysis['checks'][number];
/** A chosen route. */
export type RouteRef = CanaryReleaseSpec['routeRefs'][number];

const THIRTY_MINUTES_MS = 30 * 60_000;

/** Fills the defaults that the CRD cannot express, because they depend on other fields. */
export function completeSpec(spec: z.output<typeof specSchema>): CanaryReleaseSpec {
  const { stages, ...rest } = spec;
  const canary = spec.canary ?? (spec.targetRef === undefined ? undefined : canarySchema.parse({}));
  const chosen = stages === undefined ? { stages: USUAL_STAGES, hasDefaultStages: true } : { stages: stages.map(withTimeout) };
  // zod leaves an absent field absent, so nothing is `undefined` here that the exact type forbids.
  return { ...rest, ...(canary === undefined ? {} : { canary }), ...chosen } as CanaryReleaseSpec;
}

function withTimeout<One extends { readonly duration: string; readonly timeout?: string | undefined }>(stage: One) {
  return { ...stage, timeout: stage.timeout ?? defaultTimeout(stage.duration) };
}

const USUAL_STAGES = stagesSchema.parse(DEFAULT_STAGES).map(withTimeout) as readonly Stage[];
const STAGES_OF_LITTLE_TRAFFIC = stagesSchema.parse(DEFAULT_STAGES_OF_LITTLE_TRAFFIC).map(withTimeout) as readonly Stage[];

/** Fewer requests of the serving version a second are little traffic. */
export const LITTLE_TRAFFIC_PER_SECOND = 2;

/**
 * The spec with the default stages for this traffic, where no stages are written.
 * @param perSecond requests of the serving version in the half hour before the release; undefined where that is not known
 */
export function withStagesFor(spec: CanaryReleaseSpec, perSecond: number | undefined): CanaryReleaseSpec {
  if (spec.hasDefaultStages !== true) return spec;
  const isLittle = perSecond !== undefined && perSecond < LITTLE_TRAFFIC_PER_SECOND;
  if (spec.stages === (isLittle ? STAGES_OF_LITTLE_TRAFFIC : USUAL_STAGES)) return spec;
  return isLittle ? forLittleTraffic(spec) : forUsualTraffic(spec);
}

const forLittleTraffic = oncePer((spec: CanaryReleaseSpec): CanaryReleaseSpec => ({ ...spec, stages: STAGES_OF_LITTLE_TRAFFIC }));
const forUsualTraffic = oncePer((spec: CanaryReleaseSpec): CanaryReleaseSpec => ({ ...spec, stages: USUAL_STAGES }));

function defaultTimeout(duration: string): string {
  return formatDuration(Math.max(THIRTY_MINUTES_MS, 10 * parseDuration(duration)));
}

/**
 * Fills every default.
 * @throws GlidepathError GLIDEPATH_E_SPEC when the spec breaks a rule; the message lists field and fix.
 */
export function defaultSpec(spec: SpecInput): CanaryReleaseSpec {
  const parsed = specSchema.safeParse(spec);
  if (parsed.success) return completeSpec(parsed.data);
  const problems = parsed.error.issues.map((issue) => `spec.${issue.path.join('.')}: ${issue.message}`);
  throw new GlidepathError('GLIDEPATH_E_SPEC', problems.join('; '));
}
