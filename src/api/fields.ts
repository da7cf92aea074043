// Building blocks of the schema: bounded names, durations and percentages whose refusals name the field and the fix. Every
// string and list has a maximum, because the API server computes the cost of the CEL rules from it.
import * as z from 'zod';
import { DURATION_MAX_LENGTH, DURATION_PATTERN, isDuration, parseDuration } from './duration.ts';
import { PERCENT_PATTERN, isPercent } from './quantity.ts';
import { type Rule, withRules } from './rules.ts';

/** Optional properties without `undefined`, and everything readonly: what JSON can hold. */
export type Exact<T> = T extends readonly (infer Item)[]
  ? readonly Exact<Item>[]
  : T extends object
    ? { readonly [K in keyof T]: Exact<Exclude<T[K], undefined>> }
    : T;

/** Key of the metadata with which the CRD generator writes a bounded string instead of an enum. */
export const OPEN_ENUM = 'x-open-enum';

const LABEL = '^[a-z0-9]([-a-z0-9]*[a-z0-9])?$';
const SERVICE_NAME = '^[a-z]([-a-z0-9]*[a-z0-9])?$';
const SUBDOMAIN = '^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$';

/** A text of limited length. */
export function textField(maxLength: number, minLength = 1) {
  return z.string().min(minLength).max(maxLength);
}

/** A text with one rule about its form. */
export function matchedText(maxLength: number, pattern: string, message: string) {
  const form = new RegExp(pattern);
  return withRules(textField(maxLength), [{ cel: `self.matches(r'${pattern}')`, message, holds: (self) => form.test(self) }]);
}

/** A name of lower case letters, digits and `-`, up to 63 characters. */
export function labelName(field: string, example: string) {
  return matchedText(63, LABEL, `${field}: write lower case letters, digits and "-", such as ${example}, not {self}`);
}

/** A name that begins with a letter: stages (a number would mean a position) and Services. */
export function letterName(field: string, example: string) {
  const words = 'lower case letters, digits and "-", a letter first';
  return matchedText(63, SERVICE_NAME, `${field}: write ${words}, such as ${example}, not {self}`);
}

/** The name of another object, up to 253 characters. */
export function objectName(field: string) {
  return matchedText(253, SUBDOMAIN, `${field}: write the name of an object (lower case letters, digits, "-" and "."), not {self}`);
}

/** What a duration may be. */
export interface DurationRange {
  readonly field: string;
  readonly min: string;
  readonly max: string;
  readonly example: string;
}

/** A GEP-2257 duration within a range. */
export function durationField({ field, min, max, example }: DurationRange) {
  const form = `self.matches(r'${DURATION_PATTERN}')`;
  const rules: readonly Rule<string>[] = [
    {
      cel: form,
      message: `${field}: write a duration such as ${example} (units h m s ms), not {self}`,
      holds: isDuration,
    },
    {
      cel: `!${form} || (duration(self) >= duration('${min}') && duration(self) <= duration('${max}'))`,
      message: `${field}: must be between ${min} and ${max}, for example ${example}; got {self}`,
      holds: (self) => !isDuration(self) || isWithin(parseDuration(self), parseDuration(min), parseDuration(max)),
    },
  ];
  return withRules(textField(DURATION_MAX_LENGTH), rules);
}

/** A percentage from 0% to 100%. */
export function percentField(field: string, example: string) {
  return withRules(textField(9), [
    {
      cel: `self.matches(r'${PERCENT_PATTERN}')`,
      message: `${field}: write a percentage from 0% to 100% such as ${example}, not {self}`,
      holds: isPercent,
    },
  ]);
}

/**
 * Key of the metadata of a union of a text and an object. A structural schema has no unions: in the CRD it becomes a field of any type
 * whose texts the API server checks; the parser checks the rest.
 */
export const TEXT_OR_OBJECT = 'x-text-or-object';

/** A percentage from 0% to 100% inside a union, where no rule of the CRD can reach it. */
export function plainPercentField(field: string, example: string) {
  return z.string().max(9).regex(new RegExp(PERCENT_PATTERN), `${field}: write a percentage from 0% to 100% such as ${example}`);
}

/** A whole number within a range. */
export function countField(min: number, max: number) {
  return z.int().min(min).max(max);
}

/** A point in time, RFC 3339, milliseconds allowed. */
export function timeField() {
  return z
    .string()
    .max(35)
    .refine((text) => !Number.isNaN(Date.parse(text)), 'write a time such as 2026-03-04T10:11:12Z')
    .meta({ format: 'date-time' });
}

/** Known words in TypeScript, any short word in the CRD: a later version may add one. */
export function openEnum<const T extends readonly [string, ...string[]]>(words: T) {
  return z.enum(words).meta({ [OPEN_ENUM]: true });
}

/** CEL that compares two duration fields only when both are well formed. */
export function celNotLonger(shorter: string, longer: string): string {
  const wellFormed = (field: string) => `self.${field}.matches(r'${DURATION_PATTERN}')`;
  return [
    `!has(self.${shorter})`,
    `!has(self.${longer})`,
    `!${wellFormed(shorter)}`,
    `!${wellFormed(longer)}`,
    `duration(self.${shorter}) <= duration(self.${longer})`,
  ].join(' || ');
}

/** The same in TypeScript. */
export function isNotLonger(shorter: string | undefined, longer: string | undefined): boolean {
  if (shorter === undefined || longer === undefined || !isDuration(shorter) || !isDuration(longer)) return true;
  return parseDuration(shorter) <= parseDuration(longer);
}

function isWithin(value: number, min: number, max: number): boolean {
  return value >= min && value <= max;
}
