// The parts of Deployments, ReplicaSets and Services that Deployment mode reads. What it only copies stays a plain record.

/** A JSON object that is carried on without being understood. */
export type Json = Readonly<Record<string, unknown>>;

/** Metadata that Deployment mode reads. */
export interface WorkloadMetadata {
  readonly name: string;
  readonly namespace?: string;
  readonly uid?: string;
  readonly generation?: number;
  readonly resourceVersion?: string;
  readonly creationTimestamp?: string;
  readonly deletionTimestamp?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly managedFields?: readonly { readonly manager?: string }[];
  readonly ownerReferences?: readonly OwnerReference[];
}

/** The parts that are read; what is written back is the whole of it. */
export interface OwnerReference {
  readonly kind?: string;
  readonly name?: string;
  readonly uid?: string;
}

export interface PodTemplate {
  readonly metadata?: { readonly labels?: Readonly<Record<string, string>>; readonly annotations?: Readonly<Record<string, string>> };
  readonly spec?: Json;
}

export interface WorkloadCondition {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly message?: string;
}

export interface DeploymentObject {
  readonly metadata: WorkloadMetadata;
  readonly spec: {
    readonly replicas?: number;
    readonly paused?: boolean;
    readonly selector: { readonly matchLabels?: Readonly<Record<string, string>>; readonly matchExpressions?: readonly unknown[] };
    readonly strategy?: {
      readonly type?: string;
      readonly rollingUpdate?: { readonly maxSurge?: number | string; readonly maxUnavailable?: number | string };
    };
    readonly template: PodTemplate;
    readonly [field: string]: unknown;
  };
  readonly status?: {
    readonly observedGeneration?: number;
    readonly replicas?: number;
    readonly updatedReplicas?: number;
    readonly readyReplicas?: number;
    readonly availableReplicas?: number;
    readonly conditions?: readonly WorkloadCondition[];
  };
}

export interface ReplicaSetObject {
  readonly metadata: WorkloadMetadata;
  readonly spec: { readonly replicas?: number; readonly template: PodTemplate };
  readonly status?: { readonly observedGeneration?: number; readonly replicas?: number; readonly readyReplicas?: number };
}

export interface ServicePort {
  readonly name?: string;
  readonly port: number;
  readonly [field: string]: unknown;
}

export interface ServiceObject {
  readonly metadata: WorkloadMetadata;
  readonly spec: {
    readonly selector?: Readonly<Record<string, string>>;
    readonly ports?: readonly ServicePort[];
    readonly clusterIP?: string;
    readonly [field: string]: unknown;
  };
}

/** The condition of that type, where it has this status. */
export function findCondition(deployment: DeploymentObject, type: string, status: string): WorkloadCondition | undefined {
  return deployment.status?.conditions?.find((condition) => condition.type === type && condition.status === status);
}

/** True when a controller reference of the object has this uid. */
export function isOwnedBy(object: { readonly metadata: WorkloadMetadata }, uid: string): boolean {
  return (object.metadata.ownerReferences ?? []).some((owner) => owner.uid === uid);
}

export function isJson(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
