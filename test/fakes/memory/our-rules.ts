// Rules that a release adds to routes for a cohort, as a test sees them: by their name; where the API server of the story drops names,
// by a header that nothing else in it asks for.

import type { Route, RouteRule } from '../../../src/api/routes.ts';

/** The header that cohorts of the stories ask for. */
export const COHORT_HEADER = 'X-Nameless';

export function isOurs({ name, matches = [] }: RouteRule): boolean {
  if (name !== undefined) return name.startsWith('glidepath-');
  return matches.length > 0 && matches.every(({ headers = [] }) => headers.some((header) => header.name === COHORT_HEADER));
}

export function ourRulesOf({ spec }: Route): readonly RouteRule[] {
  return (spec.rules ?? []).filter(isOurs);
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
