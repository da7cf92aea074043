// Rules of our own in a route: what a release adds beside a rule that it drives, for requests that its weights do not decide. The release
// records them before it writes them; from then on one is known by its name or, where the API server keeps no names of rules, by the
// requests that it takes. A rule of such a name in a route where the release never wanted one is somebody else's.

import type { Cohort } from '../../api/cohort.ts';
import { OUR_PURPOSES, type OurPurpose } from '../../api/names.ts';
import type { RecordedRule } from '../../api/release.ts';
import type { Route, RouteBackendRef, RouteRule } from '../../api/routes.ts';
import { narrowMatches } from './cohort.ts';
import { hashMatches } from './matches.ts';
import type { ManagedRule } from './rules.ts';

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
  const refs = rule.backendRefs ?? [];
  if (refs.length === 0 || refs.some(({ name }) => name !== canary)) return undefined;
  for (const [place, { ours = [] }] of recorded.entries()) {
    const found = ours.find(({ matches }) => matches === hashMatches(rule.matches));
    const purpose = OUR_PURPOSES.find((one) => one === found?.purpose);
    if (purpose !== undefined) return { purpose, number: place + 1 };
  }
  return undefined;
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

function canaryRefOf(rule: RouteRule | undefined, { canary }: ManagedRule): RouteBackendRef | undefined {
  return canary.missing ?? rule?.backendRefs?.[canary.index];
}
