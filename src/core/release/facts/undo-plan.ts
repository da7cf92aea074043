// The way back after a promotion: what served before it serves again, without a canary. In Services mode its Service still
// runs; in Deployment mode the Deployment's own ReplicaSet still has the whole template, which the status knows by its hash only.

import type { CanaryReleaseStatus, OwnRule, RecordedRoute, RecordedRule, ReleaseStatus } from '../../../api/release.ts';
import { identityOf } from '../../routing/identity.ts';
import { sumWeights } from '../../routing/refs.ts';
import type { ManagedRule } from '../../routing/rules.ts';
import { type RouteStanding, standRoutes } from '../../routing/standing.ts';
import type { DeploymentObject, PodTemplate, ReplicaSetObject } from '../../workload/objects.ts';
import { hashTemplate, nameTemplate } from '../../workload/template.ts';
import type { ObservedWorkload } from '../../workload/observed.ts';
import type { Observation } from '../observation.ts';
import { describeRevision, keyOf } from './revision.ts';
import { recordAlone } from './own-rules.ts';
import { pairOf } from './sides.ts';
import type { StateName } from '../state.ts';
import { isProvenTemplate, isRolledOut } from './workload-facts.ts';

type Status = CanaryReleaseStatus;
/** What `undo` would do to a release that was promoted. */
export type UndoPlan =
  /** Services mode: all traffic goes back to the former Service. */
  | {
      readonly kind: 'traffic';
      readonly revision: string;
      readonly routes: readonly RecordedRoute[];
      readonly ownRules: readonly OwnRule[];
    }
  /** Deployment mode: the template with this hash is written back, and rolls. */
  | { readonly kind: 'template'; readonly template: string; readonly revision: string; readonly replicaSet: string }
  | { readonly kind: 'refused'; readonly why: string }
  /** Watches are not synced yet: the command waits. */
  | { readonly kind: 'unknown' };

/** Undefined unless the release is promoted. */
export function planUndo(status: Status, state: StateName, observation: Observation): UndoPlan | undefined {
  const { release } = status;
  if (state !== 'promoted' || release === undefined) return undefined;
  return release.workload === undefined
    ? planTraffic(release, observation)
    : planTemplate(status, release, release.workload, observation.workload);
}

function planTraffic({ serving, canary, routes, ownRules }: ReleaseStatus, { backends, routes: present, driver }: Observation): UndoPlan {
  const backend = backends[serving.service];
  if (driver.kind === 'other')
    return {
      kind: 'refused',
      why: `${driver.shared.kind} ${driver.shared.name} is driven by canaryrelease/${driver.name} by now; nothing of it is undone`,
    };
  if (backend?.known === false) return { kind: 'unknown' };
  if (backend?.exists !== true || backend.readyEndpoints === 0)
    return {
      kind: 'refused',
      why: `Service ${serving.service}, which served before, has no ready endpoint; start its pods and give the command again`,
    };
  const standings = standRoutes(routes ?? [], present, pairOf({ serving, canary }), ownRules);
  const gone = standings.find(({ rules }) => !rules.some(({ kind }) => kind === 'found'))?.recorded;
  if (gone !== undefined)
    return {
      kind: 'refused',
      why: `${gone.kind} ${gone.name} has no rule of the release any more that names both Service ${serving.service} and Service ${canary.service}; change it by hand`,
    };
  const recorded = standings.map(recordBack);
  return {
    kind: 'traffic',
    revision: describeRevision(keyOf(serving.service, undefined, backend)),
    routes: recorded,
    ownRules: recordAlone(present, recorded, pairOf({ serving, canary })),
  };
}

/** People may have edited the route since: home is what both have of it now, and what others have stays theirs (rule 3). */
function recordBack({ recorded, route, rules }: RouteStanding): RecordedRoute {
  const { kind, name, uid } = recorded;
  return {
    kind,
    name,
    uid: route?.metadata.uid ?? uid,
    rules: rules.flatMap((rule) => (rule.kind === 'found' ? [recordRuleBack(rule.now)] : [])),
  };
}

function recordRuleBack(now: ManagedRule): RecordedRule {
  return {
    ...identityOf(now),
    serving: now.serving.weight + sumWeights([now.canary, ...now.extras]),
    canary: 0,
    factor: 1,
    others: now.others.map((other) => ({ name: other.name, weight: other.weight })),
  };
}

const BY_GIT = 'revert the change in Git: a template that was promoted before rolls at once, without a canary';

function planTemplate(
  status: Status,
  release: ReleaseStatus,
  { name, template, servingTemplate }: NonNullable<ReleaseStatus['workload']>,
  observed: ObservedWorkload | undefined,
): UndoPlan {
  if (observed?.known !== true) return { kind: 'unknown' };
  const { deployment, replicaSets } = observed;
  if (deployment === undefined) return { kind: 'refused', why: `Deployment ${name} is gone` };
  if (status.serving?.template !== template)
    return { kind: 'refused', why: `revision ${release.revision} does not serve any more, ${status.serving?.revision} does` };
  if (hashTemplate(deployment.spec.template) !== template)
    return { kind: 'refused', why: `Deployment ${name} holds another change, which undo would throw away; take that back in Git first` };
  const target = findFormer(status, template, servingTemplate);
  if (target === undefined) return { kind: 'refused', why: `no revision was promoted before revision ${release.revision}; ${BY_GIT}` };
  return planTarget(status, name, target, replicaSets);
}

/** What served when the release began, then whatever was proven last: never what was rejected since. */
function findFormer(status: Status, template: string, servingTemplate: string): string | undefined {
  const proven = (status.proven ?? []).flatMap(({ templateHashes = [] }) => templateHashes);
  return [servingTemplate, ...proven].find((hash) => hash !== template && isProvenTemplate(status, hash));
}

/** The template comes from its ReplicaSet, if that is still kept. */
function planTarget({ proven = [] }: Status, name: string, target: string, replicaSets: readonly ReplicaSetObject[]): UndoPlan {
  const replicaSet = findReplicaSet(replicaSets, target);
  const revision = proven.find(({ templateHashes = [] }) => templateHashes.includes(target))?.revision;
  if (replicaSet === undefined)
    return {
      kind: 'refused',
      why: `the ReplicaSet of revision ${revision ?? target} is gone (spec.revisionHistoryLimit of Deployment ${name}), and its template with it; ${BY_GIT}`,
    };
  return {
    kind: 'template',
    template: target,
    revision: revision ?? nameTemplate(replicaSet.spec.template),
    replicaSet: replicaSet.metadata.name,
  };
}

function findReplicaSet(replicaSets: readonly ReplicaSetObject[], template: string): ReplicaSetObject | undefined {
  return replicaSets.find((one) => hashTemplate(one.spec.template) === template);
}

/** What of a Deployment the way back asks about. */
export interface WayBackFacts {
  readonly deployment: DeploymentObject | undefined;
  readonly template: string | undefined;
  readonly servingTemplate: string | undefined;
  readonly replicaSets: readonly ReplicaSetObject[];
}

/** Is a promotion being taken back by its Deployment? */
export function isWayBack({ release }: Status, state: StateName): boolean {
  return state === 'rollingBack.cleaning' && release?.undone === true && release.workload !== undefined;
}

/**
 * The whole template to write back: as long as the undone one is there, whoever put it back meanwhile. Once the former one has
 * rolled out nothing is written any more: then the undone one is held like any that was rejected.
 */
export function findTemplateBack(status: Status, { template, servingTemplate = '', replicaSets }: WayBackFacts): PodTemplate | undefined {
  if (template !== status.release?.workload?.template) return undefined;
  const former = findReplicaSet(replicaSets, servingTemplate)?.spec.template;
  if (former === undefined) return undefined;
  const { 'pod-template-hash': _hash, ...labels } = former.metadata?.labels ?? {};
  return { ...former, metadata: { ...former.metadata, labels } };
}

/** The former template has rolled out, or yet another change came, which is none of this release's. */
export function isBack(status: Status, facts: WayBackFacts, deleting: boolean): boolean {
  const { deployment, template, servingTemplate } = facts;
  if (deployment === undefined) return true;
  if (template === status.release?.workload?.template) return deleting && findTemplateBack(status, facts) === undefined;
  if (template !== servingTemplate) return true;
  return deleting ? deployment.spec.paused !== true : isRolledOut(deployment);
}
