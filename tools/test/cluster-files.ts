// What the files of cluster tests share in a lab, and which of them may run side by side. Namespaces and hostnames are their own, and
// so are operators, their ports and their folders; what is said here is the rest, with its reason.

import type { Extra } from '../../test/lab/extras.ts';

/** What a lab has only once and a file may change under another. */
export type Shared = 'Deployment mode' | 'Argo CD' | 'policies of commands' | 'UDP routes';

/** What a file takes of a lab. */
export interface Claim {
  /** The lab has to be as it is: files that change this do not run beside it. */
  readonly uses?: readonly Shared[];
  /** Files that use or change this do not run beside it. */
  readonly changes?: readonly Shared[];
  /** It runs only in a lab that has these. */
  readonly needs?: readonly Extra[];
  /** Nothing runs beside it. */
  readonly alone?: boolean;
  readonly why: string;
}

const USES_DEPLOYMENT_MODE: Claim = { uses: ['Deployment mode'], why: 'its policies and its ClusterRole are in force' };

/** Files that are not here take nothing that is shared. */
export const CLAIMS: Readonly<Record<string, Claim>> = {
  'api-outage': { alone: true, why: 'it stops the API server' },
  argocd: { needs: ['argocd'], changes: ['Argo CD'], why: 'it gives Argo CD the health script of releases of Services' },
  'argocd-deployment': {
    needs: ['argocd'],
    uses: ['Deployment mode'],
    changes: ['Argo CD'],
    why: 'it gives Argo CD the health scripts of releases of Deployments',
  },
  blocked: { changes: ['UDP routes'], why: 'it makes the API server serve no UDPRoutes for a moment' },
  escapes: USES_DEPLOYMENT_MODE,
  flux: { needs: ['flux'], why: 'Flux applies its objects' },
  'cli-deployment': USES_DEPLOYMENT_MODE,
  commands: { changes: ['policies of commands'], why: 'it installs the policy that writes into each command who gave it' },
  deployment: { changes: ['Deployment mode'], why: 'it begins without the policies and the ClusterRole, and says what is missing' },
  'deployment-capacity': USES_DEPLOYMENT_MODE,
  'deployment-leaving': { alone: true, why: 'it uninstalls the operator with its CRD, its rights and Deployment mode' },
  'deployment-pods': USES_DEPLOYMENT_MODE,
  'deployment-scaling': USES_DEPLOYMENT_MODE,
  'deployment-serving': USES_DEPLOYMENT_MODE,
  'deployment-trouble': USES_DEPLOYMENT_MODE,
  'deployment-undo': USES_DEPLOYMENT_MODE,
  parity: { changes: ['Deployment mode'], why: 'it takes rights from the ClusterRole of Deployment mode' },
  'paused-at-rest': { changes: ['Deployment mode'], why: 'it runs without the policy that holds a change' },
  reapplied: USES_DEPLOYMENT_MODE,
  'guide-manifests': {
    needs: ['envoy-gateway'],
    uses: ['Deployment mode'],
    why: 'its Gateway is one of Envoy Gateway, and two of its releases are of Deployments',
  },
  cohort: { needs: ['envoy-gateway'], why: 'some of its routes are served by Envoy Gateway' },
  'envoy-gateway': { needs: ['envoy-gateway'], why: 'its routes are served by Envoy Gateway' },
  layer4: { needs: ['envoy-gateway'], uses: ['UDP routes'], why: 'its routes are served by Envoy Gateway, a UDPRoute among them' },
  mirror: { needs: ['envoy-gateway'], why: 'some of its routes are served by Envoy Gateway' },
  'probe-gateway': { needs: ['envoy-gateway'], why: 'it asks a Gateway of Envoy Gateway' },
  'several-gateways': { needs: ['envoy-gateway'], why: 'its routes are served by Contour and by Envoy Gateway' },
  outage: { alone: true, why: 'it stops Prometheus' },
  pod: { alone: true, why: 'it installs the operator for all namespaces, which would drive the releases of others' },
  webhook: { changes: ['Deployment mode'], why: 'it runs without the policies, with a webhook for the whole API server' },
  'webhook-pods': { alone: true, why: 'it installs the operator for all namespaces, with a webhook' },
};

/** May a file run in a lab beside those that run there? */
export function mayRunBeside(file: string, running: readonly string[]): boolean {
  return running.every((other) => !isInTheWay(CLAIMS[file], CLAIMS[other]));
}

function isInTheWay(one: Claim | undefined, other: Claim | undefined): boolean {
  if (one?.alone === true || other?.alone === true) return true;
  const touches = (claim: Claim | undefined) => [...(claim?.uses ?? []), ...(claim?.changes ?? [])];
  const disturbs = (claim: Claim | undefined, by: Claim | undefined) =>
    (by?.changes ?? []).some((shared) => touches(claim).includes(shared));
  return disturbs(one, other) || disturbs(other, one);
}

/** The files that take longest, in that order: whoever begins one last keeps the others waiting. */
const LONGEST = [
  'argocd-deployment',
  'argocd',
  'comparison',
  'deployment-pods',
  'deployment-undo',
  'deployment-trouble',
  'deployment-scaling',
  'deployment-capacity',
  'deployment',
  'webhook',
];

/** In the order in which they are begun where nothing is in the way; those that need the lab for themselves come last. */
export function orderFiles(files: readonly string[]): readonly string[] {
  const placeOf = (file: string) => {
    const place = LONGEST.indexOf(file);
    return place === -1 ? LONGEST.length : place;
  };
  const isAlone = (file: string) => Number(CLAIMS[file]?.alone === true);
  return files.toSorted((a, b) => isAlone(a) - isAlone(b) || placeOf(a) - placeOf(b) || a.localeCompare(b));
}
