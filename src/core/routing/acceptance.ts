// Has every gateway accepted the route as it stands? A condition counts only at the route's generation (rule 2).

import { oncePer } from '../../api/once.ts';
import { GATEWAY_GROUP, type Route, type RouteCondition, type RouteParentStatus } from '../../api/routes.ts';
import { answeredParents } from './parents.ts';

export type Acceptance =
  | { readonly kind: 'accepted' }
  /** Not yet answered for this generation. */
  | {
      readonly kind: 'waiting';
      readonly message: string;
      /** No gateway has answered at all. */
      readonly unanswered?: true;
    }
  | {
      readonly kind: 'rejected';
      readonly reason: string;
      readonly message: string;
      readonly controller: string;
      /** The route as it is (`Accepted`), or something that it refers to (`ResolvedRefs`). */
      readonly about: 'route' | 'refs';
    };

/** Judges all parents that the spec has: one refusal is a refusal, one missing answer is waiting. */
export const judgeAcceptance = oncePer((route: Route): Acceptance => {
  const where = `${route.kind} ${route.metadata.name}`;
  const parents = answeredParents(route);
  const verdicts = parents.flatMap(({ answers }) => answers.map((answer) => judgeAnswer(answer, route, where)));
  const rejected = verdicts.find((verdict) => verdict.kind === 'rejected');
  if (rejected !== undefined) return rejected;
  const waiting = verdicts.find((verdict) => verdict.kind === 'waiting');
  if (waiting !== undefined) return waiting;
  if (verdicts.length === 0)
    return { kind: 'waiting', unanswered: true, message: `${where}: no gateway has answered yet; check its parentRefs` };
  const answered = parents.filter(({ answers }) => answers.length > 0).length;
  return answered < parents.length
    ? { kind: 'waiting', message: `${where}: ${answered} of ${parents.length} parents have answered` }
    : { kind: 'accepted' };
});

function judgeAnswer({ controllerName, conditions = [] }: RouteParentStatus, route: Route, where: string): Acceptance {
  const whose = `${where}: ${controllerName}`;
  const [accepted, resolved] = ['Accepted', 'ResolvedRefs'].map((type) => conditions.find((condition) => condition.type === type));
  if (accepted === undefined) return { kind: 'waiting', message: `${whose} has not answered` };
  const verdict = judgeCondition(accepted, route, controllerName);
  // Not every controller says whether it has found what the route refers to.
  return verdict.kind !== 'accepted' || resolved === undefined ? verdict : judgeCondition(resolved, route, controllerName);
}

function judgeCondition(condition: RouteCondition, route: Route, controller: string): Acceptance {
  const whose = `${route.kind} ${route.metadata.name}: ${controller}`;
  const { type, status, reason, message = '', observedGeneration } = condition;
  // Linkerd writes no observedGeneration: then the condition is taken as it is.
  if (observedGeneration !== undefined && observedGeneration < (route.metadata.generation ?? 0))
    return { kind: 'waiting', message: `${whose} has not taken the last change yet` };
  if (status === 'True') return { kind: 'accepted' };
  if (status !== 'False') return { kind: 'waiting', message: `${whose} has not decided yet (${type}=${status})` };
  const says = `${whose} says ${type}=False, ${reason ?? ''}: ${message}`.trim();
  const about = type === 'Accepted' ? 'route' : 'refs';
  return { kind: 'rejected', about, controller, reason: reason ?? type, message: `${says}${adviceFor(reason, route)}` };
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
