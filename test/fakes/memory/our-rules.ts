// Rules that a release adds to routes for a cohort or a mirror, as a test sees them: by their name; where the API server of the story drops
// names, by a header that nothing else in it asks for, and by the mirror to the canary.

import type { Route, RouteRule } from '../../../src/api/routes.ts';
import { isSame } from './json-patch.ts';

/** The header that cohorts of the stories ask for. */
export const COHORT_HEADER = 'X-Nameless';

export function isOurs({ name, matches = [], filters = [] }: RouteRule): boolean {
  if (name !== undefined) return name.startsWith('glidepath-');
  if (filters.some(({ requestMirror }) => requestMirror?.backendRef.name === 'v2')) return true;
  return matches.length > 0 && matches.every(({ headers = [] }) => headers.some((header) => header.name === COHORT_HEADER));
}

export function ourRulesOf({ spec }: Route): readonly RouteRule[] {
  return (spec.rules ?? []).filter(isOurs);
}

/** What of a rule of ours is not as it has to be: a copy of another rule, for the canary alone or with a mirror to it. */
export function findWrong({ backendRefs = [], filters = [] }: RouteRule, others: readonly RouteRule[], canary: string): readonly string[] {
  const mirrors = filters.some(({ requestMirror }) => requestMirror?.backendRef.name === canary);
  const copied = mirrors ? filters.slice(0, -1) : filters;
  const namesOf = (refs: NonNullable<RouteRule['backendRefs']>) => refs.filter(({ name }) => name !== canary).map(({ name }) => name);
  const isCopy = others.some((one) => isSame(one.filters ?? [], copied));
  const isRight = mirrors
    ? others.some((one) =>
        isSame(
          namesOf(one.backendRefs ?? []),
          backendRefs.map(({ name }) => name),
        ),
      )
    : backendRefs.length === 1 && backendRefs[0]?.name === canary;
  return [...(isRight ? [] : [`names ${JSON.stringify(backendRefs)}`]), ...(isCopy ? [] : ['has filters of no other rule'])];
}

/** The route without them: their places are behind all others, or close up when they go. */
export function withoutOurs(route: Route): Route {
  const rules = route.spec.rules ?? [];
  return rules.some(isOurs) ? { ...route, spec: { ...route.spec, rules: rules.filter((rule) => !isOurs(rule)) } } : route;
}

/** The annotations as their owner has them: what a release noted of the hold is what was there. */
export function withoutFluxHold({ metadata }: Route): Readonly<Record<string, string>> {
  const { 'glidepath.dev/flux-held': noted, ...annotations } = metadata.annotations ?? {};
  const reconcile = 'kustomize.toolkit.fluxcd.io/reconcile';
  if (noted === undefined || annotations[reconcile] !== 'disabled') return annotations;
  const { [reconcile]: _ours, ...others } = annotations;
  return noted.startsWith('was:') ? { ...others, [reconcile]: noted.slice(4) } : others;
}
