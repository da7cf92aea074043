// The Job of a gate as it is created: the template of the spec with our name, our owner, and what the canary is called in the
// environment of its containers. Its ServiceAccount is the template's, never the operator's.

import { API_VERSION, GATE_LABEL, KIND } from '../../api/names.ts';
import type { Json } from './objects.ts';

/** What a Job is made from. */
export interface GateJobParts {
  readonly name: string;
  /** Name of the gate. */
  readonly gate: string;
  readonly owner: { readonly name: string; readonly uid: string };
  readonly template: {
    readonly metadata?: { readonly labels?: Readonly<Record<string, string>>; readonly annotations?: Readonly<Record<string, string>> };
    readonly spec: Readonly<Record<string, unknown>>;
  };
  /** Undefined: it ends with its stage. */
  readonly timeoutMs: number | undefined;
  /** Variables for all containers that do not set them. */
  readonly env: Readonly<Record<string, string>>;
}

/** A finished Job stays this long for whoever wants to read its logs; longer than any gate may take. */
const KEPT_SECONDS = 8 * 86_400;

/** The manifest, without its namespace. */
export function buildGateJob({ name, gate, owner, template, timeoutMs, env }: GateJobParts): Json {
  const spec = { ...template.spec };
  const pods = objectOf(spec['template']);
  const labels = { ...template.metadata?.labels, [GATE_LABEL]: gate };
  const { annotations } = template.metadata ?? {};
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: {
      name,
      labels,
      ...(annotations === undefined ? {} : { annotations }),
      ownerReferences: [{ apiVersion: API_VERSION, kind: KIND, name: owner.name, uid: owner.uid, controller: true }],
    },
    spec: {
      // A gate that failed has failed: a template that wants more tries says so.
      backoffLimit: 0,
      ...(timeoutMs === undefined ? {} : { activeDeadlineSeconds: Math.ceil(timeoutMs / 1_000) }),
      ...spec,
      // One that is gone before its result is read would look like one that was never created.
      ttlSecondsAfterFinished: KEPT_SECONDS,
      template: {
        ...pods,
        metadata: { ...objectOf(pods['metadata']), labels: { ...objectOf(objectOf(pods['metadata'])['labels']), [GATE_LABEL]: gate } },
        spec: withEnv(objectOf(pods['spec']), env),
      },
    },
  } as Json;
}

function withEnv(pod: Readonly<Record<string, unknown>>, env: GateJobParts['env']): Readonly<Record<string, unknown>> {
  const lists = ['initContainers', 'containers'].filter((list) => Array.isArray(pod[list]));
  return { ...pod, ...Object.fromEntries(lists.map((list) => [list, listOf(pod[list]).map((container) => addEnv(container, env))])) };
}

function addEnv(container: Readonly<Record<string, unknown>>, env: GateJobParts['env']): Readonly<Record<string, unknown>> {
  const own = listOf(container['env']);
  const added = Object.entries(env).filter(([name]) => !own.some((one) => one['name'] === name));
  // Ours first, so that the template's own variables may refer to them.
  return { ...container, env: [...added.map(([name, value]) => ({ name, value })), ...own] };
}

function objectOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Readonly<Record<string, unknown>>) : {};
}

function listOf(value: unknown): readonly Readonly<Record<string, unknown>>[] {
  return Array.isArray(value) ? value.map(objectOf) : [];
}
