// Writes beside the routes, as data: to the Deployment, its ReplicaSets and the canary.

import type { Json, PodTemplate } from '../../workload/objects.ts';
import type { DisownIntent } from '../facts/retain.ts';

/** One write beside the routes. */
export type WorkloadIntent =
  /** Lifts the hold, if the template is still this one. */
  | { readonly kind: 'unpause'; readonly name: string; readonly template: PodTemplate; readonly held: boolean }
  /** Writes a template back, if the present one is still this one. Whatever holds templates holds this one, too. */
  | { readonly kind: 'writeTemplate'; readonly name: string; readonly template: PodTemplate; readonly to: PodTemplate }
  /** Pauses what serves and marks it as held, if the template is still this one. */
  | {
      readonly kind: 'rest';
      readonly name: string;
      readonly template: PodTemplate;
      readonly release: string;
      /** Whether it has annotations at all. */
      readonly annotated: boolean;
    }
  /** Stops a rollout, if the template is still this one. */
  | { readonly kind: 'pause'; readonly name: string; readonly template: PodTemplate }
  | { readonly kind: 'createDeployment'; readonly manifest: Json }
  | { readonly kind: 'createService'; readonly manifest: Json }
  | { readonly kind: 'scaleDeployment'; readonly name: string; readonly replicas: number }
  | { readonly kind: 'scaleReplicaSet'; readonly name: string; readonly replicas: number; readonly why: string }
  | { readonly kind: 'deleteDeployment' | 'deleteService'; readonly name: string; readonly uid: string }
  | DisownIntent;
