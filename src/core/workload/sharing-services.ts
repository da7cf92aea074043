// Other Services that select the canary's pods: to these no route gives a share, so the pods get their traffic as soon as they are
// ready, and keep it on the way home.

import { CANARY_ROLE } from '../../api/names.ts';
import { toFlow } from './flow.ts';
import type { ServiceObject } from './objects.ts';
import { type Finding, nameCanaryPods, type PolicySides } from './policy-sides.ts';
import { type Labels, selects } from './selectors.ts';

/** What they get, and since when. */
const UNWEIGHTED = 'they get its traffic unweighted from the moment they are ready';

/** The two Services of the release aside. One without a selector selects nothing. */
export function findSharingServices(services: readonly ServiceObject[], sides: PolicySides): readonly Finding[] {
  const own = [sides.serving.service, sides.canary.service];
  return services.flatMap(({ metadata: { name }, spec: { selector = {} } }): readonly Finding[] => {
    const isOther = !own.includes(name) && Object.keys(selector).length > 0;
    return isOther && selects({ matchLabels: selector }, sides.canary.podLabels) ? [describeSharing(name, selector, sides)] : [];
  });
}

function describeSharing(name: string, selector: Labels, sides: PolicySides): Finding {
  const both = selects({ matchLabels: selector }, sides.serving.podLabels);
  const key = Object.keys(selector).find((one) => one !== CANARY_ROLE.label);
  const way =
    both && key !== undefined
      ? `set spec.canary.labels to ${toFlow({ [key]: 'canary' })}, or let it select by a label that the canary does not share`
      : 'let it select other pods';
  const missing = both ? `selects ${nameCanaryPods(sides)}, too` : `selects ${nameCanaryPods(sides)} and not the serving ones`;
  return { kind: 'Service', name, security: false, missing, add: `${UNWEIGHTED}; ${way}` };
}
