// Deployment mode, before a release begins: do the namespace's policies treat the canary as they treat what serves? Compared with
// the held template's own labels, so that only what we change ourselves counts as a difference.

import { IGNORE_PARITY_ANNOTATION } from '../../../api/names.ts';
import type { CanaryPlan } from '../../workload/canary-manifests.ts';
import { comparePolicies, findAlternatives } from '../../workload/parity.ts';
import type { UnreadKind } from '../../workload/policy-kinds.ts';
import type { Finding, PolicySides } from '../../workload/policy-sides.ts';
import type { PodTemplate } from '../../workload/objects.ts';
import { findSharingServices } from '../../workload/sharing-services.ts';
import type { Observation } from '../observation.ts';

/** What a comparison came to. */
export interface Parity {
  readonly findings: readonly Finding[];
  readonly unread: readonly UnreadKind[];
  /** Such as `NetworkPolicy/store`: found different, or not read, and left out because the annotation says so. */
  readonly ignored: readonly string[];
}

/** Undefined while the policies were not read, or where there can be no canary to compare with. */
export function compareParity(observation: Observation, plan: CanaryPlan | undefined): Parity | undefined {
  const policies = observation.workload?.policies;
  const sides = findSides(observation, plan);
  if (policies === undefined || sides === undefined) return undefined;
  const ignores = readIgnored(observation.release.metadata.annotations?.[IGNORE_PARITY_ANNOTATION]);
  const findings = [...comparePolicies(policies.objects, sides), ...findSharingServices(observation.workload?.services ?? [], sides)];
  const { unread } = policies;
  const ignored = [
    ...findings.filter(({ kind, name }) => ignores(kind, name)).map(({ kind, name }) => `${kind}/${name}`),
    ...unread.filter(({ kind }) => ignores(kind, '*')).map(({ kind }) => `${kind}/*`),
  ];
  return {
    findings: findings.filter(({ kind, name }) => !ignores(kind, name)),
    unread: unread.filter(({ kind }) => !ignores(kind, '*')),
    ignored: [...new Set(ignored)],
  };
}

function findSides({ workload, release }: Observation, plan: CanaryPlan | undefined): PolicySides | undefined {
  const { deployment, service } = workload ?? {};
  if (deployment === undefined || service === undefined || plan?.kind !== 'manifests') return undefined;
  const { deployment: pods, service: front } = plan.manifests;
  const podLabels = labelsOf(pods.spec.template);
  const { metadata, spec } = service;
  const { matchLabels = {} } = deployment.spec.selector;
  return {
    namespace: release.metadata.namespace,
    serving: { podLabels: labelsOf(deployment.spec.template), service: metadata.name, serviceLabels: metadata.labels ?? {} },
    canary: { podLabels, service: front.metadata.name, serviceLabels: front.metadata.labels },
    alternatives: findAlternatives(matchLabels, spec.selector ?? {}, podLabels),
  };
}

function labelsOf({ metadata }: PodTemplate): Readonly<Record<string, string>> {
  return metadata?.labels ?? {};
}

/** Entries that are none name nothing. */
function readIgnored(text = ''): (kind: string, name: string) => boolean {
  const entries = new Set(text.split(',').map((entry) => entry.trim()));
  return (kind, name) => entries.has(`${kind}/${name}`) || entries.has(`${kind}/*`);
}
