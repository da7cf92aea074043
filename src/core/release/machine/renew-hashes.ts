// Deployment mode, once after an upgrade: hashes of templates that an earlier version of Glidepath recorded become those that this
// version makes. Without that a Deployment whose template did not change would look like a new revision.

import { TEMPLATE_FORM } from '../../../api/names.ts';
import type { CanaryReleaseStatus } from '../../../api/release.ts';
import type { DeploymentObject, ReplicaSetObject } from '../../workload/objects.ts';
import type { ObservedWorkload } from '../../workload/observed.ts';
import { formerHashOf } from '../../workload/sameness/former-template.ts';
import { hashTemplate } from '../../workload/template.ts';

/** Waits until the templates are known. What none of them has any more stays as it is: it equals nothing, and is tried again. */
export function renewHashes(status: CanaryReleaseStatus, workload: ObservedWorkload | undefined): CanaryReleaseStatus {
  if (status.templateForm === TEMPLATE_FORM || workload?.known !== true || workload.deployment === undefined) return status;
  const renewed = replaceHashes(status, pairHashes(workload.deployment, workload.replicaSets));
  return { ...renewed, ...keepCanary(status, renewed), templateForm: TEMPLATE_FORM };
}

/** Former hash to present one. Where two templates had the same former one, it was recorded of the one that has pods. */
function pairHashes(deployment: DeploymentObject, replicaSets: readonly ReplicaSetObject[]): ReadonlyMap<string, string> {
  const byPods = replicaSets.toSorted((a, b) => (a.status?.readyReplicas ?? 0) - (b.status?.readyReplicas ?? 0));
  const templates = [deployment, ...byPods].map(({ spec }) => spec.template);
  return new Map(templates.map((template) => [formerHashOf(template), hashTemplate(template)]));
}

/** No other text of a status is 32 hex digits long. */
function replaceHashes(status: CanaryReleaseStatus, renewed: ReadonlyMap<string, string>): CanaryReleaseStatus {
  const replace = (_key: string, value: unknown) => (typeof value === 'string' ? (renewed.get(value) ?? value) : value);
  return JSON.parse(JSON.stringify(status), replace) as CanaryReleaseStatus;
}

/** The canary of a release under way bears the former hash, and is still its canary. */
function keepCanary({ release: before }: CanaryReleaseStatus, { release }: CanaryReleaseStatus): Pick<CanaryReleaseStatus, 'release'> {
  const former = before?.workload?.template;
  if (release?.workload === undefined || former === undefined || release.workload.template === former) return {};
  return { release: { ...release, workload: { ...release.workload, formerTemplate: former } } };
}
