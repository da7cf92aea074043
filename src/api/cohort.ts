// The schemas of a cohort and of a mirror: which requests, or copies of them, go to the canary whatever its weight is. All conditions have
// to hold.
import * as z from 'zod';
import { countField, type Exact, matchedText, openEnum, textField } from './fields.ts';
import { type Rule, withRules } from './rules.ts';

const HEADER_NAME = '^[A-Za-z0-9!#$%&*+.^_|~-]+$';
const MATCH_TYPES = ['Exact', 'RegularExpression'] as const;
/** Methods that the Gateway API can match. */
const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', 'PATCH'] as const;
const MOST_CONDITIONS = 8;

const headerSchema = z.object({
  name: matchedText(256, HEADER_NAME, 'name: write the name of an HTTP header, such as X-Canary-User, not {self}'),
  value: textField(4096),
  type: z.enum(MATCH_TYPES).default('Exact'),
});

type Header = z.output<typeof headerSchema>;

const headersSchema = withRules(z.array(headerSchema).min(1).max(MOST_CONDITIONS).meta({ 'x-kubernetes-list-type': 'atomic' }), [
  {
    cel: 'self.all(h, self.exists_one(g, g.name.lowerAscii() == h.name.lowerAscii()))',
    message: 'headers: the same header name appears twice, and a gateway uses only the first one; keep one',
    holds: (headers: readonly Header[]) => new Set(headers.map(({ name }) => name.toLowerCase())).size === headers.length,
  },
]);

const queryParamSchema = z.object({
  name: matchedText(256, HEADER_NAME, 'name: write the name of a query parameter, such as preview, not {self}'),
  value: textField(1024),
  type: z.enum(MATCH_TYPES).default('Exact'),
});

/** In the cluster the map list refuses the same name twice with this message. */
const queryParamsSchema = z
  .array(queryParamSchema)
  .min(1)
  .max(MOST_CONDITIONS)
  .superRefine((params, context) => {
    params.forEach(({ name }, index) => {
      if (params.findIndex((other) => other.name === name) === index) return;
      const message = `Duplicate value: two queryParams are called ${name}; keep one`;
      context.addIssue({ code: 'custom', message, path: [index], input: name });
    });
  })
  .meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['name'] });

const methodsSchema = z
  .array(z.enum(METHODS))
  .min(1)
  .max(METHODS.length)
  .superRefine((methods, context) => {
    methods.forEach((method, index) => {
      if (methods.indexOf(method) === index) return;
      context.addIssue({ code: 'custom', message: `Duplicate value: ${method} is listed twice; keep one`, path: [index], input: method });
    });
  })
  .meta({ 'x-kubernetes-list-type': 'set' });

const cohortFields = z.object({
  headers: headersSchema.optional().describe('Headers that a request of the cohort has, all of them.'),
  queryParams: queryParamsSchema.optional().describe('Query parameters that a request of the cohort has, all of them. HTTPRoute only.'),
  methods: methodsSchema.optional().describe('Methods of which a request of the cohort has one. HTTPRoute only.'),
});

const cohortRules: readonly Rule<z.output<typeof cohortFields>>[] = [
  {
    cel: 'has(self.headers) || has(self.queryParams) || has(self.methods)',
    message: 'cohort: name at least one of headers, queryParams and methods, such as headers: [{name: X-Canary-User, value: "true"}]',
    holds: ({ headers, queryParams, methods }) => headers !== undefined || queryParams !== undefined || methods !== undefined,
  },
];

/** A cohort as a stage names it. */
export const cohortSchema = withRules(cohortFields, cohortRules);

/** Methods that change nothing, so that a second request does no harm. */
const SAFE_METHODS = ['GET', 'HEAD'] as const;

/** A mirror as a stage names it. */
export const mirrorSchema = z.object({
  percent: countField(1, 100).describe('Share of the requests that is copied.'),
  methods: methodsSchema
    .default([...SAFE_METHODS])
    .describe('Methods of the requests that are copied. One that changes data changes it twice.'),
});

const ATOMIC = { 'x-kubernetes-list-type': 'atomic' };
const recordedCondition = z.object({ name: textField(256), value: textField(4096), type: openEnum(MATCH_TYPES) });

/** A cohort as a status records it: it was checked when the spec was. */
export const recordedCohortSchema = z.object({
  headers: z.array(recordedCondition).max(MOST_CONDITIONS).optional().meta(ATOMIC),
  queryParams: z.array(recordedCondition).max(MOST_CONDITIONS).optional().meta(ATOMIC),
  methods: z.array(openEnum(METHODS)).max(METHODS.length).optional().meta(ATOMIC),
  mirrorPercent: countField(1, 100).optional().describe('Only copies of this share of the requests are sent; the responses are discarded.'),
});

/** Conditions on a request, which have to hold together, and whether the requests or copies of them are meant. */
export type Cohort = Exact<z.output<typeof recordedCohortSchema>>;
