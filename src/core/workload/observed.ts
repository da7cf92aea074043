// What one reconcile saw of a Deployment in Deployment mode, its ReplicaSets, its canary, and the hold. Plain facts.

import type { DeploymentObject, ReplicaSetObject, ServiceObject } from './objects.ts';
import type { PodObject } from './pods.ts';
import type { PolicyReading } from './policy-kinds.ts';

/** Is a change of the template held? Found out by a server-side dry-run of one. */
export type HoldStanding =
  | { readonly kind: 'proven' }
  /** The release pauses it at rest, and has not done so yet or just let it roll. */
  | { readonly kind: 'awaited' }
  /** The API server let the change through: no policy holds it. */
  | { readonly kind: 'unavailable' }
  /** In mid-release nothing waits for the answer: what was reported before stays reported. */
  | { readonly kind: 'asked' }
  /** It could not be found out. */
  | { readonly kind: 'unknown'; readonly message: string };

export interface ObservedWorkload {
  /** False until the watches of the namespace are synced: then nothing may be concluded. */
  readonly known: boolean;
  /** Why the watches do not sync, if they fail. */
  readonly problem?: string;
  readonly deployment?: DeploymentObject;
  /** ReplicaSets that the Deployment owns. */
  readonly replicaSets: readonly ReplicaSetObject[];
  /** The Service that the routes name. */
  readonly service?: ServiceObject;
  /** All Services of the namespace. */
  readonly services?: readonly ServiceObject[];
  readonly canaryDeployment?: DeploymentObject;
  readonly canaryService?: ServiceObject;
  /** Pods of the canary Deployment; absent until their watch is synced. */
  readonly canaryPods?: readonly PodObject[];
  readonly hold: HoldStanding;
  /** What the namespace's policies say; read only when a release is about to begin. */
  readonly policies?: PolicyReading;
}
