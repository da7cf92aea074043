// Has every gateway taken the route as it stands? A condition counts only at the route's generation (rule 2).

import { GATEWAY_GROUP, type Route } from '../../api/routes.ts';

export type Acceptance =
  | { readonly kind: 'accepted' }
  /** Not yet answered for this generation. */
  | { readonly kind: 'waiting'; readonly message: string }
  | { readonly kind: 'rejected'; readonly reason: string; readonly message: string };

/** Judges all parents: one refusal is a refusal, one missing answer is waiting. */
export function judgeAcceptance(route: Route): Acceptance {
  const where = `${route.kind} ${route.metadata.name}`;
  const parents = route.status?.parents ?? [];
  const wanted = route.spec.parentRefs ?? [];
  const verdicts = parents.map((parent) => judgeParent(parent, route, where));
  const rejected = verdicts.find((verdict) => verdict.kind === 'rejected');
  if (rejected !== undefined) return rejected;
  const waiting = verdicts.find((verdict) => verdict.kind === 'waiting');
  if (waiting !== undefined) return waiting;
  if (parents.length === 0) return { kind: 'waiting', message: `${where}: no gateway has answered yet; check its parentRefs` };
  return parents.length < wanted.length
    ? { kind: 'waiting', message: `${where}: ${parents.length} of ${wanted.length} parents have answered` }
    : { kind: 'accepted' };
}

type Parent = NonNullable<NonNullable<Route['status']>['parents']>[number];

function judgeParent(parent: Parent, route: Route, where: string): Acceptance {
  for (const type of ['Accepted', 'ResolvedRefs']) {
    const condition = (parent.conditions ?? []).find((entry) => entry.type === type);
    if (condition === undefined) {
      if (type === 'Accepted') return { kind: 'waiting', message: `${where}: ${parent.controllerName} has not answered` };
      continue;
    }
    // Linkerd writes no observedGeneration: then the condition is taken as it is.
    const seen = condition.observedGeneration;
    if (seen !== undefined && seen < (route.metadata.generation ?? 0))
      return { kind: 'waiting', message: `${where}: ${parent.controllerName} has not taken the last change yet` };
    if (condition.status === 'False')
      return {
        kind: 'rejected',
        reason: condition.reason ?? type,
        message:
          `${where}: ${parent.controllerName} says ${type}=False, ${condition.reason ?? ''}: ${condition.message ?? ''}`.trim() +
          adviceFor(condition.reason, route),
      };
    if (condition.status !== 'True')
      return { kind: 'waiting', message: `${where}: ${parent.controllerName} has not decided yet (${type}=${condition.status})` };
  }
  return { kind: 'accepted' };
}

/** A gateway says that a ref is not permitted; only here it is known what would permit it. */
function adviceFor(reason: string | undefined, route: Route): string {
  if (reason !== 'RefNotPermitted') return '';
  const { namespace } = route.metadata;
  const refs = (route.spec.rules ?? []).flatMap((rule) => rule.backendRefs ?? []);
  const foreign = refs.filter((ref) => ref.namespace !== undefined && ref.namespace !== namespace);
  const to = [...new Set(foreign.map((ref) => `${ref.kind ?? 'Service'} ${ref.name} in namespace ${ref.namespace}`))].join(' and ');
  const from = `from {group: ${GATEWAY_GROUP}, kind: ${route.kind}, namespace: ${namespace}}`;
  const where = [...new Set(foreign.map((ref) => ref.namespace))].join(' and ');
  return where === ''
    ? `; add a ReferenceGrant ${from} in the namespace of what it refers to`
    : `; add a ReferenceGrant in namespace ${where} ${from} to ${to}`;
}

/** Names of the controllers that serve the route, for the metrics source. */
export function controllersOf(route: Route): readonly string[] {
  return [...new Set((route.status?.parents ?? []).map((parent) => parent.controllerName))];
}
