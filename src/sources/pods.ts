// Names of the pods of a Deployment, as a regular expression: `<deployment>-<pod-template-hash>-<five characters>`.
import { escapeRegex } from './selector.ts';
import type { BackendIdentity } from './source.ts';

/** Kubernetes cuts what stands before the random end of a generated name to this many characters. */
const GENERATED_PREFIX_MAX = 58;

/**
 * Expression that fits the pods of the backend's workload and no others; undefined when the workload or its
 * pod-template-hash values are not known.
 */
export function podRegex({ workload }: BackendIdentity): string | undefined {
  if (workload === undefined || workload.templateHashes.length === 0) return undefined;
  const prefixes = workload.templateHashes.map((hash) => escapeRegex(`${workload.name}-${hash}-`.slice(0, GENERATED_PREFIX_MAX)));
  return `(${prefixes.join('|')})[a-z0-9]{5}`;
}
