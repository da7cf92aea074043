// Carries out writes to Deployments, ReplicaSets and the canary, one after the other in the order in which they were decided.

import { isGlidepathError, messageOf } from '../../api/errors.ts';
import type { WorkloadIntent } from '../../core/release/desired/intents.ts';
import type { ReleaseEvent } from '../../core/release/report/events.ts';
import type { WriteProblem } from '../../core/release/observation.ts';
import type { World } from '../world.ts';

export interface WorkloadOutcome {
  readonly problems: readonly WriteProblem[];
  readonly events: readonly ReleaseEvent[];
}

/** Never throws: what was refused comes back as problems. The watches show what was done. */
export async function writeWorkload(world: World, namespace: string, intents: readonly WorkloadIntent[]): Promise<WorkloadOutcome> {
  const problems: WriteProblem[] = [];
  const events: ReleaseEvent[] = [];
  for (const intent of intents) {
    try {
      // In their order: between two scalings the Deployment controller is at work.
      await world.workloads.write(namespace, intent);
      if (intent.kind === 'scaleReplicaSet')
        events.push({
          reason: 'WrongVersionServing',
          message: `${intent.why}: ReplicaSet ${intent.name} is scaled to ${intent.replicas}`,
          warning: true,
        });
    } catch (thrown) {
      const problem = describeProblem(intent, thrown);
      if (problem !== undefined) problems.push(problem);
    }
  }
  return { problems, events };
}

/** Another template came, or somebody was quicker: the watch shows it, and the release is decided again. */
const OVERTAKEN = ['GLIDEPATH_E_GUARD', 'GLIDEPATH_E_CONFLICT', 'GLIDEPATH_E_NOT_FOUND'] as const;

function describeProblem(intent: WorkloadIntent, thrown: unknown): WriteProblem | undefined {
  if (OVERTAKEN.some((code) => isGlidepathError(thrown, code))) return undefined;
  const kind = isGlidepathError(thrown, 'GLIDEPATH_E_FORBIDDEN')
    ? 'forbidden'
    : isGlidepathError(thrown, 'GLIDEPATH_E_INVALID')
      ? 'invalid'
      : 'error';
  return { route: nameTarget(intent), kind, message: messageOf(thrown) };
}

function nameTarget(intent: WorkloadIntent): string {
  switch (intent.kind) {
    case 'createDeployment':
    case 'deleteDeployment':
    case 'scaleDeployment':
      return 'canary Deployment';
    case 'createService':
    case 'deleteService':
      return 'canary Service';
    case 'disown':
      return `canary ${intent.object}`;
    case 'scaleReplicaSet':
      return `ReplicaSet ${intent.name}`;
    case 'writeTemplate':
    case 'rest':
    case 'pause':
    case 'unpause':
      return `Deployment ${intent.name}`;
  }
}
