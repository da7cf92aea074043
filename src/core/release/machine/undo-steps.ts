// What a promotion that is taken back does to the status, and what its author says of going back.

import { IRREVERSIBLE_ANNOTATION } from '../../../api/names.ts';
import type { CanaryReleaseStatus } from '../../../api/release.ts';
import type { DeploymentObject } from '../../workload/objects.ts';
import { hashTemplate } from '../../workload/template.ts';
import type { UndoPlan } from '../facts/undo-plan.ts';
import type { Observation } from '../observation.ts';

type Status = CanaryReleaseStatus;
type Release = NonNullable<Status['release']>;

/** Begins the way back: from here on the release is one that was rejected. */
export function beginUndo(status: Status, plan: UndoPlan | undefined, by: string | undefined): Status {
  const { release } = status;
  if (release === undefined || plan === undefined || plan.kind === 'refused' || plan.kind === 'unknown') return status;
  const { finishedAt: _finished, ...rest } = release;
  const isUndone = (entry: { readonly revision: string; readonly templateHashes?: readonly string[] }) =>
    release.workload === undefined
      ? entry.revision === release.revision
      : entry.templateHashes?.includes(release.workload.template) === true;
  return {
    ...status,
    weight: 0,
    serving: servingAfter(status, release, plan),
    proven: (status.proven ?? []).filter((entry) => !isUndone(entry)),
    release: {
      ...rest,
      ...(plan.kind === 'template' && release.workload !== undefined
        ? { workload: { ...release.workload, servingTemplate: plan.template, servingReplicaSet: plan.replicaSet } }
        : {}),
      ...(plan.kind === 'traffic' ? { routes: [...plan.routes] } : {}),
      outcome: 'RolledBack',
      reason: 'Undone',
      reasonMessage: `undone by ${by ?? 'a person'} (command undo), back to revision ${plan.revision}`,
      rejects: true,
      undone: true,
    },
  };
}

function servingAfter({ serving }: Status, release: Release, plan: Extract<UndoPlan, { kind: 'traffic' | 'template' }>) {
  const { service } = release.serving;
  if (plan.kind === 'traffic') return { service, revision: plan.revision };
  const { uid = '' } = serving ?? {};
  return { service, revision: plan.revision, template: plan.template, replicaSet: plan.replicaSet, uid };
}

/** Notes what the author of the revision says of going back: on the template, which is the revision's own, or on the Deployment. */
export function noteIrreversible(status: Status, { workload: observed }: Observation): Status {
  const { release } = status;
  const deployment = observed?.deployment;
  if (release?.workload === undefined || deployment === undefined) return status;
  if (hashTemplate(deployment.spec.template) !== release.workload.template) return status;
  const { irreversible: noted, ...workload } = release.workload;
  const told = readIrreversible(deployment);
  if (told === noted) return status;
  return { ...status, release: { ...release, workload: { ...workload, ...(told === undefined ? {} : { irreversible: told }) } } };
}

function readIrreversible({ metadata, spec }: DeploymentObject): string | undefined {
  const told = spec.template.metadata?.annotations?.[IRREVERSIBLE_ANNOTATION] ?? metadata.annotations?.[IRREVERSIBLE_ANNOTATION];
  const text = told?.trim().slice(0, 256) ?? '';
  return text === '' || text === 'false' ? undefined : text;
}
