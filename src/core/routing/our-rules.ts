// Rules of our own in a route: what a release adds beside a rule that it drives, for requests that its weights do not decide, and for copies.
// The release records them before it writes them; from then on one is known by its name or, where the API server keeps no names of rules,
// by the requests that it takes. A rule of such a name in a route where the release never wanted one is somebody else's.

import type { Cohort } from '../../api/cohort.ts';
import { OUR_PURPOSES, type OurPurpose } from '../../api/names.ts';
import type { RecordedRule } from '../../api/release.ts';
import type { Route, RouteBackendRef, RouteRule } from '../../api/routes.ts';
import { narrowMatches } from './cohort.ts';
import { hashMatches } from './matches.ts';
import type { ManagedRule } from './rules.ts';
import type { RuleWeights } from './weights.ts';

/** A rule of ours as the route has it. */
export interface OurRule {
  readonly purpose: OurPurpose;
  /** Which recorded rule it belongs to, from 1. */
  readonly number: number;
  readonly index: number;
  readonly rule: RouteRule;
}

/** A rule of ours as it is to be. */
export interface WantedRule {
  readonly purpose: OurPurpose;
  readonly number: number;
  readonly rule: RouteRule;
  /** Hash of its matches. */
  readonly matches: string;
  /** The status records them: it would be found again, whether its name is kept or not. */
  readonly isRecorded: boolean;
}

const NAME = new RegExp(`^glidepath-(${OUR_PURPOSES.join('|')})-([0-9]+)$`);

/** Is this the name of a rule of ours, of whichever release? */
export function isOurName(name: string | undefined): boolean {
  return name !== undefined && NAME.test(name);
}

function readName(name: string): Pick<OurRule, 'purpose' | 'number'> | undefined {
  const [, purpose, number] = NAME.exec(name) ?? [];
  const known = OUR_PURPOSES.find((one) => one === purpose);
  return known === undefined ? undefined : { purpose: known, number: Number(number) };
}

const NONE: readonly OurRule[] = [];

/** The rules of ours that the route has. @param recorded the rules that the release drives @param canary its Service */
export function findOurRules({ spec }: Pick<Route, 'spec'>, recorded: readonly RecordedRule[], canary: string): readonly OurRule[] {
  if (!recorded.some(({ ours = [] }) => ours.length > 0)) return NONE;
  return (spec.rules ?? []).flatMap((rule, index) => {
    const known = rule.name === undefined ? findUnnamed(rule, recorded, canary) : readName(rule.name);
    return known === undefined ? [] : [{ ...known, index, rule }];
  });
}

function findUnnamed(rule: RouteRule, recorded: readonly RecordedRule[], canary: string): Pick<OurRule, 'purpose' | 'number'> | undefined {
  const seen = purposeOf(rule, canary);
  if (seen === undefined) return undefined;
  for (const [place, { ours = [] }] of recorded.entries()) {
    const found = ours.find(({ purpose, matches }) => purpose === seen && matches === hashMatches(rule.matches));
    if (found !== undefined) return { purpose: seen, number: place + 1 };
  }
  return undefined;
}

/** What the rule would be for if it were ours. */
function purposeOf({ filters = [], backendRefs = [] }: RouteRule, canary: string): OurPurpose | undefined {
  if (filters.some(({ requestMirror }) => requestMirror?.backendRef.name === canary)) return 'mirror';
  return backendRefs.length > 0 && backendRefs.every(({ name }) => name === canary) ? 'cohort' : undefined;
}

/**
 * The managed rule for the requests of the cohort: filters, timeouts and all else are copied, the canary is its only backend.
 * @returns undefined where no request of the cohort can meet its matches
 */
export function buildCohortRule(route: Route, managed: ManagedRule, cohort: Cohort, number: number): RouteRule | undefined {
  const copied = route.spec.rules?.[managed.index];
  const matches = narrowMatches(route.kind, copied?.matches, cohort).map(({ match }) => match);
  const ref = canaryRefOf(copied, managed);
  if (copied === undefined || ref === undefined || matches.length === 0) return undefined;
  return { ...copied, name: `glidepath-cohort-${number}`, matches, backendRefs: [{ ...ref, weight: 1 }] };
}

/**
 * The managed rule for the requests of the mirror: it answers them as before, and sends copies to the canary, which it does not name.
 * @param weights of its backends before the release, so that the copy stays what it is whatever integers the managed rule has
 * @returns undefined where no request of the mirror can meet its matches
 */
export function buildMirrorRule(
  route: Route,
  managed: ManagedRule,
  weights: RuleWeights,
  cohort: Cohort,
  number: number,
): RouteRule | undefined {
  const copied = route.spec.rules?.[managed.index];
  const matches = narrowMatches(route.kind, copied?.matches, cohort).map(({ match }) => match);
  const ref = canaryRefOf(copied, managed);
  if (copied === undefined || ref === undefined || matches.length === 0) return undefined;
  const { weight: _weight, filters: _filters, ...backendRef } = ref;
  const percent = cohort.mirrorPercent ?? 100;
  const mirror = { type: 'RequestMirror', requestMirror: { backendRef, ...(percent === 100 ? {} : { percent }) } };
  return {
    ...copied,
    name: `glidepath-mirror-${number}`,
    matches,
    filters: [...(copied.filters ?? []), mirror],
    backendRefs: remainingRefs(copied, managed, weights),
  };
}

function remainingRefs(
  { backendRefs = [] }: RouteRule,
  { serving, others }: ManagedRule,
  weights: RuleWeights,
): readonly RouteBackendRef[] {
  const all = [
    { ref: serving, weight: weights.serving },
    ...others.map((ref, index) => ({ ref, weight: weights.others[index] ?? ref.weight })),
  ];
  return all
    .toSorted((a, b) => a.ref.index - b.ref.index)
    .flatMap(({ ref, weight }) => {
      const written = backendRefs[ref.index];
      return written === undefined ? [] : [{ ...written, weight }];
    });
}

function canaryRefOf(rule: RouteRule | undefined, { canary }: ManagedRule): RouteBackendRef | undefined {
  return canary.missing ?? rule?.backendRefs?.[canary.index];
}
