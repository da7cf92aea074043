// Which gateways copy requests, and how exactly: known by the name of the controller, else by what its class says. Some that cannot
// answer every request of such a rule by an error, with a status that says that all is well, so whoever is not known is not asked.

import type { Cohort } from '../../api/cohort.ts';
import type { Route } from '../../api/routes.ts';
import { factsOf, type GatewayFeatures, type Mirroring, type SaidOfGateways } from './gateway-facts.ts';
import { controllersOf } from './parents.ts';

/** As the Gateway API calls them. */
const MIRROR = 'HTTPRouteRequestMirror';
const PERCENTAGE = 'HTTPRouteRequestPercentageMirror';

function mirroringOf(controller: string, features: GatewayFeatures | undefined): Mirroring | undefined {
  const known = factsOf(controller).mirroring;
  const names = features?.get(controller);
  if (known !== undefined || names === undefined || names.size === 0) return known;
  if (names.has(PERCENTAGE)) return 'exact';
  return names.has(MIRROR) ? 'whole' : { refuses: `its GatewayClass does not list ${MIRROR} among its supportedFeatures` };
}

/**
 * Why a gateway of the route cannot do what is asked, and what to do; undefined where all of them can.
 * @param said what gateways say that they can; undefined while that is not read yet
 */
export function refuseMirror(route: Route, { mirrorPercent = 100 }: Cohort, said: SaidOfGateways | undefined): string | undefined {
  for (const controller of controllersOf(route)) {
    const known = mirroringOf(controller, said?.features);
    if (known === undefined && said === undefined) continue;
    if (known === undefined)
      return `it is not known whether the gateways of ${controller} mirror requests, and some answer them by errors instead: ${
        said?.features === undefined
          ? 'let the operator list GatewayClasses (kubectl apply --server-side -k config/cohort), which may say so, or remove the mirror'
          : 'remove the mirror'
      }`;
    if (typeof known === 'object') return `${known.refuses} (${controller}): remove the mirror`;
    if (known === 'whole' && mirrorPercent < 100)
      return `the gateways of ${controller} copy every request, whatever the percentage says: set mirror.percent: 100 if the canary can take that, or remove the mirror`;
  }
  return undefined;
}
