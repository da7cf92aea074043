// One rule, two readers: each rule of the API is written once and becomes a CEL rule of the CRD and a refinement of the
// zod schema, with the same words. That is why a manifest can be checked without a cluster.
import type * as z from 'zod';

/** A rule of a value. `{self}` and `{self.field}` in the message stand for text of the value itself. */
export interface Rule<T> {
  /** CEL over `self`; true means valid. */
  readonly cel: string;
  /** Names the field and says what to write. Placeholders may only stand for required strings. */
  readonly message: string;
  /** The same rule in TypeScript; true means valid. */
  readonly holds: (self: T) => boolean;
  /** Path below the value that the refusal is about, such as `.stages`. */
  readonly fieldPath?: string;
}

/** A rule as the CRD holds it. */
export interface CelRule {
  readonly rule: string;
  readonly message?: string;
  readonly messageExpression?: string;
  readonly fieldPath?: string;
}

/** Key of the metadata that the CRD generator copies. */
const CEL_RULES = 'x-kubernetes-validations';

const PLACEHOLDER = /\{(self(?:\.[A-Za-z]+)?)\}/;
const SPLIT = /(\{self(?:\.[A-Za-z]+)?\})/;

/** The schema with all rules attached, for both readers. */
export function withRules<S extends z.ZodType>(schema: S, rules: readonly Rule<z.output<S>>[]): S {
  const refined = schema.superRefine((value, context) => {
    for (const rule of rules) {
      if (rule.holds(value)) continue;
      const path = (rule.fieldPath ?? '').split('.').filter((part) => part !== '');
      context.addIssue({ code: 'custom', message: fillMessage(rule.message, value), path, input: value });
    }
  });
  return refined.meta({ [CEL_RULES]: rules.map(toCelRule) });
}

/** The CRD's form of a rule. */
export function toCelRule(rule: Pick<Rule<never>, 'cel' | 'message' | 'fieldPath'>): CelRule {
  const where = rule.fieldPath === undefined ? {} : { fieldPath: rule.fieldPath };
  return PLACEHOLDER.test(rule.message)
    ? { rule: rule.cel, messageExpression: toCelText(rule.message), ...where }
    : { rule: rule.cel, message: rule.message, ...where };
}

/** A string as a CEL literal. */
export function quoteCel(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}

function toCelText(template: string): string {
  return template
    .split(SPLIT)
    .filter((part) => part !== '')
    .map((part) => PLACEHOLDER.exec(part)?.[1] ?? quoteCel(part))
    .join(' + ');
}

function fillMessage(template: string, value: unknown): string {
  return template
    .split(SPLIT)
    .map((part) => {
      const path = PLACEHOLDER.exec(part)?.[1];
      return path === undefined ? part : readText(value, path);
    })
    .join('');
}

function readText(value: unknown, path: string): string {
  const field = path.split('.')[1];
  if (field === undefined) return String(value);
  return typeof value === 'object' && value !== null ? String(Reflect.get(value, field)) : '';
}
