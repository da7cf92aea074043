// A GitOps tool that writes `spec.paused` of a Deployment with a release: every sync reverts what the hold has changed. The only
// remedy is to remove the field from Git.

import { findGitOpsTool, isGitOpsController, nameGitOpsTool } from '../../core/routing/gitops.ts';
import { type Fields, fieldsOf, listOf, textOf, textsOf } from '../../adapters/kubernetes/client/fields.ts';

/** What writes the field. */
export interface Pausing {
  /** A name for people: the tool, or else the field manager. */
  readonly writer: string;
  /** The value that it writes, where that is known. */
  readonly value: boolean | undefined;
}

const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';

/** Server-side apply shows in the managed fields; client-side apply of `false` only in the copy of what was applied. */
export function findPausing(metadata: Fields): Pausing | undefined {
  const { annotations, labels, managedFields } = metadata;
  const entries = listOf(managedFields).map((entry) => {
    const { manager, fieldsV1 } = fieldsOf(entry);
    return { manager: textOf(manager) ?? '', owns: fieldsOf(fieldsOf(fieldsV1)['f:spec'])['f:paused'] !== undefined };
  });
  const tool = findGitOpsTool({ metadata: { annotations: textsOf(annotations), labels: textsOf(labels), managedFields: entries } });
  const owner = entries.find(({ manager, owns }) => owns && isGitOpsController(manager))?.manager;
  const applied = tool === 'ArgoCD' ? readApplied(textsOf(annotations)[LAST_APPLIED]) : undefined;
  if (owner === undefined && applied === undefined) return undefined;
  return { writer: owner ?? nameGitOpsTool(tool ?? 'ArgoCD'), value: applied };
}

function readApplied(text: string | undefined): boolean | undefined {
  try {
    const { paused } = fieldsOf(fieldsOf(JSON.parse(text ?? '{}'))['spec']);
    return typeof paused === 'boolean' ? paused : undefined;
  } catch {
    return undefined;
  }
}
